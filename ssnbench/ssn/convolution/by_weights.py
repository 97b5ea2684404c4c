"""A 3 x 3 convolution differentiated by its weights: Winograd's algorithm transposed.

Inputs and what comes back are transformed tile by tile; for each of the 36 points the products of
all tiles are summed up, as a matrix product over tiles, and the sums transformed to nine.
"""

from __future__ import annotations

import numpy as np

from ssnbench.ssn.convolution.products import outer
from ssnbench.ssn.convolution.tiles import copy_rows, place, transform_tiles
from ssnbench.ssn.convolution.vectors import LANES, fma, load, spread, store
from ssnbench.ssn.convolution.winograd import (
    F_P,
    F_P3,
    F_Q,
    F_Q3,
    GROUP,
    PANEL,
    TILE,
    kernel,
    leaf,
)

_SUMMED = 180
"""Tiles that are transformed before they are summed up: sums are read from memory less often."""

_HALF, _TWO, _ZERO = np.float32(0.5), np.float32(2), np.float32(0)


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
    v = np.zeros((36 * _SUMMED + 1) * lead_in, np.float32)
    w = np.zeros((36 * _SUMMED + 1) * lead_out, np.float32)
    half_done = np.empty(36 * _SUMMED * max(n_in, n_out), np.float32)
    edge = np.empty(6 * extent.width * max(n_in, n_out), np.float32)
    n_rows = -(-n_in // GROUP) * GROUP
    size = n_rows * n_out
    for part in range(first, last):
        end = (part + 1) * n_tiles // n_parts
        for start in range(part * n_tiles // n_parts, end, _SUMMED):
            n = min(_SUMMED, end - start)
            transform_tiles(start, n, _SUMMED, maps, n_in, extent, edge, half_done, v, lead_in)
            _spread_out(start, n, back, n_out, extent, edge, half_done, w, lead_out)
            for point in range(36):
                to = (part * 36 + point) * size
                a0, b0 = point * _SUMMED * lead_in, point * _SUMMED * lead_out
                outer(n, v, a0, lead_in, w, b0, lead_out, sums, to, n_rows, n_out)


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
    """Outputs of ``n`` tiles become what they give to products: ``to`` is (36, _SUMMED, lead)."""
    done = 0
    while done < n:
        top, y, x = place(start + done, extent)
        here = min(n - done, extent.n_columns - x // TILE)
        length = extent.width * channels
        if y + TILE <= extent.height:
            _four_rows(back, top * length, x, here, channels, extent.width, half_done)
        else:
            copy_rows(back, top, y, 0, TILE, length, extent, edge)
            _four_rows(edge, 0, x, here, channels, extent.width, half_done)
        _four_columns(half_done, here, channels, to, done * lead, lead, _SUMMED * lead)
        done += here


@leaf
def _four_rows(back, r0, column, n_tiles, channels, width, half_done):  # type: ignore[no-untyped-def]
    """Columns of four rows; those outside of the map are zero."""
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
    """Rows of four columns."""
    n = TILE * n_tiles * channels
    for row in range(6):
        for tile in range(n_tiles):
            for channel in range(0, channels, LANES):
                i = row * n + TILE * tile * channels + channel
                a, b = load(half_done, i), load(half_done, i + channels)
                i += 2 * channels
                c, d = load(half_done, i), load(half_done, i + channels)
                _spread_four(a, b, c, d, to, to0 + row * 6 * gap + tile * lead + channel, gap)
