"""The benchmark beside a public SSN, from scores of an image to its tables."""

from __future__ import annotations

import io
import math
import subprocess
import sys
from pathlib import Path

import pandas as pd

CODE = """
import io, sys
import numpy as np, pandas as pd
from benchmarks import published
from ssnbench import plugins
from ssnbench.contracts import Sample

image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
truth = (np.arange(40) >= 17).astype(np.int32)[:, None].repeat(60, 1)  # off the grid
sample = Sample("a", image, (truth,))
grid = plugins.load("algorithms", "grid")()
scores = published.scored(sample, dict.fromkeys(("pix", "linear", "deep"), grid))
curve = {key: [scores["deep", n][key] for n in published.ASKED] for key in ("made", "asa", "br")}
reference = pd.read_csv(io.StringIO(sys.argv[1]))
for metric in published.METRICS:
    published.compared(metric, reference, dict.fromkeys(("pix", "linear", "deep"), curve))
"""
REFERENCE = "variant,n_asked,n_segments,asa,br_seal_r1\ndeep,50,61.6,.75,.5\npix,9000,9000,.9,.9\n"
"""Columns of ``ssn-reference.csv``."""


def test_ours_stand_beside_the_public_ones_at_the_counts_it_made() -> None:
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", CODE, REFERENCE]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith(("| deep", "| pix"))]
    table = pd.read_csv(io.StringIO("\n".join(rows)), sep="|", header=None).iloc[:, 1:-1]
    assert list(table[2]) == [62, 9000, 62, 9000]
    asa, beyond = (table.loc[row, 3:].astype(float) for row in (0, 1))
    assert 0.5 < asa[6] < 1
    assert math.isclose(asa[7], asa[6] - 0.75, abs_tol=2e-4)
    assert math.isnan(beyond[6])  # a count that ours did not reach
