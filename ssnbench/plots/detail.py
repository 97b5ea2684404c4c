"""The detail of a picture that tells most about the methods on it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ssnbench.contracts import Image, Labels
from ssnbench.kernels.boundaries import find_boundaries
from ssnbench.plots.overlay import to_lab


def telling_box(picture: Image, maps: Sequence[Labels]) -> tuple[int, int, int, int]:
    """Return the detail that tells most: where an object ends and the methods disagree.

    Every pixel weighs its gradient at a coarse scale (outlines rather than texture), times the
    spread over the methods of "a boundary is near" (for a single method: the gradient alone),
    times a bell around the centre, where photographers put what matters. The first of the heaviest
    windows is taken.

    Returns
    -------
    (int, int, int, int)
        Left, top, width, height in pixels.
    """
    height, width = picture.shape[:2]
    wide = max(1, round(width * _SHARE))
    high = max(1, min(height, round(wide * _FLATNESS)))
    near = [cv2.blur(find_boundaries(labels).astype(np.float32), (5, 5)) for labels in maps]
    spread = np.std(near, axis=0) if len(maps) > 1 else 1.0
    weight = _coarse_gradient(picture) * spread * _bell(height)[:, None] * _bell(width)
    sums = cv2.integral(weight.astype(np.float32))
    windows = sums[high:, wide:] - sums[:-high, wide:] - sums[high:, :-wide] + sums[:-high, :-wide]
    top, left = np.unravel_index(int(np.argmax(windows)), windows.shape)
    return int(left), int(top), wide, high


def _coarse_gradient(picture: Image) -> NDArray[np.float32]:
    """Length of the Lab gradient after a blur that wipes texture out, float32 (H, W)."""
    lab = cv2.GaussianBlur(to_lab(picture), (0, 0), max(picture.shape[1] / 80, 0.5))
    across, down = cv2.Sobel(lab, cv2.CV_32F, 1, 0), cv2.Sobel(lab, cv2.CV_32F, 0, 1)
    return np.asarray(np.sqrt((across**2 + down**2).sum(axis=-1)), np.float32)


def _bell(n: int) -> NDArray[np.float64]:
    place = (np.arange(n) + 0.5) / n - 0.5
    return np.asarray(np.exp(-((place / 0.28) ** 2) / 2))


_SHARE = 0.3  # width of the detail, as a share of the picture's


_FLATNESS = 0.7  # height of the detail over its width
