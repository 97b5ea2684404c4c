"""Which boundary pixels count as found: the three ways of the protocols."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ssnbench.contracts import Mask
from ssnbench.metrics.boundaries import overlap
from ssnbench.metrics.matching import match
from ssnbench.metrics.reference import Truth
from ssnbench.metrics.segmentation import Segmentation


class Hits(NamedTuple):
    """Boundary pixels found and all of them, on the truth's side and on the label map's."""

    truth: int
    of_truth: int
    labels: int
    of_labels: int


def hits_in_window(segmentation: Segmentation, truth: Truth) -> Hits:
    """Find a pixel when the other side has one in the square window around it.

    Under ``truth-side`` counting, precision is TP / (TP + FP) with the *truth's* TP, and FP the
    label boundary pixels without a truth boundary pixel in their window.
    """
    found = overlap(truth.boundary, segmentation.near)
    confirmed = overlap(segmentation.boundary, truth.near, truth.valid)
    judged = n_judged(segmentation, truth)
    if segmentation.protocol.counting == "truth-side":
        return Hits(found, truth.n_boundary, found, found + judged - confirmed)
    return Hits(found, truth.n_boundary, confirmed, judged)


def hits_one_to_one(segmentation: Segmentation, truth: Truth, matched: Mask) -> Hits:
    """Both sides share the pairs of the matching."""
    pairs = int(np.count_nonzero(matched))
    return Hits(pairs, truth.n_boundary, pairs, n_judged(segmentation, truth))


def matched_pixels(segmentation: Segmentation, truth: Truth) -> Mask:
    """Mark the label boundary pixels that a maximum one-to-one matching pairs with the truth's."""
    return match(
        segmentation.boundary,
        truth.boundary,
        truth.valid,
        segmentation.protocol.radius(segmentation.shape),
    )


def n_judged(segmentation: Segmentation, truth: Truth) -> int:
    """Count the label boundary pixels on which the truth has an opinion."""
    return (
        segmentation.n_boundary
        if truth.valid is None
        else overlap(segmentation.boundary, truth.valid)
    )
