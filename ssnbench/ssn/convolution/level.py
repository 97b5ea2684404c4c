"""What the deep network does at one resolution, in one pass over the rows.

Two convolutions, the part of the last one that looks at this resolution, and the pooling for the
next. Each needs few rows of the one before: these alone are kept, in rings of six rows, and no map
with all channels is ever written at this resolution.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ssnbench.ssn.convolution.vectors import LANES, larger, load, store
from ssnbench.ssn.convolution.winograd import (
    AT_ONCE,
    TILE,
    Float32,
    kernel,
    product_row,
    tile_row,
)

_KEPT = 6
_NO_FLOOR = np.float32(-np.inf)
_ZERO = np.float32(0)


class Weights(NamedTuple):
    """Convolutions of a level; all flat float32, filled up with zeros to whole panels.

    Attributes
    ----------
    first, second, last
        As from :func:`~ssnbench.ssn.convolution.winograd.transformed`, but of the finest level
        ``first`` and of the others ``last`` as from ``panels``: a convolution of few channels
        and a product for each of its nine pixels.
    first_bias, second_bias, last_bias
        One number per output.
    """

    first: Float32
    first_bias: Float32
    second: Float32
    second_bias: Float32
    last: Float32
    last_bias: Float32


class Size(NamedTuple):
    """Size of a level's maps: rows and columns of pixels, and the tiles that cover a row."""

    height: int
    width: int
    n_tiles: int


@kernel
def run_level(first, last, source, finest, size, weights, out, pooled, half, window):  # type: ignore[no-untyped-def]
    """Do the rows of tiles ``first`` to ``last``; any cut gives the same bits.

    Parameters
    ----------
    first, last : int
        Which fours of rows.
    source : float32, flat
        Maps (height + 2, 4 n_tiles + 2, channels) with a border of zeros.
    finest : bool
        Whether this is the finest level: see :class:`Weights`.
    size : Size
        Of this level.
    weights : Weights
        Of this level.
    out : float32, flat
        Takes the last convolution (height, 4 n_tiles, outputs): on the finest level its sum, on
        the others the products of each of the nine pixels.
    pooled : float32, flat
        Takes the next level's ``source``; empty on the last level.
    half : Size
        Of the next level.
    window : int
        Of the pooling, 2 or 3.
    """
    channels = len(weights.first_bias)
    n_in = len(source) // ((size.height + 2) * (TILE * size.n_tiles + 2))
    length = (TILE * size.n_tiles + 2) * channels
    ring_1, ring_2 = (
        np.zeros(_KEPT * length, np.float32),
        np.zeros(_KEPT * length, np.float32),
    )
    widest = max(channels, n_in, len(weights.last_bias))
    one, two = (
        np.empty(36 * AT_ONCE * widest, np.float32),
        np.empty(36 * AT_ONCE * widest, np.float32),
    )
    none = np.zeros(widest, np.float32)
    top, bottom = TILE * first, min(TILE * last, size.height)
    for y in range(top - 2 * TILE, bottom + 2, TILE):
        # Rows y to y + 3 of the first convolution, y - 1 to y + 2 of the second, y - 2 to y + 1
        # of the last; the two rounds before the first row fill the rings.
        if finest:
            _convolve_few(y, source, n_in, size, weights, ring_1)
        else:
            rows = _source_rows(y - 1, size, n_in)
            _convolve(
                y, rows, source, weights.first, weights.first_bias, none, size, one, two, ring_1
            )
        if y > top - 2 * TILE:
            rows = _ring_rows(y - 2, length)
            _convolve(
                y - 1,
                rows,
                ring_1,
                weights.second,
                weights.second_bias,
                none,
                size,
                one,
                two,
                ring_2,
            )
        if y < top:
            continue
        if finest:
            _finish(y - 2, top, bottom, ring_2, weights, none, size, one, two, out)
        else:
            _products(max(y - 1, top), min(y + 3, bottom), ring_2, channels, size, weights, out)
        if len(pooled):
            for i in range(max(y // 2 - 1, top // 2), min(y // 2 + 1, (bottom + 1) // 2)):
                _pool(i, ring_2, length, channels, window, half, pooled)


@kernel
def _source_rows(y, size, n_in):  # type: ignore[no-untyped-def]
    """Where six rows from ``y`` on begin; those outside of the image are the border's."""
    rows = np.zeros(6, np.int64)
    for i in range(6):
        if 0 <= y + i < size.height:
            rows[i] = (y + i + 1) * (TILE * size.n_tiles + 2) * n_in
    return rows


@kernel
def _ring_rows(y, length):  # type: ignore[no-untyped-def]
    """Where six rows from ``y`` on begin in a ring."""
    rows = np.empty(6, np.int64)
    for i in range(6):
        rows[i] = (y + i) % _KEPT * length
    return rows


@kernel
def _convolve_few(y, source, n_in, size, weights, ring):  # type: ignore[no-untyped-def]
    """Four rows of a convolution of few channels."""
    channels = len(weights.first_bias)
    step = (TILE * size.n_tiles + 2) * n_in
    length = (TILE * size.n_tiles + 2) * channels
    for row in range(y, y + TILE):
        if 0 <= row < size.height:
            c0 = row % _KEPT * length + channels
            product_row(
                source, row * step, n_in, step, 3, 3 * n_in,
                weights.first, weights.first_bias, _ZERO, ring, c0, TILE * size.n_tiles,
            )  # fmt: skip
        _clear(row, ring, length, channels, size)


@kernel
def _convolve(y, rows, maps, u, bias, none, size, one, two, ring):  # type: ignore[no-untyped-def]
    """Four rows of a convolution with as many outputs as inputs, and its ReLU, into a ring."""
    channels = len(bias)
    length = (TILE * size.n_tiles + 2) * channels
    if y + TILE > 0 and y < size.height:
        to_rows = _ring_rows(y, length)
        tile_row(
            maps, rows, channels, u, bias, none, _ZERO, size.n_tiles, one, two, ring, to_rows, 1
        )
    for row in range(y, y + TILE):
        _clear(row, ring, length, channels, size)


@kernel
def _clear(row, ring, length, channels, size):  # type: ignore[no-untyped-def]
    """Zeros where the next convolution looks beyond the image."""
    start = row % _KEPT * length
    inside = (size.width + 1) * channels if 0 <= row < size.height else 0
    for i in range(start + inside, start + length):
        ring[i] = _ZERO


@kernel
def _finish(y, top, bottom, ring, weights, none, size, one, two, out):  # type: ignore[no-untyped-def]
    """Four rows of the last convolution; what lies outside of ``top`` to ``bottom`` is dropped."""
    n_out, channels = len(weights.last_bias), len(weights.first_bias)
    length, n_columns = (TILE * size.n_tiles + 2) * channels, TILE * size.n_tiles
    dropped = size.height * n_columns * n_out
    to_rows = np.full(TILE, dropped, np.int64)
    for i in range(TILE):
        if top <= y + i < bottom:
            to_rows[i] = (y + i) * n_columns * n_out
    rows = _ring_rows(y - 1, length)
    tile_row(
        ring, rows, channels, weights.last, weights.last_bias, none, _NO_FLOOR,
        size.n_tiles, one, two, out, to_rows, 0,
    )  # fmt: skip


@kernel
def _products(first, last, ring, channels, size, weights, out):  # type: ignore[no-untyped-def]
    """Rows of products of each of the nine pixels of the last convolution."""
    n_out, n_columns = len(weights.last_bias), TILE * size.n_tiles
    length = (n_columns + 2) * channels
    for row in range(first, last):
        a0 = row % _KEPT * length + channels
        product_row(
            ring, a0, channels, 0, 1, channels,
            weights.last, weights.last_bias, _NO_FLOOR, out, row * n_columns * n_out, n_columns,
        )  # fmt: skip


@kernel
def _pool(i, ring, length, channels, window, half, pooled):  # type: ignore[no-untyped-def]
    """Row ``i`` of the next level: maxima, of which zeros beyond the border are no part.

    Behind a ReLU nothing is below them.
    """
    to = ((i + 1) * (TILE * half.n_tiles + 2) + 1) * channels
    for j in range(half.width):
        column = (2 * j + 3 - window) * channels
        for channel in range(0, channels, LANES):
            most = load(ring, 2 * i % _KEPT * length + (2 * j + 1) * channels + channel)
            for row in range(2 * i + 2 - window, 2 * i + 2):
                at = row % _KEPT * length + column + channel
                for k in range(window):
                    most = larger(most, load(ring, at + k * channels))
            store(pooled, to + j * channels + channel, most)
