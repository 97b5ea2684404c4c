"""A 3 x 3 convolution of whole maps, in training.

Maps are flat float32, channels last, one row after the other, without borders. The derivative by
the maps is a convolution, too: of what comes back, with the weights turned round.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ssnbench.ssn.convolution.vectors import LANES, load, spread, store
from ssnbench.ssn.convolution.winograd import (
    AT_ONCE,
    GROUP,
    NO_FLOOR,
    PANEL,
    TILE,
    four,
    kernel,
    leaf,
    product,
    six,
)

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
        transform_tiles(start, n, AT_ONCE, maps, n_in, extent, edge, half_done, one, n_in)
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


@leaf
def place(tile, extent):  # type: ignore[no-untyped-def]
    """Which row of all maps a tile begins at, which row and column of its map."""
    row = tile // extent.n_columns
    image = row // extent.n_rows
    y = (row - image * extent.n_rows) * TILE
    return image * extent.height + y, y, (tile - row * extent.n_columns) * TILE


@kernel
def transform_tiles(start, n, gap, maps, channels, extent, edge, half_done, to, lead):  # type: ignore[no-untyped-def]
    """Inputs of ``n`` tiles: ``to`` is (36, gap, lead)."""
    done = 0
    while done < n:
        top, y, x = place(start + done, extent)
        here = min(n - done, extent.n_columns - x // TILE)
        length = extent.width * channels
        if y > 0 and y + TILE < extent.height:
            _six_rows(maps, (top - 1) * length, x - 1, here, channels, extent.width, half_done)
        else:
            copy_rows(maps, top, y, -1, 6, length, extent, edge)
            _six_rows(edge, 0, x - 1, here, channels, extent.width, half_done)
        _six_columns(half_done, here, channels, to, done * lead, lead, gap * lead)
        done += here


@kernel
def copy_rows(maps, top, y, shift, n, length, extent, edge):  # type: ignore[no-untyped-def]
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
        top, y, x = place(start + tile, extent)
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
