"""Join regions of an image, the most alike first, until so many are left."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ssnbench.contracts import Labels
from ssnbench.kernels.heap import drop_first, packed, payload_of, push, replace_first
from ssnbench.kernels.merging import Floats, Pairs, touching
from ssnbench.kernels.union_find import joined, numbered, root

Integers = NDArray[np.int32]

_NONE = -1


class _Regions(NamedTuple):
    """Regions by number; what is said of one that has joined another no longer counts."""

    means: Floats  # (n, D)
    sizes: Floats
    parent: Integers  # what a region has joined: see ssnbench.kernels.union_find
    joins: Integers  # how many regions have joined it


class _Neighbours(NamedTuple):
    """A linked list of neighbours for every region; one may stand there several times."""

    first: Integers
    last: Integers
    following: Integers
    region: Integers
    seen: Integers  # by region: in whose list it was seen last


def agglomerated(
    parts: Labels, sums: Floats, sizes: Floats, n_left: int, least: float = 0
) -> Labels:
    """Join touching regions by Ward's criterion until ``n_left`` are left and none is small.

    Of all pairs that touch, those two are joined whose union raises the sum of squared distances
    of pixels from the mean of their region the least: by |A| |B| / (|A| + |B|) times the squared
    distance of both means (Ward, Hierarchical Grouping to Optimize an Objective Function, JASA
    1963); and so on. The small ones come first, however different from others they are.

    Parameters
    ----------
    parts : int32 (H, W)
        Connected regions 0..n-1.
    sums : float64 (n, D)
        Features summed over each region.
    sizes : float64 (n,)
        Pixels of each region.
    n_left : int
        Regions that are left, 1 or more, if there are as many that are not small.
    least : float
        Pixels of the smallest region that is left.

    Returns
    -------
    int32 (H, W)
        Labels 0..m-1, numbered by the first region in each.
    """
    n = len(sizes)
    label = np.arange(n, dtype=np.int32)
    regions = _Regions(sums / sizes[:, None], sizes.copy(), label, np.zeros(n, np.int32))
    _agglomerate(regions, _neighbours(touching(parts), n), n_left, least)
    numbered(label)
    return label.take(parts)


@njit(cache=True, nogil=True)
def _agglomerate(regions: _Regions, neighbours: _Neighbours, n_left: int, least: float) -> None:
    """Join regions, in their ``parent``, until ``n_left`` are left and none is small.

    Each stands in the heap with the rise of joining its best neighbour. That is enough: the pair
    of least rise of all is the best of both. A region whose best neighbour has changed since looks
    for another when its turn comes and not before, for what has become better through a join is
    the joint region's best, too.
    """
    n = len(regions.sizes)
    best, rises = np.empty(n, np.int32), np.empty(n, np.float32)
    joins = np.zeros(n, np.int32)  # those of the best neighbour when it was chosen
    heap, size = np.empty(n, np.uint64), 0
    for region in range(n):
        best[region], rises[region] = _best(regions, neighbours, region, least)
        size = push(heap, size, packed(rises[region], region))
    while n > 1:
        region = payload_of(heap[0])
        if regions.parent[region] != region or heap[0] != packed(rises[region], region):
            size = drop_first(heap, size)  # it has joined another, or stands there once more
            continue
        if regions.sizes[region] < least:  # whom it would rather join now need not have noted it
            best[region], rises[region] = _best(regions, neighbours, region, least)
            joins[region] = regions.joins[best[region]]
        elif n <= n_left:
            break
        other = best[region]
        if regions.parent[other] == other and regions.joins[other] == joins[region]:
            region = _join(regions, neighbours, region, other)
            n -= 1
        best[region], rises[region] = _best(regions, neighbours, region, least)
        joins[region] = regions.joins[best[region]]
        replace_first(heap, size, packed(rises[region], region))


@njit(cache=True, nogil=True)
def _neighbours(pairs: Pairs, n: int) -> _Neighbours:
    """List the neighbours of n regions."""
    first, last = np.full(n, _NONE, np.int32), np.full(n, _NONE, np.int32)
    following, target = np.full(pairs.size, _NONE, np.int32), np.empty(pairs.size, np.int32)
    for pair in range(len(pairs)):
        for side in range(2):
            link, region = 2 * pair + side, pairs[pair, side]
            target[link] = pairs[pair, 1 - side]
            if first[region] == _NONE:
                first[region] = link
            else:
                following[last[region]] = link
            last[region] = link
    return _Neighbours(first, last, following, target, np.full(n, _NONE, np.int32))


@njit(cache=True, nogil=True)
def _best(
    regions: _Regions, neighbours: _Neighbours, region: int, least: float
) -> tuple[int, np.float32]:
    """Find the neighbour whose joining raises least, and the rise; forget what is listed twice.

    Of equals it is the one of the smallest number. The rise of a small region is said to be 0, so
    that its turn comes before that of the others.
    """
    best, lowest = region, np.float32(np.inf)
    first, last, following, target, seen = neighbours
    kept, link = _NONE, first[region]
    while link != _NONE:
        other = root(regions.parent, target[link])
        if other != region and seen[other] != region:
            seen[other], target[link] = region, other
            rise = _rise(regions, region, other)
            if rise < lowest or (rise == lowest and other < best):
                best, lowest = other, rise
            if kept == _NONE:
                first[region] = link
            else:
                following[kept] = link
            kept = link
        link = following[link]
    if kept != _NONE:
        following[kept], last[region] = _NONE, kept
    _forget(neighbours, region)
    return best, np.float32(0) if regions.sizes[region] < least else lowest


@njit(cache=True, nogil=True)
def _forget(neighbours: _Neighbours, region: int) -> None:
    """Take back that the neighbours of a region have been seen."""
    link = neighbours.first[region]
    while link != _NONE:
        neighbours.seen[neighbours.region[link]] = _NONE
        link = neighbours.following[link]


@njit(cache=True, nogil=True, error_model="numpy")
def _rise(regions: _Regions, a: int, b: int) -> np.float32:
    """By how much the sum of squared distances rises when two regions become one."""
    distance = 0.0
    for i in range(regions.means.shape[1]):
        distance += (regions.means[a, i] - regions.means[b, i]) ** 2
    sizes = regions.sizes
    return np.float32(distance * (sizes[a] * sizes[b] / (sizes[a] + sizes[b])))


@njit(cache=True, nogil=True, error_model="numpy")
def _join(regions: _Regions, neighbours: _Neighbours, a: int, b: int) -> int:
    """Make one region of two; return its number, the smaller one."""
    a, b = min(a, b), max(a, b)
    means, sizes = regions.means, regions.sizes
    joined(regions.parent, a, b)
    share = sizes[b] / (sizes[a] + sizes[b])
    for i in range(means.shape[1]):
        means[a, i] += share * (means[b, i] - means[a, i])
    sizes[a] += sizes[b]
    regions.joins[a] += 1
    neighbours.following[neighbours.last[a]] = neighbours.first[b]
    neighbours.last[a] = neighbours.last[b]
    return a
