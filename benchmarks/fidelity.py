"""How near our methods come to their authors' own.

Needs $SSNBENCH_DATA and the reference numbers in the folder ``oracle`` beside it. Both sides are
scored raw, at equal made counts: ours is asked for the count that the reference made. ``agree`` is
the share of pixels with the same label after the best matching of labels, on the images whose
reference maps are stored.
"""

from __future__ import annotations

import os

os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import time
from statistics import mean, median

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from benchmarks._shared import data_and_oracle, parser
from ssnbench import labels, plugins
from ssnbench.contracts import Algorithm, Labels, Sample
from ssnbench.metrics import prepare, score, summarise
from ssnbench.plugins import variant

REFERENCES = {
    "slic": "slic",
    "scalp": "scalp",
    "snic": "snic_m10",
    "seeds": "reseeds",
    "lsc(min_share=0)": "lsc_raw",
    "ers": "ers",
    "etps": "etps",
}
COLUMNS = {"asa": "ASA", "br": "BR_seal_r1", "ev": "EV64"}


def main() -> None:
    command = parser("fidelity", __doc__)
    command.add_argument("methods", nargs="*", metavar="METHOD", help=", ".join(REFERENCES))
    chosen = command.parse_args().methods or REFERENCES
    if unknown := set(chosen) - set(REFERENCES):
        command.error(f"no reference for {', '.join(unknown)}; there are {', '.join(REFERENCES)}")
    data, oracle = data_and_oracle()
    dataset = plugins.load("datasets", "bsds500")(data, "test")
    samples = [dataset[key] for key in (oracle / "images.txt").read_text().split()]
    summary = pd.read_csv(oracle / "summary.csv").set_index(["method", "K"])
    maps = np.load(oracle / "labels.npz")
    print(
        "method     K    made: ref   ours "
        + "".join(f"{c:>8} ref    ours    diff" for c in COLUMNS)
    )
    for name in chosen:
        method: Algorithm = variant.parse("algorithms", name).build("algorithms")
        for asked in (200, 600, 1000):
            row = summary.loc[REFERENCES[name], asked]
            found = [method(sample.image, round(row.n_sp)) for sample in samples]
            print(f"{name:8}{asked:5}", compared(found, samples, row), end="")
            keyed = {s.key: f for s, f in zip(samples, found, strict=True)}
            print(f"   agree {agreements(keyed, maps, f'{REFERENCES[name]}/{asked}')}")
        print(f"{name:8}  600   {milliseconds(method, samples[:5]):.1f} ms, colour and all")


def compared(found: list[Labels], samples: list[Sample], row: pd.Series) -> str:
    """Means over the images beside the reference's."""
    scores = []
    for sample, each in zip(samples, found, strict=True):
        reference = prepare(sample.truths, "seal")
        scores.append(summarise(score(labels.consecutive(each), reference, sample.image)))
    text = f"{row.n_sp:10.1f} {mean(map(labels.count, found)):6.1f} "
    for metric, column in COLUMNS.items():
        ours = mean(each[metric] for each in scores)
        text += f" {row[column]:11.4f} {ours:7.4f} {ours - row[column]:+7.4f}"
    return text


def agreements(found: dict[str, Labels], maps: dict[str, Labels], prefix: str) -> str:
    """Agreement on every image with a stored map."""
    keys = [key for key in found if f"{prefix}/{key}" in maps]
    return " ".join(f"{agreement(found[key], maps[f'{prefix}/{key}']):.3f}" for key in keys)


def agreement(ours: Labels, theirs: Labels) -> float:
    """Share of pixels with the same label, after the matching of labels that makes it largest."""
    table = np.zeros((int(ours.max()) + 1, int(theirs.max()) + 1), np.int64)
    np.add.at(table, (ours, theirs), 1)
    return float(table[linear_sum_assignment(table, maximize=True)].sum() / ours.size)


def milliseconds(method: Algorithm, samples: list[Sample], repeats: int = 5) -> float:
    """Median over images of the fastest of several runs at 600 superpixels, one thread."""
    fastest = []
    for sample in samples:
        seconds = []
        for _ in range(repeats):
            start = time.thread_time()
            method(sample.image, 600)
            seconds.append(time.thread_time() - start)
        fastest.append(1e3 * min(seconds))
    return median(fastest)


if __name__ == "__main__":
    main()
