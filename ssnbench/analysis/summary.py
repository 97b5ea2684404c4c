"""Statistics of a run: means with their intervals, and the areas under their curves.

Three means of one metric are told apart (principle 3 of the benchmark):

- ``image_mean``: over images, of the mean over an image's annotators; the number that is shown
  everywhere, since images are what methods are compared on;
- ``pair_mean``: over all (image, annotator) pairs, as the papers do; what is pooled from counts is
  pooled over all images. In the CSV of the tables, and in what reproduces a paper;
- ``best_mean``: over images, of the annotator that suits the label map best.

A metric that no truth enters (explained variation, compactness) has one sample per image.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssnbench.analysis.sections import Section, better, judges_truth, score_columns
from ssnbench.metrics import METRICS
from ssnbench.metrics import pooled as pool_value
from ssnbench.metrics.curve import AREAS

LEVEL = 0.95
"""Of the intervals."""

_RESAMPLES = 1000


def summarise(section: Section) -> pd.DataFrame:
    """Return the means of every metric by method and asked count.

    Returns
    -------
    DataFrame
        One row per (label, n_asked, metric): ``n_made`` (mean made count over images),
        ``image_mean``, ``low`` and ``high`` (95 % bootstrap interval of the image mean, images
        drawn with replacement; missing for a single image), ``pair_mean``, ``best_mean``,
        ``n_images``, ``n_pairs`` (images and pairs with a score).
    """
    keys, metrics = ["label", "n_asked"], list(section.metrics)
    if not metrics:
        return pd.DataFrame(columns=_SUMMARY)
    scored = section.scored
    n_made = scored.groupby([*keys, "image"])["n_made"].first().groupby(keys).mean()
    means = image_means(scored, metrics, [*keys, "image"])
    total, pairs, best = _joined(scored, metrics)
    images = means.index.unique("image")
    weights = resampled(len(images))
    parts = []
    for key in n_made.index:
        sums, counts = (part.loc[key].reindex(images).fillna(0.0) for part in (total, pairs))
        of_images = means.loc[key].reindex(images)
        low, high = _interval(of_images.to_numpy(), weights)
        parts.append(
            pd.DataFrame(
                {
                    "label": key[0],
                    "n_asked": key[1],
                    "n_made": n_made[key],
                    "metric": metrics,
                    "image_mean": of_images.mean().to_numpy(),
                    "low": low,
                    "high": high,
                    "pair_mean": ratio(sums.sum().to_numpy(), counts.sum().to_numpy()),
                    "best_mean": best.loc[key].mean().to_numpy(),
                    "n_images": (counts > 0).sum().to_numpy(),
                    "n_pairs": counts.sum().to_numpy(dtype=int),
                },
                columns=_SUMMARY,
            )
        )
    summary = pd.concat(parts, ignore_index=True)
    for metric, values in pooled(scored, keys).items():
        rows = summary["metric"] == metric
        places = pd.MultiIndex.from_frame(summary.loc[rows, keys])
        summary.loc[rows, "pair_mean"] = values.reindex(places).to_numpy()
    return summary


def image_means(scored: pd.DataFrame, metrics: Sequence[str], keys: Sequence[str]) -> pd.DataFrame:
    """Return the mean over the annotators of an image; what is pooled from counts is pooled.

    Parameters
    ----------
    scored : DataFrame
        Rows of a section whose job ended well.
    metrics : sequence of str
        Columns of scores.
    keys : sequence of str
        Columns that tell what is one image of one method; they become the index.
    """
    means = scored.groupby(list(keys), sort=True)[list(metrics)].mean()
    for metric, values in pooled(scored, keys).items():
        means[metric] = values
    return means


def pooled(scored: pd.DataFrame, keys: Sequence[str]) -> dict[str, pd.Series[float]]:
    """Values of a group by the counts that a metric is pooled from, as Berkeley's recall is.

    Counts are joined over the annotators of an image, as their own rows of METRICS say, and added
    up over images. Empty where nothing was counted so.
    """
    metrics = [METRICS[name] for name in score_columns(scored) if name in METRICS]
    pools = {metric: metric.pool for metric in metrics if metric.pool is not None}
    joins = {metric.name: metric.join for metric in metrics}
    counts = {name for pool in pools.values() for name in pool.counts} & joins.keys()
    if not counts or scored[sorted(counts)].isna().all(axis=None):
        return {}
    keys = list(keys)
    maps = scored.groupby(list(dict.fromkeys([*keys, *_MAP])))
    joined = maps.agg({name: joins[name] for name in sorted(counts)})
    sums = joined.groupby(keys).sum(min_count=1)
    rows = sums.to_dict("records")
    return {
        metric.name: pd.Series([pool_value(metric, row) for row in rows], sums.index, dtype=float)
        for metric, pool in pools.items()
        if counts.issuperset(pool.counts)
    }


_MAP = ("label", "params", "n_asked", "image")
"""Columns that tell one label map from another."""

_SUMMARY = [
    *("label", "n_asked", "n_made", "metric", "image_mean", "low", "high"),
    *("pair_mean", "best_mean", "n_images", "n_pairs"),
]


def _joined(
    scored: pd.DataFrame, metrics: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Sum, number and best of an image's annotators, by (label, n_asked, image); a column each."""
    grouped = scored.groupby(["label", "n_asked", "image"])[list(metrics)]
    total, pairs = grouped.sum(), grouped.count()
    extremes = {"higher": grouped.max(), "lower": grouped.min()}
    undirected = pd.DataFrame(np.nan, index=total.index, columns=total.columns)
    best = pd.DataFrame({m: extremes.get(better(m), undirected)[m] for m in metrics})
    for metric in metrics:
        if not judges_truth(metric):
            total[metric] /= pairs[metric].clip(lower=1)
            pairs[metric] = pairs[metric].clip(upper=1)
    return total, pairs, best


def resampled(n_images: int) -> NDArray[np.float64]:
    """How often each image is drawn in each resample; the same draws serve every method."""
    generator = np.random.default_rng(0)
    even = np.full(n_images, 1 / n_images)
    return generator.multinomial(n_images, even, size=_RESAMPLES).astype(np.float64)


def _interval(
    values: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Percentile interval of each column's mean over images.

    Parameters
    ----------
    values : float64 (images, metrics)
        Score of each image; missing where there is none.
    weights : float64 (resamples, images)
        How often each image is drawn.
    """
    scored = np.isfinite(values)
    means = ratio(weights @ np.where(scored, values, 0.0), weights @ scored.astype(np.float64))
    means[:, scored.sum(axis=0) < 2] = np.nan
    low, high = (np.full(means.shape[1], np.nan) for _ in range(2))
    known = np.isfinite(means).any(axis=0)
    if known.any():
        tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
        complete = np.isfinite(means).all(axis=0)  # nanquantile goes column by column, slowly
        low[complete], high[complete] = np.quantile(means[:, complete], tails, axis=0)
        patchy = known & ~complete
        if patchy.any():
            low[patchy], high[patchy] = np.nanquantile(means[:, patchy], tails, axis=0)
    return low, high


def ratio(sums: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quotient that is missing where there is nothing to divide by."""
    empty = np.full(np.shape(sums), np.nan)
    return np.asarray(np.divide(sums, counts, out=empty, where=np.asarray(counts) > 0))


def areas(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the mean height of each method's curves over a range of made counts.

    The range is the one that all methods cover. A method whose curve only begins beyond the
    middle of the counts asked for (MSLIC by OpenCV does) would leave little of it: it is left out.

    Returns
    -------
    DataFrame
        One row per (label, area): ``area`` (a name of ``ssnbench.metrics.curve.AREAS``),
        ``value``, ``low`` and ``high`` (the range). Empty where no range is left.
    """
    rows = pd.DataFrame(columns=["label", "area", "value", "low", "high"])
    if summary.empty:
        return rows
    first = summary.groupby("label")["n_made"].min()
    middle = np.median(summary["n_asked"].unique())
    covering = summary[summary["label"].map(first) <= middle]
    curves = dict(iter(covering.groupby(["label", "metric"])))
    if not curves:
        return rows
    low = max(curve["n_made"].min() for curve in curves.values())
    high = min(curve["n_made"].max() for curve in curves.values())
    if low >= high:
        return rows
    for (label, metric), curve in curves.items():
        points = curve.dropna(subset="image_mean")
        for name, (base, function) in AREAS.items():
            if base == metric and len(points) == len(curve):
                value = function(points["n_made"], points["image_mean"], low, high)
                rows.loc[len(rows)] = [label, name, value, low, high]
    return rows


def metric_pair(summary: pd.DataFrame, across: str, up: str) -> pd.DataFrame:
    """Return the image means of two metrics side by side.

    Returns
    -------
    DataFrame
        One row per (label, n_asked) that has both: ``n_made`` and a column per metric.
    """
    wide = {
        metric: summary[summary["metric"] == metric].set_index(["label", "n_asked"])["image_mean"]
        for metric in (across, up)
    }
    counts = summary.groupby(["label", "n_asked"])["n_made"].first()
    return pd.DataFrame({"n_made": counts} | wide).dropna().reset_index()
