"""LSC: k-means in a space where it cuts a graph well. Own implementation.

Z. Li, J. Chen: Superpixel Segmentation using Linear Spectral Clustering. CVPR 2015.

Normalised cuts look at an image as a whole: they cut a graph, whose edges say how alike any two
pixels are, where little is lost. That takes eigenvectors and minutes. But weighted k-means has the
same optimum, in a space where the dot product of two pixels, each times its weight, is how alike
they are. LSC makes up a likeness for which this space is known. For a channel scaled to angles
from 0 to a right one, and likewise for rows and columns, it takes the cosine of the difference:

    cos(s - t) = cos(s) cos(t) + sin(s) sin(t),

a dot product. So every channel, and rows and columns, give a pixel two coordinates, ten in all.
Its weight is its likeness to all pixels together, one dot product with their sum; its place in the
space is coordinates over weight.

The rest is done as in SLIC: means start at seeds on a grid, off boundaries; each claims the pixels
around its middle; a pixel goes to the nearest mean. Twenty times this, and the labels follow fine
detail, and lie in pieces. Small pieces join the neighbour whose mean is nearest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ssnbench.contracts import Image, Labels
from ssnbench.kernels.colour import Lab, rgb_to_lab
from ssnbench.kernels.components import components
from ssnbench.kernels.grid import grid_cells, grid_seeds, grid_shape, to_lowest_gradient
from ssnbench.kernels.kmeans import by_row, unsigned_range, windows
from ssnbench.kernels.merging import join_small
from ssnbench.stages import stage

Floats = NDArray[np.float32]
Sums = NDArray[np.float64]

CHROMA = 2.55
"""Weight of a and b against L: of 1.5, 2.55 and 4 the one of best ASA on BSDS500's val images."""

MOST = 1.1
"""More superpixels than this times the count asked for are not made: the smallest are merged."""


@dataclass(frozen=True)
class LSC:
    """Cluster pixels by weighted k-means in ten dimensions, and merge the small pieces.

    The means start on the grid of square cells whose count is nearest to the one asked for. How
    many superpixels are made depends on the pieces that they fall into: on BSDS500 some 3 % more
    than asked for, and never 10 % more, as the smallest are then merged, too; of 25 or 50 asked
    for, 10 % less on a few images.

    Parameters
    ----------
    ratio : float
        Weight of place against colour, 0..1; published 0.075.
    n_iter : int
        Iterations, 1 or more; published 20.
    min_share : float
        Pieces smaller than this share of the mean size H*W/K join a neighbour; published 0.25. With
        0 labels stay in pieces, as clustering leaves them.
    """

    ratio: float = 0.075
    n_iter: int = 20
    min_share: float = 0.25

    def __call__(self, image: Image, n_segments: int) -> Labels:
        """Return labels 0..n-1, int32 (H, W), each 4-connected (unless ``min_share`` is 0)."""
        with stage("colour"):
            lab = rgb_to_lab(image)
        with stage("clustering"):
            grid = grid_shape(lab.shape[:2], n_segments)
            space = _space(lab, grid, self.ratio)
            labels = _clustered(lab, space, n_segments, self.n_iter)
        if self.min_share == 0:
            return labels
        with stage("connectivity"):
            return _merged(labels, space, n_segments, self.min_share)


Space = tuple[Floats, Floats, Floats]
"""Coordinates times weight: of colour and, behind these, the weight (7, H, W); of rows (2, H); of
columns (2, W)."""


def _space(lab: Lab, grid: tuple[int, int], ratio: float) -> Space:
    """Map pixels into the space of likeness.

    A right angle are 255 of any channel (L, which ends at 100, does not fill it), and one cell of
    the grid. This reading of the paper is the one that makes superpixels like the authors' program:
    with 100 for L, or the whole image for the cell, they fall into two or three times as many
    pieces. The coordinates of colour are centred, which changes no distance, but keeps them exact
    in single precision.
    """
    height, width = lab.shape[:2]
    down, along = np.empty((2, height), np.float32), np.empty((2, width), np.float32)
    _circle(np.arange(height) * (grid[0] / height), ratio, down)
    _circle(np.arange(width) * (grid[1] / width), ratio, along)
    colour = np.empty((7, height, width), np.float32)
    for channel in range(3):
        scaled = (lab[..., channel] + (128 if channel else 0)) / np.float32(255)
        _circle(scaled, CHROMA if channel else 1, colour[2 * channel : 2 * channel + 2])
    weight, mean = colour[6], colour[:6].mean(axis=(1, 2), dtype=np.float64).astype(np.float32)
    weight[:] = (down.mean(axis=1) @ down)[:, None] + along.mean(axis=1) @ along
    for i in range(6):
        weight += mean[i] * colour[i]
    mean /= weight.mean(dtype=np.float64).astype(np.float32)
    for i in range(6):
        colour[i] -= mean[i] * weight
    return colour, down, along


def _circle(right_angles: NDArray[np.floating], radius: float, points: Floats) -> None:
    """Fill ``points`` (2, ...) on a circle, by angles in units of a right one."""
    angles = right_angles * right_angles.dtype.type(np.pi / 2)
    np.cos(angles, out=points[0])
    np.sin(angles, out=points[1])
    points *= radius


def _clustered(lab: Lab, space: Space, n_segments: int, n_iter: int) -> Labels:
    """Alternate between the nearest mean for each pixel and the mean of each label's pixels."""
    shape = lab.shape[:2]
    (rows, columns), seeds = grid_shape(shape, n_segments), grid_seeds(shape, n_segments)
    to_lowest_gradient(lab, seeds)
    labels, centres = grid_cells(shape, n_segments), np.empty((len(seeds), 12), np.float32)
    sums = _sums(*space, labels, len(seeds))
    _move(centres, _at(*space, seeds))
    for _ in range(n_iter):
        _assign(*space, centres, (shape[0] / rows, shape[1] / columns), labels, sums)
        _move(centres, sums)
    return labels


@njit(cache=True, nogil=True, error_model="numpy")
def _at(colour: Floats, down: Floats, along: Floats, seeds: NDArray[np.int32]) -> Sums:
    """Sums, as in :func:`_sums`, over each seed alone."""
    sums = np.zeros((len(seeds), 14))
    for k in range(len(seeds)):
        _add(colour, down, along, sums, k, seeds[k, 0], seeds[k, 1], 1)
    return sums


@njit(cache=True, nogil=True, error_model="numpy")
def _sums(colour: Floats, down: Floats, along: Floats, labels: Labels, n: int) -> Sums:
    """Sum over the pixels of each of ``n`` labels.

    The columns: coordinates times weight, of colour (6), row (2) and column (2); weight, row,
    column, and 1.
    """
    sums = np.zeros((n, 14))
    for row in range(labels.shape[0]):
        for column in range(labels.shape[1]):
            _add(colour, down, along, sums, labels[row, column], row, column, 1)
    return sums


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _add(colour, down, along, sums, k, row, column, sign):  # type: ignore[no-untyped-def]
    for i in range(6):
        sums[k, i] += sign * colour[i, row, column]
    for i in range(2):
        sums[k, 6 + i] += sign * down[i, row]
        sums[k, 8 + i] += sign * along[i, column]
    sums[k, 10] += sign * colour[6, row, column]
    sums[k, 11] += sign * row
    sums[k, 12] += sign * column
    sums[k, 13] += sign


@njit(cache=True, nogil=True, error_model="numpy")
def _move(centres: Floats, sums: Sums) -> None:
    """Move means, (K, 10), and middles (row, column) to those of their pixels, if they have any."""
    for k in range(len(centres)):
        if sums[k, 13] > 0:
            for i in range(10):
                centres[k, i] = sums[k, i] / sums[k, 10]
            centres[k, 10] = sums[k, 11] / sums[k, 13]
            centres[k, 11] = sums[k, 12] / sums[k, 13]


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _assign(
    colour: Floats,
    down: Floats,
    along: Floats,
    centres: Floats,
    reach: tuple[float, float],
    labels: Labels,
    sums: Sums,
) -> None:
    """Give every pixel to the nearest of the means within reach; without one it stays.

    The sums follow row by row, while the pixels are at hand; few change hands.
    Compared is half the squared distance, times weight, less what is the same for all means. So a
    pixel needs no division, rows no product.
    """
    height, width = labels.shape
    half = np.float32(0.5) * (centres[:, :10] ** 2).sum(axis=1)
    far = np.full(len(centres), np.float32(reach[1]))
    tall = np.full(len(centres), np.float32(reach[0]))
    bounds = windows(centres[:, 10], centres[:, 11], tall, far, labels.shape)
    start, which = by_row(bounds, height)
    least, before = np.empty(width, np.float32), np.empty(width, np.int32)
    columns, p8, p9 = np.arange(width).astype(np.float32), along[0], along[1]
    for row in range(height):
        p0, p1, p2, p3 = colour[0, row], colour[1, row], colour[2, row], colour[3, row]
        p4, p5, weight, label = colour[4, row], colour[5, row], colour[6, row], labels[row]
        least[:], before[:] = np.inf, label
        for k in which[start[row] : start[row + 1]]:
            mean, middle = centres[k], centres[k, 11]
            c0, c1, c2, c3, c4, c5 = mean[0], mean[1], mean[2], mean[3], mean[4], mean[5]
            above, c8, c9 = mean[6] * down[0, row] + mean[7] * down[1, row], mean[8], mean[9]
            for i in unsigned_range(bounds[k, 2], bounds[k, 3]):  # no branch: it runs on vectors
                like = c0 * p0[i] + c1 * p1[i] + c2 * p2[i] + c3 * p3[i] + c4 * p4[i] + c5 * p5[i]
                d = half[k] * weight[i] - (like + above + (c8 * p8[i] + c9 * p9[i]))
                nearer = (d < least[i]) & (abs(columns[i] - middle) <= far[k])
                least[i] = d if nearer else least[i]
                label[i] = np.int32(k) if nearer else label[i]
        for column in range(width):
            new, old = label[column], before[column]
            if new != old:
                _add(colour, down, along, sums, new, row, column, 1)
                _add(colour, down, along, sums, old, row, column, -1)


def _merged(labels: Labels, space: Space, n_segments: int, min_share: float) -> Labels:
    """Split labels into connected pieces, and join small ones to the neighbour of nearest mean."""
    parts, n = components(labels)
    sums = _sums(*space, parts, n)
    least, most = min_share * labels.size / n_segments, int(n_segments * MOST)
    return join_small(parts, sums[:, :10], sums[:, 10], sums[:, 13], least, most)


PLUGIN = LSC
