"""Scores over the number of superpixels made: one number for a whole curve.

A curve is a set of points (count made, score). Every area here is the mean height of the curve,
joined by straight lines, between two counts: the integral divided by the width, so that it is in
the unit of the score and does not grow with the range. Nothing is extrapolated: curves are
comparable only over a range that all of them cover (:func:`common_range`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ssnbench.contracts import UsageError

Reals = NDArray[np.float64]
Values = Sequence[float] | Reals


def common_range(counts: Iterable[Values]) -> tuple[float, float]:
    """Return the range of counts that every curve covers.

    Parameters
    ----------
    counts : sequences of counts made, one per curve

    Raises
    ------
    UsageError
        When there is no curve, or no count is covered by all of them.
    """
    curves = [list(curve) for curve in counts]
    if not curves or not all(curves):
        raise UsageError("an area needs curves of at least one point each")
    low, high = max(min(curve) for curve in curves), min(max(curve) for curve in curves)
    if low > high:
        raise UsageError(
            f"the curves have no count in common: one begins at {low:g}, another ends at {high:g}"
        )
    return low, high


def area(
    counts: Values, values: Values, low: float | None = None, high: float | None = None
) -> float:
    """Mean height of a curve between the counts ``low`` and ``high``.

    Parameters
    ----------
    counts : sequence of float
        Counts made, 1 or more, in any order; the values of equal counts are averaged.
    values : sequence of float
        The score at each count.
    low, high : float, optional
        Range; by default that of the counts.

    Returns
    -------
    float
        The area under the curve divided by ``high - low``; the value there when both are equal.

    Raises
    ------
    UsageError
        When the range is empty or reaches beyond the counts: nothing is extrapolated.
    ValueError
        When there are no points, one without a finite value, or not as many values as counts.
    """
    x, y = _points(counts, values)
    low = float(x[0]) if low is None else low
    high = float(x[-1]) if high is None else high
    if low > high:
        raise UsageError(f"an area from {low:g} to {high:g} superpixels is empty")
    if low < x[0] or high > x[-1]:
        raise UsageError(
            f"the curve covers {x[0]:g} to {x[-1]:g} superpixels, not {low:g} to {high:g}: "
            "nothing is extrapolated"
        )
    if low == high:
        return float(np.interp(low, x, y))
    inside = x[(x > low) & (x < high)]
    grid = np.concatenate([[low], inside, [high]])
    return float(np.trapezoid(np.interp(grid, x, y), grid) / (high - low))


def amr(counts: Values, br: Values, low: float | None = None, high: float | None = None) -> float:
    """Average miss rate: mean of ``1 - br`` over the counts made. In [0, 1]; lower is better.

    References
    ----------
    .. [1] Stutz, Hermans, Leibe, Superpixels: An Evaluation of the State-of-the-Art,
       CVIU 166, 2018.
    """
    return 1.0 - area(counts, br, low, high)


def aue(
    counts: Values, ue_np: Values, low: float | None = None, high: float | None = None
) -> float:
    """Average undersegmentation error: mean of ``ue_np`` over the counts made.

    In [0, 1]; lower is better.

    References
    ----------
    .. [1] Stutz, Hermans, Leibe, CVIU 166, 2018.
    """
    return area(counts, ue_np, low, high)


def auv(counts: Values, ev: Values, low: float | None = None, high: float | None = None) -> float:
    """Average unexplained variation: mean of ``1 - ev`` over the counts made.

    In [0, 1]; lower is better.

    References
    ----------
    .. [1] Stutz, Hermans, Leibe, CVIU 166, 2018.
    """
    return 1.0 - area(counts, ev, low, high)


def area_asa(
    counts: Values, asa: Values, low: float | None = None, high: float | None = None
) -> float:
    """Mean ``asa`` over the counts made: area under the curve over its width.

    In [0, 1]; higher is better.
    """
    return area(counts, asa, low, high)


def area_br(
    counts: Values, br: Values, low: float | None = None, high: float | None = None
) -> float:
    """Mean ``br`` over the counts made: area under the curve over its width.

    In [0, 1]; higher is better.
    """
    return area(counts, br, low, high)


AREAS: dict[str, tuple[str, Callable[..., float]]] = {
    "amr": ("br", amr),
    "aue": ("ue_np", aue),
    "auv": ("ev", auv),
    "area_asa": ("asa", area_asa),
    "area_br": ("br", area_br),
}
"""Name of each area: the metric whose curve it takes, and its function."""


def _points(counts: Values, values: Values) -> tuple[Reals, Reals]:
    x, y = np.asarray(counts, float), np.asarray(values, float)
    if x.ndim != 1 or x.shape != y.shape or x.size == 0:
        raise ValueError(f"{x.size} counts and {y.size} values: a curve needs as many of each")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("a curve has a point without a finite count or value")
    unique, which, times = np.unique(x, return_inverse=True, return_counts=True)
    return unique, np.bincount(which, y) / times
