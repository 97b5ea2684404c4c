"""A 3 x 3 convolution of whole maps in training: forward, and differentiated by its weights.

Maps are flat float32, channels last, one row after the other, without borders. The derivative by
the maps is a convolution of what comes back, with the weights turned round. That by the weights is
Winograd's algorithm transposed: for each of the 36 points a matrix product over tiles.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ssnbench.ssn.convolution.products import outer
from ssnbench.ssn.convolution.vectors import LANES, fma, load, spread, store
from ssnbench.ssn.convolution.winograd import (
    AT_ONCE,
    F_P,
    F_P3,
    F_Q,
    F_Q3,
    GROUP,
    NO_FLOOR,
    PANEL,
    TILE,
    Float32,
    four,
    kernel,
    leaf,
    product,
    six,
)

SUMMED = 180
"""Tiles that are transformed before they are summed up: sums are read from memory less often."""

_HALF, _TWO = np.float32(0.5), np.float32(2)
_ZERO = np.float32(0)


class Extent(NamedTuple):
    """Size of a batch of maps.

    Attributes
    ----------
    height, width : int
        Of a map.
    n_rows, n_columns : int
        Of tiles in a map.
    """

    height: int
    width: int
    n_rows: int
    n_columns: int


@kernel
def run_convolution(first, last, n_tiles, maps, n_in, u, bias, extent, out):  # type: ignore[no-untyped-def]
    """Convolve chunks ``first`` to ``last`` of AT_ONCE tiles; any cut gives the same bits.

    Parameters
    ----------
    first, last : int
        Which chunks; tiles are counted on through all maps.
    n_tiles : int
        Tiles of all maps.
    maps : float32, flat
        (B, height, width, n_in).
    n_in : int
        Channels of ``maps``, a multiple of PANEL.
    u : float32, flat
        Weights, as from :func:`~ssnbench.ssn.convolution.winograd.transformed`.
    bias : float32
        Number for each output, a multiple of PANEL.
    extent : Extent
        Size of the maps.
    out : float32, flat
        Takes (B, height, width, outputs).
    """
    n_out = len(bias)
    most = AT_ONCE * max(n_in, n_out)
    one, two = np.zeros(36 * most, np.float32), np.zeros(36 * most, np.float32)
    half_done = np.empty(6 * 6 * most, np.float32)
    none = np.zeros(n_out, np.float32)
    edge = np.empty(6 * extent.width * n_in, np.float32)
    for chunk in range(first, last):
        start = chunk * AT_ONCE
        n = min(AT_ONCE, n_tiles - start)
        _transformed(start, n, AT_ONCE, maps, n_in, extent, edge, half_done, one, n_in)
        for point in range(36):
            for panel in range(0, n_out, PANEL):
                b0 = (point * n_out + panel) * n_in
                for tile in range(0, n, GROUP):
                    i = point * AT_ONCE + tile
                    product(
                        one, i * n_in, n_in, 0, 1, n_in, u, b0, none, 0, NO_FLOOR,
                        two, i * n_out + panel, n_out,
                    )  # fmt: skip
        _write(start, n, two, bias, extent, half_done, out)


@kernel
def run_weights(first, last, n_parts, n_tiles, maps, n_in, back, n_out, extent, sums):  # type: ignore[no-untyped-def]
    """Sum up parts ``first`` to ``last`` of the derivative by the weights; any cut is the same.

    Parameters
    ----------
    first, last, n_parts : int
        Which of how many parts of the tiles.
    n_tiles : int
        Tiles of all maps.
    maps, back : float32, flat
        (B, height, width, n_in): what was convolved; (B, height, width, n_out): what comes back.
    n_in, n_out : int
        Their channels, multiples of PANEL.
    extent : Extent
        Size of the maps.
    sums : float32, flat
        Takes (n_parts, 36, rows, n_out), where rows are ``n_in`` filled up to a multiple of GROUP.
    """
    # Rows that are an odd number of cache lines apart are kept in different sets of the cache.
    lead_in, lead_out = n_in + PANEL, n_out + PANEL
    v = np.zeros((36 * SUMMED + 1) * lead_in, np.float32)
    w = np.zeros((36 * SUMMED + 1) * lead_out, np.float32)
    half_done = np.empty(36 * SUMMED * max(n_in, n_out), np.float32)
    edge = np.empty(6 * extent.width * max(n_in, n_out), np.float32)
    n_rows = -(-n_in // GROUP) * GROUP
    size = n_rows * n_out
    for part in range(first, last):
        end = (part + 1) * n_tiles // n_parts
        for start in range(part * n_tiles // n_parts, end, SUMMED):
            n = min(SUMMED, end - start)
            _transformed(start, n, SUMMED, maps, n_in, extent, edge, half_done, v, lead_in)
            _spread_out(start, n, back, n_out, extent, edge, half_done, w, lead_out)
            for point in range(36):
                to = (part * 36 + point) * size
                a0, b0 = point * SUMMED * lead_in, point * SUMMED * lead_out
                outer(n, v, a0, lead_in, w, b0, lead_out, sums, to, n_rows, n_out)


@leaf
def _place(tile, extent):  # type: ignore[no-untyped-def]
    """Which row of all maps a tile begins at, which row and column of its map."""
    row = tile // extent.n_columns
    image = row // extent.n_rows
    y = (row - image * extent.n_rows) * TILE
    return image * extent.height + y, y, (tile - row * extent.n_columns) * TILE


@kernel
def _transformed(start, n, gap, maps, channels, extent, edge, half_done, to, lead):  # type: ignore[no-untyped-def]
    """Inputs of ``n`` tiles: ``to`` is (36, gap, lead)."""
    done = 0
    while done < n:
        top, y, x = _place(start + done, extent)
        here = min(n - done, extent.n_columns - x // TILE)
        length = extent.width * channels
        if y > 0 and y + TILE < extent.height:
            _six_rows(maps, (top - 1) * length, x - 1, here, channels, extent.width, half_done)
        else:
            _copy_rows(maps, top, y, -1, 6, length, extent, edge)
            _six_rows(edge, 0, x - 1, here, channels, extent.width, half_done)
        _six_columns(half_done, here, channels, to, done * lead, lead, gap * lead)
        done += here


@kernel
def _copy_rows(maps, top, y, shift, n, length, extent, edge):  # type: ignore[no-untyped-def]
    """Rows around a tile, with zeros for those outside of the map."""
    for i in range(n):
        inside = 0 <= y + shift + i < extent.height
        source = (top + shift + i) * length
        for j in range(0, length, LANES):
            store(edge, i * length + j, load(maps, source + j) if inside else spread(_ZERO))


@leaf
def _six_rows(maps, r0, column, n_tiles, channels, width, half_done):  # type: ignore[no-untyped-def]
    """Transform columns of six rows; those outside of the map are zero."""
    n_columns = TILE * n_tiles + 2
    n, length = n_columns * channels, width * channels
    left, right = max(0, -column) * channels, min(n_columns, width - column) * channels
    zero = spread(_ZERO)
    for row in range(6):
        for i in range(0, left, LANES):
            store(half_done, row * n + i, zero)
        for i in range(right, n, LANES):
            store(half_done, row * n + i, zero)
    start = r0 + column * channels
    for i in range(left, right, LANES):
        at = start + i
        a, b, c = load(maps, at), load(maps, at + length), load(maps, at + 2 * length)
        at += 3 * length
        d, e, f = load(maps, at), load(maps, at + length), load(maps, at + 2 * length)
        six(a, b, c, d, e, f, half_done, i, n)


@leaf
def _six_columns(half_done, n_tiles, channels, to, to0, lead, gap):  # type: ignore[no-untyped-def]
    n = (TILE * n_tiles + 2) * channels
    for row in range(6):
        for tile in range(n_tiles):
            for channel in range(0, channels, LANES):
                i = row * n + TILE * tile * channels + channel
                a, b = load(half_done, i), load(half_done, i + channels)
                i += 2 * channels
                c, d = load(half_done, i), load(half_done, i + channels)
                i += 2 * channels
                e, f = load(half_done, i), load(half_done, i + channels)
                six(a, b, c, d, e, f, to, to0 + row * 6 * gap + tile * lead + channel, gap)


@kernel
def _write(start, n, products, bias, extent, half_done, out):  # type: ignore[no-untyped-def]
    """Outputs of ``n`` tiles, those that are in the maps; ``products`` is (36, AT_ONCE, n_out)."""
    n_out = len(bias)
    gap = AT_ONCE * n_out
    for j in range(6):
        for tile in range(n):
            for channel in range(0, n_out, LANES):
                i = j * gap + tile * n_out + channel
                a, b, c = (
                    load(products, i),
                    load(products, i + 6 * gap),
                    load(products, i + 12 * gap),
                )
                d, e = load(products, i + 18 * gap), load(products, i + 24 * gap)
                s, t, u, v = four(a, b, c, d, e, load(products, i + 30 * gap))
                store(half_done, i, s)
                store(half_done, i + 6 * gap, t)
                store(half_done, i + 12 * gap, u)
                store(half_done, i + 18 * gap, v)
    for tile in range(n):
        top, y, x = _place(start + tile, extent)
        whole = x + TILE <= extent.width
        for row in range(min(TILE, extent.height - y)):
            to = ((top + row) * extent.width + x) * n_out
            for channel in range(0, n_out, LANES):
                i = row * 6 * gap + tile * n_out + channel
                a, b, c = load(half_done, i), load(half_done, i + gap), load(half_done, i + 2 * gap)
                d, e = load(half_done, i + 3 * gap), load(half_done, i + 4 * gap)
                s, t, u, v = four(a, b, c, d, e, load(half_done, i + 5 * gap))
                shift, at = load(bias, channel), to + channel
                store(out, at, s + shift)
                if whole or x + 1 < extent.width:
                    store(out, at + n_out, t + shift)
                if whole or x + 2 < extent.width:
                    store(out, at + 2 * n_out, u + shift)
                if whole:
                    store(out, at + 3 * n_out, v + shift)


@leaf
def _spread_four(a, b, c, d, to, at, gap):  # type: ignore[no-untyped-def]
    """What four outputs of a tile's row or column give to six products: ``four`` transposed."""
    half, two = spread(_HALF), spread(_TWO)
    p, q, p3, q3 = spread(F_P), spread(F_Q), spread(F_P3), spread(F_Q3)
    store(to, at, a)
    even, odd = fma(half, c, a), fma(p3, d, p * b)
    store(to, at + gap, even + odd)
    store(to, at + 2 * gap, even - odd)
    even, odd = fma(two, c, a), fma(q3, d, q * b)
    store(to, at + 3 * gap, even + odd)
    store(to, at + 4 * gap, even - odd)
    store(to, at + 5 * gap, d)


@kernel
def _spread_out(start, n, back, channels, extent, edge, half_done, to, lead):  # type: ignore[no-untyped-def]
    """Outputs of ``n`` tiles become what they give to the products: ``to`` is (36, SUMMED, lead)."""
    done = 0
    while done < n:
        top, y, x = _place(start + done, extent)
        here = min(n - done, extent.n_columns - x // TILE)
        length = extent.width * channels
        if y + TILE <= extent.height:
            _four_rows(back, top * length, x, here, channels, extent.width, half_done)
        else:
            _copy_rows(back, top, y, 0, TILE, length, extent, edge)
            _four_rows(edge, 0, x, here, channels, extent.width, half_done)
        _four_columns(half_done, here, channels, to, done * lead, lead, SUMMED * lead)
        done += here


@leaf
def _four_rows(back, r0, column, n_tiles, channels, width, half_done):  # type: ignore[no-untyped-def]
    n, length = TILE * n_tiles * channels, width * channels
    right = min(TILE * n_tiles, width - column) * channels
    zero = spread(_ZERO)
    for row in range(6):
        for i in range(right, n, LANES):
            store(half_done, row * n + i, zero)
    start = r0 + column * channels
    for i in range(0, right, LANES):
        at = start + i
        a, b = load(back, at), load(back, at + length)
        at += 2 * length
        _spread_four(a, b, load(back, at), load(back, at + length), half_done, i, n)


@leaf
def _four_columns(half_done, n_tiles, channels, to, to0, lead, gap):  # type: ignore[no-untyped-def]
    n = TILE * n_tiles * channels
    for row in range(6):
        for tile in range(n_tiles):
            for channel in range(0, channels, LANES):
                i = row * n + TILE * tile * channels + channel
                a, b = load(half_done, i), load(half_done, i + channels)
                i += 2 * channels
                c, d = load(half_done, i), load(half_done, i + channels)
                _spread_four(a, b, c, d, to, to0 + row * 6 * gap + tile * lead + channel, gap)
