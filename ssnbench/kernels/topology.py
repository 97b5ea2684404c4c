"""May a pixel leave its superpixel without tearing it apart? For kernels that move boundaries.

A label map is passed flat, with a rim of -1 around the image, so that no neighbour needs a check.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True, forceinline=True)
def at_border(flat, p, width):  # type: ignore[no-untyped-def]
    """Whether one of the 4 neighbours has another label; the rim's counts as one."""
    own = flat[p]
    return (
        (flat[p - width] != own)
        | (flat[p - 1] != own)
        | (flat[p + 1] != own)
        | (flat[p + width] != own)
    )


@njit(cache=True, nogil=True, forceinline=True)
def like_around(flat, p, width, label):  # type: ignore[no-untyped-def]
    """Which of the 8 neighbours have a label: bits 0 to 7, clockwise from the upper left.

    One number then answers, by :data:`LOOSE` and :data:`ALIKE`, what is asked of a neighbourhood.
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
    """Ask about every neighbourhood.

    Neighbours of the same label that touch the pixel by a side (odd bits) must hang together
    around the corners. This is enough, not needed: they may be connected farther away, around a
    hole.
    """
    like = (np.arange(256)[:, None] >> np.arange(8) & 1).astype(np.bool_)
    sides, corners = like[:, 1::2], like[:, ::2]
    linked = sides & np.roll(corners, -1, axis=1) & np.roll(sides, -1, axis=1)
    n_sides, n_links = sides.sum(axis=1), linked.sum(axis=1)
    loose: NDArray[np.bool_] = (n_sides < 4) & (n_sides == n_links + 1)
    return loose


LOOSE: Final = _loose()
"""bool (256,): by :func:`like_around`, a pixel at the border that its superpixel can spare."""

ALIKE: Final = np.array([bits.bit_count() for bits in range(256)], np.uint8)
"""uint8 (256,): by :func:`like_around`, how many neighbours have the label."""
