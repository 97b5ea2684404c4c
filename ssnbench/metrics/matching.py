"""One-to-one matching of boundary pixels: as many pairs as possible within a distance.

Every truth boundary pixel may be paired with one label boundary pixel at most the tolerance away
(Euclidean), and each of these with one truth pixel. The number of pairs is the largest possible
(Hopcroft and Karp, 1973). The script of Berkeley also keeps the sum of distances small; that does
not change how many pairs there are, which is all that recall and precision need.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ssnbench.contracts import Mask

Numbers = NDArray[np.int32]


def match(labels: Mask, truth: Mask, valid: Mask | None, distance: float) -> Mask:
    """Mark the pixels of ``labels`` that a maximum matching pairs with pixels of ``truth``.

    Parameters
    ----------
    labels, truth : bool (H, W)
        Boundary pixels.
    valid : bool (H, W) or None
        Where label boundary pixels may be matched; None: everywhere.
    distance : float
        Largest distance of a pair, in pixels.

    Returns
    -------
    bool (H, W)
        As many marks as there are pairs.
    """
    allowed = labels if valid is None else labels & valid
    reach = int(distance)
    pad = ((reach, reach), (reach, reach))  # no neighbour lies outside, so none need be checked
    number = np.full((labels.shape[0] + 2 * reach, labels.shape[1] + 2 * reach), -1, np.int32)
    inner = number[reach : reach + labels.shape[0], reach : reach + labels.shape[1]]
    n_labels = int(np.count_nonzero(allowed))
    inner[allowed] = np.arange(n_labels, dtype=np.int32)
    pixels = np.flatnonzero(np.pad(truth, pad))
    partner = _matched(number.reshape(-1), pixels, _offsets(distance, number.shape[1]), n_labels)
    out = np.zeros(labels.shape, np.bool_)
    out[allowed] = partner >= 0
    return out


def _offsets(distance: float, stride: int) -> NDArray[np.int64]:
    """Steps in a flat map to all pixels within ``distance``, nearest first."""
    reach = int(distance)
    down, across = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    square = (down**2 + across**2).ravel()
    order = np.argsort(square, kind="stable")
    order = order[square[order] <= distance**2]
    steps: NDArray[np.int64] = (down * stride + across).ravel()[order]
    return steps


@njit(cache=True, nogil=True)
def _matched(
    number: Numbers, pixels: NDArray[np.int64], offsets: NDArray[np.int64], n_labels: int
) -> Numbers:
    """Return for every label pixel the truth pixel that it is paired with, or -1."""
    partner = np.full(n_labels, -1, np.int32)
    free = np.ones(pixels.size, np.bool_)
    for offset in offsets:  # nearest pairs first: a good start, and the pairs one would draw
        for t in range(pixels.size):
            other = number[pixels[t] + offset] if free[t] else -1
            if other >= 0 and partner[other] < 0:
                partner[other] = t
                free[t] = False
    level = np.empty(pixels.size, np.int32)
    while _layered(number, pixels, offsets, partner, free, level):
        tried = np.zeros(pixels.size, np.int32)
        path = np.empty(pixels.size, np.int32)
        for t in range(pixels.size):
            if free[t] and _augmented(t, number, pixels, offsets, partner, level, tried, path):
                free[t] = False
    return partner


@njit(cache=True, nogil=True)
def _layered(
    number: Numbers,
    pixels: NDArray[np.int64],
    offsets: NDArray[np.int64],
    partner: Numbers,
    free: Mask,
    level: Numbers,
) -> bool:
    """Number truth pixels by alternating steps from a free one; say if a free label is reached."""
    queue = np.empty(pixels.size, np.int32)
    end = 0
    for t in range(pixels.size):
        level[t] = 0 if free[t] else -1
        if free[t]:
            queue[end] = t
            end += 1
    found, start = False, 0
    while start < end:
        t = queue[start]
        start += 1
        for offset in offsets:
            other = number[pixels[t] + offset]
            if other < 0:
                continue
            after = partner[other]
            if after < 0:
                found = True
            elif level[after] < 0:
                level[after] = level[t] + 1
                queue[end] = after
                end += 1
    return found


@njit(cache=True, nogil=True)
def _augmented(
    root: int,
    number: Numbers,
    pixels: NDArray[np.int64],
    offsets: NDArray[np.int64],
    partner: Numbers,
    level: Numbers,
    tried: Numbers,
    path: Numbers,
) -> bool:
    """Follow the layers from a free truth pixel to a free label pixel and switch the pairs."""
    depth = 0
    path[0] = root
    while depth >= 0:
        t = path[depth]
        if tried[t] == offsets.size:
            depth -= 1
            continue
        other = number[pixels[t] + offsets[tried[t]]]
        tried[t] += 1
        if other < 0:
            continue
        after = partner[other]
        if after < 0:
            for step in range(depth + 1):  # each took its last tried offset
                t = path[step]
                partner[number[pixels[t] + offsets[tried[t] - 1]]] = t
            return True
        if level[after] == level[t] + 1:
            depth += 1
            path[depth] = after
    return False
