"""Seeds on a grid: where the methods that start from a grid put their first superpixels."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ssnbench.contracts import Labels


def grid_shape(shape: tuple[int, int], n_segments: int) -> tuple[int, int]:
    """Rows and columns of the grid of nearly square cells that comes nearest to a count.

    The grids looked at are those of a square step: for a given number of rows, the columns that
    one step can give together with it.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the image.
    n_segments : int
        Cells asked for, 1 or more.

    Returns
    -------
    (int, int)
        Rows and columns, at least 1 and at most one per pixel.
    """
    height, width = shape
    rows = np.arange(1, height + 1)
    low = np.maximum(np.floor((rows - 0.5) * width / height + 0.5), 1)
    low[0] = 1  # one row is what every larger step gives
    high = np.clip(np.floor((rows + 0.5) * width / height + 0.5), 1, width)
    columns = np.clip(np.round(n_segments / rows), low, high)
    missed = np.abs(rows * columns - n_segments)
    stretched = np.abs(np.log(rows * width / (columns * height)))
    best = np.lexsort((stretched, missed))[0]
    return int(rows[best]), int(columns[best])


def grid_seeds(shape: tuple[int, int], n_segments: int) -> NDArray[np.int32]:
    """Place a seed in the middle of every cell of :func:`grid_shape`.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the image.
    n_segments : int
        Seeds asked for; as many as come nearest on a grid are made.

    Returns
    -------
    int32 (K, 2)
        Row and column of each, in raster order.
    """
    (height, width), (rows, columns) = shape, grid_shape(shape, n_segments)
    row = (np.arange(rows) + 0.5) * height / rows
    column = (np.arange(columns) + 0.5) * width / columns
    middles = np.stack(np.meshgrid(row, column, indexing="ij"), axis=-1)
    return middles.reshape(-1, 2).astype(np.int32)


def grid_cells(shape: tuple[int, int], n_segments: int) -> Labels:
    """Label every pixel, int32 (H, W), with its cell of :func:`grid_shape`, in raster order."""
    (height, width), (rows, columns) = shape, grid_shape(shape, n_segments)
    row = np.arange(height, dtype=np.int32)[:, None] * rows // height
    return row * columns + np.arange(width, dtype=np.int32) * columns // width


@njit(cache=True, nogil=True)
def to_lowest_gradient(lab: NDArray[np.float32], seeds: NDArray[np.int32]) -> None:
    """Move each seed, in place, to the pixel of lowest gradient among the 3 x 3 around it.

    Off boundaries and off noise, a seed starts with a colour that is typical of its surroundings.
    On a tie the seed stays, or takes the first in raster order.

    Parameters
    ----------
    lab : float32 (H, W, 3)
        The image; its gradient is the sum of the squared differences of the neighbours on the left
        and right, and of those above and below (at the edge: of the pixel itself).
    seeds : int32 (K, 2)
        Row and column of each.

    References
    ----------
    R. Achanta et al.: SLIC Superpixels. EPFL technical report 149300, 2010.
    """
    height, width = lab.shape[:2]
    for k in range(len(seeds)):
        middle_row, middle_column = seeds[k]
        least = _gradient(lab, middle_row, middle_column)
        for row in range(max(middle_row - 1, 0), min(middle_row + 2, height)):
            for column in range(max(middle_column - 1, 0), min(middle_column + 2, width)):
                gradient = _gradient(lab, row, column)
                if gradient < least:
                    least = gradient
                    seeds[k, 0], seeds[k, 1] = row, column


@njit(cache=True, nogil=True)
def _gradient(lab: NDArray[np.float32], row: int, column: int) -> float:
    """Squared gradient of the colour at a pixel."""
    height, width = lab.shape[:2]
    above, below = max(row - 1, 0), min(row + 1, height - 1)
    left, right = max(column - 1, 0), min(column + 1, width - 1)
    total = 0.0
    for channel in range(3):
        total += (lab[below, column, channel] - lab[above, column, channel]) ** 2
        total += (lab[row, right, channel] - lab[row, left, channel]) ** 2
    return total
