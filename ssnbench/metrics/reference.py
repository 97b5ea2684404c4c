"""Truths made ready: everything that does not depend on the label map, computed once per image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ssnbench.contracts import Labels, Mask
from ssnbench.kernels.boundaries import find_boundaries
from ssnbench.labels import checked, consecutive
from ssnbench.metrics.boundaries import dilate
from ssnbench.metrics.protocols import Protocol
from ssnbench.metrics.protocols import protocol as find_protocol


@dataclass(frozen=True)
class Truth:
    """One annotator's segmentation under a protocol.

    Attributes
    ----------
    labels : int32 (H, W)
        Segments 0..n-1; -1 where there is no opinion.
    n : int
        How many segments there are; 0 when all pixels are ignored.
    valid : bool (H, W) or None
        Pixels with an opinion; None: all.
    boundary : bool (H, W)
        Boundary pixels; none between a segment and ignored pixels.
    n_boundary : int
        How many there are.
    reach : int
        Radius of the protocol's square window in pixels.
    """

    labels: Labels
    n: int
    valid: Mask | None
    boundary: Mask
    n_boundary: int
    reach: int

    @cached_property
    def near(self) -> Mask:
        """Pixels with a boundary pixel in the window: bool (H, W)."""
        return dilate(self.boundary, self.reach)


@dataclass(frozen=True)
class Reference:
    """All truths of one image under one protocol; what :func:`score` holds a label map against.

    Attributes
    ----------
    protocol : Protocol
        The protocol.
    shape : (int, int) or None
        Height and width; None when neither a truth nor the caller said.
    truths : tuple of Truth
        One per annotator.
    """

    protocol: Protocol
    shape: tuple[int, int] | None
    truths: tuple[Truth, ...]


def prepare(
    truths: Sequence[Labels],
    protocol: str | Protocol = "seal",
    shape: tuple[int, int] | None = None,
) -> Reference:
    """Make the truths of one image ready for many label maps.

    Parameters
    ----------
    truths : sequence of integer arrays (H, W)
        One segmentation per annotator; any integers, negative where there is no opinion.
    protocol : str or Protocol
        ``seal``, ``stutz``, ``berkeley``, or with a tolerance of its own as in ``seal(r=2)``.
    shape : (int, int), optional
        Height and width of the image; by default the first truth's.

    Raises
    ------
    UsageError
        When there is no such protocol.
    TypeError
        When a truth holds no integers.
    ValueError
        When a truth is of another shape.
    """
    chosen = find_protocol(protocol) if isinstance(protocol, str) else protocol
    for truth in truths:
        shape = np.shape(truth) if shape is None else shape
        if np.shape(truth) != shape:
            raise ValueError(f"a truth of shape {np.shape(truth)} for an image of shape {shape}")
    return Reference(chosen, shape, tuple(_truth(truth, chosen) for truth in truths))


def _truth(given: Any, protocol: Protocol) -> Truth:
    height, width = np.shape(given)
    labels = checked(given, (height, width))
    known = labels >= 0
    valid = None if known.all() else known
    labels = consecutive(np.where(known, labels, np.int32(-1)))
    if valid is not None:
        labels = labels - np.int32(1)  # the ignored pixels have taken rank 0
    marked = find_boundaries(labels, protocol.boundary)
    n = int(labels.max(initial=-1)) + 1
    reach = int(protocol.radius((height, width)))
    return Truth(labels, n, valid, marked, int(np.count_nonzero(marked)), reach)
