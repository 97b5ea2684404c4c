"""SEEDS: blocks, then pixels, exchanged between superpixels. Own implementation.

M. Van den Bergh, X. Boix, G. Roig, L. Van Gool: SEEDS: Superpixels Extracted via Energy-Driven
Sampling. International Journal of Computer Vision 111(3), 298-314, 2015.

Most methods grow superpixels or move centres; SEEDS only ever moves boundaries. The superpixels
start as the cells of a grid, and each keeps a histogram of its colours. A superpixel is good when
its histogram has few and high peaks. So every cell is cut into 2 x 2 blocks, and a block at the
border of its superpixel goes over to a neighbour where its own histogram fits in better: where it
intersects more with that of the neighbour than with that of what would be left behind. Then the
blocks are cut into four, and so on: large blocks go far in few steps, small ones follow the
boundaries.

In the end single pixels move. The histogram of one pixel says little, and bins are coarse; hence
pixels compare their colour with the mean colours of the superpixels instead. How many of the eight
pixels around are of the same superpixel counts too: that is the prior, which makes boundaries
smooth. Nothing moves that would tear its superpixel apart, so that there are as many connected
superpixels at the end as there were cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ssnbench.contracts import Image, Labels
from ssnbench.kernels.colour import Lab, rgb_to_lab
from ssnbench.kernels.grid import grid_shape
from ssnbench.kernels.topology import ALIKE, LOOSE, like_around
from ssnbench.stages import stage

Bins = NDArray[np.uint16]
Counts = NDArray[np.int32]
Edges = NDArray[np.int64]

SMALLEST = 2
"""Blocks are not cut into smaller ones than this, in pixels a side; then pixels follow."""

DEVIATION = 4.0
"""How far colours scatter around the mean of a superpixel, in Lab: the unit of the prior. Chosen on
validation images of BSDS500: less finds more of the boundaries, more keeps to objects better."""

SAMPLE = 4096
"""Pixels, about, whose colours decide where the bins of the histogram end."""

ROUNDING = 1e-9
"""By more than this a share has to be larger, so that rounding moves nothing."""


@dataclass(frozen=True)
class SEEDS:
    """Move blocks and then pixels between neighbouring superpixels while they fit better there.

    As many superpixels are made as the grid of square cells has whose count is nearest to the one
    asked for (204, 600 and 988 for 200, 600 and 1000 on 481 x 321 pixels). Blocks may differ by a
    pixel in size, so that any grid can be cut in two again and again.

    Parameters
    ----------
    histogram_bins : int
        Bins per channel of Lab, 1 to 40, with as many pixels of the image in each; published 5.
    iterations : int
        Passes over the blocks of every size, 1 or more, and twice as many over the pixels; the
        authors' program has 2.
    prior : float
        Smoothness of boundaries: exponent of the number of equal neighbours, by which the
        likelihood of a pixel's colour is multiplied; 0 or more, the authors' program has 1.
    """

    histogram_bins: int = 5
    iterations: int = 2
    prior: float = 1.0

    def __call__(self, image: Image, n_segments: int) -> Labels:
        """Return labels 0..n-1, int32 (H, W), each 4-connected."""
        with stage("colour"):
            lab = rgb_to_lab(image)
        with stage("clustering"):
            labels = self._by_blocks(lab, grid_shape(lab.shape[:2], n_segments))
            return _by_pixels(lab, labels, self.prior, 2 * self.iterations)

    def _by_blocks(self, lab: Lab, grid: tuple[int, int]) -> Labels:
        """Start from a grid and move blocks; return labels with a rim of -1."""
        (height, width), (rows, columns) = lab.shape[:2], grid
        bins = _binned(lab, _cuts(lab, self.histogram_bins))
        labels = _rimmed(np.arange(rows * columns, dtype=np.int32).reshape(grid))
        down, along = _edges(height, rows), _edges(width, columns)
        histograms = _histograms(bins, down, along, self.histogram_bins**3)
        side = min(height // rows, width // columns) // 2
        while side >= SMALLEST:
            labels = _rimmed(labels[1:-1, 1:-1].repeat(2, axis=0).repeat(2, axis=1))
            down, along = _edges(height, 2 * len(down) - 2), _edges(width, 2 * len(along) - 2)
            for _ in range(self.iterations):
                _move_blocks(labels, bins, down, along, histograms)
            side //= 2
        blocks = labels[1:-1, 1:-1]
        return _rimmed(blocks.repeat(np.diff(down), axis=0).repeat(np.diff(along), axis=1))


def _edges(length: int, n: int) -> Edges:
    """First pixels of ``n`` blocks along one axis, and the end; twice the blocks halve each."""
    return np.arange(n + 1) * length // n


def _rimmed(labels: Labels) -> Labels:
    return np.pad(labels, 1, constant_values=-1)


def _cuts(lab: Lab, n_bins: int) -> NDArray[np.float32]:
    """Where bins end, (3, n_bins - 1): quantiles, so that no bin is wasted on absent colours."""
    step = max(1, int(np.sqrt(lab.shape[0] * lab.shape[1] / SAMPLE)))
    colours = np.ascontiguousarray(lab[::step, ::step].reshape(-1, 3).T)
    cuts = np.quantile(colours, np.arange(1, n_bins) / n_bins, axis=1)
    return np.ascontiguousarray(cuts.T, dtype=np.float32)


@njit(cache=True, nogil=True)
def _binned(lab: Lab, cuts: NDArray[np.float32]) -> Bins:
    """Bin of every pixel in the joint histogram of the three channels."""
    height, width = lab.shape[:2]
    bins = np.empty((height, width), np.uint16)
    for row in range(height):
        for column in range(width):
            at = 0
            for channel in range(3):
                at *= cuts.shape[1] + 1
                for i in range(cuts.shape[1]):
                    at += int(lab[row, column, channel] > cuts[channel, i])
            bins[row, column] = at
    return bins


@njit(cache=True, nogil=True)
def _histograms(bins: Bins, down: Edges, along: Edges, n_bins: int) -> Counts:
    """Histogram of every cell; behind the bins, the number of its pixels."""
    rows, columns = down.size - 1, along.size - 1
    histograms = np.zeros((rows * columns, n_bins + 1), np.int32)
    for i in range(rows):
        for j in range(columns):
            histogram = histograms[i * columns + j]
            for row in range(down[i], down[i + 1]):
                for column in range(along[j], along[j + 1]):
                    histogram[bins[row, column]] += 1
            histogram[n_bins] = (down[i + 1] - down[i]) * (along[j + 1] - along[j])
    return histograms


@njit(cache=True, nogil=True, error_model="numpy")
def _move_blocks(labels: Labels, bins: Bins, down: Edges, along: Edges, histograms: Counts) -> None:
    """Offer every block, in raster order, to the superpixels that it touches."""
    flat, width = labels.reshape(-1), labels.shape[1]
    block = np.zeros(histograms.shape[1], np.int32)
    present = np.empty(histograms.shape[1], np.int32)
    for i in range(down.size - 1):
        for j in range(along.size - 1):
            p = (i + 1) * width + j + 1
            own = flat[p]
            if not LOOSE[like_around(flat, p, width, own)]:
                continue
            n = _count(bins, down[i], down[i + 1], along[j], along[j + 1], block, present)
            for x in range(n):
                histograms[own, present[x]] -= block[present[x]]
            best, most = own, _intersection(block, present, n, histograms, own) + ROUNDING
            for q in (p - width, p - 1, p + 1, p + width):
                k = flat[q]
                if k >= 0 and k != own and k != best:
                    shared = _intersection(block, present, n, histograms, k)
                    if shared > most:
                        best, most = k, shared
            flat[p] = best
            for x in range(n):
                histograms[best, present[x]] += block[present[x]]
                block[present[x]] = 0


@njit(cache=True, nogil=True, forceinline=True)
def _count(bins, top, bottom, left, right, block, present):  # type: ignore[no-untyped-def]
    """Fill the histogram of a block, empty before; list its bins, and return how many.

    The number of pixels stands, as in the other histograms, behind the bins: it is listed too.
    """
    n = 1
    present[0] = block.size - 1
    block[block.size - 1] = (bottom - top) * (right - left)
    for row in range(top, bottom):
        for column in range(left, right):
            at = bins[row, column]
            if block[at] == 0:
                present[n] = at
                n += 1
            block[at] += 1
    return n


@njit(cache=True, nogil=True, error_model="numpy", fastmath=True, forceinline=True)
def _intersection(block, present, n, histograms, k):  # type: ignore[no-untyped-def]
    """Share of the block's pixels that find their like in a superpixel, both scaled to 1."""
    last = block.size - 1
    per_block, per_superpixel = 1 / block[last], 1 / histograms[k, last]
    shared = 0.0
    for x in range(1, n):
        at = present[x]
        shared += min(block[at] * per_block, histograms[k, at] * per_superpixel)
    return shared


def _by_pixels(lab: Lab, labels: Labels, prior: float, passes: int) -> Labels:
    """Move pixels to where their colour is near the mean; return labels without the rim.

    With normally distributed colours, the logarithm of likelihood times prior is, scaled by
    ``-2 * DEVIATION**2``, the squared distance to the mean less a bonus for equal neighbours.
    """
    near = np.log(np.maximum(np.arange(9), 1))
    bonus = (2 * DEVIATION**2 * prior * near).astype(np.float32)
    sums = _sums(lab, labels, int(labels.max()) + 1)
    awake = np.ones(labels.shape, np.bool_)
    for _ in range(passes):
        _move_pixels(lab, labels, sums, bonus, awake)
    return np.ascontiguousarray(labels[1:-1, 1:-1])


@njit(cache=True, nogil=True)
def _sums(lab: Lab, labels: Labels, n: int) -> NDArray[np.float64]:
    """Sums of L, a, b, and pixels of every superpixel, (n, 4)."""
    sums = np.zeros((n, 4))
    for row in range(lab.shape[0]):
        for column in range(lab.shape[1]):
            _add(sums, labels[row + 1, column + 1], lab, row, column, 1)
    return sums


@njit(cache=True, nogil=True, forceinline=True)
def _add(sums, k, lab, row, column, sign):  # type: ignore[no-untyped-def]
    for channel in range(3):
        sums[k, channel] += sign * lab[row, column, channel]
    sums[k, 3] += sign


@njit(cache=True, nogil=True, error_model="numpy", fastmath=True)
def _move_pixels(
    lab: Lab,
    labels: Labels,
    sums: NDArray[np.float64],
    bonus: NDArray[np.float32],
    awake: NDArray[np.bool_],
) -> None:
    """Offer pixels, in raster order, to the superpixels that they touch.

    A pixel that stayed sleeps until one around it moves: nothing else changes its mind soon.
    """
    flat, width = labels.reshape(-1), labels.shape[1]
    means = (sums / sums[:, 3:])[:, :3].astype(np.float32)
    for row in range(lab.shape[0]):
        for column in range(lab.shape[1]):
            if not awake[row + 1, column + 1]:
                continue
            awake[row + 1, column + 1] = False
            p = (row + 1) * width + column + 1
            own = flat[p]
            around = like_around(flat, p, width, own)
            if not LOOSE[around]:
                continue
            best, least = own, _cost(lab, row, column, means[own], bonus, around)
            for q in (p - width, p - 1, p + 1, p + width):
                k = flat[q]
                if k >= 0 and k != own and k != best:
                    around = like_around(flat, p, width, k)
                    cost = _cost(lab, row, column, means[k], bonus, around)
                    if cost < least:
                        best, least = k, cost
            if best != own:
                flat[p] = best
                awake[row : row + 3, column : column + 3] = True
                _weigh_in(sums, means, own, lab, row, column, -1)
                _weigh_in(sums, means, best, lab, row, column, 1)


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _weigh_in(sums, means, k, lab, row, column, sign):  # type: ignore[no-untyped-def]
    """Update the mean of superpixel ``k`` when a pixel comes (sign 1) or goes (-1)."""
    _add(sums, k, lab, row, column, sign)
    for channel in range(3):
        means[k, channel] = sums[k, channel] / sums[k, 3]


@njit(cache=True, nogil=True, forceinline=True)
def _cost(lab, row, column, mean, bonus, around):  # type: ignore[no-untyped-def]
    """Squared distance of a pixel's colour to a mean, less the bonus for equal neighbours."""
    cost = -bonus[ALIKE[around]]
    for channel in range(3):
        cost += (lab[row, column, channel] - mean[channel]) ** 2
    return cost


PLUGIN = SEEDS
