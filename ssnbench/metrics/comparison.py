"""A label map beside one truth: what every metric function takes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ssnbench.contracts import Flow, Image, Mask
from ssnbench.metrics.boundary_hits import Hits, hits_in_window, hits_one_to_one, matched_pixels
from ssnbench.metrics.contingency import Contingency, contingency
from ssnbench.metrics.protocols import Protocol
from ssnbench.metrics.reference import Truth, prepare
from ssnbench.metrics.segmentation import Segmentation


@dataclass(frozen=True)
class Comparison:
    """A label map and, unless ``against`` is None, the truth it is held against.

    Attributes
    ----------
    segmentation : Segmentation
        The label map with all that is known of it alone.
    against : Truth or None
        One annotator's segmentation.
    """

    segmentation: Segmentation
    against: Truth | None = None

    @property
    def protocol(self) -> Protocol:
        """The protocol."""
        return self.segmentation.protocol

    @property
    def truth(self) -> Truth:
        """The truth; ValueError when there is none."""
        if self.against is None:
            raise ValueError("this metric needs a truth")
        return self.against

    @cached_property
    def table(self) -> Contingency:
        """Pixels that each superpixel shares with each truth segment."""
        segmentation, truth = self.segmentation, self.truth
        return contingency(segmentation.labels, truth.labels, segmentation.n, truth.n)

    @cached_property
    def matched(self) -> Mask:
        """Label boundary pixels that a maximum one-to-one matching pairs with the truth's."""
        return matched_pixels(self.segmentation, self.truth)

    @cached_property
    def hits(self) -> Hits:
        """Boundary pixels found and all of them, counted as the protocol says."""
        if self.protocol.counting == "one-to-one":
            return hits_one_to_one(self.segmentation, self.truth, self.matched)
        return hits_in_window(self.segmentation, self.truth)


def compare(
    labels: Any,
    truth: Any = None,
    image: Image | None = None,
    flow: Flow | None = None,
    valid: Mask | None = None,
    protocol: str | Protocol = "seal",
) -> Comparison:
    """Put a label map beside one truth, ready for any metric function: ``asa(compare(a, b))``.

    Parameters
    ----------
    labels : integer array (H, W)
        Superpixels.
    truth : integer array (H, W), optional
        One segmentation; negative where there is no opinion.
    image, flow, valid : arrays, optional
        uint8 (H, W, 3), float (H, W, 2) and bool (H, W); for the metrics that need them.
    protocol : str or Protocol
        The protocol.

    Raises
    ------
    TypeError, ValueError
        As :func:`prepare` and :class:`Segmentation` do.
    """
    reference = prepare([] if truth is None else [truth], protocol)
    segmentation = Segmentation(labels, reference.protocol, image, flow, valid)
    if reference.shape not in (None, segmentation.shape):
        raise ValueError(f"labels of shape {segmentation.shape}, a truth of {reference.shape}")
    return Comparison(segmentation, reference.truths[0] if reference.truths else None)
