"""Boundary maps: which pixels of a label map lie on a boundary.

Whole rows at a time and without a branch in the inner loop, so that many pixels are done at once.
The GIL is released.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numba import njit

from ssnbench.contracts import Labels, Mask

Boundary: TypeAlias = Literal["thin", "thick"]
"""One pixel of the two at a boundary is marked (the left or upper), or both."""


def find_boundaries(labels: Labels, mode: Boundary = "thin") -> Mask:
    """Mark the boundary pixels of int32 (H, W) labels; negative labels have no boundary.

    A boundary runs where two neighbours (up, down, left, right) hold different labels, both of
    them known. The image border is no boundary.

    Parameters
    ----------
    labels : int32 (H, W)
        Labels; a negative one marks a pixel without opinion.
    mode : {"thin", "thick"}
        Mark the left or upper of the two pixels only, or both.

    Returns
    -------
    bool (H, W)
    """
    return _marked(labels, mode == "thick")


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
