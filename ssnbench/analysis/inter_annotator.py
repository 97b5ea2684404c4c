"""Inter-annotator agreement: the annotators scored against one another, as a band in the curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ssnbench.analysis.sections import Section
from ssnbench.results import inter_annotator


@dataclass(frozen=True)
class Band:
    """Inter-annotator agreement in one metric.

    Attributes
    ----------
    low, high : float
        Means over images of the annotator that scores lowest and highest, each an annotator's mean
        against the others of its image.
    mean : float
        Mean over images, of the mean over the ordered pairs of an image's annotators.
    n_images : int
        Images with two annotators or more.
    """

    low: float
    mean: float
    high: float
    n_images: int


def read(folder: Path) -> pd.DataFrame:
    """Read the scores of the annotators of a run folder; empty where there are none."""
    return inter_annotator.read(folder)


def bands(annotators: pd.DataFrame, section: Section) -> Mapping[str, Band]:
    """Return the band of every metric of a section that the annotators were scored by."""
    if annotators.empty:
        return {}
    rows = annotators[
        (annotators["dataset"] == section.dataset)
        & (annotators["split"] == section.split)
        & (annotators["protocol"] == section.protocol)
        & (annotators["protocol_version"] == section.protocol_version)
        & annotators["image"].isin(section.rows["image"])
    ]
    return {name: _band(rows, name) for name in section.metrics if _is_scored(rows, name)}


def _is_scored(rows: pd.DataFrame, metric: str) -> bool:
    return metric in rows and bool(rows[metric].notna().any())


def _band(rows: pd.DataFrame, metric: str) -> Band:
    each = rows.groupby(["image", "annotator"])[metric].mean().groupby("image")
    return Band(
        float(each.min().mean()),
        float(rows.groupby("image")[metric].mean().mean()),
        float(each.max().mean()),
        rows["image"].nunique(),
    )
