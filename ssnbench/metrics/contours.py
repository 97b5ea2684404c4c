"""Boundary maps: which pixels of a label map lie on a boundary, and which lie near one.

Plain numpy on whole rows: comparisons and bit-wise ors run at the speed of memory, without the GIL.
"""

from __future__ import annotations

import numpy as np

from ssnbench.contracts import Labels, Mask
from ssnbench.metrics.protocols import Boundary


def contour(labels: Labels, boundary: Boundary) -> Mask:
    """Mark the boundary pixels of int32 (H, W) labels; negative labels have no boundary.

    A boundary runs where two neighbours (up, down, left, right) hold different labels, both of
    them known. The image border is no boundary.

    Parameters
    ----------
    labels : int32 (H, W)
        Labels; a negative one marks a pixel without opinion.
    boundary : {"thin", "thick"}
        Mark the left or upper of the two pixels only, or both.

    Returns
    -------
    bool (H, W)
    """
    across = labels[:, 1:] != labels[:, :-1]
    down = labels[1:] != labels[:-1]
    if labels.min(initial=0) < 0:
        known = labels >= 0
        across &= known[:, 1:] & known[:, :-1]
        down &= known[1:] & known[:-1]
    marked = np.zeros(labels.shape, np.bool_)
    marked[:, :-1] = across
    marked[:-1] |= down
    if boundary == "thick":
        marked[:, 1:] |= across
        marked[1:] |= down
    return marked


def dilate(mask: Mask, radius: int) -> Mask:
    """Mark every pixel of bool (H, W) within a square window of ``radius`` of a marked one."""
    return _widen(_widen(mask, radius).T, radius).T


def overlap(one: Mask, other: Mask, within: Mask | None = None) -> int:
    """Count the pixels that are marked in both masks (and in ``within``)."""
    both = one & other
    if within is not None:
        both &= within
    return int(np.count_nonzero(both))


def _widen(mask: Mask, radius: int) -> Mask:
    """Dilate along the first axis; each step doubles the reach, so that any radius is cheap."""
    reach = 0
    while reach < radius:
        step = min(radius - reach, reach + 1)  # no gap, though what left the image is lost
        wider = mask.copy(order="K")
        wider[step:] |= mask[:-step]
        wider[:-step] |= mask[step:]
        mask, reach = wider, reach + step
    return mask
