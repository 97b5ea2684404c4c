"""Scores at equal made counts: the curve of each image, interpolated and never extended.

A curve is taken over the logarithm of the count, on which recall and accuracy are nearly straight:
between two counts that are far apart, a straight line over the count itself runs well below them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssnbench.analysis.sections import Section
from ssnbench.analysis.summary import pooled

COVERAGE = 0.95
"""A mean at an equal made count is given when at least this share of the images reaches it."""

_ROUND = (1, 1.5, 2, 3, 4, 5, 6, 8)


def round_counts(asked: Iterable[int], most: int = 5) -> list[int]:
    """Round numbers strictly between the lowest and the highest asked count, at most ``most``."""
    low, high = min(asked), max(asked)
    steps = sorted({round(10**power * step) for power in range(7) for step in _ROUND})
    inside = [count for count in steps if low < count < high]
    if len(inside) <= most:
        return inside
    places = np.linspace(0, len(inside) - 1, most).round().astype(int)
    return [inside[place] for place in places]


def at_equal_counts(section: Section, counts: Sequence[int]) -> pd.DataFrame:
    """Return every metric at the same made counts for all methods.

    The curve of each image (made count, mean over its annotators) is interpolated over the
    logarithm of the count and never extended: an image whose curve does not reach a count has no
    value there. Where less than `COVERAGE` of a method's images reach it, the method has none.

    Returns
    -------
    DataFrame
        One row per (label, n_made, metric): ``image_mean`` (missing: refused), ``n_reached``
        and ``n_images`` (images that reach the count, and all of the method).
    """
    reached: dict[tuple[str, str], list[NDArray[np.float64]]] = {}
    for label, _, made, scores in _image_curves(section):
        for metric, values in scores.items():
            there = np.isfinite(values)
            if there.any():
                curve = interpolated(made[there], values[there], counts)
                reached.setdefault((label, metric), []).append(curve)
    rows = []
    for (label, metric), curves in sorted(reached.items()):
        for count, values in zip(counts, np.transpose(curves), strict=True):
            n_reached = int(np.isfinite(values).sum())
            enough = n_reached >= COVERAGE * len(values)
            mean = float(np.nanmean(values)) if enough else float("nan")
            rows.append((label, count, metric, mean, n_reached, len(values)))
    columns = ["label", "n_made", "metric", "image_mean", "n_reached", "n_images"]
    return pd.DataFrame(rows, columns=columns)


def image_scores(section: Section, count: int) -> pd.DataFrame:
    """Return what each image scores at a made count: the samples of a paired comparison.

    Returns
    -------
    DataFrame
        One row per (label, image), one column per metric; missing where the curve of the image
        does not reach the count.
    """
    rows = {}
    for label, image, made, scores in _image_curves(section):
        rows[label, image] = {
            metric: interpolated(made[there], values[there], [count])[0]
            for metric, values in scores.items()
            if (there := np.isfinite(values)).any()
        }
    index = pd.MultiIndex.from_tuples(rows, names=["label", "image"])
    return pd.DataFrame(list(rows.values()), index=index, columns=list(section.metrics))


def samples(scores: pd.DataFrame, metric: str) -> tuple[pd.DataFrame, list[str]]:
    """Return one metric as images x methods, and the methods that had to be left out.

    Parameters
    ----------
    scores : DataFrame
        What `image_scores` returned.
    metric : str
        One of its columns.

    Returns
    -------
    table : DataFrame
        The images that all methods of its columns reach; no value is missing.
    refused : list of str
        Methods of which less than `COVERAGE` of the images reach the count: to compare them would
        be to extrapolate.
    """
    wide = scores[metric].unstack("label")
    share = wide.notna().mean()
    refused = [str(label) for label in share.index[share < COVERAGE]]
    return wide.drop(columns=refused).dropna(), refused


def fullest_count(level: pd.DataFrame) -> int | None:
    """Return the middle one of the equal counts that most methods reach; None if none does.

    Parameters
    ----------
    level : DataFrame
        What `at_equal_counts` returned.
    """
    level = level[level["image_mean"].notna()]
    if level.empty:
        return None
    reach = level.groupby("n_made")["label"].nunique()
    fullest = reach.index[reach == reach.max()]
    return int(fullest[len(fullest) // 2])


def interpolated(
    made: NDArray[np.float64], values: NDArray[np.float64], counts: Sequence[float]
) -> NDArray[np.float64]:
    """Read a curve at some counts, straight over log count; missing beyond its ends.

    Parameters
    ----------
    made, values : float64 (n,)
        The points, in rising order of the count, 1 or more.
    counts : sequence of float
        Where to read it, 1 or more.
    """
    where = np.log(np.asarray(counts, dtype=np.float64))
    return np.interp(where, np.log(made), values, left=np.nan, right=np.nan)


def _image_curves(
    section: Section,
) -> Iterator[tuple[str, str, NDArray[np.float64], dict[str, NDArray[np.float64]]]]:
    """Yield, by label and image, the made counts in rising order and each metric's mean there."""
    keys = ["label", "image", "n_made"]
    metrics = list(section.metrics)
    means = section.scored.groupby(keys, sort=True)[metrics].mean()
    for metric, values in pooled(section.scored, keys).items():
        means[metric] = values
    # Arrays, since a table for every image takes pandas longer than all that is done with it.
    made = means.index.get_level_values("n_made").to_numpy(dtype=np.float64)
    scores = means[metrics].to_numpy(dtype=np.float64).T
    names = means.index.droplevel("n_made")
    if means.empty:
        return
    ends = np.flatnonzero(names[1:] != names[:-1]) + 1
    for here in map(slice, [0, *ends], [*ends, len(names)]):
        label, image = names[here.start]
        curves = dict(zip(metrics, scores[:, here], strict=True))
        yield str(label), str(image), made[here], curves
