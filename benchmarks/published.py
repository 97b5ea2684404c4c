"""Our SSN beside a public one.

Needs $SSNBENCH_DATA and ``ssn-reference.csv`` in the folder ``oracle`` beside it: ASA and BR of a
PyTorch port, trained for 585 013 steps of 16 patches, on every second test image. Ours is scored
on the same images after the same connectivity (0.06 / 3), and brought to the counts that the port
made by interpolation over the logarithm of the count made.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from statistics import mean

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from benchmarks._shared import data_and_oracle, parser
from ssnbench import labels, plugins
from ssnbench.contracts import Algorithm, Sample
from ssnbench.metrics import prepare, score, summarise

ASKED = (30, 50, 100, 200, 300, 500, 700, 1000, 1200)
METRICS = {"asa": "asa", "br": "br_seal_r1"}
"""Ours, and the column of the reference."""

Curve = dict[str, list[float]]


def main() -> None:
    command = parser("published", __doc__)
    command.add_argument("deep", nargs="?", default="bsds500", help="weights of the deep network")
    command.add_argument("--linear", default="bsds500", help="weights of the linear one")
    command.add_argument("--jobs", type=int, default=os.cpu_count())
    options = command.parse_args()
    data, oracle = data_and_oracle()
    reference = pd.read_csv(oracle / "ssn-reference.csv")
    ssn = plugins.load("algorithms", "ssn")
    ours: dict[str, Algorithm] = {
        "pix": ssn(variant="pix"),
        "linear": ssn(variant="linear", weights=options.linear),
        "deep": ssn(weights=options.deep),
    }
    curves = measured(ours, data, options.jobs)
    for metric in METRICS:
        compared(metric, reference, curves)


def measured(methods: Mapping[str, Algorithm], data: Path, n_jobs: int) -> dict[str, Curve]:
    """Mean count made, ASA and BR of each method at each count asked for."""
    dataset = plugins.load("datasets", "bsds500")(data, "test")
    keys = dataset.keys()[::2]
    done = Parallel(n_jobs)(delayed(scored)(dataset[key], methods) for key in keys)
    sums: dict[tuple[str, int], list[dict[str, float]]] = defaultdict(list)
    for image in done:
        for case, scores in image.items():
            sums[case].append(scores)
    return {
        name: {
            column: [mean(each[column] for each in sums[name, n]) for n in ASKED]
            for column in ("made", *METRICS)
        }
        for name in methods
    }


def scored(
    sample: Sample, methods: Mapping[str, Algorithm]
) -> dict[tuple[str, int], dict[str, float]]:
    """Scores of one image for every method and count."""
    truths, found = prepare(sample.truths, "seal"), {}
    for name, method in methods.items():
        for n in ASKED:
            made = labels.enforce_connectivity(method(sample.image, n), n).labels
            rows = score(made, truths, metrics=tuple(METRICS))
            found[name, n] = {**summarise(rows), "made": float(labels.count(made))}
    return found


def compared(metric: str, reference: pd.DataFrame, curves: Mapping[str, Curve]) -> None:
    """Print a Markdown table: ours at the counts that the port made, and the difference."""
    print(
        f"\n{metric.upper()}\n\n| port | count made | port's | pix | linear | deep | deep - port |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for row in reference.itertuples():
        theirs = getattr(row, METRICS[metric])
        ours = [at(row.n_segments, curves[name], metric) for name in ("pix", "linear", "deep")]
        gain = ours[-1] - theirs
        told = " | ".join(f"{value:.4f}" for value in (theirs, *ours))
        print(f"| {row.variant} | {row.n_segments:.0f} | {told} | {gain:+.4f} |")


def at(count: float, curve: Curve, metric: str) -> float:
    """Value of a curve at a count; NaN outside it."""
    made = np.log(curve["made"])
    return float(np.interp(np.log(count), made, curve[metric], left=np.nan, right=np.nan))


if __name__ == "__main__":
    main()
