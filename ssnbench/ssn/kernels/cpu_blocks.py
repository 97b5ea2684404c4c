"""How the CPU kernels cut an image into strips and blocks, and carry blocks in and out of scratch.

A strip is some pixel rows of one row of cells, the unit of parallel work. A block is as many
pixels of one cell as fit a row of the scratch buffer (see ``cpu_tiles``).
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssnbench.ssn.kernels.cpu_tiles import BLOCK, CHUNK, D_ROWS, F_ROWS, LANES, U, kernel, leaf
from ssnbench.ssn.kernels.cpu_vector import copy_eight
from ssnbench.ssn.kernels.grid import Grid

STRIP_ROWS = 32
"""Most pixel rows of a strip: enough strips for many threads, few enough to cost nothing."""

_0, _1, _2, _3, _4, _5, _6, _7, _8, _9 = (U(i) for i in range(10))


class StripPlan(NamedTuple):
    """A grid cut into strips; all uint64.

    Attributes
    ----------
    y_edges, x_edges : (rows + 1,), (cols + 1,)
        First pixel row of each cell row, and one past the last; columns alike.
    strips : (n_strips, 3)
        Cell row, first pixel row, one past the last pixel row.
    first_strip : (rows + 1,)
        Where the strips of each cell row begin.
    """

    y_edges: NDArray[np.uint64]
    x_edges: NDArray[np.uint64]
    strips: NDArray[np.uint64]
    first_strip: NDArray[np.uint64]


@lru_cache(maxsize=32)
def plan(grid: Grid) -> StripPlan:
    """Cut ``grid`` into strips."""
    y_edges = _edges(grid.height, grid.rows)
    strips: list[tuple[int, int, int]] = []
    first = [0]
    for row, (top, bottom) in enumerate(pairwise(y_edges)):
        cuts = np.linspace(top, bottom, -(-(bottom - top) // STRIP_ROWS) + 1).astype(int).tolist()
        strips += [(row, y0, y1) for y0, y1 in pairwise(cuts)]
        first.append(len(strips))
    arrays = (y_edges, _edges(grid.width, grid.cols), strips, first)
    return StripPlan(*(np.array(a, dtype=np.uint64) for a in arrays))


def _edges(length: int, parts: int) -> list[int]:
    return [-(-i * length // parts) for i in range(parts + 1)]


@leaf
def padded(channels):  # type: ignore[no-untyped-def]
    """Round the number of channels up to what the inner loops take at a time."""
    return (U(channels) + CHUNK - _1) // CHUNK * CHUNK


@kernel
def blocks(x0, x1, y0, y1):  # type: ignore[no-untyped-def]
    """Cut a rectangle of pixels into blocks of about equal size: uint64 (n, 4) of y, x, h, w."""
    width, height = x1 - x0, y1 - y0
    across = (width + BLOCK - _1) // BLOCK
    step_x = (width + across - _1) // across
    down = (height + BLOCK // step_x - _1) // (BLOCK // step_x)
    step_y = (height + down - _1) // down
    rectangles = np.empty((across * down, 4), np.uint64)
    n = 0
    for x in range(x0, x1, step_x):
        for y in range(y0, y1, step_y):
            rectangles[n, 0], rectangles[n, 1] = y, x
            rectangles[n, 2], rectangles[n, 3] = min(step_y, y1 - y), min(step_x, x1 - x)
            n += 1
    return rectangles[:n]


@leaf
def pack(buf, planes, y, x, h, w, origin):  # type: ignore[no-untyped-def]
    """Copy a block of ``planes`` (C, H, W) less ``origin`` (C,) into the F rows.

    Returns the number of pixels, rounded up to whole vectors; the surplus holds zeros.
    """
    flat, stride = planes.reshape(-1), U(planes.shape[2])
    plane = U(planes.shape[1]) * stride
    n = (h * w + LANES - _1) // LANES * LANES
    for c in range(_0, U(len(origin))):
        row = (F_ROWS + c) * BLOCK
        src = c * plane + y * stride + x
        for at in range(row, row + h * w, w):
            _copy_less(buf, at, flat, src, w, origin[c])
            src += stride
        for p in range(row + h * w, row + n):
            buf[p] = 0
    return n


@leaf
def _copy_less(buf, at, flat, src, w, o):  # type: ignore[no-untyped-def]
    """Copy ``w`` values less ``o``.

    A cell's rows are short, and LLVM would copy most of one as the rest of a division by 32.
    Instead, vectors of eight are copied, of which the last two may overlap.
    """
    if w < _8:
        for i in range(_0, w):
            buf[at + i] = flat[src + i] - o
    else:
        for i in range(_0, w - _8, _8):
            copy_eight(buf, at + i, flat, src + i, o)
        copy_eight(buf, at + w - _8, flat, src + w - _8, o)


@leaf
def store(buf, first_row, planes, y, x, h, w):  # type: ignore[no-untyped-def]
    """Write as many scratch rows as ``planes`` (n, H, W) has planes into a block of it."""
    for k in range(_0, U(len(planes))):
        row = (first_row + k) * BLOCK
        for j in range(_0, h):
            to = planes[k, y + j]
            for i in range(_0, w):
                to[x + i] = buf[row + j * w + i]


@leaf
def accumulate(buf, first_row, planes, y, x, h, w):  # type: ignore[no-untyped-def]
    """Add as many scratch rows as ``planes`` (n, H, W) has planes to a block of it."""
    for k in range(_0, U(len(planes))):
        row = (first_row + k) * BLOCK
        for j in range(_0, h):
            to = planes[k, y + j]
            for i in range(_0, w):
                to[x + i] += buf[row + j * w + i]


@leaf
def add_gradient(buf, planes, y, x, h, w):  # type: ignore[no-untyped-def]
    """Add a block of ``planes`` (9, H, W) to the D rows."""
    for k in range(_0, _9):
        row = (D_ROWS + k) * BLOCK
        for j in range(_0, h):
            src = planes[k, y + j]
            for i in range(_0, w):
                buf[row + j * w + i] += src[x + i]


@leaf
def store_labels(winner, ids, labels, y, x, h, w):  # type: ignore[no-untyped-def]
    """Write each pixel's superpixel, ``ids`` of its winner, into a block of ``labels`` (H, W)."""
    for j in range(_0, h):
        to = labels[y + j]
        for i in range(_0, w):
            to[x + i] = ids[winner[j * w + i]]
