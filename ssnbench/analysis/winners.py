"""Who is best: the leading methods of every metric at one made count."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ssnbench.analysis.sections import better, long_name, short_name
from ssnbench.metrics import with_role


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


def winners(scores: pd.DataFrame, count: int) -> list[Winner]:
    """Name the best of each headline metric at the made count that most methods reach.

    Parameters
    ----------
    scores : DataFrame
        Methods x metrics, means over images; missing where a method does not reach the count.
    count : int
        The count; it is only noted in the result.
    """
    by_metric = {name: scores[name].dropna() for name in with_role("headline") if name in scores}
    return [
        _winner(metric, means.astype(float), count)
        for metric, means in by_metric.items()
        if len(means) >= 2
    ]


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
