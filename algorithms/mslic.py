"""Manifold SLIC: superpixels of equal content, not of equal size. Own implementation.

Y.-J. Liu, C.-C. Yu, M.-J. Yu, Y. He: Manifold SLIC: A Fast Method to Compute Content-Sensitive
Superpixels. CVPR 2016.

Think of the image as a surface in the five-dimensional space of row, column, L, a, b in which SLIC
measures distance. Where nothing happens, the surface is as large as the image below it; where
colours change, it is steep, and a pixel has much area. Superpixels of equal area on the surface
are what one wants: large ones in the sky, small ones in the leaves. SLIC is changed in three places
to get there, from the same grid of equal cells:

- the window in which a centre looks around itself shrinks where there is much area in it, and grows
  where there is little;
- after an iteration, superpixels of more than twice the mean area are split, and as many of less
  than half of it are merged into a neighbour: centres wander to where the content is;
- in the end, the pieces that superpixels have fallen into are judged by their area, too: small ones
  join the neighbour of the most similar colour, until no more are left than were asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ssnbench.contracts import Image, Labels
from ssnbench.kernels.colour import Lab, rgb_to_lab
from ssnbench.kernels.components import components
from ssnbench.kernels.grid import grid_cells, grid_shape
from ssnbench.kernels.kmeans import Centres, Planes, assign, move, recount
from ssnbench.kernels.merging import join_small
from ssnbench.stages import stage

Areas = NDArray[np.float64]
"""float64 (H, W) or (K,): area on the surface, in pixels, of each pixel or superpixel."""

LARGE, SMALL = 2.0, 0.5
"""Superpixels of more and of less than this times the mean area are split and merged."""

SETTLING = 4
"""Last iterations, without splits and merges."""

STRAY = 0.25
"""Pieces of less than this times the mean area join a neighbour."""

FARTHEST = 2.0
"""No window is larger than this times that of SLIC: some surfaces are flat nearly everywhere."""


@dataclass(frozen=True)
class MSLIC:
    """Cluster pixels by k-means in windows, so that superpixels have like areas on the surface.

    What is split and merged when is not taken from the authors' program: the thresholds are chosen
    here. A label freed by a merge is used for a split, and pieces are merged down to the count
    asked for: that is how many superpixels are made of nearly every photograph.

    Parameters
    ----------
    compactness : float
        Weight of place against colour, above 0, as in SLIC; published 10.
    n_iter : int
        Iterations, 1 or more; published 10.
    """

    compactness: float = 10.0
    n_iter: int = 10

    def __call__(self, image: Image, n_segments: int) -> Labels:
        """Return labels 0..n-1, int32 (H, W), each 4-connected."""
        with stage("colour"):
            lab = rgb_to_lab(image)
        with stage("clustering"):
            step = np.sqrt(lab[..., 0].size / np.prod(grid_shape(lab.shape[:2], n_segments)))
            areas = _areas(lab, np.float32(step / self.compactness))
            planes = np.ascontiguousarray(lab.transpose(2, 0, 1))
            weight = np.float32((self.compactness / step) ** 2)
            labels = _clustered(planes, areas, n_segments, weight, self.n_iter)
        with stage("connectivity"):
            return _merged(labels, planes, areas, n_segments)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=True)
def _areas(lab: Lab, scale: np.float32) -> Areas:
    """Area on the surface of each pixel; a step of 1 in Lab is ``scale`` pixels high.

    The surface is the image of (row, column); the vectors along which it rises with the row and
    with the column span a parallelogram, whose squared area is the determinant of their products.
    """
    height, width = lab.shape[:2]
    areas = np.empty((height, width))
    for row in range(height):
        above, below = max(row - 1, 0), min(row + 1, height - 1)
        for column in range(width):
            left, right = max(column - 1, 0), min(column + 1, width - 1)
            steep_down = steep_along = np.float32(1)
            both = np.float32(0)
            for channel in range(3):
                down = lab[below, column, channel] - lab[above, column, channel]
                along = lab[row, right, channel] - lab[row, left, channel]
                down *= scale / max(below - above, 1)
                along *= scale / max(right - left, 1)
                steep_down += down * down
                steep_along += along * along
                both += down * along
            areas[row, column] = np.sqrt(steep_down * steep_along - both * both)
    return areas


def _clustered(
    planes: Planes, areas: Areas, n_segments: int, weight: np.float32, n_iter: int
) -> Labels:
    """Alternate between assigning pixels, splitting and merging, and moving centres."""
    shape = height, width = areas.shape
    rows, columns = grid_shape(shape, n_segments)
    n = rows * columns
    side = max(np.sqrt(height * width / n), height / rows, width / columns)
    labels, distance = grid_cells(shape, n_segments), np.empty(shape, np.float32)
    counted, sums = np.full(shape, -1, np.int32), np.zeros((n, 6))
    centres = np.zeros((n, 5), np.float32)
    recount(planes, labels, counted, sums)
    move(centres, sums)
    summed = np.pad(areas.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    for remaining in range(n_iter, 0, -1):
        assign(planes, centres, _reaches(centres, summed, side), weight, distance, labels)
        if remaining > SETTLING:
            _exchange(labels, _totals(areas, labels, n), summed[-1, -1] / n)
        recount(planes, labels, counted, sums)
        move(centres, sums)
    return labels


def _reaches(centres: Centres, summed: Areas, side: float) -> NDArray[np.float32]:
    """How far each centre looks around itself: the denser its surroundings, the less.

    ``summed`` holds the area above and to the left of every corner of pixels.
    """
    middles, (height, width) = centres[:, 3:], np.array(summed.shape) - 1
    top, left = np.maximum(np.ceil(middles - side), 0).astype(np.int64).T
    bottom, right = np.minimum(np.floor(middles + side) + 1, (height, width)).astype(np.int64).T
    area = summed[bottom, right] - summed[top, right] - summed[bottom, left] + summed[top, left]
    density = area / ((bottom - top) * (right - left))
    share = np.sqrt(summed[-1, -1] / (height * width) / density)
    return np.asarray(side * np.minimum(share, FARTHEST), np.float32)


def _totals(areas: Areas, labels: Labels, n: int) -> Areas:
    """Area of each of ``n`` superpixels."""
    return np.bincount(labels.ravel(), areas.ravel(), n).astype(np.float64)


def _exchange(labels: Labels, areas: Areas, mean: float) -> None:
    """Merge the smallest superpixels and split the largest, equally many, in place."""
    order = np.argsort(areas, kind="stable").astype(np.int32)
    n = min(np.sum(areas < SMALL * mean), np.sum(areas > LARGE * mean))
    if n > 0:
        small, large = order[:n], order[::-1][:n]
        new = _merge(labels, areas, small)
        _split(labels, large, new)


def _merged(labels: Labels, planes: Planes, areas: Areas, n_segments: int) -> Labels:
    """Split labels into connected pieces, and join the small ones to the most similar."""
    parts, n = components(labels)
    sums = np.zeros((n, 6))
    recount(planes, parts, np.full(parts.shape, -1, np.int32), sums)
    sizes, least = _totals(areas, parts, n), STRAY * areas.sum() / n_segments
    return join_small(parts, sums[:, :3], sums[:, 5], sizes, least, n_segments)


@njit(cache=True, nogil=True)
def _merge(labels: Labels, areas: Areas, small: NDArray[np.int32]) -> NDArray[np.int32]:
    """Merge each small superpixel, in place, into its smallest neighbour that is not one of them.

    Returns
    -------
    int32 (N,)
        The labels that this sets free; one without such a neighbour stays.
    """
    height, width = labels.shape
    goes, into = np.zeros(areas.size, np.bool_), np.full(areas.size, -1, np.int32)
    goes[small] = True
    for row in range(height):
        for column in range(width):
            for down, along in ((0, 1), (1, 0)):
                if row + down < height and column + along < width:
                    a, b = labels[row, column], labels[row + down, column + along]
                    if goes[a] != goes[b]:
                        a, b = (a, b) if goes[a] else (b, a)
                        if into[a] < 0 or areas[b] < areas[into[a]]:
                            into[a] = b
    for p in range(labels.size):
        target = into[labels.flat[p]]
        if target >= 0:
            labels.flat[p] = target
    return small[into[small] >= 0]


@njit(cache=True, nogil=True)
def _split(labels: Labels, large: NDArray[np.int32], new: NDArray[np.int32]) -> None:
    """Split large superpixels, in place, across their longer side; the second halves get ``new``.

    There may be more large ones than new labels: the first are split.
    """
    height, width = labels.shape
    place = np.full(labels.max() + 1, -1, np.int32)
    place[large[: new.size]] = np.arange(new.size)
    first, last = np.full((new.size, 2), max(height, width)), np.zeros((new.size, 2), np.int64)
    for row in range(height):
        for column in range(width):
            i = place[labels[row, column]]
            if i >= 0:
                first[i, 0], last[i, 0] = min(first[i, 0], row), max(last[i, 0], row)
                first[i, 1], last[i, 1] = min(first[i, 1], column), max(last[i, 1], column)
    for row in range(height):
        for column in range(width):
            i = place[labels[row, column]]
            if i >= 0:
                axis = int(last[i, 1] - first[i, 1] >= last[i, 0] - first[i, 0])
                if 2 * (column if axis else row) > first[i, axis] + last[i, axis]:
                    labels[row, column] = new[i]


PLUGIN = MSLIC
