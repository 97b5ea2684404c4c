"""From the count asked for to the parameter that a method takes instead.

Some methods take the side of a cell (:func:`region_size`); others a scale whose effect depends on
the image, so that the count can only be searched for (:func:`search_count`).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ssnbench.contracts import Labels
from ssnbench.labels import enforce_connectivity

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
    side = max(smallest, round(math.sqrt(height * width / n_segments)))
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

    Counted is what is left once connectivity is enforced
    (:func:`ssnbench.labels.enforce_connectivity`), because that is where methods are compared. The
    count is taken to fall as the parameter grows. The bracket is cut in logarithms: now where a
    power law through its ends would have the count, which is nearly right for real methods, now in
    the middle, which shrinks it whatever the curve.

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
    asked = math.log(n_segments)
    ends = math.log(low), math.log(high)
    gaps = float("inf"), -float("inf")  # log(count / asked) at the ends, once known
    best: tuple[float, Labels] | None = None
    for evaluation in range(max_evaluations):
        share = _share(gaps) if evaluation % 2 == 0 else 0.5
        parameter = ends[0] + share * (ends[1] - ends[0])
        labels = segment(math.exp(parameter))
        n_made = enforce_connectivity(labels, n_segments).n_made
        missed = abs(n_made - n_segments) / n_segments
        if best is None or missed < best[0]:
            best = missed, labels
        if missed <= tolerance:
            break
        gap = math.log(n_made) - asked
        if gap > 0:
            ends, gaps = (parameter, ends[1]), (gap, gaps[1])
        else:
            ends, gaps = (ends[0], parameter), (gaps[0], gap)
    if best is None:
        raise ValueError(f"max_evaluations should be 1 or more, got {max_evaluations}")
    return best[1]


def _share(gaps: tuple[float, float]) -> float:
    """Where on the way from end to end a straight line has its zero; half-way while unknown."""
    if not (math.isfinite(gaps[0]) and math.isfinite(gaps[1])):
        return 0.5
    return min(max(gaps[0] / (gaps[0] - gaps[1]), 0.1), 0.9)
