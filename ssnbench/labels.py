"""Label maps: checking, counting, connectivity. The same connectivity step for every method.

A method may return any integer labels. Before anything is measured, :func:`enforce_connectivity`
makes the map 4-connected, merges fragments away and numbers what is left; the raw counts are kept
beside it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ssnbench.contracts import Labels
from ssnbench.kernels.components import components
from ssnbench.kernels.union_find import united

Sizes = NDArray[np.int64]
"""int64 (n,): pixels of each component."""

MIN_SHARE = 0.06
"""A fragment is smaller than this share of the mean size H*W/K (value of the SSN release)."""


def checked(labels: Any, shape: tuple[int, int]) -> Labels:
    """Return ``labels`` as contiguous int32 (H, W), or say what is wrong with them.

    Parameters
    ----------
    labels : integer or bool array (H, W)
        What a method returned, or what a file held. Values may be any integers; those that do not
        fit into int32 are replaced by their ranks.
    shape : (int, int)
        Height and width of the image.

    Raises
    ------
    TypeError
        When this is no array of integers.
    ValueError
        When its shape is not the image's.
    """
    if not isinstance(labels, np.ndarray):
        raise TypeError(f"labels should be an array of integers, got {type(labels).__name__}")
    if labels.dtype.kind not in "iub":
        raise TypeError(f"labels should be integers, got {labels.dtype}")
    if labels.shape != shape:
        raise ValueError(f"labels of shape {labels.shape} for an image of shape {shape}")
    if labels.dtype == np.int32:
        return np.ascontiguousarray(labels)
    limits = np.iinfo(np.int32)
    if labels.min(initial=0) < limits.min or labels.max(initial=0) > limits.max:
        labels = np.unique(labels, return_inverse=True)[1].reshape(shape)
    return np.ascontiguousarray(labels, dtype=np.int32)


def consecutive(labels: Labels) -> Labels:
    """Renumber int32 (H, W) labels to 0..n-1, keeping their order."""
    low, span = _range(labels)
    if span > 4 * labels.size:  # too sparse for a table over the range
        ranks = np.unique(labels, return_inverse=True)[1]
        return ranks.reshape(labels.shape).astype(np.int32)
    present = _present(labels.ravel(), low, span)
    rank = np.cumsum(present, dtype=np.int32) - np.int32(1)
    return _looked_up(labels.ravel(), low, rank).reshape(labels.shape)


def count(labels: Labels) -> int:
    """Count the different values of int32 (H, W) labels."""
    low, span = _range(labels)
    if span > 4 * labels.size:
        return len(np.unique(labels))
    return int(_present(labels.ravel(), low, span).sum())


class Connected(NamedTuple):
    """A label map whose superpixels are connected, and what was learned on the way.

    Attributes
    ----------
    labels : int32 (H, W)
        Labels 0..n_made-1, numbered by first pixel in raster order.
    n_made : int
        How many superpixels there are.
    n_components : int
        4-connected components that the map was made of before any was merged.
    """

    labels: Labels
    n_made: int
    n_components: int


def enforce_connectivity(
    labels: Labels, n_segments: int, min_share: float = MIN_SHARE
) -> Connected:
    """Make every superpixel 4-connected, free of fragments, and number them 0..n-1.

    Every 4-connected component becomes a superpixel of its own. Those smaller than ``min_share *
    H * W / n_segments`` pixels are merged into the neighbour that they share the longest border
    with (the one whose first pixel comes first on a tie). All fragments are merged at once, and
    again as long as what they merged to is still too small; each time at least halves their
    number, so that the time is linear in the pixels.

    Parameters
    ----------
    labels : int32 (H, W)
        Any labels.
    n_segments : int
        Superpixels asked for, 1 or more; sets what a fragment is.
    min_share : float
        Size of the smallest superpixel that is kept, as a share of the mean size.

    Returns
    -------
    Connected
        The new labels, and the counts that were found on the way.
    """
    parts, n_components = components(labels)
    sizes = _sizes(parts.reshape(-1), n_components)
    whole, sizes = _without_small(parts, sizes, min_share * parts.size / n_segments)
    return Connected(whole, sizes.size, n_components)


def keep_largest(labels: Labels, n_segments: int) -> Labels:
    """Make every superpixel 4-connected, and keep about as many as were asked for, the largest.

    For methods whose clusters fall apart. Components smaller than the ``n_segments``-th largest, or
    fragments, are merged as :func:`enforce_connectivity` does. Fragments that merge with each other
    may survive that, hence it is done up to three times, and a few more may be left.

    Parameters
    ----------
    labels : int32 (H, W)
        Any labels.
    n_segments : int
        Superpixels asked for, 1 or more.

    Returns
    -------
    int32 (H, W)
        Labels 0..n-1, numbered by first pixel in raster order.
    """
    parts, n = components(labels)
    sizes = _sizes(parts.reshape(-1), n)
    smallest = MIN_SHARE * parts.size / n_segments
    for _ in range(3):
        if sizes.size > n_segments:
            smallest = max(smallest, _least_kept(sizes, n_segments))
        parts, sizes = _without_small(parts, sizes, smallest)
        if sizes.size <= n_segments:
            break
    return parts


def _least_kept(sizes: Sizes, n: int) -> int:
    """Size from which on there are about ``n`` components: as many of one size stay or go."""
    least = int(np.partition(sizes, -n)[-n])
    with_them, without = (sizes >= least).sum(), (sizes > least).sum()
    return least + int(with_them - n > n - without)


def _without_small(parts: Labels, sizes: Sizes, smallest: float) -> tuple[Labels, Sizes]:
    """Merge components of less than ``smallest`` pixels until there are none; return sizes, too."""
    while sizes.size > 1 and sizes.min() < smallest:
        renumbered, n = united(_longest_border(parts, sizes, smallest))
        parts = _looked_up(parts.reshape(-1), 0, renumbered).reshape(parts.shape)
        apart, sizes = sizes, np.zeros(n, np.int64)
        np.add.at(sizes, renumbered, apart)
    return parts, sizes


def _range(labels: Labels) -> tuple[int, int]:
    if labels.size == 0:
        return 0, 0
    low = int(labels.min())
    return low, int(labels.max()) - low + 1


@njit(cache=True, nogil=True)
def _present(flat: NDArray[np.int32], low: int, span: int) -> NDArray[np.bool_]:
    seen = np.zeros(span, np.bool_)
    for value in flat:
        seen[value - low] = True
    return seen


@njit(cache=True, nogil=True)
def _sizes(flat: NDArray[np.int32], n: int) -> Sizes:
    """Like ``np.bincount``, without its copy to int64."""
    sizes = np.zeros(n, np.int64)
    for part in flat:
        sizes[part] += 1
    return sizes


@njit(cache=True, nogil=True)
def _looked_up(flat: NDArray[np.int32], low: int, table: NDArray[np.int32]) -> NDArray[np.int32]:
    out = np.empty(flat.size, np.int32)
    for p in range(flat.size):
        out[p] = table[flat[p] - low]
    return out


@njit(cache=True, nogil=True)
def _pixels_of(
    parts: Labels, sizes: Sizes, smallest: float
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """List the pixels of every fragment: those of c are ``pixels[start[c]:start[c + 1]]``."""
    start = np.zeros(sizes.size + 2, np.int64)
    for c in range(sizes.size):
        start[c + 2] = start[c + 1] + (sizes[c] if sizes[c] < smallest else 0)
    pixels = np.empty(start[-1], np.int32)
    for p, part in enumerate(parts.flat):
        if sizes[part] < smallest:
            pixels[start[part + 1]] = p
            start[part + 1] += 1
    return start, pixels


@njit(cache=True, nogil=True, forceinline=True)
def _around(flat, p, width):  # type: ignore[no-untyped-def]
    """Components above, on the left, on the right and below pixel p; -1 outside the image."""
    column = p % width
    return (
        flat[p - width] if p >= width else -1,
        flat[p - 1] if column > 0 else -1,
        flat[p + 1] if column + 1 < width else -1,
        flat[p + width] if p + width < flat.size else -1,
    )


@njit(cache=True, nogil=True)
def _longest_border(parts: Labels, sizes: Sizes, smallest: float) -> NDArray[np.int32]:
    """For every component: the one to merge it into, or itself when it is large enough."""
    flat, width = parts.reshape(-1), parts.shape[1]
    start, pixels = _pixels_of(parts, sizes, smallest)
    target = np.arange(sizes.size).astype(np.int32)
    length = np.zeros(sizes.size + 1, np.int32)  # the last entry is that of -1, outside
    for c in range(sizes.size):
        longest = np.int32(0)
        for p in pixels[start[c] : start[c + 1]]:
            for other in _around(flat, p, width):
                if other >= 0 and other != c:
                    length[other] += 1
                    tie = length[other] == longest and other < target[c]
                    if length[other] > longest or tie:
                        target[c], longest = other, length[other]
        for p in pixels[start[c] : start[c + 1]]:
            for other in _around(flat, p, width):
                length[other] = 0
    return target
