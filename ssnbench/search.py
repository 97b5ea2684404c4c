"""From the count asked for to the parameter that a method takes instead.

Some methods take the side of a cell (:func:`region_size`); others a scale whose effect depends on
the image, so that the count can only be searched for (:func:`search_count`).
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, isfinite, log

from ssnbench.contracts import Labels
from ssnbench.labels import enforce

TOLERANCE = 0.05
"""A count this near to the one asked for, as a share of it, ends a search."""


def region_size(shape: tuple[int, int], n_segments: int, smallest: int = 1, across: int = 1) -> int:
    """Side, in pixels, of the square cells that cut an image into about ``n_segments``.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the image.
    n_segments : int
        Superpixels asked for.
    smallest : int
        Cells are not made smaller than this.
    across : int
        Cells that should fit into the shorter side of the image.

    Raises
    ------
    ValueError
        When they do not fit: OpenCV, which does not check, then takes the whole process down.
    """
    height, width = shape
    side = max(smallest, round((height * width / n_segments) ** 0.5))
    if side * across > min(shape):
        raise ValueError(
            f"an image of {height} x {width} pixels is too small for {n_segments} superpixels of "
            f"{side} x {side}: {across} should fit into its shorter side"
        )
    return side


def search_count(
    segment: Callable[[float], Labels],
    n_segments: int,
    low: float,
    high: float,
    *,
    tolerance: float = TOLERANCE,
    max_evaluations: int = 14,
) -> Labels:
    """Search the parameter at which a method makes the count asked for.

    Counted is what is left after the gate (:func:`ssnbench.labels.enforce`), because that is where
    methods are compared. The count is taken to fall as the parameter grows, and to be near a
    power of it: the next guess is interpolated in logarithms, and kept off the ends of the
    bracket so that this shrinks whatever the curve.

    Parameters
    ----------
    segment : callable
        From the parameter to any labels, int32 (H, W).
    n_segments : int
        Superpixels asked for.
    low, high : float
        Bracket of the parameter, positive.
    tolerance : float
        Largest deviation of the count that ends the search, as a share of ``n_segments``.
    max_evaluations : int
        Calls of ``segment``, at most.

    Returns
    -------
    int32 (H, W)
        The raw map whose count is nearest; not within the tolerance where none was found.
    """
    asked = log(n_segments)
    ends = log(low), log(high)
    gaps = float("inf"), -float("inf")  # log(count / asked) at the ends, once known
    best: tuple[float, Labels] | None = None
    for _ in range(max_evaluations):
        parameter = _between(ends, gaps)
        labels = segment(exp(parameter))
        made = int(enforce(labels, n_segments).max()) + 1
        missed = abs(made - n_segments) / n_segments
        if best is None or missed < best[0]:
            best = missed, labels
        if missed <= tolerance:
            break
        gap = log(made) - asked
        if gap > 0:
            ends, gaps = (parameter, ends[1]), (gap, gaps[1])
        else:
            ends, gaps = (ends[0], parameter), (gaps[0], gap)
    if best is None:
        raise ValueError(f"max_evaluations should be 1 or more, got {max_evaluations}")
    return best[1]


def _between(ends: tuple[float, float], gaps: tuple[float, float]) -> float:
    """Guess the zero of the gap between the ends; their middle while a gap is unknown."""
    share = 0.5
    if isfinite(gaps[0]) and isfinite(gaps[1]):
        share = min(max(gaps[0] / (gaps[0] - gaps[1]), 0.15), 0.85)
    return ends[0] + share * (ends[1] - ends[0])
