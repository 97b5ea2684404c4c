"""May a pixel leave its superpixel without tearing it apart? For kernels that move boundaries.

A label map is passed flat, with a rim of -1 around the image, so that no neighbour needs a check.
"""

from __future__ import annotations

from numba import njit

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
