"""Matrix products of training: pixels times weights, and pixels times pixels summed up."""

from __future__ import annotations

import numpy as np

from ssnbench.ssn.convolution.vectors import LANES, fma, load, load_spread, store
from ssnbench.ssn.convolution.winograd import GROUP, NO_FLOOR, PANEL, kernel, leaf, product

_SUMMED = 64
"""Rows that are summed up at a time; they are to stay in a first-level cache."""


@kernel
def run_products(first, last, n, a, n_in, b, bias, c):  # type: ignore[no-untyped-def]
    """Rows of groups ``first`` to ``last`` of a matrix product; any cut gives the same bits.

    Parameters
    ----------
    first, last : int
        Which groups of GROUP rows; the last one begins early enough to be whole.
    n : int
        Rows, GROUP at least.
    a : float32, flat
        (n, n_in).
    n_in : int
        Columns of ``a``.
    b : float32, flat
        A matrix, as from :func:`~ssnbench.ssn.convolution.winograd.panels`.
    bias : float32
        Zeros, as many as ``c`` has columns, a multiple of PANEL.
    c : float32, flat
        Takes the product.
    """
    n_out = len(bias)
    for group in range(first, last):
        row = min(group * GROUP, n - GROUP)
        for panel in range(0, n_out, PANEL):
            product(
                a, row * n_in, n_in, 0, 1, n_in, b, panel * n_in, bias, panel, NO_FLOOR,
                c, row * n_out + panel, n_out,
            )  # fmt: skip


@kernel
def run_outer(first, last, n_parts, n, a, n_in, b, n_out, sums):  # type: ignore[no-untyped-def]
    """Parts ``first`` to ``last`` of the product of the transposed (n, n_in) with (n, n_out).

    ``sums`` are (n_parts, rows, n_out), where rows are ``n_in`` filled up to a multiple of GROUP.
    """
    n_rows = -(-n_in // GROUP) * GROUP
    tail = np.zeros(n_rows, np.float32)  # `outer` looks beyond a row, and behind the last is none
    tail[:n_in] = a[(n - 1) * n_in : n * n_in]
    for part in range(first, last):
        to, end = part * n_rows * n_out, (part + 1) * n // n_parts
        for start in range(part * n // n_parts, min(end, n - 1), _SUMMED):
            here = min(_SUMMED, min(end, n - 1) - start)
            outer(here, a, start * n_in, n_in, b, start * n_out, n_out, sums, to, n_rows, n_out)
        if end == n:
            outer(1, tail, 0, n_in, b, (n - 1) * n_out, n_out, sums, to, n_rows, n_out)


@leaf
def outer(n, a, a0, lead_a, b, b0, lead_b, c, c0, n_rows, n_columns):  # type: ignore[no-untyped-def]
    """Add to ``c`` (n_rows, n_columns): sum over ``n`` rows of a, transposed, times b."""
    for column in range(0, n_columns, PANEL):
        for row in range(0, n_rows, GROUP):
            to = c0 + row * n_columns + column
            _outer(n, a, a0 + row, lead_a, b, b0 + column, lead_b, c, to, n_columns)


@leaf
def _outer(n, a, a0, lead_a, b, b0, lead_b, c, c0, gap):  # type: ignore[no-untyped-def]
    """Add to GROUP rows of ``c`` by a panel: sum over ``n`` of a's columns times b's."""
    c1, c2, c3, c4, c5 = c0 + gap, c0 + 2 * gap, c0 + 3 * gap, c0 + 4 * gap, c0 + 5 * gap
    s00, s01 = load(c, c0), load(c, c0 + LANES)
    s10, s11 = load(c, c1), load(c, c1 + LANES)
    s20, s21 = load(c, c2), load(c, c2 + LANES)
    s30, s31 = load(c, c3), load(c, c3 + LANES)
    s40, s41 = load(c, c4), load(c, c4 + LANES)
    s50, s51 = load(c, c5), load(c, c5 + LANES)
    for _ in range(n):
        b_0, b_1 = load(b, b0), load(b, b0 + LANES)
        x = load_spread(a, a0)
        s00, s01 = fma(x, b_0, s00), fma(x, b_1, s01)
        x = load_spread(a, a0 + 1)
        s10, s11 = fma(x, b_0, s10), fma(x, b_1, s11)
        x = load_spread(a, a0 + 2)
        s20, s21 = fma(x, b_0, s20), fma(x, b_1, s21)
        x = load_spread(a, a0 + 3)
        s30, s31 = fma(x, b_0, s30), fma(x, b_1, s31)
        x = load_spread(a, a0 + 4)
        s40, s41 = fma(x, b_0, s40), fma(x, b_1, s41)
        x = load_spread(a, a0 + 5)
        s50, s51 = fma(x, b_0, s50), fma(x, b_1, s51)
        a0 += lead_a
        b0 += lead_b
    store(c, c0, s00)
    store(c, c0 + LANES, s01)
    store(c, c1, s10)
    store(c, c1 + LANES, s11)
    store(c, c2, s20)
    store(c, c2 + LANES, s21)
    store(c, c3, s30)
    store(c, c3 + LANES, s31)
    store(c, c4, s40)
    store(c, c4 + LANES, s41)
    store(c, c5, s50)
    store(c, c5 + LANES, s51)
