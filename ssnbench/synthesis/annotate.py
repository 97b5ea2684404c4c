"""The segmentations that two annotators would draw of a scene."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssnbench.contracts import Labels
from ssnbench.kernels.components import components
from ssnbench.labels import consecutive
from ssnbench.synthesis.drawing import Drawing


def annotate(drawing: Drawing, smallest: float) -> tuple[Labels, Labels]:
    """What two annotators would draw: the objects, and the objects split into their parts.

    Segments are 4-connected: what an object in front cuts in two is two segments. Pieces smaller
    than ``smallest`` pixels are given to the neighbour along the longest border.

    Returns
    -------
    objects, parts : int32 (H, W), 0..n-1
        The second refines the first: each of its segments lies in one of the first's.
    """
    objects = _without_crumbs(drawing.layer, smallest, np.zeros_like(drawing.layer))
    parts = drawing.layer * (drawing.part.max() + 1) + drawing.part
    pieces = objects * (parts.max() + 1) + parts
    return objects, _without_crumbs(pieces, smallest, objects)


def _without_crumbs(labels: Labels, smallest: float, within: Labels) -> Labels:
    """Split labels into components; give the small ones to neighbours of the same ``within``."""
    pieces, n = components(labels)
    while True:
        small = np.bincount(pieces.ravel(), minlength=n) < smallest
        one, other, length = _borders(pieces, within)
        keep = small[one]
        if not keep.any():
            return pieces
        parent = np.arange(n)
        by_length = np.argsort(length[keep], kind="stable")
        parent[one[keep][by_length]] = other[keep][by_length]  # the longest border is set last
        pieces = consecutive(_roots(parent)[pieces].astype(np.int32))
        n = int(pieces.max()) + 1


def _borders(
    pieces: Labels, within: Labels
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of pieces that touch inside the same region, both ways, and along how many edges."""
    n = int(pieces.max()) + 1
    borders = []
    for a, b in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        touch = (pieces[a] != pieces[b]) & (within[a] == within[b])
        one, other = pieces[a][touch].astype(np.int64), pieces[b][touch]
        borders += [one * n + other, other.astype(np.int64) * n + one]
    pairs, length = np.unique(np.concatenate(borders), return_counts=True)
    return pairs // n, pairs % n, length


def _roots(parent: NDArray[np.int64]) -> NDArray[np.int64]:
    """Representative of every set of pieces that point at each other."""
    root = np.arange(len(parent))
    for _ in range(len(parent)):
        lower = np.minimum(root, root[parent])
        np.minimum.at(lower, parent, root)
        if (lower == root).all():
            break
        root = lower
    return root
