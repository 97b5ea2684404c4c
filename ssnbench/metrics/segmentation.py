"""What the metrics need to know of a label map: each thing is computed once, when asked for."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssnbench.contracts import Flow, Image, Labels, Mask
from ssnbench.flow import known, motion_boundaries, residuals
from ssnbench.kernels.boundaries import find_boundaries
from ssnbench.kernels.components import components
from ssnbench.labels import checked, consecutive
from ssnbench.metrics import label_sums
from ssnbench.metrics.boundaries import dilate
from ssnbench.metrics.protocols import Protocol

ROOM = 1 << 14
"""Labels are taken to be fewer, which saves a search for the largest; if not, count again."""

NEAR_MOTION = 10
"""Pixels, along either axis, within which flow is near a motion boundary."""


class Segmentation:
    """A label map under a protocol, with the image and the flow it is held against.

    Parameters
    ----------
    labels : integer array (H, W)
        Any integers; they are renumbered 0..n-1 unless they are so already.
    protocol : Protocol
        Sets the kind of boundary and the tolerance.
    image : uint8 (H, W, 3), optional
        For the colour metrics.
    flow : float (H, W, 2), optional
        True motion in pixels, for the flow metrics.
    valid : bool (H, W), optional
        Pixels whose flow counts; all by default.

    Raises
    ------
    TypeError
        When the labels are no integers or the image is not uint8.
    ValueError
        When shapes differ, or when there is not a single pixel.
    """

    def __init__(
        self,
        labels: Any,
        protocol: Protocol,
        image: Image | None = None,
        flow: Flow | None = None,
        valid: Mask | None = None,
    ) -> None:
        shape = _plane(labels)
        self.protocol = protocol
        self.labels, self.sizes = _numbered(_int32(labels, shape))
        self.image = None if image is None else _checked_image(image, shape)
        self.flow = None if flow is None else _checked_flow(flow, shape)
        if valid is not None and np.shape(valid) != shape:
            raise ValueError(f"valid of shape {np.shape(valid)} for labels of shape {shape}")
        self.valid = None if valid is None else np.ascontiguousarray(valid, np.bool_)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.labels.shape
        return height, width

    @property
    def n(self) -> int:
        """How many superpixels there are."""
        return len(self.sizes)

    @property
    def n_pixels(self) -> int:
        """H * W."""
        return self.labels.size

    @cached_property
    def n_components(self) -> int:
        """4-connected pieces of all superpixels together."""
        return components(self.labels)[1]

    @cached_property
    def perimeters(self) -> NDArray[np.int64]:
        """Pixel edges of each superpixel to others and to the image border."""
        return label_sums.perimeters(self.labels, self.n)

    @cached_property
    def coordinates(self) -> NDArray[np.int64]:
        """Sums of row, column, row squared, column squared over each superpixel."""
        return label_sums.coordinates(self.labels, self.n)

    @cached_property
    def colours(self) -> NDArray[np.int64]:
        """Sums of red, green, blue and their squared length over each superpixel."""
        if self.image is None:
            raise ValueError("a colour metric needs the image")
        return label_sums.colours(self.labels, self.image, self.n)

    @cached_property
    def boundary(self) -> Mask:
        """Boundary pixels, thin or thick as the protocol says."""
        return find_boundaries(self.labels, self.protocol.boundary)

    @cached_property
    def n_boundary(self) -> int:
        """How many boundary pixels there are."""
        return int(np.count_nonzero(self.boundary))

    @cached_property
    def near(self) -> Mask:
        """Pixels with a boundary pixel in the protocol's square window."""
        return dilate(self.boundary, int(self.protocol.radius(self.shape)))

    @cached_property
    def flow_errors(self) -> NDArray[np.float32]:
        """Distances between true flow and its mean over the superpixel, at the valid pixels."""
        return residuals(self.labels, self._true_flow, self.valid)

    @cached_property
    def affine_flow_errors(self) -> NDArray[np.float32]:
        """The same with the affine motion that fits the superpixel's flow best."""
        return residuals(self.labels, self._true_flow, self.valid, "affine")

    @cached_property
    def near_motion_boundary(self) -> Mask:
        """Which of the valid pixels, in raster order, lie near a motion boundary."""
        flow = self._true_flow
        counted = known(flow) if self.valid is None else known(flow) & self.valid
        near: Mask = dilate(motion_boundaries(flow), NEAR_MOTION)[counted]
        return near

    @property
    def _true_flow(self) -> Flow:
        if self.flow is None:
            raise ValueError("a flow metric needs the flow")
        return self.flow


def _plane(labels: Any) -> tuple[int, int]:
    shape = np.shape(labels)
    if len(shape) != 2:
        raise ValueError(f"labels should be of shape (H, W), got {shape}")
    if 0 in shape:
        raise ValueError(f"labels of shape {shape} hold no pixel")
    return int(shape[0]), int(shape[1])


def _int32(labels: Any, shape: tuple[int, int]) -> Labels:
    """Check labels; what comes as it should be is not even looked at."""
    ready = isinstance(labels, np.ndarray) and labels.dtype == np.int32
    return labels if ready and labels.flags.c_contiguous else checked(labels, shape)


def _numbered(labels: Labels) -> tuple[Labels, NDArray[np.int32]]:
    """Labels 0..n-1 and their sizes; the map is copied only when it has to change."""
    for room in (ROOM, labels.size):
        found, complete = label_sums.sizes(labels, min(room, labels.size))
        if complete:
            found = found[: np.flatnonzero(found)[-1] + 1]
            if found.all():
                return labels, found
            break
    labels = consecutive(labels)
    return labels, label_sums.sizes(labels, int(labels.max()) + 1)[0]


def _checked_image(image: Any, shape: tuple[int, int]) -> Image:
    if np.shape(image) != (*shape, 3):
        raise ValueError(
            f"an image of shape {np.shape(image)} for labels of shape {shape}: "
            f"it should be {(*shape, 3)}"
        )
    if image.dtype != np.uint8:
        raise TypeError(f"the image should be uint8, got {image.dtype}")
    return np.ascontiguousarray(image)


def _checked_flow(flow: Any, shape: tuple[int, int]) -> Flow:
    if np.shape(flow) != (*shape, 2):
        raise ValueError(
            f"a flow of shape {np.shape(flow)} for labels of shape {shape}: "
            f"it should be {(*shape, 2)}"
        )
    return np.ascontiguousarray(flow, np.float32)
