"""Exact Euclidean distance to the nearest boundary pixel, in time linear in the pixels."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ssnbench.contracts import Mask

STEPS_PER_PIXEL = 8
"""Look around each pixel of a row as long as it costs at most this many steps per pixel of it."""


def total_distance(boundary: Mask, where: Mask) -> float:
    """Sum, over the marked pixels of ``where``, the distance to the nearest pixel of ``boundary``.

    Parameters
    ----------
    boundary : bool (H, W)
        At least one pixel is marked.
    where : bool (H, W)
        Pixels whose distances are asked for.

    Notes
    -----
    Distances along columns come from two sweeps over the rows. Along a row, a pixel looks left and
    right only as far as a nearer boundary is possible: few steps, for boundaries are everywhere.
    Rows in which that would take too long are done by the lower envelope of parabolas (Felzenszwalb
    and Huttenlocher, Distance Transforms of Sampled Functions, 2012); both ways are exact.
    """
    return float(_total(boundary, where, _column_distances(boundary)))


@njit(cache=True, nogil=True)
def _column_distances(boundary: Mask) -> NDArray[np.int32]:
    height, width = boundary.shape
    far = np.int32(height + width)  # more than any true distance
    gap = np.empty((height, width), np.int32)
    for column in range(width):
        gap[0, column] = np.int32(0) if boundary[0, column] else far
    for row in range(1, height):
        for column in range(width):
            reached = min(gap[row - 1, column] + np.int32(1), far)
            gap[row, column] = np.int32(0) if boundary[row, column] else reached
    for row in range(height - 2, -1, -1):
        for column in range(width):
            gap[row, column] = min(gap[row, column], gap[row + 1, column] + np.int32(1))
    return gap


@njit(cache=True, nogil=True)
def _total(boundary: Mask, where: Mask, gap: NDArray[np.int32]) -> float:
    height, width = boundary.shape
    centre = np.empty(width, np.int64)
    change = np.empty(width + 1, np.float64)
    total = 0.0
    for row in range(height):
        steps = 0
        for column in range(width):
            if where[row, column]:
                steps += min(gap[row, column], width)
        if steps <= STEPS_PER_PIXEL * width:
            for column in range(width):
                if where[row, column]:
                    total += _looked_around(gap[row], column)
        else:
            total += _along_envelope(gap[row], where[row], centre, change)
    return total


@njit(cache=True, nogil=True)
def _looked_around(gap: NDArray[np.int32], column: int) -> float:
    nearest = np.int64(gap[column]) ** 2
    step = 1
    while step * step < nearest:
        if column >= step:
            nearest = min(nearest, step * step + np.int64(gap[column - step]) ** 2)
        if column + step < gap.size:
            nearest = min(nearest, step * step + np.int64(gap[column + step]) ** 2)
        step += 1
    return float(np.sqrt(nearest))


@njit(cache=True, nogil=True)
def _along_envelope(
    gap: NDArray[np.int32], where: Mask, centre: NDArray[np.int64], change: NDArray[np.float64]
) -> float:
    """Sum the distances of a row; ``centre`` and ``change`` are room for the envelope."""
    top = 0  # parabola centre[k] is the lowest from change[k] to change[k + 1]
    centre[0], change[0], change[1] = 0, -np.inf, np.inf
    for q in range(1, gap.size):
        height = float(gap[q]) ** 2 + float(q) ** 2
        while True:
            p = centre[top]
            meet = (height - float(gap[p]) ** 2 - float(p) ** 2) / (2.0 * (q - p))
            if meet > change[top]:
                break
            top -= 1
        top += 1
        centre[top], change[top], change[top + 1] = q, meet, np.inf
    total, k = 0.0, 0
    for q in range(gap.size):
        while change[k + 1] < q:
            k += 1
        if where[q]:
            total += np.sqrt(float(gap[centre[k]]) ** 2 + float(q - centre[k]) ** 2)
    return total
