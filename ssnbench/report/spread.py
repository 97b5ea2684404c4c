"""Where names go beside their curves: near to their ends, none upon another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Move heights as little as needed so that no two are nearer than ``gap``.

    Neighbours that collide form a block that is centred on the mean of where they wanted to be, as
    far as that keeps it between 0 and 1; what is too much for that stands on 0 and grows upwards.
    """
    order = np.argsort(wanted, kind="stable")
    blocks: list[list[float]] = []  # the wanted heights of each block, from below
    for place in order:
        blocks.append([float(wanted[place])])
        while len(blocks) > 1 and _foot(blocks[-1], gap) < _foot(blocks[-2], gap) + gap * len(
            blocks[-2]
        ):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    heights = [_foot(block, gap) + gap * step for block in blocks for step in range(len(block))]
    places = np.empty(len(order))
    places[order] = heights
    return [float(height) for height in places]


def _foot(block: Sequence[float], gap: float) -> float:
    """Height of the lowest name of a block."""
    span = gap * (len(block) - 1)
    return max(0.0, min(float(np.mean(block)) - span / 2, 1 - span))
