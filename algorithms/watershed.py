"""Compact watershed by scikit-image.

P. Neubert, P. Protzel: Compact Watershed and Preemptive SLIC: On Improving Trade-Offs of
Superpixel Segmentation Algorithms. ICPR 2014.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from skimage.color import rgb2gray
from skimage.filters import sobel
from skimage.segmentation import watershed

from ssnbench.contracts import Image, Labels
from ssnbench.stages import stage


@dataclass(frozen=True)
class Watershed:
    """Flood the gradient of the grey picture from a regular grid of markers.

    Parameters
    ----------
    compactness : float
        Weight of the distance to the marker against the gradient of grey values within 0..1, 0
        or more; 0 is the plain watershed.
    """

    compactness: float = 0.001

    def __call__(self, image: Image, n_segments: int) -> Labels:
        """Return labels int32 (H, W)."""
        with stage("colour"):
            grey = rgb2gray(image)
        with stage("clustering"):
            gradient = sobel(grey)  # type: ignore[no-untyped-call]
            labels = watershed(  # type: ignore[no-untyped-call]
                gradient, markers=n_segments, compactness=self.compactness
            )
        return np.asarray(labels, dtype=np.int32)


PLUGIN = Watershed
