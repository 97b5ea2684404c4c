"""Disjoint sets of pixels or superpixels, for kernels: an array that names everyone's parent.

A root is its own parent, and always the smallest member: the first pixel in raster order.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Parents = NDArray[np.int32]


@njit(cache=True, nogil=True)
def root(parent: Parents, p: int) -> int:
    """Find the smallest member of the set of ``p``, and shorten the way there."""
    while parent[p] != p:
        parent[p] = parent[parent[p]]  # halve the path on the way
        p = parent[p]
    return p


@njit(cache=True, nogil=True)
def joined(parent: Parents, p: int, q: int) -> int:
    """Unite two sets; return the root, which is the smaller one of their roots."""
    p, q = root(parent, p), root(parent, q)
    if p < q:
        parent[q] = p
        return p
    parent[p] = q
    return q


@njit(cache=True, nogil=True)
def numbered(parent: Parents) -> int:
    """Replace parents by the numbers of their sets, 0..n-1 by smallest member; return n."""
    n = 0
    for p in range(parent.size):  # a parent comes before its children, so it is numbered already
        if parent[p] == p:
            parent[p] = n
            n += 1
        else:
            parent[p] = parent[parent[p]]
    return n


@njit(cache=True, nogil=True)
def united(target: NDArray[np.int32]) -> tuple[NDArray[np.int32], int]:
    """Unite every element with its target; return the new number of each, and how many.

    Parameters
    ----------
    target : int32 (n,)
        The element to unite each one with, itself for those that stay as they are.
    """
    parent = np.arange(target.size).astype(np.int32)
    for element in range(target.size):
        joined(parent, element, target[element])
    return parent, numbered(parent)
