"""What is summed over the pixels of each superpixel, row by row and run by run.

Neighbours in a row mostly belong to the same superpixel. The ends of these runs are found without a
branch that depends on the picture, which a processor would often guess wrong; the sum of a run is
the difference of two running sums along the row. All sums are of integers and exact.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ssnbench.contracts import Image, Labels

Sums = NDArray[np.int64]


@njit(cache=True, nogil=True)
def run_ends(here: NDArray[np.int32], ends: Sums) -> int:
    """Write where each run of a row ends (exclusive); return how many runs there are."""
    n = 0
    for column in range(1, here.size):
        ends[n] = column
        n += here[column] != here[column - 1]
    ends[n] = here.size
    return n + 1


@njit(cache=True, nogil=True)
def sizes(labels: Labels, n: int) -> tuple[NDArray[np.int32], bool]:
    """Pixels of each of ``n`` labels, and whether all are 0..n-1; the count stops if not."""
    height, width = labels.shape
    out = np.zeros(n, np.int32)
    ends = np.empty(width, np.int64)
    for row in range(height):
        start = 0
        for end in ends[: run_ends(labels[row], ends)]:
            label = labels[row, start]
            if label < 0 or label >= n:
                return out, False
            out[label] += end - start
            start = end
    return out, True


@njit(cache=True, nogil=True)
def perimeters(labels: Labels, n: int) -> Sums:
    """Pixel edges of each label to other labels and to the image border."""
    height, width = labels.shape
    out = np.zeros(n, np.int64)
    ends = np.empty(width, np.int64)
    crossed = np.empty(width, np.int32)  # edges above and below each pixel
    edges = np.zeros(width + 1, np.int32)  # these, summed along the row
    for row in range(height):
        here = labels[row]
        above, below = labels[max(row - 1, 0)], labels[min(row + 1, height - 1)]
        border = np.int32((row == 0) + (row == height - 1))
        for column in range(width):
            up = np.int32(above[column] != here[column])
            crossed[column] = border + up + np.int32(below[column] != here[column])
        total = np.int32(0)
        for column in range(width):
            total += crossed[column]
            edges[column + 1] = total
        start = 0
        for end in ends[: run_ends(here, ends)]:
            out[here[start]] += 2 + edges[end] - edges[start]
            start = end
    return out


@njit(cache=True, nogil=True)
def coordinates(labels: Labels, n: int) -> Sums:
    """Sums (n, 4) of row, column, row squared and column squared over each label."""
    height, width = labels.shape
    out = np.zeros((n, 4), np.int64)
    ends = np.empty(width, np.int64)
    for row in range(height):
        start = 0
        for end in ends[: run_ends(labels[row], ends)]:
            mine = out[labels[row, start]]
            mine[0] += (end - start) * row
            mine[1] += (end - start) * (start + end - 1) // 2
            mine[2] += (end - start) * row * row
            mine[3] += _squares(end) - _squares(start)
            start = end
    return out


@njit(cache=True, nogil=True)
def colours(labels: Labels, image: Image, n: int) -> Sums:
    """Sums (n, 4) of red, green, blue and squared length of the colour over each label."""
    height, width = labels.shape
    out = np.zeros((n, 4), np.int64)
    ends = np.empty(width, np.int64)
    sums = np.zeros((width + 1, 4), np.int64)  # along the row
    for row in range(height):
        red = green = blue = square = np.int64(0)
        for column in range(width):
            r = np.int64(image[row, column, 0])
            g = np.int64(image[row, column, 1])
            b = np.int64(image[row, column, 2])
            red, green, blue = red + r, green + g, blue + b
            square += r * r + g * g + b * b
            sums[column + 1, 0], sums[column + 1, 1] = red, green
            sums[column + 1, 2], sums[column + 1, 3] = blue, square
        start = 0
        for end in ends[: run_ends(labels[row], ends)]:
            for i in range(4):
                out[labels[row, start], i] += sums[end, i] - sums[start, i]
            start = end
    return out


@njit(cache=True, nogil=True)
def _squares(n: int) -> int:
    """Return 0 + 1 + 4 + ... + (n - 1)^2."""
    return (n - 1) * n * (2 * n - 1) // 6
