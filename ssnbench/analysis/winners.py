"""Who is best: the leading methods of every metric at one made count."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ssnbench.analysis import equal_counts
from ssnbench.analysis.sections import better, long_name, short_name

HEADLINES = ("asa", "ue", "br", "bp", "f", "ev", "co", "epe", "epe_near")
"""Metrics whose best methods are named, those that a section has."""


@dataclass(frozen=True)
class Winner:
    """The best of a metric, and who comes next.

    Attributes
    ----------
    metric, name, short : str
        Column, name in full, abbreviation.
    better : {"higher", "lower"}
        Which way is better.
    count, rivals : int
        The made count, and how many methods reach it.
    labels : tuple of str
        The best method; several where what is printed is the same.
    value : str
        Its mean over images.
    then : str
        The next method and its mean; empty where all are level.
    """

    metric: str
    name: str
    short: str
    better: str
    count: int
    rivals: int
    labels: tuple[str, ...]
    value: str
    then: str


def winners(level: pd.DataFrame) -> list[Winner]:
    """Name the best of each headline at the made count that most methods reach.

    Parameters
    ----------
    level : DataFrame
        What `equal.at_equal_counts` returned.
    """
    count = equal_counts.fullest_count(level)
    here = level[(level["n_made"] == count) & level["image_mean"].notna()]
    found = []
    for metric in HEADLINES:
        means = here[here["metric"] == metric].set_index("label")["image_mean"]
        if len(means) >= 2 and count is not None:
            found.append(_winner(metric, means.astype(float), count))
    return found


def _winner(metric: str, means: pd.Series[float], count: int) -> Winner:
    digits = 4 if means.abs().max() < 10 else 2
    way = better(metric)
    ordered = means.sort_values(ascending=way == "lower", kind="stable")
    printed = ordered.map(lambda value: f"{value:.{digits}f}")
    best = printed == printed.iloc[0]
    rest = printed[~best]
    return Winner(
        metric,
        long_name(metric),
        short_name(metric),
        way,
        count,
        len(means),
        tuple(str(label) for label in printed.index[best]),
        printed.iloc[0],
        f"{rest.index[0]} {rest.iloc[0]}" if len(rest) else "",
    )
