"""Ranks of methods over images: Friedman's test, and Nemenyi's critical difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ssnbench.analysis.equal_counts import samples
from ssnbench.analysis.sections import better

ALPHA = 0.05

STRICTER = (
    "This is stricter than the tests of the tables, which compare one method with the others: "
    "methods that are not told apart here may be there."
)
"""What to know of Nemenyi's test, which compares every two methods and sees ranks alone."""


@dataclass(frozen=True)
class Ranking:
    """How methods rank on the images that all of them were scored on.

    Attributes
    ----------
    metric : str
        By what they were ranked.
    count : int
        The made count at which.
    ranks : Series of float
        Mean rank by method, 1 the best; best first. Equal scores share the mean of their ranks.
    n_images : int
        Images that the ranks are means over.
    statistic, p : float
        Friedman's chi-squared with the correction for ties, and its p value; missing for fewer
        than three methods or two images, or where nothing differs.
    critical : float
        Nemenyi's critical difference at `ALPHA`: methods whose mean ranks differ by less are not
        told apart. Missing like `p`.
    refused : tuple of str
        Methods that too few images reach at the count.
    """

    metric: str
    count: int
    ranks: pd.Series[float]
    n_images: int
    statistic: float
    p: float
    critical: float
    refused: tuple[str, ...]

    @property
    def groups(self) -> list[list[str]]:
        """Largest groups of two or more methods that are not told apart, best first."""
        return alike(self.ranks, self.critical)

    @property
    def frame(self) -> pd.DataFrame:
        """One row per method: its mean rank, and the results of the test."""
        return pd.DataFrame(
            {
                "label": self.ranks.index,
                "metric": self.metric,
                "n_made": self.count,
                "mean_rank": self.ranks.to_numpy(),
                "n_images": self.n_images,
                "critical_difference": self.critical,
                "friedman": self.statistic,
                "p": self.p,
            }
        )


def rank(scores: pd.DataFrame, metric: str, count: int) -> Ranking | None:
    """Rank the methods by one metric at one made count.

    Parameters
    ----------
    scores : DataFrame
        What `equal_counts.image_scores` returned at the count.
    metric : str
        One of its columns; one that has a better end.
    count : int
        The count; it is only noted in the result.

    Returns
    -------
    Ranking or None
        None when fewer than two methods can be compared, or on no image.

    References
    ----------
    .. [1] Friedman, The Use of Ranks to Avoid the Assumption of Normality, JASA 32, 1937.
    .. [2] Demšar, Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7, 2006.
    """
    table, refused = samples(scores, metric)
    n_images, n_methods = table.shape
    if n_images < 1 or n_methods < 2:
        return None
    ranks = table.rank(axis=1, ascending=better(metric) == "lower").mean().sort_values()
    statistic, p = friedman(table)
    critical = critical_difference(n_methods, n_images) if np.isfinite(p) else float("nan")
    return Ranking(metric, count, ranks, n_images, statistic, p, critical, tuple(refused))


def friedman(table: pd.DataFrame) -> tuple[float, float]:
    """Friedman's chi-squared, corrected for ties, and its p value.

    Parameters
    ----------
    table : DataFrame
        Images x methods.

    Returns
    -------
    tuple of float
        Both missing for fewer than three methods, one image, or scores that are all the same.
    """
    from scipy.stats import friedmanchisquare  # slow to import

    n_images, n_methods = table.shape
    if n_methods < 3 or n_images < 2 or (table.nunique(axis=1) == 1).all():
        return float("nan"), float("nan")
    result = friedmanchisquare(*(table[label] for label in table))
    return float(result.statistic), float(result.pvalue)


def critical_difference(n_methods: int, n_images: int, alpha: float = ALPHA) -> float:
    """Nemenyi's critical difference of mean ranks (Demšar 2006, section 3.2.2).

    ``q * sqrt(k (k + 1) / (6 n))``, where q is the studentised range for k methods and infinitely
    many degrees of freedom, divided by the square root of 2.
    """
    from scipy.stats import studentized_range  # slow to import

    q = float(studentized_range.ppf(1 - alpha, n_methods, np.inf)) / np.sqrt(2)
    return float(q * np.sqrt(n_methods * (n_methods + 1) / (6 * n_images)))


def alike(ranks: pd.Series[float], critical: float) -> list[list[str]]:
    """Largest runs of neighbours in rank that span less than the critical difference.

    Parameters
    ----------
    ranks : Series of float
        Mean rank by method, rising.
    critical : float
        Missing: nothing was tested, and there are no groups.
    """
    names: Sequence[str] = [str(name) for name in ranks.index]
    values = ranks.to_numpy()
    groups: list[list[str]] = []
    reached = 0
    for start in range(len(names)):
        stop = int(np.searchsorted(values, values[start] + critical, side="left"))
        if np.isfinite(critical) and stop - start > 1 and stop > reached:
            groups.append(list(names[start:stop]))
            reached = stop
    return groups
