"""Who is best: the leading methods of every metric at one made count, and how surely they lead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from ssnbench.analysis import paired
from ssnbench.analysis.sections import better, long_name, short_name
from ssnbench.metrics import with_role

_MOST_LEVEL = 3  # names of level methods; the rest is counted


@dataclass(frozen=True)
class Winner:
    """The best of a metric, who comes next, and whether they can be told apart.

    Attributes
    ----------
    metric, name, short : str
        Column, name in full, abbreviation.
    better : {"higher", "lower"}
        Which way is better.
    rivals : int
        How many methods reach the count.
    labels : tuple of str
        The best method; several where what is printed is the same.
    value : str
        Its mean over images.
    then : str
        The next method and its mean; empty where all print the same.
    standing : str
        How the one that is compared (the best, or the user's) stands: level or not with whom, by
        which margin, on how many images. Empty where no comparison could be made.
    level : tuple of str
        Methods that are not told apart from the best; empty where the user's is compared.
    """

    metric: str
    name: str
    short: str
    better: str
    rivals: int
    labels: tuple[str, ...]
    value: str
    then: str
    standing: str = ""
    level: tuple[str, ...] = ()

    @property
    def heading(self) -> str:
        """The names that stand on the card: all that are level with the best."""
        names = list(dict.fromkeys((*self.labels, *self.level)))
        shown, more = names[:_MOST_LEVEL], len(names) - _MOST_LEVEL
        return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def winners(scores: pd.DataFrame, comparisons: Mapping[str, pd.DataFrame]) -> list[Winner]:
    """Name the best of each headline metric at the made count that most methods reach.

    Parameters
    ----------
    scores : DataFrame
        Methods x metrics, means over images; missing where a method does not reach the count.
    comparisons : mapping of str to DataFrame
        What `paired.compare` returned at the count, by metric.
    """
    by_metric = {name: scores[name].dropna() for name in with_role("headline") if name in scores}
    return [
        _winner(metric, means.astype(float), comparisons[metric])
        for metric, means in by_metric.items()
        if len(means) >= 2
    ]


def _winner(metric: str, means: pd.Series[float], compared: pd.DataFrame) -> Winner:
    digits = 4 if means.abs().max() < 10 else 2
    way = better(metric)
    ordered = means.sort_values(ascending=way == "lower", kind="stable")
    printed = ordered.map(lambda value: f"{value:.{digits}f}")
    best = printed == printed.iloc[0]
    rest = printed[~best]
    labels = tuple(str(label) for label in printed.index[best])
    leads = len(compared) and compared["label"].iloc[0] in labels
    return Winner(
        metric,
        long_name(metric),
        short_name(metric),
        way,
        len(means),
        labels,
        printed.iloc[0],
        f"{rest.index[0]} {rest.iloc[0]}" if len(rest) else "",
        _standing(compared, ordered, digits),
        tuple(str(name) for name in ordered.index if leads and name in paired.level(compared)),
    )


def _standing(compared: pd.DataFrame, ordered: pd.Series[float], digits: int) -> str:
    """How the compared method stands to the next, or, where it does not lead, to the best.

    The interval of the difference is left to the table of pairs: it is of one pair alone, and would
    seem to say something else than the test, which is corrected for all of them.
    """
    others = [name for name in ordered.index if name in set(compared["other"])]
    if not others:
        return ""
    row = compared.set_index("other").loc[others[0]]
    ahead = -row["difference"] if better(row["metric"]) == "lower" else row["difference"]
    who = "" if row["label"] == ordered.index[0] else f"{row['label']} "
    n = int(row["n_images"])
    margin = (
        f"{who}{abs(ahead):.{digits}f} {'ahead of' if ahead >= 0 else 'behind'} {others[0]}, "
        f"{n} image{'' if n == 1 else 's'}"
    )
    if n < paired.fewest(len(compared)):
        return f"{margin}: too few to tell"
    return f"level: {margin}" if others[0] in paired.level(compared) else margin
