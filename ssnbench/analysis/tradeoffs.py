"""What quality costs: in time, and in the regularity of the superpixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssnbench.analysis.sections import Section, better

REGULARITY = "co"
"""Compactness stands for regularity: the metric that the literature trades against recall."""


def times_by_count(section: Section, timings: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """Return the times of a section's methods with the counts that they made.

    Only times of images of this section enter, since time depends on size and content.

    Parameters
    ----------
    section : Section
    timings : DataFrame
        Rows of ``Store.timings()``.
    summary : DataFrame
        What `summary.summarise` made of the section.

    Returns
    -------
    DataFrame
        One row per (device, threads, label, n_asked): ``seconds`` (median over images),
        ``n_timed`` (mean count made), ``timed_on`` (the image, or how many) and ``load`` (see
        `ssnbench.contracts.Timing`).
    """
    names = section.rows[["algorithm", "params", "label"]].drop_duplicates()
    total = timings[
        (timings["stage"] == "total")
        & (timings["dataset"] == section.dataset)
        & (timings["split"] == section.split)
        & timings["image"].isin(section.rows["image"])
    ]
    total = total.drop(columns="label").merge(names, on=["algorithm", "params"])
    keys = ["device", "threads", "label", "n_asked"]
    times = total.groupby(keys)
    seconds = times.agg(
        seconds=("seconds", "median"), timed_on=("image", _named), load=("load", "max")
    ).reset_index()
    n_timed = summary.groupby(["label", "n_asked"])["n_made"].first().rename("n_timed")
    return seconds.merge(n_timed.reset_index(), on=["label", "n_asked"])


def _named(images: pd.Series[str]) -> str:
    names = images.unique()
    return f"image {names[0]}" if len(names) == 1 else f"{len(names)} images"


def quality_and_time(scores: pd.DataFrame, times: pd.DataFrame, count: int) -> pd.DataFrame:
    """Join what methods score at a made count with the time they took.

    A method is seldom timed at the very count: the time is taken where it made the nearest number.

    Parameters
    ----------
    scores : DataFrame
        Methods x metrics at the count.
    times : DataFrame
        What `times_by_count` returned.
    count : int
        Superpixels made.

    Returns
    -------
    DataFrame
        One row per (device, threads, label): ``n_asked`` and ``n_timed`` (asked for and made when
        it was timed), ``seconds`` (median over images), and a column per metric. Empty where
        nothing was timed.
    """
    far = np.abs(np.log(times["n_timed"].astype(float) / count))
    nearest = times.assign(far=far).sort_values("far")
    nearest = nearest.drop_duplicates(["device", "threads", "label"]).drop(columns="far")
    joined = nearest.merge(scores.reset_index(), on="label")
    return joined.sort_values(["device", "threads", "seconds"], ignore_index=True)


def with_front(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the methods that have a time and a score, with ``on_front``: what none beats in both.

    Parameters
    ----------
    rows : DataFrame
        Rows of `quality_and_time` of one device and number of threads.
    metric : str
        One of its columns.
    """
    known = rows.dropna(subset=[metric, "seconds"]).reset_index(drop=True)
    seconds, quality = (known[name].to_numpy(float) for name in ("seconds", metric))
    return known.assign(on_front=front(seconds, quality, better(metric)))


def front(
    seconds: NDArray[np.float64], quality: NDArray[np.float64], way: str
) -> NDArray[np.bool_]:
    """Tell which methods are beaten by none: as good and as fast, and better in one of them.

    Parameters
    ----------
    seconds, quality : float64 (n,)
        Time and score of each method; finite.
    way : {"higher", "lower"}
        Which quality is better.

    Returns
    -------
    bool (n,)
        Equal methods stand on the front together.
    """
    gain = -quality if way == "lower" else quality
    as_good = (gain[:, None] >= gain) & (seconds[:, None] <= seconds)
    beats = as_good & ((gain[:, None] > gain) | (seconds[:, None] < seconds))
    return np.asarray(~beats.any(axis=0))


def regularity(scores: pd.DataFrame, algorithms: pd.Series[str], metric: str) -> pd.DataFrame:
    """Return a metric and the compactness of every method at one made count.

    Parameters
    ----------
    scores : DataFrame
        Methods x metrics at the count.
    algorithms : Series of str
        The algorithm of every method, by label.
    metric : str
        A column of ``scores``.

    Returns
    -------
    DataFrame
        One row per label, by rising compactness within an algorithm: ``algorithm``, ``label``,
        ``co`` and the metric, means over images.
    """
    columns = ["algorithm", "label", REGULARITY, metric]
    if not {REGULARITY, metric} <= set(scores.columns):
        return pd.DataFrame(columns=columns)
    known = scores[[REGULARITY, metric]].dropna()
    named = known.assign(algorithm=algorithms.reindex(known.index)).reset_index()[columns]
    return named.sort_values(["algorithm", REGULARITY], ignore_index=True)


def families(methods: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the algorithms that were run with several parameters: each has a curve of its own."""
    for algorithm, rows in methods.groupby("algorithm", sort=True):
        if rows[REGULARITY].nunique() > 1:
            yield str(algorithm), rows


def at_equal_regularity(methods: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Compare every method with what the tunable ones reach at its own regularity.

    The curve of an algorithm that was run with several parameters (compactness, mostly) runs
    straight from variant to variant, and is never extended.

    Parameters
    ----------
    methods : DataFrame
        ``algorithm``, ``label``, ``co`` and the metrics, a row per label.
    metrics : sequence of str
        Its columns to compare.

    Returns
    -------
    DataFrame
        One row per (label, metric, algorithm): ``co`` and ``value`` of the method, and
        ``at_equal_co``: what the algorithm reaches at that ``co``; missing where its curve does
        not reach it.
    """
    rows = []
    for algorithm, curve in families(methods):
        ordered = curve.groupby(REGULARITY)[list(metrics)].mean()
        for method in methods.to_dict("records"):
            for metric in metrics:
                reached = np.interp(
                    method[REGULARITY], ordered.index, ordered[metric], left=np.nan, right=np.nan
                )
                value = method[metric]
                rows.append(
                    (method["label"], method[REGULARITY], metric, value, algorithm, float(reached))
                )
    columns = ["label", REGULARITY, "metric", "value", "algorithm", "at_equal_co"]
    return pd.DataFrame(rows, columns=columns)
