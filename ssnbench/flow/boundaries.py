"""Motion boundaries: where neighbouring pixels move apart."""

from __future__ import annotations

import numpy as np
from numba import njit

from ssnbench.contracts import Flow, Mask
from ssnbench.flow.segments import known

RELATIVE, ABSOLUTE = 0.01, 0.002
"""Squared gradient beyond which flow jumps: a share of its squared length, and px²/px²."""


def motion_boundaries(flow: Flow) -> Mask:
    """Mark the pixels at which the flow jumps to the right or below.

    A pixel is marked where the squared gradient of the flow, by forward differences, is above
    0.01 |flow|^2 + 0.002. A difference to a pixel of unknown flow counts as 0.

    Parameters
    ----------
    flow : float32 (H, W, 2)
        Pixels; NaN, or 1e9 and more, where unknown.

    Returns
    -------
    bool (H, W)

    References
    ----------
    .. [1] Sundaram, Brox, Keutzer, Dense Point Trajectories by GPU-Accelerated Large Displacement
       Optical Flow, ECCV 2010: the test for motion boundaries.
    """
    return _marked(np.ascontiguousarray(flow, np.float32), known(flow))


@njit(cache=True, nogil=True)
def _marked(flow: Flow, is_known: Mask) -> Mask:
    height, width = is_known.shape
    out = np.zeros((height, width), np.bool_)
    for row in range(height):
        for column in range(width):
            if not is_known[row, column]:
                continue
            u, v = flow[row, column, 0], flow[row, column, 1]
            gradient = 0.0
            if column + 1 < width and is_known[row, column + 1]:
                right, down = flow[row, column + 1, 0] - u, flow[row, column + 1, 1] - v
                gradient += right * right + down * down
            if row + 1 < height and is_known[row + 1, column]:
                right, down = flow[row + 1, column, 0] - u, flow[row + 1, column, 1] - v
                gradient += right * right + down * down
            out[row, column] = gradient > RELATIVE * (u * u + v * v) + ABSOLUTE
    return out
