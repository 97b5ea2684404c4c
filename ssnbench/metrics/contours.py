"""Boundary maps: which pixels of a label map lie on a boundary, and which lie near one.

Whole rows at a time and without a branch in the inner loop, so that many pixels are done at once.
The GIL is released.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ssnbench.contracts import Labels, Mask
from ssnbench.metrics.protocols import Boundary


def contour(labels: Labels, boundary: Boundary) -> Mask:
    """Mark the boundary pixels of int32 (H, W) labels; negative labels have no boundary.

    A boundary runs where two neighbours (up, down, left, right) hold different labels, both of
    them known. The image border is no boundary.

    Parameters
    ----------
    labels : int32 (H, W)
        Labels; a negative one marks a pixel without opinion.
    boundary : {"thin", "thick"}
        Mark the left or upper of the two pixels only, or both.

    Returns
    -------
    bool (H, W)
    """
    return _marked(labels, boundary == "thick")


def dilate(mask: Mask, radius: int) -> Mask:
    """Mark every pixel of bool (H, W) within a square window of ``radius`` of a marked one.

    Each round nearly doubles the reach, so that any radius is cheap. A step is at most one longer
    than the reach so far: no gap opens beside what has left the image.
    """
    wide, spare = mask.copy(), np.empty_like(mask)
    reach = 0
    while reach < radius:
        step = min(radius - reach, reach + 1)
        np.copyto(spare, wide)
        spare[:, step:] |= wide[:, :-step]
        spare[:, :-step] |= wide[:, step:]
        np.copyto(wide, spare)
        wide[step:] |= spare[:-step]
        wide[:-step] |= spare[step:]
        reach += step
    return wide


def overlap(one: Mask, other: Mask, within: Mask | None = None) -> int:
    """Count the pixels that are marked in both masks (and in ``within``)."""
    both = one & other
    if within is not None:
        both &= within
    return int(np.count_nonzero(both))


@njit(cache=True, nogil=True)
def _marked(labels: Labels, thick: bool) -> Mask:
    """Compare each pixel with its right and lower (if ``thick``, also left and upper) neighbour.

    The bit-wise or of two labels is negative when one of them is.
    """
    height, width = labels.shape
    out = np.empty((height, width), np.bool_)
    for row in range(height):
        here, below = labels[row], labels[min(row + 1, height - 1)]
        marked = out[row]
        for column in range(width):
            down = (here[column] != below[column]) & ((here[column] | below[column]) >= 0)
            marked[column] = down
        for column in range(width - 1):
            right = here[column + 1]
            marked[column] |= (here[column] != right) & ((here[column] | right) >= 0)
        if thick:
            above = labels[max(row - 1, 0)]
            for column in range(width):
                up = (here[column] != above[column]) & ((here[column] | above[column]) >= 0)
                marked[column] |= up
            for column in range(1, width):
                left = here[column - 1]
                marked[column] |= (here[column] != left) & ((here[column] | left) >= 0)
    return out
