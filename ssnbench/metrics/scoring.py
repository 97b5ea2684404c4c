"""Score a label map against all truths of its image, and join the rows of several annotators."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from ssnbench.contracts import Flow, Image, Labels, Mask, Metric
from ssnbench.metrics.comparison import Comparison
from ssnbench.metrics.protocols import PROTOCOLS
from ssnbench.metrics.reference import Reference, prepare
from ssnbench.metrics.registry import METRICS, find_metric, is_counted
from ssnbench.metrics.segmentation import Segmentation
from ssnbench.metrics.table import BUILT_IN, MATCHED

Row = dict[str, float]
Joined = Literal["mean", "min", "max", "best"]


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
        When there is no metric of a name, or its plug-in cannot be used.
    RuntimeError
        When a metric fails, as one of a plug-in may; it says which, and why.
    TypeError
        When labels are no integers or the image is not uint8.
    ValueError
        When shapes differ.

    Notes
    -----
    Peak memory beside the inputs is 16 bytes a pixel and 32 bytes a superpixel. Kernels and numpy
    release the GIL.
    """
    names = reference.protocol.metrics if metrics is None else metrics
    chosen = [m for m in _chosen(names) if is_counted(reference.protocol, m.name)]
    segmentation = Segmentation(labels, reference.protocol, image, flow, valid)
    if reference.shape not in (None, segmentation.shape):
        raise ValueError(f"labels of shape {segmentation.shape} for truths of {reference.shape}")
    given = {"labels": True, "image": image is not None, "flow": flow is not None, "truth": False}
    alone = _scored(Comparison(segmentation), [m for m in chosen if given[m.needs]])
    on_truth = [m for m in chosen if m.needs == "truth"]
    comparisons = [Comparison(segmentation, truth) for truth in reference.truths]
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
    Where the rows carry the counts that a metric is pooled from (of a one-to-one matching under
    ``berkeley``), ``br``, ``bp`` and ``f`` of the default are the image's own: recall is summed
    over annotators, precision counts a pixel as right when any of them matches it. To get a data
    set's, add these counts up over images and give the sums to the metric's ``pool``.
    """
    metrics = [m for name, m in METRICS.items() if any(name in row for row in rows)]
    joined = {
        m.name: _joined(m, [row[m.name] for row in rows if m.name in row], how) for m in metrics
    }
    if how is None:
        joined |= {m.name: value for m in metrics if (value := pooled(m, joined)) is not None}
    return joined


def pooled(metric: Metric, sums: Mapping[str, float]) -> float | None:
    """Value of a metric by the counts that it is pooled from; None where they are not counted.

    Parameters
    ----------
    metric : Metric
        Its row.
    sums : mapping of str to float
        Sums by the name of the count; one that was never counted is not there, or NaN.
    """
    if metric.pool is None:
        return None
    counts = [sums.get(name, np.nan) for name in metric.pool.counts]
    return None if np.isnan(counts).any() else float(metric.pool.function(*counts))


def under_all_protocols(
    labels: Any, truths: Sequence[Labels], image: Image | None = None
) -> pd.DataFrame:
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
    wanted = {name for each in PROTOCOLS.values() for name in each.metrics}
    table = {}
    for each in PROTOCOLS.values():
        scores = summarise(score(labels, prepare(truths, each), image, wanted))
        table[each.key] = {name: value for name, value in scores.items() if name not in MATCHED}
    return pd.DataFrame.from_dict(table, orient="index").rename_axis(index="protocol")


def _chosen(names: Iterable[str]) -> list[Metric]:
    """Rows in the order of METRICS, whose plug-ins are only looked for where one is asked for."""
    wanted = set(names)
    built_in = [metric for metric in BUILT_IN if metric.name in wanted]
    others = wanted.difference(metric.name for metric in built_in)
    return built_in + [find_metric(name) for name in sorted(others)]


def _scored(comparison: Comparison, metrics: Iterable[Metric]) -> Row:
    return {metric.name: _value(metric, comparison) for metric in metrics}


def _value(metric: Metric, comparison: Comparison) -> float:
    try:
        return float(metric.function(comparison))
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        raise RuntimeError(f"the metric {metric.name} failed: {why}") from error


def _with_union(rows: list[Row], comparisons: Sequence[Comparison]) -> list[Row]:
    """Replace the counts of the label map's side by those over all annotators together."""
    if not any(name in rows[0] for name in ("labels_matched", "labels_pixels")):
        return rows
    boundary = comparisons[0].segmentation.boundary
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
