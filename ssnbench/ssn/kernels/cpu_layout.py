"""How the CPU kernels lay an image out, so that every lane of a vector works on one cell.

A strip is some pixel rows of one row of cells, the unit of parallel work. It is cut into columns,
one for a lane, of which none reaches over the border of its cell: a small cell is one column, a
large one many. A group is as many adjacent columns as a vector has lanes. One vector holds one
pixel of each of its columns, so that cells of 25 pixels keep all lanes as busy as cells of 25 000,
and a lane's sums are a cell's: nothing is ever added up across a vector.

Packed, an image is group by group, in each pixel by pixel, channel by channel, one vector each;
the last channel is 1, or 0 where a column is narrower than others and has no pixel. It is the
constant that takes the bias along in every product, and counts the pixels in every sum.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ssnbench.ssn.kernels.cpu_vector import LANES, gather, load, store
from ssnbench.ssn.kernels.grid import Grid

STRIP_ROWS = 32
"""Most pixel rows of a strip: enough strips for many threads, few enough to cost nothing."""

MOST_ACROSS = 16
"""Most pixels that a column is wide."""

_GROUP_COST = 4
"""What a group costs beside its pixels, in vectors of pixels."""

_ALIGNMENT = 64  # bytes: no vector lies across two lines of the cache

U = np.uint64
"""Type of indices where loops are short: what cannot be negative is not looked at for it."""

_compile: Any = njit
kernel: Any = _compile(cache=True, nogil=True, error_model="numpy")
"""How what Python calls is compiled. No ``fastmath``: it would undo the rounding of ``exp2``."""

inlined: Any = _compile(nogil=True, error_model="numpy", forceinline=True, _nrt=False)
"""How what kernels call is compiled. It makes no array, and need not count references to any."""


class LaneLayout(NamedTuple):
    """A grid cut into strips and columns.

    Attributes
    ----------
    strips : int64 (n_strips, 4)
        Cell row, first pixel row, one past the last pixel row, first vector of pixels when packed.
    first_strip : int64 (rows + 1,)
        Where the strips of each cell row begin.
    x_edges : int64 (n_groups * LANES + 1,)
        First pixel of each column. Columns after the last cell are empty.
    across : int
        Pixels that the widest column is wide.
    pieces : int
        Columns of a cell.
    cols : int
        Cells of a row.
    n_vectors : int
        Vectors of pixels of an image.
    """

    strips: NDArray[np.int64]
    first_strip: NDArray[np.int64]
    x_edges: NDArray[np.int64]
    across: int
    pieces: int
    cols: int
    n_vectors: int

    @property
    def rows(self) -> int:
        """Rows of cells."""
        return len(self.first_strip) - 1

    @property
    def width(self) -> int:
        """Columns of a row, with a cell that does not exist on either side."""
        return len(self.x_edges) - 1 + 2 * self.pieces


@lru_cache(maxsize=32)
def lay_out(grid: Grid) -> LaneLayout:
    """Cut ``grid`` into strips and columns."""
    cuts = [_strip_edges(top, bottom) for top, bottom in pairwise(_edges(grid.height, grid.rows))]
    strips = [(row, *rows) for row, edges in enumerate(cuts) for rows in pairwise(edges)]
    pieces = _pieces(grid, max(y1 - y0 for _, y0, y1 in strips))
    x_edges = _edges(grid.width, grid.cols)
    columns = [x0 + i * (x1 - x0) // pieces for x0, x1 in pairwise(x_edges) for i in range(pieces)]
    n_groups = -(-len(columns) // LANES)
    columns += [grid.width] * (n_groups * LANES + 1 - len(columns))
    across = -(-grid.cell_shape[1] // pieces)
    first = np.cumsum([0, *(n_groups * across * (y1 - y0) for _, y0, y1 in strips)])
    return LaneLayout(
        np.column_stack((strips, first[:-1])),
        np.cumsum([0, *(len(edges) - 1 for edges in cuts)]),
        np.array(columns),
        across,
        pieces,
        grid.cols,
        int(first[-1]),
    )


def _edges(length: int, parts: int) -> list[int]:
    return [-(-i * length // parts) for i in range(parts + 1)]


def _strip_edges(top: int, bottom: int) -> list[int]:
    parts = -(-(bottom - top) // STRIP_ROWS)
    return [top + edge for edge in _edges(bottom - top, parts)]


def _pieces(grid: Grid, n_rows: int) -> int:
    """Columns to cut a cell into, so that least is lost to empty lanes, pixels and many groups."""
    width = grid.cell_shape[1]

    def cost(pieces: int) -> int:
        n_groups = -(-grid.cols * pieces // LANES)
        return n_groups * (-(-width // pieces) * n_rows + _GROUP_COST)

    return min(range(-(-width // MOST_ACROSS), width + 1), key=cost)


def aligned(n: int) -> NDArray[np.float32]:
    """Uninitialised float32 (n,) that begins with a line of the cache."""
    raw = np.empty(n + _ALIGNMENT // 4, np.float32)
    start = -raw.ctypes.data % _ALIGNMENT // 4
    return raw[start : start + n]


@kernel
def pack(first, last, features, layout, origin, packed, partial):  # type: ignore[no-untyped-def]
    """Pack ``features`` less the origin of their cells, and sum them up.

    Parameters are those of :mod:`ssnbench.ssn.kernels.cpu_sweep`.
    """
    _, channels, height, width = features.shape
    places = np.empty(layout.across * LANES, np.int64)
    real = np.empty(layout.across * LANES, np.float32)
    for s in range(first, last):
        image, strip = divmod(s, len(layout.strips))
        row, y0, y1, at = layout.strips[strip]
        at = (image * layout.n_vectors + at) * (channels + 1) * LANES
        partial[s] = 0
        for group in range(len(layout.x_edges) // LANES):
            _list_pixels(layout, group, width, places, real)
            lane = layout.pieces + group * LANES
            for y in range(y0, y1):
                start = (image * channels * height + y) * width
                for i in range(0, len(places), LANES):
                    here = load(real, i)
                    for c in range(channels):
                        pixel = gather(features, start + c * height * width, places, i)
                        value = here * (pixel - load(origin[image, row + 1, c], lane))
                        store(packed, at, value)
                        add(partial[s, 1, c], lane, value)
                        at += LANES
                    store(packed, at, here)
                    add(partial[s, 1, channels], lane, here)
                    at += LANES


@inlined
def _list_pixels(layout, group, width, places, real):  # type: ignore[no-untyped-def]
    """List the pixels of a row of a group; where there is none, any pixel, and ``real`` is 0."""
    for lane in range(LANES):
        column = group * LANES + lane
        for i in range(layout.across):
            x = layout.x_edges[column] + i
            places[i * LANES + lane] = min(x, width - 1)
            real[i * LANES + lane] = x < layout.x_edges[column + 1]


@inlined
def add(array, at, value):  # type: ignore[no-untyped-def]
    """Add a vector to what lies in memory.

    What a store has written half of is not to be loaded before it is done. Hence whoever adds for
    all neighbours goes from column to column, not from row to row.
    """
    store(array, at, load(array, at) + value)


@kernel
def unpack(first, last, packed, layout, more, features):  # type: ignore[no-untyped-def]
    """Undo :func:`pack`, and add to each pixel ``more``, float64 (B, m, C), of its cell."""
    channels = features.shape[1]
    stride = (channels + 1) * LANES
    for s in range(first, last):
        image, strip = divmod(s, len(layout.strips))
        row, y0, y1, start = layout.strips[strip]
        for column in range(layout.cols * layout.pieces):
            x0, x1 = layout.x_edges[column], layout.x_edges[column + 1]
            group, lane = divmod(column, LANES)
            at = image * layout.n_vectors + start + group * (y1 - y0) * layout.across
            cell = more[image, row * layout.cols + column // layout.pieces]
            for y in range(y0, y1):
                for c in range(channels):
                    here = U(at * stride + c * LANES + lane)
                    for x in range(U(x0), U(x1)):
                        features[image, c, y, x] = packed[here] + np.float32(cell[c])
                        here += U(stride)
                at += layout.across


@kernel
def set_origin(features, layout, origin):  # type: ignore[no-untyped-def]
    """Take the middle pixel of every cell for its origin.

    Distances do not change when cell and centres are moved together, and moved close to 0 they
    lose no digits to |S|^2, which grows with the position in the image.
    """
    pieces = layout.pieces
    for image in range(len(features)):
        for row in range(len(layout.first_strip) - 1):
            top = layout.strips[layout.first_strip[row], 1]
            bottom = layout.strips[layout.first_strip[row + 1] - 1, 2]
            for col in range(layout.cols):
                left, right = layout.x_edges[col * pieces], layout.x_edges[(col + 1) * pieces]
                for c in range(features.shape[1]):
                    value = features[image, c, (top + bottom) // 2, (left + right) // 2]
                    for lane in range((col + 1) * pieces, (col + 2) * pieces):
                        origin[image, row + 1, c, lane] = value
