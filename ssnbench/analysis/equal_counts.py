"""Scores at equal made counts: the curve of each image, interpolated and never extended.

A curve is taken over the logarithm of the count, on which recall and accuracy are nearly straight:
between two counts that are far apart, a straight line over the count itself runs well below them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssnbench.analysis.sections import Section
from ssnbench.analysis.summary import image_means

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


def denser(counts: Sequence[int], more: int = 24) -> list[int]:
    """Return the counts, rising, and some between the first and the last, evenly by logarithm."""
    if not counts:
        return []
    between = np.geomspace(counts[0], counts[-1], more).round().astype(int)
    return sorted({*counts, *map(int, between)})


@dataclass(frozen=True)
class ImageCurve:
    """The scores of one method on one image, over the count made.

    Attributes
    ----------
    label, image : str
        Method and image.
    n_made : float64 (n,)
        Counts made, rising.
    scores : mapping of str to float64 (n,)
        By metric, the mean over the image's annotators at each count; missing where there is none.
    """

    label: str
    image: str
    n_made: NDArray[np.float64]
    scores: Mapping[str, NDArray[np.float64]]

    def read(self, counts: Sequence[float]) -> dict[str, NDArray[np.float64]]:
        """Read the curve of every metric that has a score at some counts; see `interpolated`."""
        known = {metric: np.isfinite(values) for metric, values in self.scores.items()}
        return {
            metric: interpolated(self.n_made[finite], self.scores[metric][finite], counts)
            for metric, finite in known.items()
            if finite.any()
        }


def at_equal_counts(curves: Iterable[ImageCurve], counts: Sequence[int]) -> pd.DataFrame:
    """Return every metric at the same made counts for all methods.

    The curve of each image is interpolated over the logarithm of the count and never extended: an
    image whose curve does not reach a count has no value there. Where less than `COVERAGE` of a
    method's images reach it, the method has none.

    Returns
    -------
    DataFrame
        One row per (label, n_made, metric): ``image_mean`` (missing: refused), ``n_reached``
        and ``n_images`` (images that reach the count, and all of the method).
    """
    reached: dict[tuple[str, str], list[NDArray[np.float64]]] = {}
    for curve in curves:
        for metric, values in curve.read(counts).items():
            reached.setdefault((curve.label, metric), []).append(values)
    rows = []
    for (label, metric), of_images in sorted(reached.items()):
        for count, values in zip(counts, np.transpose(of_images), strict=True):
            n_reached = int(np.isfinite(values).sum())
            enough = n_reached >= COVERAGE * len(values)
            mean = float(np.nanmean(values)) if enough else float("nan")
            rows.append((label, count, metric, mean, n_reached, len(values)))
    columns = ["label", "n_made", "metric", "image_mean", "n_reached", "n_images"]
    return pd.DataFrame(rows, columns=columns)


def image_scores(curves: Iterable[ImageCurve], count: int, metrics: Sequence[str]) -> pd.DataFrame:
    """Return what each image scores at a made count: the samples of a paired comparison.

    Returns
    -------
    DataFrame
        One row per (label, image), one column per metric; missing where the curve of the image
        does not reach the count.
    """
    rows = {
        (curve.label, curve.image): {m: values[0] for m, values in curve.read([count]).items()}
        for curve in curves
    }
    index = pd.MultiIndex.from_tuples(rows, names=["label", "image"])
    return pd.DataFrame(list(rows.values()), index=index, columns=list(metrics))


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


def fullest_count(scores: pd.DataFrame) -> int | None:
    """Return the middle one of the equal counts that most methods reach; None if none does.

    Parameters
    ----------
    scores : DataFrame
        What `at_equal_counts` returned.
    """
    known = scores[scores["image_mean"].notna()]
    if known.empty:
        return None
    reach = known.groupby("n_made")["label"].nunique()
    fullest = reach.index[reach == reach.max()]
    return int(fullest[len(fullest) // 2])


def interpolated(
    n_made: NDArray[np.float64], values: NDArray[np.float64], counts: Sequence[float]
) -> NDArray[np.float64]:
    """Read a curve at some counts, straight over log count; missing beyond its ends.

    Parameters
    ----------
    n_made, values : float64 (n,)
        The points, in rising order of the count, 1 or more.
    counts : sequence of float
        Where to read it, 1 or more.
    """
    places = np.log(np.asarray(counts, dtype=np.float64))
    return np.interp(places, np.log(n_made), values, left=np.nan, right=np.nan)


def image_curves(section: Section) -> list[ImageCurve]:
    """Return the curve of every method on every image; a count made twice has one mean."""
    keys = ["label", "image", "n_made"]
    metrics = list(section.metrics)
    means = image_means(section.scored, metrics, keys)
    if means.empty:
        return []
    # Arrays, since a table for every image takes pandas longer than all that is done with it.
    n_made = means.index.get_level_values("n_made").to_numpy(dtype=np.float64)
    scores = means[metrics].to_numpy(dtype=np.float64).T
    names = means.index.droplevel("n_made")
    ends = np.flatnonzero(names[1:] != names[:-1]) + 1
    curves = []
    for part in map(slice, [0, *ends], [*ends, len(names)]):
        label, image = names[part.start]
        by_metric = dict(zip(metrics, scores[:, part], strict=True))
        curves.append(ImageCurve(str(label), str(image), n_made[part], by_metric))
    return curves
