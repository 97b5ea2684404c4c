"""Seeds on a grid: where the methods that start from a grid put their first superpixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


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
