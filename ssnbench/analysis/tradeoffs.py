"""What quality costs: in time, and in the regularity of the superpixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssnbench.analysis.sections import Section, better

REGULARITY = "co"
"""Compactness stands for regularity: the metric that the literature trades against recall."""


def quality_and_time(
    section: Section, summary: pd.DataFrame, level: pd.DataFrame, timings: pd.DataFrame, count: int
) -> pd.DataFrame:
    """Join what methods score at a made count with the time they took.

    A method is seldom timed at the very count: the time is taken where it made the nearest number.
    Only times of images of this section enter, since time depends on size and content.

    Parameters
    ----------
    section : Section
    summary : DataFrame
        What `stats.summarise` made of it.
    level : DataFrame
        What `equal.at_equal_counts` made of it.
    timings : DataFrame
        Rows of ``Store.timings()``.
    count : int
        One of the counts of ``level``.

    Returns
    -------
    DataFrame
        One row per (device, threads, label): ``n_asked`` and ``n_timed`` (asked for and made when
        it was timed), ``seconds`` (median over images), and a column per metric. Empty where
        nothing was timed.
    """
    at_count = level[level["n_made"] == count].pivot(
        index="label", columns="metric", values="image_mean"
    )
    names = section.rows[["algorithm", "params", "label"]].drop_duplicates()
    total = timings[
        (timings["stage"] == "total")
        & (timings["dataset"] == section.dataset)
        & (timings["split"] == section.split)
        & timings["image"].isin(section.rows["image"])
    ]
    total = total.drop(columns="label").merge(names, on=["algorithm", "params"])
    keys = ["device", "threads", "label", "n_asked"]
    seconds = total.groupby(keys)["seconds"].median().reset_index()
    made = summary.groupby(["label", "n_asked"])["n_made"].first().rename("n_timed")
    seconds = seconds.merge(made.reset_index(), on=["label", "n_asked"])
    seconds = seconds.assign(far=np.abs(np.log(seconds["n_timed"].astype(float) / count)))
    nearest = seconds.sort_values("far").drop_duplicates(["device", "threads", "label"])
    found = nearest.drop(columns="far").merge(at_count.reset_index(), on="label")
    return found.sort_values(["device", "threads", "seconds"], ignore_index=True)


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


def regularity(section: Section, level: pd.DataFrame, metric: str, count: int) -> pd.DataFrame:
    """Return a metric and the compactness of every method at one made count.

    Returns
    -------
    DataFrame
        One row per label, by rising compactness within an algorithm: ``algorithm``, ``label``,
        ``co`` and the metric, means over images.
    """
    here = level[(level["n_made"] == count) & level["metric"].isin([REGULARITY, metric])]
    wide = here.pivot(index="label", columns="metric", values="image_mean").dropna()
    algorithms = section.rows.drop_duplicates("label").set_index("label")["algorithm"]
    if not {REGULARITY, metric} <= set(wide.columns):
        return pd.DataFrame(columns=["algorithm", "label", REGULARITY, metric])
    found = wide.assign(algorithm=algorithms.reindex(wide.index)).reset_index()
    found = found[["algorithm", "label", REGULARITY, metric]]
    return found.sort_values(["algorithm", REGULARITY], ignore_index=True)


def families(found: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the algorithms that were run with several parameters: each has a curve of its own."""
    for algorithm, rows in found.groupby("algorithm", sort=True):
        if rows[REGULARITY].nunique() > 1:
            yield str(algorithm), rows


def at_equal_regularity(found: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Compare every method with what the tunable ones reach at its own regularity.

    The curve of an algorithm that was run with several parameters (compactness, mostly) runs
    straight from variant to variant, and is never extended.

    Parameters
    ----------
    found : DataFrame
        ``algorithm``, ``label``, ``co`` and the metrics, a row per label.
    metrics : sequence of str
        Its columns to compare.

    Returns
    -------
    DataFrame
        One row per (label, metric, algorithm): ``co`` and ``value`` of the method, and ``there``:
        what the algorithm reaches at that ``co``; missing where its curve does not reach it.
    """
    rows = []
    for algorithm, curve in families(found):
        ordered = curve.groupby(REGULARITY)[list(metrics)].mean()
        for method in found.to_dict("records"):
            for metric in metrics:
                there = np.interp(
                    method[REGULARITY], ordered.index, ordered[metric], left=np.nan, right=np.nan
                )
                value = method[metric]
                rows.append(
                    (method["label"], method[REGULARITY], metric, value, algorithm, float(there))
                )
    columns = ["label", REGULARITY, "metric", "value", "algorithm", "there"]
    return pd.DataFrame(rows, columns=columns)


def traded(section: Section, wanted: Sequence[str]) -> list[str]:
    """Those metrics of a section that have a better end."""
    return [metric for metric in wanted if metric in section.metrics and better(metric)]
