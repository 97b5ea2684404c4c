"""A 3 x 3 convolution of few channels in training: matrix products with nine pixels at a time.

Maps have a border of zeros, and are wide enough for whole groups of pixels.
"""

from __future__ import annotations

from ssnbench.ssn.convolution.products import outer
from ssnbench.ssn.convolution.winograd import GROUP, NO_FLOOR, PANEL, kernel, product

_SUMMED = 64
"""Pixels that are summed up at a time; with what comes back they are to stay in the cache."""


@kernel
def run_few(first, last, maps, n_in, height, width, b, bias, out):  # type: ignore[no-untyped-def]
    """Convolve rows ``first`` to ``last`` of all maps; any cut gives the same bits.

    Parameters
    ----------
    first, last : int
        Rows, counted on through all maps.
    maps : float32, flat
        (B, height + 2, width + 2, n_in).
    n_in, height, width : int
        As above; the width is GROUP at least.
    b : float32, flat
        Weights (9 n_in, outputs), as from :func:`~ssnbench.ssn.convolution.winograd.panels`.
    bias : float32
        Number for each output, a multiple of PANEL.
    out : float32, flat
        Takes (B, height, width, outputs).
    """
    n_out, step = len(bias), (width + 2) * n_in
    for row in range(first, last):
        start = (row + row // height * 2) * step
        for group in range(0, width, GROUP):
            x = min(group, width - GROUP)
            for panel in range(0, n_out, PANEL):
                product(
                    maps, start + x * n_in, n_in, step, 3, 3 * n_in, b, panel * 9 * n_in,
                    bias, panel, NO_FLOOR, out, (row * width + x) * n_out + panel, n_out,
                )  # fmt: skip


@kernel
def run_few_weights(first, last, n_parts, maps, n_in, height, width, back, n_out, sums):  # type: ignore[no-untyped-def]
    """Sum up parts ``first`` to ``last`` of the derivative by the weights; any cut is the same.

    ``maps`` are as in :func:`run_few`, with GROUP more numbers behind them; ``back`` is
    (B, height, width, n_out); ``sums`` are (n_parts, 3, rows, n_out), where rows are ``3 n_in``
    filled up to a multiple of GROUP.
    """
    step, n_rows = (width + 2) * n_in, -(-3 * n_in // GROUP) * GROUP
    n = len(back) // (width * n_out)
    for part in range(first, last):
        for row in range(part * n // n_parts, (part + 1) * n // n_parts):
            for x in range(0, width, _SUMMED):
                here, b0 = min(_SUMMED, width - x), (row * width + x) * n_out
                for of_three in range(3):
                    a0 = (row + row // height * 2 + of_three) * step + x * n_in
                    to = (part * 3 + of_three) * n_rows * n_out
                    outer(here, maps, a0, n_in, back, b0, n_out, sums, to, n_rows, n_out)
