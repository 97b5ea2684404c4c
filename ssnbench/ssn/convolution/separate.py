"""What the last convolution's parts add up to, differentiated: ``combine`` transposed."""

from __future__ import annotations

import numpy as np

from ssnbench.ssn.convolution.vectors import LANES, fma, load, spread, store
from ssnbench.ssn.convolution.winograd import kernel, leaf

_ZERO = np.float32(0)


@kernel
def run_separate(first, last, back, size, n_padded, fine, middle, coarse):  # type: ignore[no-untyped-def]
    """Do images ``first`` to ``last``.

    Parameters
    ----------
    first, last : int
        Images.
    back : float32, flat
        Derivative by the sums: planes (B, n, height, width).
    size : tuple of int
        n, height, width.
    n_padded : int
        Channels of the parts: n, filled up to a multiple of LANES.
    fine : float32, flat
        Takes the derivative by the finest level's part (B, height, width, n_padded).
    middle, coarse : Coarse
        Take those by the other levels' products, which begin as zeros, of all images.
    """
    n, height, width = size
    n_images = len(fine) // (height * width * n_padded)
    most = max(middle.n_columns, coarse.n_columns)
    between = np.empty(most * 3 * n_padded, np.float32)
    for image in range(first, last):
        for y in range(height):
            start = (image * height + y) * width * n_padded
            for i in range(start, start + width * n_padded, LANES):
                store(fine, i, spread(_ZERO))
            for c in range(n):
                plane = ((image * n + c) * height + y) * width
                for x in range(width):
                    fine[start + x * n_padded + c] = back[plane + x]
            to = image * (len(middle.products) // n_images)
            _give(y, fine, start, width, n_padded, middle, to, between)
            to = image * (len(coarse.products) // n_images)
            _give(y, fine, start, width, n_padded, coarse, to, between)


@kernel
def _give(y, fine, start, width, n_padded, level, to, between):  # type: ignore[no-untyped-def]
    """What a fine row gives to a level: first along the row, then across rows."""
    n = 3 * n_padded
    for i in range(0, level.n_columns * n, LANES):
        store(between, i, spread(_ZERO))
    columns = level.columns
    for x in range(width):
        for k in range(3):
            near, far = columns.near[x + k] * n, columns.far[x + k] * n
            a, b = spread(columns.near_share[x + k]), spread(columns.far_share[x + k])
            for channel in range(0, n_padded, LANES):
                given = load(fine, start + x * n_padded + channel)
                i = k * n_padded + channel
                store(between, near + i, fma(a, given, load(between, near + i)))
                store(between, far + i, fma(b, given, load(between, far + i)))
    rows, length = level.rows, level.n_columns * level.n_products
    for k in range(3):
        _add(between, level, to + rows.near[y + k] * length, k * n, n, rows.near_share[y + k])
        _add(between, level, to + rows.far[y + k] * length, k * n, n, rows.far_share[y + k])


@leaf
def _add(between, level, row, shift, n, share):  # type: ignore[no-untyped-def]
    factor, products = spread(share), level.products
    for x in range(level.n_columns):
        at = row + x * level.n_products + shift
        for i in range(0, n, LANES):
            store(products, at + i, fma(factor, load(between, x * n + i), load(products, at + i)))
