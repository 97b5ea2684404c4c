"""Global regularity: how convex, balanced and alike superpixels are."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ssnbench.contracts import Labels
from ssnbench.metrics.comparison import Comparison
from ssnbench.metrics.segmentation import Segmentation

Numbers = NDArray[np.int32]
Sums = NDArray[np.int64]
Reals = NDArray[np.float64]


def gr(comparison: Comparison) -> float:
    """Global regularity: regular shapes (SRC), all alike (SMF).

    ``GR = SRC * SMF``, in [0, 1]. The shape regularity criterion is ``sum_j |S_j|/N CR_j V_j``:
    convexity ``CR = CC(hull of S) / CC(S)`` with ``CC = perimeter / area``, and balance
    ``V = sqrt(min(s_x, s_y) / max(s_x, s_y))`` with ``s`` the standard deviations of the
    coordinates. The smooth matching factor is ``1 - sum_j |S_j|/N |S*/|S*| - S_j/|S_j||_1 / 2``:
    shapes are laid over each other by their centres, S* is their mean, each is normalised to sum 1.

    Notes
    -----
    Squares of one size score 1, and so do discs of one size: unlike ``co`` it does not favour one
    convex shape. Perimeters are measured in pixel edges here, of
    the hull as of the shape, the hull being all pixels with their centre in the convex hull of the
    shape's centres, so that a digitally convex shape has CR = 1 exactly; other implementations
    differ slightly. Centres are rounded to pixels. A line one pixel wide has V = 0, a single pixel
    V = 1. CR is capped at 1 for disconnected superpixels.

    References
    ----------
    .. [1] Giraud, Ta, Papadakis, Evaluation Framework of Superpixel Methods with a Global
       Regularity Measure, Journal of Electronic Imaging 26(6), 2017.
    """
    segmentation = comparison.segmentation
    runs = _runs(segmentation.labels, segmentation.n)
    return shape_regularity(segmentation, *runs) * smooth_matching(segmentation, *runs)


def shape_regularity(
    segmentation: Segmentation, first: Sums, begin: Numbers, end: Numbers
) -> float:
    """Shape regularity criterion, from the runs of each superpixel."""
    hull_area, hull_perimeter = _hulls(first, begin, end, segmentation.shape[1])
    convexity = hull_perimeter / hull_area * segmentation.sizes / segmentation.perimeters
    deviation = np.sqrt(_variances(segmentation))
    wide = deviation.max(axis=1)
    balance = np.sqrt(np.where(wide > 0, deviation.min(axis=1), 1) / np.where(wide > 0, wide, 1))
    return float(
        (segmentation.sizes * np.minimum(convexity, 1.0) * balance).sum() / segmentation.n_pixels
    )


def smooth_matching(segmentation: Segmentation, first: Sums, begin: Numbers, end: Numbers) -> float:
    """Smooth matching factor, from the runs of each superpixel."""
    centre = np.floor(segmentation.coordinates[:, :2] / segmentation.sizes[:, None] + 0.5).astype(
        np.int64
    )
    return float(_matching(first, begin, end, segmentation.shape[1], centre, segmentation.sizes))


def _variances(segmentation: Segmentation) -> Reals:
    """Variances (n, 2) of row and column, from exact sums."""
    sums, size = segmentation.coordinates.astype(float), segmentation.sizes[:, None]
    return np.maximum(sums[:, 2:] / size - (sums[:, :2] / size) ** 2, 0.0)


@njit(cache=True, nogil=True)
def _runs(labels: Labels, n: int) -> tuple[Sums, Numbers, Numbers]:
    """List the runs of each label in raster order: flat first pixel and flat last pixel.

    Those of label j are ``begin[first[j]:first[j + 1]]`` and ``end[first[j]:first[j + 1]]``.
    """
    height, width = labels.shape
    first = np.zeros(n + 2, np.int64)
    for row in range(height):
        for column in range(width):
            if column == 0 or labels[row, column] != labels[row, column - 1]:
                first[labels[row, column] + 2] += 1
    for j in range(2, n + 2):
        first[j] += first[j - 1]
    begin = np.empty(first[n + 1], np.int32)
    end = np.empty(first[n + 1], np.int32)
    for row in range(height):
        for column in range(width):
            label = labels[row, column]
            if column == 0 or label != labels[row, column - 1]:
                begin[first[label + 1]] = row * width + column
            if column == width - 1 or label != labels[row, column + 1]:
                end[first[label + 1]] = row * width + column
                first[label + 1] += 1
    return first[: n + 1], begin, end


@njit(cache=True, nogil=True)
def _hulls(first: Sums, begin: Numbers, end: Numbers, width: int) -> tuple[Reals, Reals]:
    """Pixels and perimeter in pixel edges of the digital convex hull of each label."""
    n = first.size - 1
    area, perimeter = np.empty(n), np.empty(n)
    longest = 0
    for j in range(n):
        longest = max(longest, first[j + 1] - first[j])
    chain = np.empty((2 * longest + 1, 2), np.int64)
    for j in range(n):
        starts, stops = begin[first[j] : first[j + 1]], end[first[j] : first[j + 1]]
        twice, lattice = 0, 0
        for side in (1, -1):  # up one side of the hull and down the other
            length = _chain(starts, stops, width, side, chain)
            for k in range(1, length):
                down, across = chain[k] - chain[k - 1]
                twice += side * (chain[k - 1, 0] * chain[k, 1] - chain[k, 0] * chain[k - 1, 1])
                lattice += _gcd(abs(down), abs(across))
        area[j] = (abs(twice) + lattice) // 2 + 1  # Pick's theorem
        left, right = width, 0
        for k in range(starts.size):
            left, right = min(left, starts[k] % width), max(right, stops[k] % width)
        rows = stops[-1] // width - starts[0] // width + 1
        perimeter[j] = 2 * (rows + right - left + 1)
    return area, perimeter


@njit(cache=True, nogil=True)
def _chain(starts: Numbers, stops: Numbers, width: int, side: int, chain: Sums) -> int:
    """One side of the convex hull of the run ends, which come sorted (Andrew's monotone chain)."""
    length = 0
    for k in range(starts.size):
        for p in (starts[k], stops[k]):
            row, column = p // width, p % width
            while length > 1:
                a, b = chain[length - 2], chain[length - 1]
                turn = (b[0] - a[0]) * (column - a[1]) - (b[1] - a[1]) * (row - a[0])
                if side * turn > 0:
                    break
                length -= 1
            chain[length, 0], chain[length, 1] = row, column
            length += 1
    return length


@njit(cache=True, nogil=True)
def _gcd(a: int, b: int) -> int:
    while b:
        a, b = b, a % b
    return a


@njit(cache=True, nogil=True)
def _matching(
    first: Sums, begin: Numbers, end: Numbers, width: int, centre: Sums, sizes: Numbers
) -> float:
    """Lay all shapes over each other; compare each, normalised, with the mean shape."""
    low = np.zeros(2, np.int64)
    high = np.zeros(2, np.int64)
    for j in range(sizes.size):
        for k in range(first[j], first[j + 1]):
            row = begin[k] // width - centre[j, 0]
            low[0], high[0] = min(low[0], row), max(high[0], row)
            low[1] = min(low[1], begin[k] % width - centre[j, 1])
            high[1] = max(high[1], end[k] % width - centre[j, 1])
    covered = np.zeros((high[0] - low[0] + 1, high[1] - low[1] + 1), np.int32)
    for j in range(sizes.size):
        for k in range(first[j], first[j + 1]):
            row = begin[k] // width - centre[j, 0] - low[0]
            column = begin[k] % width - centre[j, 1] - low[1]
            covered[row, column : column + end[k] - begin[k] + 1] += 1
    n_pixels = sizes.sum()
    mismatch = 0.0
    for j in range(sizes.size):
        apart = 1.0  # where the shape is not, the mean shape's mass counts in full
        for k in range(first[j], first[j + 1]):
            row = begin[k] // width - centre[j, 0] - low[0]
            column = begin[k] % width - centre[j, 1] - low[1]
            for step in range(end[k] - begin[k] + 1):
                mean = covered[row, column + step] / n_pixels
                apart += abs(mean - 1.0 / sizes[j]) - mean
        mismatch += sizes[j] / n_pixels * apart / 2.0
    return 1.0 - mismatch
