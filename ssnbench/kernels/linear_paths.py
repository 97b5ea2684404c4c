"""Straight ways from all pixels of a window to its middle, summed in time linear in the pixels.

The pixels at distance r from the middle (the larger of rows and columns) form a square ring. The
ray from a pixel of ring r crosses ring r - 1 between two pixels; what is summed along it is the
pixel's own value and, interpolated, the sums of those two.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class Rays(NamedTuple):
    """Ways from all pixels of a window to its middle, the pixels numbered row by row.

    The first four lie in order of the rings, the middle left out.
    """

    pixel: NDArray[np.uint32]
    near: NDArray[np.uint32]  # pixel of the next ring inwards before the crossing
    far: NDArray[np.uint32]  # and the one behind it
    share: Floats  # weight of the latter, 0..1
    length: Floats  # (2 down + 1, 2 along + 1): pixels on the way, both ends included


def window_rays(down: int, along: int) -> Rays:
    """Rays of the window with ``down`` rows and ``along`` columns on each side of its middle."""
    row, column = np.mgrid[-down : down + 1, -along : along + 1]
    ring = np.maximum(abs(row), abs(column))
    pixel = np.argsort(ring, axis=None, kind="stable")[1:]
    r = ring.flat[pixel]
    rows, below = np.divmod(row.flat[pixel] * (r - 1), r)  # one of them divides without remainder
    columns, right = np.divmod(column.flat[pixel] * (r - 1), r)
    across = 2 * along + 1
    near = (rows + down) * across + columns + along
    far = near + across * (below > 0) + (right > 0)
    return Rays(
        pixel.astype(np.uint32),
        near.astype(np.uint32),
        far.astype(np.uint32),
        ((below + right) / r).astype(np.float32),
        (ring + 1).astype(np.float32),
    )


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def sum_along(value, rays, total):  # type: ignore[no-untyped-def]
    """Fill ``total`` with the sums of ``value`` along the rays, from the middle outwards."""
    middle = total.size // 2
    total[middle] = value[middle]
    for i in range(rays.pixel.size):
        p, near, far = rays.pixel[i], rays.near[i], rays.far[i]
        total[p] = value[p] + total[near] + rays.share[i] * (total[far] - total[near])


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def strongest_along(value, rays):  # type: ignore[no-untyped-def]
    """Replace values by the largest along the rays, from the middle outwards."""
    for i in range(rays.pixel.size):
        p, near, far = rays.pixel[i], rays.near[i], rays.far[i]
        value[p] = max(value[p], value[near] + rays.share[i] * (value[far] - value[near]))
