"""Regular grid of rectangles: the floor that every method should clear.

Own implementation; it does not look at the image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssnbench.contracts import Image, Labels
from ssnbench.stages import stage


@dataclass(frozen=True)
class Grid:
    """Cut the image into rows and columns of rectangles as near to squares as fits the count."""

    def __call__(self, image: Image, n_segments: int) -> Labels:
        """Return labels 0..n-1, int32 (H, W), in raster order of the rectangles."""
        height, width = image.shape[:2]
        with stage("clustering"):
            rows = min(max(round((n_segments * height / width) ** 0.5), 1), height)
            columns = min(max(round(n_segments / rows), 1), width)
            row = np.arange(height, dtype=np.int32) * rows // height
            column = np.arange(width, dtype=np.int32) * columns // width
            labels: Labels = row[:, None] * np.int32(columns) + column[None, :]
        return labels


PLUGIN = Grid
