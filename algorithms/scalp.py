"""SCALP: k-means like SLIC's that looks at what lies between pixel and centre. Own implementation.

R. Giraud, V.-T. Ta, N. Papadakis: SCALP: Superpixels with Contour Adherence using Linear Path.
ICPR 2016; Robust Superpixels using Color and Contour Features along Linear Path. Computer Vision
and Image Understanding 170, 1-13, 2018.

SLIC compares one pixel with a centre, so that a superpixel may reach across a contour to a patch
of like colour behind it. SCALP's distance of pixel p to centre k has three terms:

- colour of the neighbourhood: squared distances of the pixels q of the 7 x 7 around p to the colour
  of k, weighed by how like p they are, exp(-|F_p - F_q|^2 / (2 sigma^2)). This mean is |F'_p -
  F_k|^2 + V_p, where F'_p is the weighted mean of the colours and V_p their weighted variance: both
  are computed once for all centres;
- the same, averaged over the pixels on the straight line from p to the place of the centre;
- place, as in SLIC.

With a contour prior the distance is multiplied by 1 + gamma times the strongest contour on the
line. Centres start on a grid of step S, look around themselves in a 2S x 2S window, and stray
pieces join a neighbour in the end, all as in SLIC.

Walking along each line would take time in proportion to its length. But lines to one centre have
nearly everything in common: the pixels at distance r from it (the larger of rows and columns) form
a square ring; the line from a pixel of ring r crosses ring r - 1 between two pixels, and goes on
from there as theirs do. So the sum along a line is the pixel's own value plus the sums of those
two, interpolated: a window takes time linear in its pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ssnbench.contracts import Image, Labels
from ssnbench.kernels.colour import rgb_to_lab
from ssnbench.kernels.grid import grid_cells, grid_seeds, grid_shape
from ssnbench.kernels.kmeans import Centres, Planes, move, recount, window
from ssnbench.kernels.linear_paths import Rays, strongest_along, sum_along, window_rays
from ssnbench.labels import keep_largest
from ssnbench.stages import stage

Floats = NDArray[np.float32]

NEAR = 3
"""Rows and columns on either side that belong to the neighbourhood."""

NO_CONTOUR = np.empty((0, 0), np.float32)

QUARTER = np.pi / 200
"""Compactness is published for LSC's features, cosine and sine of Lab's channels, scaled so that
L = 0..100 is a quarter circle. Lab times this has the same distances, but for chords that are
shorter than their arcs, by 3 % at a difference of 50."""


@dataclass(frozen=True)
class SCALP:
    """Cluster pixels by colour and place, and by the colours on the way to the centre.

    The centres start on the grid of square cells whose count is nearest to the one asked for. What
    falls apart is mended as :func:`ssnbench.labels.keep_largest` does, so that the count asked for
    is met but for a few per cent, and of 25 or 5000 but for 16 on single images (the papers merge
    what is smaller than a share of a cell, which makes more or less of them).

    Parameters
    ----------
    compactness : float
        Weight m of place against colour, 0 or more; published 0.075.
    lambda_ : float
        Share of the pixel's own neighbourhood in the colour distance, 0..1; the rest is that of the
        line to the centre. Published 0.5.
    sigma : float
        How unlike, in Lab, a pixel may be to count as a neighbour, above 0. The value is ours: at
        10, adherence and compactness are those of the authors' maps, and on validation images of
        BSDS500 5 and 10 score alike, 20 and 40 worse.
    gamma : float
        Weight of the contour prior, 0 or more; 0 means none. Published 50, for contours that were
        learnt. Ours is the gradient of the smoothed colours, 0..1 from none to the strongest
        per cent of the image.
    n_iter : int
        Iterations, 1 or more; 10 as in SLIC.
    """

    compactness: float = 0.075
    lambda_: float = 0.5
    sigma: float = 10.0
    gamma: float = 0.0
    n_iter: int = 10

    def __call__(self, image: Image, n_segments: int) -> Labels:
        """Return labels 0..n-1, int32 (H, W), each 4-connected."""
        with stage("colour"):
            lab = rgb_to_lab(image)
        with stage("neighbourhood"):
            planes = np.ascontiguousarray(lab.transpose(2, 0, 1))
            smooth = _neighbourhoods(planes, self.sigma)
            contour = _contour(smooth) if self.gamma > 0 else NO_CONTOUR
        with stage("clustering"):
            labels = self._clustered(planes, smooth, np.float32(self.gamma) * contour, n_segments)
        with stage("connectivity"):
            return keep_largest(labels, n_segments)

    def _clustered(
        self, planes: Planes, smooth: Floats, contour: Floats, n_segments: int
    ) -> Labels:
        """Alternate between the nearest centre of each pixel and the mean of a centre's pixels."""
        height, width = shape = planes.shape[1:]
        seeds = grid_seeds(shape, n_segments)
        centres = np.hstack([planes[:, *seeds.T].T, seeds.astype(np.float32)])
        rows, columns = grid_shape(shape, n_segments)
        step = np.sqrt(height * width / len(seeds))
        reach = np.float32(max(step, height / rows, width / columns))  # a strip's cells: not square
        weight = np.float32((self.compactness / QUARTER / step) ** 2)
        labels, nearest = grid_cells(shape, n_segments), np.empty(shape, np.float32)
        counted, sums = np.full(shape, -1, np.int32), np.zeros((len(seeds), 6))
        around = int(np.ceil(reach)) + 1  # a centre is rounded to a pixel
        rays = window_rays(min(around, height), min(around, width))
        share = np.float32(self.lambda_)
        for _ in range(self.n_iter):
            nearest[:] = np.inf
            _assign(smooth, contour, centres, reach, weight, share, rays, nearest, labels)
            recount(planes, labels, counted, sums)
            move(centres, sums)
        return labels


def _neighbourhoods(planes: Planes, sigma: float) -> Floats:
    """Weighted means of L, a, b around each pixel, and their weighted variance: (4, H, W)."""
    source = np.concatenate([planes, (planes**2).sum(axis=0, keepdims=True)])
    total = np.concatenate([source, np.ones_like(planes[:1])])  # the pixel itself weighs 1
    _add_neighbours(source, np.float32(-0.5 * math.log2(math.e) / sigma**2), total)
    mean: Floats = total[:4] / total[4]
    mean[3] = np.maximum(mean[3] - (mean[:3] ** 2).sum(axis=0), 0)
    return mean


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _add_neighbours(source: Floats, rate: np.float32, total: Floats) -> None:
    """Add to every pixel those of its neighbourhood, weighed by 2^(rate times squared distance).

    Offset by offset and in runs along a row, so that everything runs on vectors.
    """
    _, height, width = source.shape
    weight = np.empty(width, np.float32)
    for row in range(height):
        for down in range(min(NEAR + 1, height - row)):
            for right in range(-NEAR if down else 1, NEAR + 1):  # half of them: weights are mutual
                n = width - abs(right)
                here, there = max(-right, 0), max(right, 0)
                if n > 0:
                    _weigh(source, row, here, row + down, there, rate, weight[:n])
                    _add(source, row, here, row + down, there, weight[:n], total)
                    _add(source, row + down, there, row, here, weight[:n], total)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _weigh(source, row, here, other_row, there, rate, weight):  # type: ignore[no-untyped-def]
    """Fill ``weight`` for a run of pixels and their neighbours at one offset."""
    weight[:] = 0
    for channel in range(3):
        one = source[channel, row, here : here + weight.size]
        other = source[channel, other_row, there : there + weight.size]
        for i in range(weight.size):
            weight[i] += (one[i] - other[i]) ** 2
    for i in range(weight.size):
        weight[i] = _power_of_two(rate * weight[i])


@njit(cache=True, nogil=True, inline="always")
def _power_of_two(x):  # type: ignore[no-untyped-def]
    """2^x of a float32 that is not positive, to 1e-4: the exponent's bits, times a cubic."""
    x = max(x, np.float32(-126))
    whole = np.int32(x)  # towards zero, so that the rest is -1..0
    rest = x - np.float32(whole)
    cubic = np.float32(1) + rest * (
        np.float32(0.69142) + rest * (np.float32(0.23056) + rest * np.float32(0.03913))
    )
    return np.int32((whole + np.int32(127)) << np.int32(23)).view(np.float32) * cubic


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _add(source, row, start, to_row, to_start, weight, total):  # type: ignore[no-untyped-def]
    """Add a run of pixels, times ``weight``, to another; and the weights to their sum."""
    for channel in range(4):
        given = source[channel, row, start : start + weight.size]
        kept = total[channel, to_row, to_start : to_start + weight.size]
        for i in range(weight.size):
            kept[i] += weight[i] * given[i]
    kept = total[4, to_row, to_start : to_start + weight.size]
    for i in range(weight.size):
        kept[i] += weight[i]


def _contour(smooth: Floats) -> Floats:
    """Gradient of the smoothed colours, 0..1; 1 for the strongest percent, if above 1 in Lab."""
    squared = np.zeros(smooth.shape[1:], np.float32)
    for axis in (1, 2):
        if smooth.shape[axis] > 1:
            squared += (np.gradient(smooth[:3], axis=axis) ** 2).sum(axis=0)
    strength = np.sqrt(squared)
    strongest = np.float32(max(np.quantile(strength, 0.99), 1))
    scaled: Floats = np.minimum(strength / strongest, np.float32(1))
    return scaled


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _assign(
    smooth: Floats,
    contour: Floats,
    centres: Centres,
    reach: np.float32,
    weight: np.float32,
    share: np.float32,
    rays: Rays,
    nearest: Floats,
    labels: Labels,
) -> None:
    """Give every pixel to the nearest of the centres within reach; without one it stays."""
    one, (height, width) = np.float32(1), labels.shape
    colour, onway = np.zeros_like(rays.length), np.zeros_like(rays.length)
    barrier, others = np.zeros_like(rays.length), (one - share) / rays.length
    for k in range(len(centres)):
        top, bottom = window(centres[k, 3], reach, height)
        left, right = window(centres[k, 4], reach, width)
        up = int(np.round(centres[k, 3])) - len(colour) // 2  # where the rays' window begins
        back = int(np.round(centres[k, 4])) - colour.shape[1] // 2
        for row in range(top, bottom):
            _compare(smooth, row, left, right, centres[k], colour[row - up, left - back :])
        sum_along(colour.reshape(-1), rays, onway.reshape(-1))
        if contour.size:
            box = barrier[top - up : bottom - up, left - back : right - back]
            box[:] = contour[top:bottom, left:right]
            strongest_along(barrier.reshape(-1), rays)
        for row in range(top, bottom):
            i, down = row - up, np.float32(row) - centres[k, 3]
            along = np.float32(left) - centres[k, 4]
            distance = onway[i, left - back : right - back]
            own, part = colour[i, left - back :], others[i, left - back :]
            _distance(own, part, share, weight, down, along, distance)
            if contour.size:
                distance *= one + barrier[i, left - back : right - back]
            _claim(distance, k, nearest[row, left:right], labels[row, left:right])


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _compare(smooth, row, left, right, centre, colour):  # type: ignore[no-untyped-def]
    """Squared distance of neighbourhoods to the colour of a centre, for a run of pixels."""
    mean_l, mean_a, mean_b = centre[0], centre[1], centre[2]
    light, a = smooth[0, row, left:right], smooth[1, row, left:right]
    b, variance = smooth[2, row, left:right], smooth[3, row, left:right]
    for i in range(right - left):
        d = (light[i] - mean_l) ** 2 + (a[i] - mean_a) ** 2 + (b[i] - mean_b) ** 2
        colour[i] = d + variance[i]


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _distance(colour, part, share, weight, down, along, onway):  # type: ignore[no-untyped-def]
    """Turn the sums along the rays of a run of pixels into their distances from the centre."""
    for i in range(onway.size):
        place = down * down + (along + np.float32(i)) ** 2
        onway[i] = share * colour[i] + part[i] * onway[i] + weight * place


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _claim(distance, k, nearest, labels):  # type: ignore[no-untyped-def]
    """Take for centre ``k`` those pixels of a run that it is nearest to so far."""
    for i in range(labels.size):  # without a branch, so that it runs on vectors
        nearer = distance[i] < nearest[i]
        nearest[i] = distance[i] if nearer else nearest[i]
        labels[i] = np.int32(k) if nearer else labels[i]


PLUGIN = SCALP
