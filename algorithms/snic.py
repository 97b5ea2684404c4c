"""SNIC: superpixels grown from seeds by one priority queue. Own implementation.

R. Achanta, S. Suesstrunk: Superpixels and Polygons Using Simple Non-Iterative Clustering.
CVPR 2017.

SLIC assigns every pixel to the nearest of the centres around it, moves the centres, and starts
again; in the end it has to mend labels that fell apart. SNIC visits every pixel once. A queue holds
candidates: pixels that touch a superpixel, ordered by their distance to its centre in colour and
place. The nearest one joins its superpixel, unless another was quicker; the centre moves to the
mean of its pixels at once; and the neighbours of the new pixel become candidates. Superpixels grow
by touching pixels only, hence they are connected by construction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ssnbench.colour import Lab, rgb_to_lab
from ssnbench.contracts import Image, Labels
from ssnbench.heap import Heap, drop_first, packed, payload_of, push
from ssnbench.seeds import grid_seeds
from ssnbench.stages import stage

LEFT, UP, RIGHT, DOWN = range(4)


@dataclass(frozen=True)
class SNIC:
    """Grow superpixels from seeds on a grid, always by the nearest pixel.

    The seeds are those of the grid of square cells whose count is nearest to the one asked for
    (204, 600 and 988 for 200, 600 and 1000 on 481 x 321 pixels); every seed makes one superpixel.

    Ours fill the image evenly. The authors' program steps on from the corner by a little less,
    about 27.63 and 15.88 pixels at 200 and 600, and superpixels depend on their seeds: 61 to 74 %
    of the pixels agree with its maps, 90 to 95 % when its steps are taken (two images looked at).
    Scores hardly differ.

    Parameters
    ----------
    compactness : float
        Weight m of place against colour, 0 or more; published 10.
    """

    compactness: float = 10.0

    def __call__(self, image: Image, n_segments: int) -> Labels:
        """Return labels 0..n-1, int32 (H, W), each 4-connected."""
        height, width = image.shape[:2]
        with stage("colour"):
            lab = rgb_to_lab(image)
        with stage("clustering"):
            seeds = grid_seeds((height, width), n_segments)
            weight = self.compactness**2 * len(seeds) / (height * width)
            return _grown(lab, seeds, np.float32(weight))


@njit(cache=True, nogil=True, error_model="numpy")
def _grown(lab: Lab, seeds: NDArray[np.int32], weight: np.float32) -> Labels:
    """Grow from the queue; ``weight`` is m^2 / s^2, s the side of a cell."""
    height, width = lab.shape[:2]
    labels = np.full((height, width), -1, np.int32)
    centres = np.zeros((len(seeds), 6), np.float32)  # means of L, a, b, row, column; pixels
    queue = np.empty(2 * height * width, np.uint64)  # a pair of neighbours comes in at most once
    size = 0
    for k, (row, column) in enumerate(seeds):
        _join(labels, lab, centres[k], row, column, k)
        size = _push_neighbours(queue, size, labels, lab, centres[k], row, column, weight)
    while size > 0:
        candidate = payload_of(queue[0])
        size = drop_first(queue, size)
        pixel, came = candidate >> 2, candidate & 3
        row, column = pixel // width, pixel % width
        if labels[row, column] < 0:
            k = labels[
                row + (came == UP) - (came == DOWN), column + (came == LEFT) - (came == RIGHT)
            ]
            _join(labels, lab, centres[k], row, column, k)
            size = _push_neighbours(queue, size, labels, lab, centres[k], row, column, weight)
    return labels


@njit(cache=True, nogil=True, error_model="numpy")
def _join(
    labels: Labels, lab: Lab, centre: NDArray[np.float32], row: int, column: int, k: int
) -> None:
    """Label the pixel, and move the centre to the mean of its pixels."""
    labels[row, column] = k
    centre[5] += 1
    share = np.float32(1) / centre[5]
    for channel in range(3):
        centre[channel] += share * (lab[row, column, channel] - centre[channel])
    centre[3] += share * (np.float32(row) - centre[3])
    centre[4] += share * (np.float32(column) - centre[4])


@njit(cache=True, nogil=True, error_model="numpy")
def _push_neighbours(
    queue: Heap,
    size: int,
    labels: Labels,
    lab: Lab,
    centre: NDArray[np.float32],
    row: int,
    column: int,
    weight: np.float32,
) -> int:
    """Make the unlabelled neighbours of a pixel candidates; return the new size of the queue.

    A candidate is its distance and, in its payload, pixel and direction: the superpixel is that of
    the pixel it was reached from.
    """
    height, width = labels.shape
    if column > 0 and labels[row, column - 1] < 0:
        pixel, d = row * width + column - 1, _squared(lab, centre, row, column - 1, weight)
        size = push(queue, size, packed(d, pixel << 2 | LEFT))
    if row > 0 and labels[row - 1, column] < 0:
        pixel, d = (row - 1) * width + column, _squared(lab, centre, row - 1, column, weight)
        size = push(queue, size, packed(d, pixel << 2 | UP))
    if column + 1 < width and labels[row, column + 1] < 0:
        pixel, d = row * width + column + 1, _squared(lab, centre, row, column + 1, weight)
        size = push(queue, size, packed(d, pixel << 2 | RIGHT))
    if row + 1 < height and labels[row + 1, column] < 0:
        pixel, d = (row + 1) * width + column, _squared(lab, centre, row + 1, column, weight)
        size = push(queue, size, packed(d, pixel << 2 | DOWN))
    return size


@njit(cache=True, nogil=True, error_model="numpy")
def _squared(lab, centre, row, column, weight):  # type: ignore[no-untyped-def]
    """Squared distance of a pixel to a centre in colour and place, times m."""
    down, along = np.float32(row) - centre[3], np.float32(column) - centre[4]
    distance = weight * (down * down + along * along)
    for channel in range(3):
        apart = lab[row, column, channel] - centre[channel]
        distance += apart * apart
    return distance


PLUGIN = SNIC
