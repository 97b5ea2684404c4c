"""Pairs of methods on the same images: how far apart they are, and how surely.

Images differ far more from one another than methods do on one image, so that two intervals which
overlap say little; the interval of the difference, image by image, says what is to be known.

Tables, cards and pairs make one statement: every method is compared with one, the best or that
which the user calls theirs, and p is corrected for the number of these comparisons.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssnbench.analysis.equal_counts import samples
from ssnbench.analysis.ranks import ALPHA
from ssnbench.analysis.sections import better
from ssnbench.analysis.summary import LEVEL, resampled

COLUMNS = (
    *("metric", "n_made", "label", "other", "n_images", "difference", "low", "high"),
    *("wins", "ties", "losses", "p", "p_holm"),
)


def compare(scores: pd.DataFrame, metric: str, count: int, mine: str = "") -> pd.DataFrame:
    """Compare one method with every other at one made count, image by image.

    Parameters
    ----------
    scores : DataFrame
        What `equal_counts.image_scores` returned at the count.
    metric : str
        One of its columns.
    count : int
        The count; it is only noted in the result.
    mine : str
        The method that is compared; where it is not given, or too few images reach the count, the
        one with the best mean.

    Returns
    -------
    DataFrame
        One row per pair (label, other), on the images that all methods reach: ``difference`` (mean
        of the first minus the second), ``low`` and ``high`` (its 95 % bootstrap interval, images
        drawn with replacement; missing for a single image), ``wins``, ``ties``, ``losses`` (images
        on which the first is better, equal, worse), ``p`` (Wilcoxon's signed-rank test, two-sided;
        missing where no image differs) and ``p_holm`` (the same, corrected for the number of rows).
        Methods that too few images reach are not in it: nothing is extrapolated. Empty where there
        are no two methods, and for a metric without a better end.

    References
    ----------
    .. [1] Wilcoxon, Individual Comparisons by Ranking Methods, Biometrics Bulletin 1, 1945.
    .. [2] Holm, A Simple Sequentially Rejective Multiple Test Procedure, Scand. J. Stat. 6, 1979.
    """
    table, _ = samples(scores, metric)
    if table.empty or not better(metric):
        return pd.DataFrame(columns=COLUMNS)
    chosen = mine if mine in table else best_of(table, metric)
    rows = _compared(table, [(chosen, str(other)) for other in table.columns.drop(chosen)], metric)
    return rows.assign(n_made=count, p_holm=holm(rows["p"].to_numpy(float)))[list(COLUMNS)]


def every_pair(scores: pd.DataFrame, metric: str, compared: pd.DataFrame) -> pd.DataFrame:
    """Add the pairs that `compare` left out: their p is of one test alone, ``p_holm`` is missing.

    Parameters
    ----------
    scores : DataFrame
        What `equal_counts.image_scores` returned at the count.
    metric : str
        One of its columns.
    compared : DataFrame
        What `compare` returned.
    """
    if compared.empty:
        return compared
    table, _ = samples(scores, metric)
    others = table.columns.drop(compared["label"].iloc[0])
    rest = _compared(table, list(combinations(map(str, others), 2)), metric)
    rest = rest.assign(n_made=compared["n_made"].iloc[0], p_holm=np.nan)[list(COLUMNS)]
    return pd.concat([compared, rest], ignore_index=True) if len(rest) else compared


def best_of(table: pd.DataFrame, metric: str) -> str:
    """Return the method with the best mean, of what `equal_counts.samples` returned."""
    means = table.mean()
    return str(means.idxmin() if better(metric) == "lower" else means.idxmax())


def _compared(table: pd.DataFrame, pairs: Sequence[tuple[str, str]], metric: str) -> pd.DataFrame:
    """Compare some pairs of the columns of images x methods."""
    if not pairs:
        return pd.DataFrame(columns=COLUMNS)
    values = table.to_numpy()
    places = {label: place for place, label in enumerate(table.columns)}
    first, second = ([places[pair[side]] for pair in pairs] for side in (0, 1))
    differences = values[:, first] - values[:, second]
    low, high = _interval(differences)
    gains = -differences if better(metric) == "lower" else differences
    return pd.DataFrame(
        {
            "metric": metric,
            "label": [pair[0] for pair in pairs],
            "other": [pair[1] for pair in pairs],
            "n_images": len(table),
            "difference": differences.mean(axis=0),
            "low": low,
            "high": high,
            "wins": (gains > 0).sum(axis=0),
            "ties": (gains == 0).sum(axis=0),
            "losses": (gains < 0).sum(axis=0),
            "p": [signed_rank(column) for column in differences.T],
        }
    )


def fewest(n_others: int) -> int:
    """Images from which on anything can be told apart at all.

    The smallest p of the signed-rank test on n images is 2 / 2^n, and it is multiplied by the
    number of comparisons: 6 images for one other method, 8 for six.
    """
    return int(np.floor(np.log2(2 * max(n_others, 1) / ALPHA))) + 1


def level(compared: pd.DataFrame) -> set[str]:
    """Methods that are not told apart from the one that `compare` compared.

    Those whose corrected p is not below `ALPHA`. Empty where nothing could be told apart at all:
    on fewer than `fewest` images.
    """
    rows = compared[compared["n_images"] >= fewest(len(compared))]
    told = zip(rows["other"], rows["p_holm"], strict=True)
    return {str(name) for name, p in told if not p < ALPHA}


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
