"""Centres of superpixels for k-means in windows: what SLIC and its kin do between assignments."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ssnbench.contracts import Labels

Floats = NDArray[np.float32]

Windows = NDArray[np.int32]
"""int32 (K, 4): top, bottom, left, right; bottom and right are the first behind."""

LANES = 8
"""Pixels that the processor works on at once: float32 in a vector of AVX2."""

Planes = NDArray[np.float32]
"""float32 (3, H, W): the channels apart, so that a run along a row is contiguous."""

Centres = NDArray[np.float32]
"""float32 (K, 5): mean of the three channels, of row and of column."""

Sums = NDArray[np.float64]
"""float64 (K, 6): the same, summed over the pixels of a superpixel, and their number."""


@njit(cache=True, nogil=True, error_model="numpy")
def window(middle: np.float32, reach: np.float32, length: int) -> tuple[int, int]:
    """First pixel within reach of a place along one axis, and the one behind the last."""
    return max(int(np.ceil(middle - reach)), 0), min(int(np.floor(middle + reach)) + 1, length)


@njit(cache=True, nogil=True, error_model="numpy")
def windows(
    rows: Floats, columns: Floats, down: Floats, along: Floats, shape: tuple[int, int]
) -> Windows:
    """Bound the pixels that lie within reach of each centre.

    Along a row, whole vectors of pixels are taken if the image is wide enough: a loop over the rest
    of one takes as long as over all of it. Who uses them has to ask whether a column is in reach.

    Parameters
    ----------
    rows, columns : float32 (K,)
        The centres.
    down, along : float32 (K,)
        How far the window of each goes, in rows and in columns, on either side.
    shape : (int, int)
        Height and width of the image.

    Returns
    -------
    int32 (K, 4)
        Top, bottom, left and right; bottom and right are the first behind.
    """
    height, width = shape
    bounds_of = np.empty((len(rows), 4), np.int32)
    for k in range(len(rows)):
        top, bottom = window(rows[k], down[k], height)
        left, right = window(columns[k], along[k], width)
        full = min(-(-(right - left) // LANES) * LANES, width)
        left = min(left, width - full)
        bounds_of[k, 0], bounds_of[k, 1], bounds_of[k, 2], bounds_of[k, 3] = (
            top,
            bottom,
            left,
            left + full,
        )
    return bounds_of


@njit(cache=True, nogil=True, forceinline=True)
def unsigned_range(first, behind):  # type: ignore[no-untyped-def]
    """Like ``range``; an index that cannot be negative is not asked whether it is."""
    return range(np.uint64(first), np.uint64(behind))


@njit(cache=True, nogil=True)
def by_row(bounds: Windows, height: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """List the windows that each row runs through.

    So centres can claim pixels row by row, and memory is read in order, once for all of them: for
    large images, that takes half the time of going from window to window.

    Parameters
    ----------
    bounds : int32 (K, 4)
        Of :func:`windows`.
    height : int
        Of the image.

    Returns
    -------
    start : int64 (H + 2,)
        Those of row r are ``which[start[r]:start[r + 1]]``.
    which : int32 (n,)
        Numbers of windows, rising within a row.
    """
    start = np.zeros(height + 2, np.int64)
    for k in range(len(bounds)):
        for row in range(bounds[k, 0], bounds[k, 1]):
            start[row + 2] += 1
    start[:] = np.cumsum(start)
    which = np.empty(start[-1], np.int32)
    for k in range(len(bounds)):
        for row in range(bounds[k, 0], bounds[k, 1]):
            which[start[row + 1]] = k
            start[row + 1] += 1
    return start, which


@njit(cache=True, nogil=True, error_model="numpy")
def recount(planes: Planes, labels: Labels, counted: Labels, sums: Sums) -> None:
    """Bring ``sums`` up to date with ``labels``, and ``counted`` with it.

    Soon few pixels change hands from one iteration to the next, so that it saves time to look at
    these only.

    Parameters
    ----------
    planes : float32 (3, H, W)
        The image.
    labels : int32 (H, W)
        Superpixels 0..K-1.
    counted : int32 (H, W)
        Labels under which the pixels are in the sums; -1: not yet.
    sums : float64 (K, 6)
        Sums of the channels, of rows and of columns, and numbers of pixels.
    """
    height, width = labels.shape
    for row in range(height):
        for column in range(width):
            new, old = labels[row, column], counted[row, column]
            if new != old:
                counted[row, column] = new
                _add(sums, new, planes, row, column, 1)
                if old >= 0:
                    _add(sums, old, planes, row, column, -1)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _add(sums, k, planes, row, column, sign):  # type: ignore[no-untyped-def]
    for channel in range(3):
        sums[k, channel] += sign * planes[channel, row, column]
    sums[k, 3] += sign * row
    sums[k, 4] += sign * column
    sums[k, 5] += sign


@njit(cache=True, nogil=True, error_model="numpy")
def move(centres: Centres, sums: Sums) -> None:
    """Move ``centres``, in place, to the means of their pixels; one that has none stays."""
    for k in range(len(centres)):
        if sums[k, 5] > 0:
            for i in range(5):
                centres[k, i] = sums[k, i] / sums[k, 5]


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def assign(
    planes: Planes,
    centres: Centres,
    reach: NDArray[np.float32],
    weight: np.float32,
    distance: NDArray[np.float32],
    labels: Labels,
) -> None:
    """Give every pixel to the nearest of the centres in whose window it lies.

    Parameters
    ----------
    planes : float32 (3, H, W)
        The image.
    centres : float32 (K, 5)
        The centres.
    reach : float32 (K,)
        How far the window of each goes, in rows and in columns on either side.
    weight : float32
        Weight of squared distance in place, in pixels, against that in colour.
    distance : float32 (H, W)
        Filled with the squared distance to the nearest; infinite outside all windows.
    labels : int32 (H, W)
        Changed in place; outside all windows they stay.
    """
    height, width = labels.shape
    bounds = windows(centres[:, 3], centres[:, 4], reach, reach, labels.shape)
    start, which = by_row(bounds, height)
    columns = np.arange(width).astype(np.float32)
    for row in range(height):
        light, a, b = planes[0, row], planes[1, row], planes[2, row]
        nearest, label = distance[row], labels[row]
        nearest[:] = np.inf
        for k in which[start[row] : start[row + 1]]:
            mean_l, mean_a, mean_b = centres[k, 0], centres[k, 1], centres[k, 2]
            down, middle, far = np.float32(row) - centres[k, 3], centres[k, 4], reach[k]
            for i in unsigned_range(bounds[k, 2], bounds[k, 3]):  # no branch: it runs on vectors
                along = columns[i] - middle
                place = down * down + along * along
                colour = (light[i] - mean_l) ** 2 + (a[i] - mean_a) ** 2 + (b[i] - mean_b) ** 2
                d = colour + weight * place
                nearer = (d < nearest[i]) & (abs(along) <= far)
                nearest[i] = d if nearer else nearest[i]
                label[i] = np.int32(k) if nearer else label[i]
