"""May a pixel leave its superpixel without tearing it apart? For kernels that move boundaries.

A label map is passed flat, with a rim of -1 around the image, so that no neighbour needs a check.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ssnbench.contracts import Labels


@njit(cache=True, nogil=True)
def look_around(flat: Labels, p: int, width: int, ring: Labels) -> None:
    """Fill ``ring`` (8) with the labels of the neighbours of ``p``, clockwise from upper left.

    ``width`` is that of the map with its rim. Odd places of the ring touch the pixel by a side.
    """
    for i in range(3):
        ring[i] = flat[p - width - 1 + i]
        ring[4 + i] = flat[p + width + 1 - i]
    ring[3], ring[7] = flat[p + 1], flat[p - 1]


@njit(cache=True, nogil=True)
def dispensable(ring: Labels, own: int) -> bool:
    """Whether a superpixel stays 4-connected, and there, without the pixel inside the ring.

    Its pixels that touch the one in question by a side must hang together around the corners.
    This is enough, not needed: they may be connected farther away, around a hole.
    """
    sides = links = 0
    for i in range(1, 8, 2):
        if ring[i] == own:
            sides += 1
            links += int(ring[(i + 1) & 7] == own and ring[(i + 2) & 7] == own)
    return sides == links + 1 or links == 4


@njit(cache=True, nogil=True, inline="always")
def like_around(flat, p, width, label):  # type: ignore[no-untyped-def]
    """Which of the 8 neighbours have a label: bits 0 to 7, in the order of the ring.

    One number then answers, by :data:`LOOSE` and :data:`ALIKE`, what a ring is looked through for.
    """
    up, down = p - width, p + width
    return (
        (flat[up - 1] == label)
        | (flat[up] == label) << 1
        | (flat[up + 1] == label) << 2
        | (flat[p + 1] == label) << 3
        | (flat[down + 1] == label) << 4
        | (flat[down] == label) << 5
        | (flat[down - 1] == label) << 6
        | (flat[p - 1] == label) << 7
    )


def _loose() -> NDArray[np.bool_]:
    """Ask about every neighbourhood."""
    rings = (np.arange(256)[:, None] >> np.arange(8) & 1).astype(np.int32)
    spared = np.array([dispensable.py_func(ring, 1) for ring in rings], np.bool_)
    return spared & ~rings[:, 1::2].all(axis=1)


LOOSE: Final = _loose()
"""bool (256,): by :func:`like_around`, a pixel at the border that its superpixel can spare."""

ALIKE: Final = np.array([bits.bit_count() for bits in range(256)], np.uint8)
"""uint8 (256,): by :func:`like_around`, how many neighbours have the label."""
