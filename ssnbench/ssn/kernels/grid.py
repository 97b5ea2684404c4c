"""The regular grid that superpixels start from, and who neighbours whom on it."""

from __future__ import annotations

from functools import lru_cache
from math import isqrt
from typing import Final, NamedTuple

import torch
from torch import Tensor

from ssnbench.contracts import whole_count

NEIGHBOURS: Final = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1))
"""Offsets (rows, columns) of the nine cells that a pixel looks at; index 4 is its own cell."""


class Grid(NamedTuple):
    """A regular grid of ``rows`` x ``cols`` cells over ``height`` x ``width`` pixels.

    Pixel row ``y`` lies in cell row ``y * rows // height``, columns alike, so that cells differ by
    at most one pixel in height and in width, and every pixel belongs to exactly one cell. Cells are
    numbered row by row; cell ``i`` is where superpixel ``i`` starts.
    """

    height: int
    width: int
    rows: int
    cols: int

    @property
    def n_cells(self) -> int:
        """Number of superpixels m that the grid makes."""
        return self.rows * self.cols

    @property
    def cell_shape(self) -> tuple[int, int]:
        """Height and width of the largest cell in pixels."""
        return -(-self.height // self.rows), -(-self.width // self.cols)

    @classmethod
    def of(cls, height: int, width: int, n_segments: int) -> Grid:
        """Grid of at most ``n_segments`` nearly square cells.

        It has floor(sqrt(K W / H)) columns and floor(sqrt(K H / W)) rows, at least one of each;
        hence it makes m <= K superpixels, K being ``n_segments``.

        Raises
        ------
        ValueError
            When the image is empty, or ``n_segments`` is no whole number from 1 to its pixels.
        """
        if height < 1 or width < 1:
            raise ValueError(f"an image of {height} x {width} pixels has nothing to cluster")
        n_segments = whole_count(n_segments, most=height * width)
        cols = min(max(isqrt(n_segments * width // height), 1), n_segments)
        rows = min(max(isqrt(n_segments * height // width), 1), n_segments)
        return cls(height, width, rows, cols)


class Cells(NamedTuple):
    """Index tables of a grid; P is the number of pixels of the largest cell, n = H * W.

    Attributes
    ----------
    pixels : int64 (m, P)
        Pixels of each cell as flat indices; a smaller cell is padded with its first pixel.
    real : bool (m, P)
        False where ``pixels`` is padding.
    place : int64 (n,)
        Where each pixel lies in the flat ``pixels``: the inverse of the table.
    neighbours : int64 (m, 9)
        The nine cells around each cell, in the order of ``NEIGHBOURS``; itself where there is none.
    exists : bool (m, 9)
        False where a neighbour would lie outside the grid.
    """

    pixels: Tensor
    real: Tensor
    place: Tensor
    neighbours: Tensor
    exists: Tensor


def cells(grid: Grid, device: torch.device) -> Cells:
    """Index tables of ``grid`` on ``device``; the last few are kept."""
    if torch.compiler.is_compiling():  # the compiler keeps what it has traced, and sees no cache
        return _tables(grid, device)
    if device.type != "cuda":
        return _kept(grid, device, 0)
    if torch.cuda.is_current_stream_capturing():  # what a graph has allocated is its own
        return _tables(grid, device)
    return _kept(grid, device, torch.cuda.current_stream(device).cuda_stream)


@lru_cache(maxsize=32)
def _kept(grid: Grid, device: torch.device, _stream: int) -> Cells:
    """Tables of one CUDA stream, whose order alone says when they are filled, and when free."""
    with torch.inference_mode(False):  # tensors made in inference mode could never be trained with
        return _tables(grid, device)


def _tables(grid: Grid, device: torch.device) -> Cells:
    y, in_y, row, dy = _axis(grid.height, grid.rows, device)
    x, in_x, col, dx = _axis(grid.width, grid.cols, device)
    pixels = (y[:, None, :, None] * grid.width + x[None, :, None, :]).reshape(grid.n_cells, -1)
    real = (in_y[:, None, :, None] & in_x[None, :, None, :]).reshape(grid.n_cells, -1)
    cell = (row * grid.cols)[:, None] + col
    place = cell * pixels.shape[1] + (dy * x.shape[1])[:, None] + dx
    neighbours, exists = _neighbours(grid, device)
    pixels = torch.where(real, pixels, pixels[:, :1])
    return Cells(pixels, real, place.flatten(), neighbours, exists)


def _axis(length: int, parts: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Cut an axis: indices of each part and which are its own, part and offset of each index."""
    first = (torch.arange(parts, device=device) * length + parts - 1) // parts
    end = (torch.arange(1, parts + 1, device=device) * length + parts - 1) // parts
    inside = first[:, None] + torch.arange(-(-length // parts), device=device)
    index = torch.arange(length, device=device)
    part = index * parts // length
    return inside, inside < end[:, None], part, index - first[part]


def _neighbours(grid: Grid, device: torch.device) -> tuple[Tensor, Tensor]:
    k = torch.arange(9, device=device)  # NEIGHBOURS, without a copy that a GPU would wait for
    cell = torch.arange(grid.n_cells, device=device)
    row = (cell // grid.cols)[:, None] + k // 3 - 1
    col = (cell % grid.cols)[:, None] + k % 3 - 1
    exists = (row >= 0) & (row < grid.rows) & (col >= 0) & (col < grid.cols)
    return torch.where(exists, row * grid.cols + col, cell[:, None]), exists
