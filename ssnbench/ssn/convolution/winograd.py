"""Convolutions of a few rows at a time: 3 x 3 by Winograd's F(4 x 4, 3 x 3), and matrix products.

Lavin, Gray: Fast Algorithms for Convolutional Neural Networks, CVPR 2016. A tile of 4 x 4 outputs
takes 36 multiplications per pair of channels in place of 144. The polynomials are evaluated at 0,
+-sqrt(1/2), +-sqrt(2) and infinity, where rounding is half of what it is at 0, +-1, +-2.

Maps are flat float32, channels last, one row after the other. A row has a column of zeros before
the first pixel and some behind the last one, so that a tile never looks beyond it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ssnbench.ssn.convolution.vectors import LANES, fma, larger, load, load_spread, spread, store

Float32 = NDArray[np.float32]

TILE = 4
"""Outputs of a tile in each direction; it sees two inputs more."""

GROUP = 6
"""Rows that a matrix product makes at a time: 6 x 2 vectors of sums fill 16 registers well."""

PANEL = 2 * LANES
"""Columns that a matrix product makes at a time; channels are filled up with zeros to these."""

AT_ONCE = 18
"""Tiles that are transformed at a time: the scratch is to stay in a second-level cache."""

_P, _Q = np.sqrt(0.5), np.sqrt(2.0)
F_P, F_Q, F_P3, F_Q3 = (np.float32(x) for x in (_P, _Q, _P**3, _Q**3))
_HALF, _TWO, _TWO_AND_HALF = np.float32(0.5), np.float32(2), np.float32(2.5)
NO_FLOOR = np.float32(-np.inf)

_POINTS = np.array((0, _P, -_P, _Q, -_Q))
_SLOPES = np.array((1, -1.5, -1.5, 6, 6))  # of x (x^2 - 1/2) (x^2 - 2) at the points
_ONE_WAY = np.vstack((_POINTS[:, None] ** np.arange(3) / _SLOPES[:, None], (0, 0, 1)))
BOTH_WAYS = np.kron(_ONE_WAY, _ONE_WAY)
"""Nine weights become 36 (36, 9); transposed, it is what 36 derivatives give to nine."""

_compile: Any = njit
kernel: Any = _compile(cache=True, nogil=True, error_model="numpy")
leaf: Any = _compile(cache=True, nogil=True, error_model="numpy", _nrt=False)


def transformed(weight: Float32) -> Float32:
    """Weights (out, in, 3, 3) as :func:`tile_row` takes them: flat, 36 matrices of panels."""
    n_out, n_in = weight.shape[:2]
    both = BOTH_WAYS @ weight.reshape(n_out * n_in, 9).T.astype(np.float64)
    split = both.reshape(36, n_out // PANEL, PANEL, n_in).transpose(0, 1, 3, 2)
    return np.ascontiguousarray(split, dtype=np.float32).ravel()


def panels(matrix: NDArray[Any]) -> Float32:
    """A matrix (in, out) as :func:`product` takes it: flat, a panel of columns after the other."""
    n_in, n_out = matrix.shape
    return np.ascontiguousarray(
        matrix.reshape(n_in, n_out // PANEL, PANEL).transpose(1, 0, 2), dtype=np.float32
    ).ravel()


@leaf
def product(a, a0, lead, step, steps, depth, b, b0, bias, bias0, floor, c, c0, gap):  # type: ignore[no-untyped-def]
    """GROUP rows of ``c`` by a panel: bias + sum over steps of a b, and at least ``floor``.

    Row r of ``a`` begins at ``a0 + r * lead``; it has ``steps`` pieces of ``depth`` numbers, that
    far apart as ``step`` says. Rows of ``c`` are ``gap`` apart.
    """
    s00 = s10 = s20 = s30 = s40 = s50 = load(bias, bias0)
    s01 = s11 = s21 = s31 = s41 = s51 = load(bias, bias0 + LANES)
    for s in range(steps):
        r0 = a0 + s * step
        r1, r2, r3, r4, r5 = r0 + lead, r0 + 2 * lead, r0 + 3 * lead, r0 + 4 * lead, r0 + 5 * lead
        for i in range(depth):
            b_0, b_1 = load(b, b0), load(b, b0 + LANES)
            b0 += PANEL
            x = load_spread(a, r0 + i)
            s00, s01 = fma(x, b_0, s00), fma(x, b_1, s01)
            x = load_spread(a, r1 + i)
            s10, s11 = fma(x, b_0, s10), fma(x, b_1, s11)
            x = load_spread(a, r2 + i)
            s20, s21 = fma(x, b_0, s20), fma(x, b_1, s21)
            x = load_spread(a, r3 + i)
            s30, s31 = fma(x, b_0, s30), fma(x, b_1, s31)
            x = load_spread(a, r4 + i)
            s40, s41 = fma(x, b_0, s40), fma(x, b_1, s41)
            x = load_spread(a, r5 + i)
            s50, s51 = fma(x, b_0, s50), fma(x, b_1, s51)
    least = spread(floor)
    store(c, c0, larger(s00, least))
    store(c, c0 + LANES, larger(s01, least))
    c0 += gap
    store(c, c0, larger(s10, least))
    store(c, c0 + LANES, larger(s11, least))
    c0 += gap
    store(c, c0, larger(s20, least))
    store(c, c0 + LANES, larger(s21, least))
    c0 += gap
    store(c, c0, larger(s30, least))
    store(c, c0 + LANES, larger(s31, least))
    c0 += gap
    store(c, c0, larger(s40, least))
    store(c, c0 + LANES, larger(s41, least))
    c0 += gap
    store(c, c0, larger(s50, least))
    store(c, c0 + LANES, larger(s51, least))


@leaf
def product_row(a, a0, lead, step, steps, depth, b, bias, floor, c, c0, n_pixels):  # type: ignore[no-untyped-def]
    """A row of pixels times a matrix; ``n_pixels`` is a multiple of GROUP.

    With ``steps`` of 3 that are rows apart, and ``depth`` of 3 pixels, it is a 3 x 3 convolution.
    """
    n_out = len(bias)
    for x in range(0, n_pixels, GROUP):
        for panel in range(0, n_out, PANEL):
            b0, c1 = panel * steps * depth, c0 + x * n_out + panel
            product(
                a, a0 + x * lead, lead, step, steps, depth, b, b0, bias, panel, floor, c, c1, n_out
            )


@leaf
def six(a, b, c, d, e, f, to, at, gap):  # type: ignore[no-untyped-def]
    """Six inputs of a tile's row or column, transformed."""
    half, two, p, q = spread(_HALF), spread(_TWO), spread(F_P), spread(F_Q)
    s = spread(_TWO_AND_HALF)
    store(to, at, a + e - s * c)
    even, odd = e - two * c, p * (d - two * b)
    store(to, at + gap, even + odd)
    store(to, at + 2 * gap, even - odd)
    even, odd = e - half * c, q * (d - half * b)
    store(to, at + 3 * gap, even + odd)
    store(to, at + 4 * gap, even - odd)
    store(to, at + 5 * gap, b + f - s * d)


@leaf
def _transform(maps, rows, column, channels, n_tiles, half_done, to):  # type: ignore[no-untyped-def]
    """Tiles from ``column`` on: ``to`` is (36, n_tiles, channels)."""
    n = (TILE * n_tiles + 2) * channels
    r0, r1, r2, r3, r4, r5 = rows[0], rows[1], rows[2], rows[3], rows[4], rows[5]
    start = column * channels
    for i in range(start, start + n, LANES):
        a, b, c = load(maps, r0 + i), load(maps, r1 + i), load(maps, r2 + i)
        d, e, f = load(maps, r3 + i), load(maps, r4 + i), load(maps, r5 + i)
        six(a, b, c, d, e, f, half_done, i - start, n)
    gap = n_tiles * channels
    for row in range(6):
        for tile in range(n_tiles):
            for channel in range(0, channels, LANES):
                i = row * n + TILE * tile * channels + channel
                a, b, c = (
                    load(half_done, i),
                    load(half_done, i + channels),
                    load(half_done, i + 2 * channels),
                )
                i += 3 * channels
                d, e, f = (
                    load(half_done, i),
                    load(half_done, i + channels),
                    load(half_done, i + 2 * channels),
                )
                six(a, b, c, d, e, f, to, row * 6 * gap + tile * channels + channel, gap)


@leaf
def four(a, b, c, d, e, f):  # type: ignore[no-untyped-def]
    """Four outputs of a tile's row or column from six products."""
    p, q, p3, q3 = spread(F_P), spread(F_Q), spread(F_P3), spread(F_Q3)
    half, two = spread(_HALF), spread(_TWO)
    inner, inner_odd, outer, outer_odd = b + c, b - c, d + e, d - e
    return (
        a + inner + outer,
        p * inner_odd + q * outer_odd,
        half * inner + two * outer,
        p3 * inner_odd + q3 * outer_odd + f,
    )


@leaf
def _inverse(products, n_tiles, bias, floor, half_done, to, rows, column):  # type: ignore[no-untyped-def]
    """Outputs of tiles: four rows of ``to`` from ``column`` on."""
    channels = len(bias)
    n = n_tiles * channels
    for j in range(6):
        for i in range(j * n, j * n + n, LANES):
            a, b, c = load(products, i), load(products, i + 6 * n), load(products, i + 12 * n)
            d, e = load(products, i + 18 * n), load(products, i + 24 * n)
            v, w, x, y = four(a, b, c, d, e, load(products, i + 30 * n))
            store(half_done, i, v)
            store(half_done, i + 6 * n, w)
            store(half_done, i + 12 * n, x)
            store(half_done, i + 18 * n, y)
    least = spread(floor)
    for row in range(TILE):
        for channel in range(0, channels, LANES):
            shift = load(bias, channel)
            for tile in range(n_tiles):
                i = row * 6 * n + tile * channels + channel
                a, b, c = load(half_done, i), load(half_done, i + n), load(half_done, i + 2 * n)
                d, e = load(half_done, i + 3 * n), load(half_done, i + 4 * n)
                v, w, x, y = four(a, b, c, d, e, load(half_done, i + 5 * n))
                at = rows[row] + (column + TILE * tile) * channels + channel
                store(to, at, larger(v + shift, least))
                store(to, at + channels, larger(w + shift, least))
                store(to, at + 2 * channels, larger(x + shift, least))
                store(to, at + 3 * channels, larger(y + shift, least))


@leaf
def tile_row(maps, rows, channels, u, bias, none, floor, n_tiles, one, two, to, to_rows, margin):  # type: ignore[no-untyped-def]
    """A 3 x 3 convolution: four rows of outputs from six rows of inputs.

    ``rows`` and ``to_rows`` say where the rows begin; ``margin`` is how many columns stand before
    the first pixel of a row of outputs; ``one`` and ``two`` are scratch; ``none`` is a bias of 0.
    """
    n_out = len(bias)
    for first in range(0, n_tiles, AT_ONCE):
        n = min(AT_ONCE, n_tiles - first)
        _transform(maps, rows, TILE * first, channels, n, two, one)
        for point in range(36):
            for panel in range(0, n_out, PANEL):
                b0 = (point * n_out + panel) * channels
                for tile in range(0, n, GROUP):
                    i = point * n + tile
                    product(
                        one, i * channels, channels, 0, 1, channels, u, b0, none, 0, NO_FLOOR,
                        two, i * n_out + panel, n_out,
                    )  # fmt: skip
        _inverse(two, n, bias, floor, one, to, to_rows, TILE * first + margin)
