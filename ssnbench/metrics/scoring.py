"""Score a label map against all truths of its image, and join the rows of several annotators."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from ssnbench.contracts import Flow, Image, Labels, Mask
from ssnbench.metrics.boundary import harmonic
from ssnbench.metrics.comparison import Comparison
from ssnbench.metrics.protocols import PROTOCOLS
from ssnbench.metrics.reference import Reference, prepare
from ssnbench.metrics.segmentation import Segmentation
from ssnbench.metrics.table import METRICS, Metric
from ssnbench.plugins import unknown

Row = dict[str, float]
Joined = Literal["mean", "min", "max", "best"]

POOLED = ("truth_matched", "truth_pixels", "labels_matched", "labels_pixels")
"""Counts from which recall and precision of an image follow where pixels are matched one to one."""


def score(
    labels: Any,
    reference: Reference,
    image: Image | None = None,
    metrics: Iterable[str] | None = None,
    flow: Flow | None = None,
    valid: Mask | None = None,
) -> list[Row]:
    """Score one label map.

    Parameters
    ----------
    labels : integer array (H, W)
        Any integers; int32 0..n-1 are taken as they are, without a copy.
    reference : Reference
        The truths of the image and the protocol, from :func:`prepare`.
    image : uint8 (H, W, 3), optional
        For the colour metrics.
    metrics : names, optional
        Keys of ``METRICS``; by default those of the protocol.
    flow : float32 (H, W, 2), optional
        True motion in pixels, for the flow metrics.
    valid : bool (H, W), optional
        Pixels whose flow counts; all by default.

    Returns
    -------
    list of dict
        One per truth (one in all when there is no truth), in the order of ``METRICS``: those
        metrics that can be computed from what was given. What does not depend on the truth is
        repeated.

    Raises
    ------
    UsageError
        When there is no metric of a name.
    TypeError
        When labels are no integers or the image is not uint8.
    ValueError
        When shapes differ.

    Notes
    -----
    Peak memory beside the inputs is 16 bytes a pixel and 32 bytes a superpixel. Kernels and numpy
    release the GIL.
    """
    chosen = _chosen(reference.protocol.metrics if metrics is None else metrics)
    if reference.protocol.counting != "one-to-one":
        chosen = [metric for metric in chosen if metric.name not in POOLED]
    superpixels = Segmentation(labels, reference.protocol, image, flow, valid)
    if reference.shape not in (None, superpixels.shape):
        raise ValueError(f"labels of shape {superpixels.shape} for truths of {reference.shape}")
    given = {"labels": True, "image": image is not None, "flow": flow is not None, "truth": False}
    alone = _scored(Comparison(superpixels), [m for m in chosen if given[m.needs]])
    on_truth = [m for m in chosen if m.needs == "truth"]
    comparisons = [Comparison(superpixels, truth) for truth in reference.truths]
    rows = [alone | _scored(comparison, on_truth) for comparison in comparisons] or [alone]
    if reference.protocol.counting == "one-to-one" and comparisons:
        rows = _with_union(rows, comparisons)
    return [{m.name: row[m.name] for m in chosen if m.name in row} for row in rows]


def summarise(rows: Sequence[Row], how: Joined | None = None) -> Row:
    """Join the rows of several annotators into one.

    Parameters
    ----------
    rows : sequence of dict
        What :func:`score` returned.
    how : {"mean", "min", "max", "best"}, optional
        By default as the METRICS table says, which is the mean for every score. ``best`` is the
        best annotator's value in the metric's own direction (the mean where there is none).

    Returns
    -------
    dict
        Empty when there are no rows.

    Notes
    -----
    Where the rows carry the counts of a one-to-one matching (``berkeley``), ``br``, ``bp`` and
    ``f`` of the default are the image's own: recall is summed over annotators, precision counts a
    pixel as right when any of them matches it. To get a data set's, add these counts up over
    images and divide.
    """
    names = [name for name in METRICS if any(name in row for row in rows)]
    joined = {n: _joined(METRICS[n], [row[n] for row in rows if n in row], how) for n in names}
    if how is None and all(name in joined for name in POOLED):
        pooled = _pooled(joined)
        joined |= {name: pooled[name] for name in pooled if name in joined}
    return joined


def yardsticks(labels: Any, truths: Sequence[Labels], image: Image | None = None) -> pd.DataFrame:
    """Score one label map under every protocol: the same segmentation, other numbers.

    Parameters
    ----------
    labels : integer array (H, W)
        Superpixels.
    truths : sequence of integer arrays (H, W)
        One segmentation per annotator.
    image : uint8 (H, W, 3), optional
        For the colour metrics.

    Returns
    -------
    DataFrame
        One row per protocol (index: its key), one column per metric that any protocol scores by
        default, joined over annotators.
    """
    wanted = {name for stick in PROTOCOLS.values() for name in stick.metrics if name not in POOLED}
    table = {}
    for stick in PROTOCOLS.values():
        joined = summarise(score(labels, prepare(truths, stick), image, [*wanted, *POOLED]))
        table[stick.key] = {k: v for k, v in joined.items() if k not in POOLED}
    return pd.DataFrame.from_dict(table, orient="index").rename_axis(index="protocol")


def _chosen(names: Iterable[str]) -> list[Metric]:
    wanted = set(names)
    for name in sorted(wanted - METRICS.keys()):
        raise unknown("metric", name, METRICS, hint="ssnbench list metrics")
    return [metric for metric in METRICS.values() if metric.name in wanted]


def _scored(comparison: Comparison, metrics: Iterable[Metric]) -> Row:
    return {metric.name: metric.function(comparison) for metric in metrics}


def _with_union(rows: list[Row], comparisons: Sequence[Comparison]) -> list[Row]:
    """Replace the counts of the label map's side by those over all annotators together."""
    if not any(name in rows[0] for name in ("labels_matched", "labels_pixels")):
        return rows
    boundary = comparisons[0].superpixels.boundary
    right = np.zeros_like(boundary)
    judged = np.zeros_like(boundary)
    for comparison in comparisons:
        valid = comparison.truth.valid
        right |= comparison.matched
        judged |= boundary if valid is None else boundary & valid
    union = {
        "labels_matched": float(np.count_nonzero(right)),
        "labels_pixels": float(np.count_nonzero(judged)),
    }
    return [row | {name: union[name] for name in union if name in row} for row in rows]


def _joined(metric: Metric, values: Sequence[float], how: Joined | None) -> float:
    best = {"higher": "max", "lower": "min", "": "mean"}[metric.better]
    rule = metric.join if how is None else best if how == "best" else how
    if rule == "mean":
        return float(np.mean(values))
    rules: dict[str, Callable[[Sequence[float]], float]] = {"sum": sum, "min": min, "max": max}
    return float(rules[rule](values))


def _pooled(counts: Row) -> Row:
    recall = counts["truth_matched"] / max(counts["truth_pixels"], 1.0)
    precision = counts["labels_matched"] / max(counts["labels_pixels"], 1.0)
    return {"br": recall, "bp": precision, "f": harmonic(recall, precision)}
