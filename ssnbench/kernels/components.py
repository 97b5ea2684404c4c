"""Connected components of label maps, and the boundaries between labels."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ssnbench.contracts import Labels
from ssnbench.kernels.union_find import joined, numbered


def components(labels: Labels) -> tuple[Labels, int]:
    """Split int32 (H, W) labels into their 4-connected components.

    Returns
    -------
    components : int32 (H, W)
        0..n-1, numbered by first pixel in raster order.
    n : int
        How many there are.
    """
    parts = np.empty(labels.shape, np.int32)
    return parts, int(_components(np.ascontiguousarray(labels), parts.reshape(-1)))


@njit(cache=True, nogil=True)
def _components(labels: Labels, parent: NDArray[np.int32]) -> int:
    """Fill ``parent``, a flat map, with component numbers; return how many there are."""
    height, width = labels.shape
    for row in range(height):
        for column in range(width):
            p, value = row * width + column, labels[row, column]
            left = column > 0 and labels[row, column - 1] == value
            up = row > 0 and labels[row - 1, column] == value
            if left and up and labels[row - 1, column - 1] == value:
                parent[p] = parent[p - 1]  # the corner pixel has united left and up already
            elif left and up:
                parent[p] = joined(parent, p - 1, p - width)
            elif left:
                parent[p] = parent[p - 1]
            elif up:
                parent[p] = parent[p - width]
            else:
                parent[p] = p
    return numbered(parent)
