"""Masks of boundary pixels: what lies near a boundary, and how many pixels two have in common."""

from __future__ import annotations

import numpy as np

from ssnbench.contracts import Mask


def dilate(mask: Mask, radius: int) -> Mask:
    """Mark every pixel of bool (H, W) within a square window of ``radius`` of a marked one.

    Each round nearly doubles the reach, so that any radius is cheap. A step is at most one longer
    than the reach so far: no gap opens beside what has left the image.
    """
    wide, spare = mask.copy(), np.empty_like(mask)
    reach = 0
    while reach < radius:
        step = min(radius - reach, reach + 1)
        np.copyto(spare, wide)
        spare[:, step:] |= wide[:, :-step]
        spare[:, :-step] |= wide[:, step:]
        np.copyto(wide, spare)
        wide[step:] |= spare[:-step]
        wide[:-step] |= spare[step:]
        reach += step
    return wide


def overlap(one: Mask, other: Mask, within: Mask | None = None) -> int:
    """Count the pixels that are marked in both masks (and in ``within``)."""
    both = one & other
    if within is not None:
        both &= within
    return int(np.count_nonzero(both))
