"""What is summed over the pixels of each superpixel: one walk along the rows, run by run.

Neighbours in a row mostly belong to the same superpixel, so a run is summed in registers and added
to its superpixel once. All sums are of integers and exact.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ssnbench.contracts import Flow, Image, Labels, Mask

Sums = NDArray[np.int64]

UNKNOWN_FLOW = 1e9
"""Larger components mark unknown flow (Middlebury, Sintel)."""


@njit(cache=True, nogil=True)
def sizes(labels: NDArray[np.int32], n: int) -> NDArray[np.int32]:
    """Pixels of each of ``n`` labels in a flat map."""
    out = np.zeros(n, np.int32)
    start = 0
    for p in range(1, labels.size + 1):
        if p == labels.size or labels[p] != labels[start]:
            out[labels[start]] += p - start
            start = p
    return out


@njit(cache=True, nogil=True)
def perimeters(labels: Labels, n: int) -> Sums:
    """Pixel edges of each label to other labels and to the image border."""
    height, width = labels.shape
    out = np.zeros(n, np.int64)
    for row in range(height):
        here = labels[row]
        above, below = labels[max(row - 1, 0)], labels[min(row + 1, height - 1)]
        outer = (row == 0) + (row == height - 1)
        start, edges = 0, 0
        for column in range(width):
            label = here[column]
            if label != here[start]:
                out[here[start]] += 2 + edges + outer * (column - start)
                start, edges = column, 0
            edges += (above[column] != label) + (below[column] != label)
        out[here[start]] += 2 + edges + outer * (width - start)
    return out


@njit(cache=True, nogil=True)
def coordinates(labels: Labels, n: int) -> Sums:
    """Sums (n, 4) of row, column, row squared and column squared over each label."""
    height, width = labels.shape
    out = np.zeros((n, 4), np.int64)
    for row in range(height):
        start = 0
        for column in range(1, width + 1):
            label = labels[row, start]
            if column < width and labels[row, column] == label:
                continue
            length = column - start
            out[label, 0] += length * row
            out[label, 1] += length * (start + column - 1) // 2
            out[label, 2] += length * row * row
            out[label, 3] += _squares(column) - _squares(start)
            start = column
    return out


@njit(cache=True, nogil=True)
def colours(labels: Labels, image: Image, n: int) -> Sums:
    """Sums (n, 4) of red, green, blue and squared length of the colour over each label."""
    height, width = labels.shape
    out = np.zeros((n, 4), np.int64)
    for row in range(height):
        start = 0
        for column in range(1, width + 1):
            label = labels[row, start]
            if column < width and labels[row, column] == label:
                continue
            run = image[row, start:column]
            red = green = blue = square = np.int64(0)
            for p in range(column - start):
                r, g, b = np.int64(run[p, 0]), np.int64(run[p, 1]), np.int64(run[p, 2])
                red, green, blue = red + r, green + g, blue + b
                square += r * r + g * g + b * b
            out[label, 0] += red
            out[label, 1] += green
            out[label, 2] += blue
            out[label, 3] += square
            start = column
    return out


@njit(cache=True, nogil=True)
def end_point_errors(labels: Labels, flow: Flow, valid: Mask, n: int) -> NDArray[np.float32]:
    """Distances between flow and its mean over the label, at the valid pixels in raster order."""
    height, width = labels.shape
    sums = np.zeros((n, 3), np.float64)
    for row in range(height):
        for column in range(width):
            if valid[row, column] and _known(flow[row, column]):
                label = labels[row, column]
                sums[label, 0] += flow[row, column, 0]
                sums[label, 1] += flow[row, column, 1]
                sums[label, 2] += 1
    for label in range(n):
        sums[label, :2] /= max(sums[label, 2], 1.0)
    errors = np.empty(int(sums[:, 2].sum()), np.float32)
    k = 0
    for row in range(height):
        for column in range(width):
            if valid[row, column] and _known(flow[row, column]):
                mean = sums[labels[row, column]]
                along = flow[row, column, 0] - mean[0]
                down = flow[row, column, 1] - mean[1]
                errors[k] = np.sqrt(along * along + down * down)
                k += 1
    return errors


@njit(cache=True, nogil=True)
def _known(vector: NDArray[np.float32]) -> bool:
    """Whether both components are finite and below the mark of unknown flow."""
    return bool(abs(vector[0]) < UNKNOWN_FLOW and abs(vector[1]) < UNKNOWN_FLOW)


@njit(cache=True, nogil=True)
def _squares(n: int) -> int:
    """Return 0 + 1 + 4 + ... + (n - 1)^2."""
    return (n - 1) * n * (2 * n - 1) // 6
