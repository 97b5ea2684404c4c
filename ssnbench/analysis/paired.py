"""Pairs of methods on the same images: how far apart they are, and how surely.

Images differ far more from one another than methods do on one image, so that two intervals which
overlap say little; the interval of the difference, image by image, says what is to be known.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssnbench.analysis.equal_counts import samples
from ssnbench.analysis.ranks import ALPHA
from ssnbench.analysis.sections import better
from ssnbench.analysis.summary import LEVEL, resampled

FEWEST = 6
"""Images from which on the signed-rank test can reach `ALPHA` at all: 2 / 2^6 is below it."""

_COLUMNS = (
    *("metric", "n_made", "label", "other", "n_images", "difference", "low", "high"),
    *("wins", "ties", "losses", "p", "p_holm"),
)


def compare(scores: pd.DataFrame, metric: str, count: int) -> pd.DataFrame:
    """Compare every two methods at one made count, image by image.

    Parameters
    ----------
    scores : DataFrame
        What `equal_counts.image_scores` returned at the count.
    metric : str
        One of its columns.
    count : int
        The count; it is only noted in the result.

    Returns
    -------
    DataFrame
        One row per pair (label, other), on the images that all methods reach: ``difference`` (mean
        of the first minus the second), ``low`` and ``high`` (its 95 % bootstrap interval, images
        drawn with replacement; missing for a single image), ``wins``, ``ties``, ``losses`` (images
        on which the first is better, equal, worse), ``p`` (Wilcoxon's signed-rank test, two-sided;
        missing where no image differs) and ``p_holm`` (the same, corrected for the number of pairs
        in the table). Methods that too few images reach are not in it: nothing is extrapolated.

    References
    ----------
    .. [1] Wilcoxon, Individual Comparisons by Ranking Methods, Biometrics Bulletin 1, 1945.
    .. [2] Holm, A Simple Sequentially Rejective Multiple Test Procedure, Scand. J. Stat. 6, 1979.
    """
    table, _ = samples(scores, metric)
    pairs = list(combinations(table.columns, 2))
    if table.empty or not pairs:
        return pd.DataFrame(columns=_COLUMNS)
    values = table.to_numpy()
    places = {label: place for place, label in enumerate(table.columns)}
    first, second = ([places[pair[side]] for pair in pairs] for side in (0, 1))
    differences = values[:, first] - values[:, second]
    low, high = _interval(differences)
    gains = -differences if better(metric) == "lower" else differences
    p = np.array([signed_rank(column) for column in differences.T])
    return pd.DataFrame(
        {
            "metric": metric,
            "n_made": count,
            "label": [pair[0] for pair in pairs],
            "other": [pair[1] for pair in pairs],
            "n_images": len(table),
            "difference": differences.mean(axis=0),
            "low": low,
            "high": high,
            "wins": (gains > 0).sum(axis=0),
            "ties": (gains == 0).sum(axis=0),
            "losses": (gains < 0).sum(axis=0),
            "p": p,
            "p_holm": holm(p),
        },
        columns=_COLUMNS,
    )


def against(pairs: pd.DataFrame, label: str) -> pd.DataFrame:
    """Return the pairs that hold a method, turned so that it comes first."""
    turned = pairs[pairs["other"] == label].rename(
        columns={"label": "other", "other": "label", "wins": "losses", "losses": "wins"}
    )
    turned = turned.assign(
        difference=-turned["difference"], low=-turned["high"], high=-turned["low"]
    )
    both = pd.concat([pairs[pairs["label"] == label], turned[list(pairs.columns)]])
    return both.sort_values("other", ignore_index=True)


def level_with_best(scores: pd.DataFrame, metric: str) -> set[str]:
    """Methods that are not told apart from the one with the best mean.

    Parameters
    ----------
    scores : DataFrame
        What `equal_counts.image_scores` returned at a count.
    metric : str
        One of its columns.

    Returns
    -------
    set of str
        Those whose p by Wilcoxon's signed-rank test against the best, corrected by Holm for the
        number of methods, is not below `ALPHA`. Empty where nothing could be told apart at all:
        for fewer than `FEWEST` images, and for a metric without a better end.
    """
    table, _ = samples(scores, metric)
    if table.empty or len(table) < FEWEST or not better(metric):
        return set()
    means = table.mean()
    best = means.idxmin() if better(metric) == "lower" else means.idxmax()
    others = table.columns.drop(best)
    p = holm(np.array([signed_rank((table[best] - table[name]).to_numpy()) for name in others]))
    return {str(name) for name, value in zip(others, p, strict=True) if not value < ALPHA}


def _interval(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Percentile interval of the mean of each column, images (rows) drawn with replacement."""
    n = len(differences)
    if n < 2:
        return np.full((2, differences.shape[1]), np.nan)
    means = resampled(n) @ differences / n
    return np.asarray(np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0))


def signed_rank(differences: NDArray[np.float64]) -> float:
    """Two-sided p of Wilcoxon's signed-rank test; images without a difference are left out."""
    from scipy.stats import wilcoxon  # slow to import

    moved = differences[differences != 0]
    if moved.size == 0:
        return float("nan")
    return float(wilcoxon(moved).pvalue)


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correct p values for their number by Holm's step-down method; missing ones do not count."""
    corrected = np.full(len(p), np.nan)
    order = np.argsort(p)[: np.isfinite(p).sum()]
    steps = p[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected
