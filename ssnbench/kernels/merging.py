"""Join the small pieces of a clustering to the neighbours that are most like them."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ssnbench.contracts import Labels
from ssnbench.kernels.union_find import united

Floats = NDArray[np.float64]

Pairs = NDArray[np.int32]
"""int32 (n, 2): numbers of two pieces."""


def summed(parts: Labels, features: NDArray[np.float32], n: int) -> tuple[Floats, Floats]:
    """Add up what is known of the pixels of every piece.

    Parameters
    ----------
    parts : int32 (H, W)
        Pieces 0..n-1.
    features : float32 (C, H, W)
        What is known of pixels.
    n : int
        How many pieces there are.

    Returns
    -------
    sums : float64 (n, C)
        Features summed over each piece.
    sizes : float64 (n,)
        Pixels of each.
    """
    sums = np.zeros((n, len(features)))
    _add_runs(parts, features, sums)
    return sums, np.bincount(parts.ravel(), minlength=n).astype(np.float64)


def join_small(
    parts: Labels, sums: Floats, weights: Floats, sizes: Floats, least: float, most: int
) -> Labels:
    """Join every piece that is too small to the neighbour whose mean is nearest.

    All small pieces are joined at once, and again while there are some: each time at least halves
    their number. When none is too small but there are too many, the smallest join, too. The pixels
    are looked at only once, for which pieces touch, and for their labels in the end.

    Parameters
    ----------
    parts : int32 (H, W)
        Connected pieces 0..n-1.
    sums : float64 (n, D)
        Features summed over each piece.
    weights : float64 (n,)
        What to divide these by for the mean.
    sizes : float64 (n,)
        Size of each piece, in any unit; that of two joined is the sum.
    least : float
        Size of the smallest piece that is kept.
    most : int
        Pieces that are kept at most, 1 or more.

    Returns
    -------
    int32 (H, W)
        Labels 0..n-1, numbered by the first piece in each.
    """
    label, pairs = np.arange(len(sizes), dtype=np.int32), touching(parts)
    while (small := too_small(sizes, least, most)).any():
        target = _nearest_neighbour(pairs, sums / weights[:, None], small)
        number, n = united(target)
        label, sums = number[label], _added_up(sums, number, n)
        weights, sizes = (np.bincount(number, each).astype(float) for each in (weights, sizes))
        pairs = pairs[: _renumbered(pairs, number)]
    return label.take(parts)


def too_small(sizes: Floats, least: float, most: int) -> NDArray[np.bool_]:
    """Which pieces to join: those below the least size, or, when none is, the surplus."""
    small = (sizes < least) & (len(sizes) > 1)
    surplus = len(sizes) - most
    if not small.any() and surplus > 0:
        small[np.argsort(sizes, kind="stable")[:surplus]] = True
    return small


@njit(cache=True, nogil=True, fastmath=True)
def _add_runs(parts: Labels, features: NDArray[np.float32], sums: Floats) -> None:
    """Add the features of every pixel to those of its piece, a run of one piece at a time."""
    height, width = parts.shape
    for row in range(height):
        start = 0
        for column in range(1, width + 1):
            if column == width or parts[row, column] != parts[row, start]:
                for i in range(len(features)):
                    sums[parts[row, start], i] += features[i, row, start:column].sum()
                start = column


@njit(cache=True, nogil=True)
def touching(parts: Labels) -> Pairs:
    """List the pieces on both sides of every border, one pair per pixel and direction."""
    height, width = parts.shape
    pairs = np.empty((2 * parts.size, 2), np.int32)
    n = 0
    for row in range(height):
        for column in range(width):  # no branch: where borders are cannot be foretold
            piece = parts[row, column]
            right, below = (
                parts[row, min(column + 1, width - 1)],
                parts[min(row + 1, height - 1), column],
            )
            pairs[n, 0], pairs[n, 1] = piece, right
            n += int(piece != right)
            pairs[n, 0], pairs[n, 1] = piece, below
            n += int(piece != below)
    return pairs[:n]


@njit(cache=True, nogil=True)
def _renumbered(pairs: Pairs, number: NDArray[np.int32]) -> int:
    """Replace pieces by what they were joined to; drop pairs that are one now; return how many."""
    n = 0
    for i in range(len(pairs)):
        a, b = number[pairs[i, 0]], number[pairs[i, 1]]
        pairs[n, 0], pairs[n, 1] = a, b
        n += int(a != b)
    return n


@njit(cache=True, nogil=True)
def _added_up(sums: Floats, number: NDArray[np.int32], n: int) -> Floats:
    """Add up the rows of pieces that are one now."""
    joint = np.zeros((n, sums.shape[1]))
    for piece in range(len(sums)):
        for i in range(sums.shape[1]):
            joint[number[piece], i] += sums[piece, i]
    return joint


@njit(cache=True, nogil=True, error_model="numpy")
def _nearest_neighbour(pairs: Pairs, means: Floats, small: NDArray[np.bool_]) -> NDArray[np.int32]:
    """For every small piece, the neighbour to join; for the others, themselves."""
    target, least = np.arange(len(means)).astype(np.int32), np.full(len(means), np.inf)
    for a, b in pairs:
        if small[a] or small[b]:
            distance = 0.0
            for i in range(means.shape[1]):
                distance += (means[a, i] - means[b, i]) ** 2
            _offer(target, least, small, a, b, distance)
            _offer(target, least, small, b, a, distance)
    return target


@njit(cache=True, nogil=True, forceinline=True)
def _offer(target, least, small, piece, other, distance):  # type: ignore[no-untyped-def]
    """Note a neighbour that is nearer than those before; on a tie, the one of smaller number."""
    tie = distance == least[piece] and other < target[piece]
    if small[piece] and (distance < least[piece] or tie):
        target[piece], least[piece] = other, distance
