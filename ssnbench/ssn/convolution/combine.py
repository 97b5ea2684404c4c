"""The last convolution's parts of all resolutions, added up in the finest.

A coarse map that is enlarged by interpolation and then convolved is a weighted sum of its pixels,
and the weights of the interpolation are the same for all channels. Hence the products with the
convolution's weights are taken at the coarse resolution, nine of them for each pixel, and it is
these that are interpolated: exact, for odd sizes, too, at a quarter and a sixteenth of the cost.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssnbench.ssn.convolution.vectors import LANES, fma, load, spread, store
from ssnbench.ssn.convolution.winograd import Float32, kernel

Int64 = NDArray[np.int64]

_COLUMNS = 128
"""Columns that are done at a time, so that what they need stays in a second-level cache."""


class Lines(NamedTuple):
    """Between which coarse lines each fine line lies, from the one before the first on.

    Attributes
    ----------
    near, far : int64 (n + 2)
        Two coarse lines.
    near_share, far_share : float32 (n + 2)
        Their weights; 0 where a convolution looks beyond the image.
    """

    near: Int64
    far: Int64
    near_share: Float32
    far_share: Float32


class Coarse(NamedTuple):
    """Products of a coarse level, and where they belong.

    Attributes
    ----------
    products : float32, flat
        (height, n_columns, n_products): nine times the outputs, and some that fill up a panel.
    n_columns, n_products : int
        As above.
    rows, columns : Lines
        Where fine rows and columns lie between coarse ones.
    """

    products: Float32
    n_columns: int
    n_products: int
    rows: Lines
    columns: Lines


def lines(first: int, n: int, whole: int, halvings: int) -> Lines:
    """Lines ``first - 1`` to ``first + n`` of ``whole``, as bilinear interpolation places them.

    ``first`` is a multiple of what one coarse line stands for, and counts begin there: lines that
    are not among the ``n`` are replaced by the last one that is.
    """
    n_whole, n_here = whole, n
    for _ in range(halvings):
        n_whole, n_here = (n_whole + 1) // 2, (n_here + 1) // 2
    fine = np.arange(first - 1, first + n + 1)
    scale = np.float32(n_whole / whole)
    source = ((fine.astype(np.float32) + np.float32(0.5)) * scale - np.float32(0.5)).clip(0)
    near = source.astype(np.int64)
    share = source - near.astype(np.float32)
    inside = ((fine >= 0) & (fine < whole)).astype(np.float32)
    far = (near + 1).clip(max=n_whole - 1)
    near, far = ((each - (first >> halvings)).clip(0, n_here - 1) for each in (near, far))
    return Lines(near, far, inside * (1 - share), inside * share)


class Target(NamedTuple):
    """Where the sums go.

    Attributes
    ----------
    features : float32, flat
        Planes (k, height, width).
    height, width : int
        As above.
    plane, n : int
        The first plane that takes a sum, and how many do.
    skipped : int
        Row of ``features`` for the first row of the parts.
    floor : float32
        Least value.
    """

    features: Float32
    height: int
    width: int
    plane: int
    n: int
    skipped: int
    floor: np.float32


@kernel
def run_combine(first, last, fine, n_columns, n_padded, middle, coarse, target):  # type: ignore[no-untyped-def]
    """Add up rows ``first`` to ``last`` of the parts.

    Parameters
    ----------
    first, last : int
        Rows.
    fine : float32, flat
        The finest level's part (height, n_columns, n_padded).
    n_columns, n_padded : int
        As above.
    middle, coarse : Coarse
        The other levels' parts.
    target : Target
        Takes the sums.
    """
    sums = np.empty(_COLUMNS * n_padded, np.float32)
    most = max(middle.n_columns, coarse.n_columns)
    between = np.empty(most * 3 * n_padded, np.float32)
    for left in range(0, target.width, _COLUMNS):
        right = min(left + _COLUMNS, target.width)
        for y in range(first, last):
            start = (y * n_columns + left) * n_padded
            _between_rows(y, left, right, middle, n_padded, between)
            _between_columns(left, right, middle.columns, n_padded, between, fine, start, sums)
            _between_rows(y, left, right, coarse, n_padded, between)
            _between_columns(left, right, coarse.columns, n_padded, between, sums, 0, sums)
            _write(y, left, right, sums, n_padded, target)


@kernel
def _write(y, left, right, sums, n_padded, target):  # type: ignore[no-untyped-def]
    """Pixels with their channels become planes."""
    step = np.uint64(n_padded)
    for c in range(target.n):
        plane = (target.plane + c) * target.height + y + target.skipped
        start = np.uint64(plane * target.width + left)
        for x in range(np.uint64(right - left)):
            target.features[start + x] = max(sums[x * step + np.uint64(c)], target.floor)


@kernel
def _between_rows(y, left, right, level, n_padded, between):  # type: ignore[no-untyped-def]
    """Sum over three rows of the convolution: ``between`` is (n_columns, 3 n_padded).

    Of its columns those are filled that the fine ones from ``left`` to ``right`` need.
    """
    rows, n, length = level.rows, 3 * n_padded, level.n_columns * level.n_products
    n0, n1, n2 = rows.near[y] * length, rows.near[y + 1] * length, rows.near[y + 2] * length
    f0, f1, f2 = rows.far[y] * length, rows.far[y + 1] * length, rows.far[y + 2] * length
    a0, a1, a2 = (
        spread(rows.near_share[y]),
        spread(rows.near_share[y + 1]),
        spread(rows.near_share[y + 2]),
    )
    b0, b1, b2 = (
        spread(rows.far_share[y]),
        spread(rows.far_share[y + 1]),
        spread(rows.far_share[y + 2]),
    )
    products = level.products
    for x in range(level.columns.near[left], level.columns.far[right + 1] + 1):
        at = x * level.n_products
        for i in range(at, at + n, LANES):
            total = a0 * load(products, n0 + i)
            total = fma(b0, load(products, f0 + i), total)
            total = fma(a1, load(products, n1 + n + i), total)
            total = fma(b1, load(products, f1 + n + i), total)
            total = fma(a2, load(products, n2 + 2 * n + i), total)
            total = fma(b2, load(products, f2 + 2 * n + i), total)
            store(between, x * n + i - at, total)


@kernel
def _between_columns(left, right, columns, n_padded, between, before, start, sums):  # type: ignore[no-untyped-def]
    """Sum over three columns of the convolution, added to what ``before`` has from ``start`` on."""
    for x in range(left, right):
        at = (x - left) * n_padded
        for channel in range(at, at + n_padded, LANES):
            total = load(before, start + channel)
            for k in range(3):
                i = k * n_padded + channel - at
                near = load(between, columns.near[x + k] * 3 * n_padded + i)
                total = fma(spread(columns.near_share[x + k]), near, total)
                far = load(between, columns.far[x + k] * 3 * n_padded + i)
                total = fma(spread(columns.far_share[x + k]), far, total)
            store(sums, channel, total)
