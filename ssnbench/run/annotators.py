"""How well annotators agree: each annotator of an image scored against the others, as a method is.

What no annotator reaches when judged by the others is no fault of a method. The scores go into a
file beside the store, since they belong to no job.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ssnbench.contracts import Sample, UsageError
from ssnbench.io.csv_cells import write_csv
from ssnbench.labels import consecutive, count
from ssnbench.metrics import METRICS, Reference, prepare, score
from ssnbench.plugins.dataset_ref import DatasetRef
from ssnbench.plugins.variant import parse
from ssnbench.results.inter_annotator import FILE
from ssnbench.results.store import Store


def score_annotators(folder: Path, root: Path | None = None) -> Path:
    """Score the annotators of all images of a run folder by its protocols; return the file.

    Parameters
    ----------
    folder : Path
        Run folder; its images, protocols and metrics are taken.
    root : Path, optional
        Data root.

    Returns
    -------
    Path
        A CSV with a row per (dataset, split, image, protocol, annotator, truth): the annotator's
        number of regions ``n_made``, and the metrics that compare with a truth.

    Raises
    ------
    UsageError
        When the folder holds no results, or no image has two annotators.
    """
    with Store(folder, create=False) as store:
        records = store.records()
    rows: list[dict[str, Any]] = []
    for (name, split), part in records.groupby(["dataset", "split"], sort=True):
        dataset = DatasetRef(parse("datasets", str(name)), str(split), root)
        samples = dataset.open()
        columns = part[["protocol", "protocol_version"]].drop_duplicates()
        protocols = list(columns.itertuples(index=False, name=None))
        for image in sorted(part["image"].unique()):
            for row in _of_image(samples[image], protocols, dataset.undefined):
                rows.append({"dataset": name, "split": split, "image": image} | row)
    if not rows:
        raise UsageError(f"no image of {folder} has two annotators: there is nobody to compare")
    path = folder / FILE
    try:
        write_csv(pd.DataFrame(rows), path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error}") from None
    return path


def _of_image(
    sample: Sample, protocols: Sequence[tuple[str, int]], undefined: Iterable[str]
) -> Iterator[dict[str, Any]]:
    """Score each annotator against each other one; pixels without opinion are a region."""
    if len(sample.truths) < 2:
        return
    for protocol, version in protocols:
        reference = prepare(sample.truths, protocol)
        names = _judging(reference, undefined)
        for annotator, truth in enumerate(sample.truths):
            by_other = score(consecutive(truth), reference, metrics=names)
            for other, scores in enumerate(by_other):
                if other != annotator:
                    yield {
                        "protocol": protocol,
                        "protocol_version": version,
                        "annotator": annotator,
                        "truth": other,
                        "n_made": count(truth),
                        **scores,
                    }


def _judging(reference: Reference, undefined: Iterable[str]) -> list[str]:
    """Metrics of the protocol that compare with a truth, and are means."""
    left_out = set(undefined)
    return [
        name
        for name in reference.protocol.metrics
        if METRICS[name].needs == "truth" and METRICS[name].join == "mean" and name not in left_out
    ]
