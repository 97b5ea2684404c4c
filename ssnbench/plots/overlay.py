"""Pictures with superpixel boundaries drawn."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ssnbench.contracts import Image, Labels, Mask
from ssnbench.kernels.boundaries import find_boundaries


def painted(
    picture: Image,
    labels: Labels,
    ink: tuple[int, int, int],
    size: tuple[int, int],
    across: int = 1,
) -> Image:
    """Return the picture at ``size`` (width, height), boundaries ``across`` pixels wide."""
    shrinks = size[0] < picture.shape[1]
    resized = cv2.resize(
        picture, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    )
    edge = find_boundaries(_resized(labels, size))
    resized[_widened(edge, across)] = ink
    return np.asarray(resized, dtype=np.uint8)


def _widened(edge: Mask, across: int) -> Mask:
    """Lines of ``across`` pixels where there was one, bool (H, W)."""
    if across == 1:
        return edge
    square = np.ones((across, across), np.uint8)
    return np.asarray(cv2.dilate(edge.astype(np.uint8), square), np.bool_)


def _resized(labels: Labels, size: tuple[int, int]) -> Labels:
    """Return labels at ``size`` (width, height), each pixel that of the nearest."""
    nearest = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(nearest, dtype=np.int32)


def standing_out(pictures: Sequence[Image]) -> tuple[int, int, int]:
    """Return the boundary colour (sRGB) that is farthest, in Lab, from what the pictures hold.

    A colour is judged on the picture where it does worst, by the distance that 95 % of the pixels
    exceed.
    """
    samples = [to_lab(picture[::4, ::4].reshape(1, -1, 3))[0] for picture in pictures]

    def contrast(ink: tuple[int, int, int]) -> float:
        point = to_lab(np.array([[ink]], dtype=np.uint8))[0, 0]
        return min(float(np.quantile(np.linalg.norm(s - point, axis=1), 0.05)) for s in samples)

    return max(_INKS.values(), key=contrast)


# Colours that photographs rarely hold; the one that stands out most from the pictures is taken.
_INKS = {
    "yellow": (255, 235, 0), "cyan": (0, 255, 255), "magenta": (255, 0, 255),
    "red": (255, 32, 32), "green": (0, 255, 64), "white": (255, 255, 255),
}  # fmt: skip


def to_lab(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return sRGB, uint8 (H, W, 3), as CIE Lab, float32."""
    return np.asarray(cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)
