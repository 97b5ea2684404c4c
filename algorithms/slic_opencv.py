"""SLIC by OpenCV (ximgproc).

R. Achanta et al.: SLIC Superpixels Compared to State-of-the-Art Superpixel Methods. IEEE TPAMI
34(11), 2274-2282, 2012.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ssnbench.contracts import Image, Labels
from ssnbench.count_search import region_size
from ssnbench.stages import stage


@dataclass(frozen=True)
class SLICOpenCV:
    """Cluster pixels in 8-bit Lab colour and place by windowed k-means.

    OpenCV's 8-bit Lab stretches the lightness to 0..255, which makes colour weigh more than in
    the paper at the same compactness. Raises ValueError for an image that is lower or narrower
    than one superpixel, which would crash OpenCV.

    Parameters
    ----------
    ruler : float
        Weight of place against colour, above 0; the library's 10.
    iterations : int
        Iterations, 1 or more; the library's 10.
    """

    ruler: float = 10.0
    iterations: int = 10

    def __call__(self, image: Image, n_segments: int) -> Labels:
        """Return labels int32 (H, W), connectivity not enforced."""
        height, width = image.shape[:2]
        side = region_size((height, width), n_segments)
        with stage("colour"):
            lab = cv2.cvtColor(image, cv2.COLOR_RGB2Lab)
        with stage("clustering"):
            method = cv2.ximgproc.createSuperpixelSLIC(lab, cv2.ximgproc.SLIC, side, self.ruler)
            method.iterate(self.iterations)
            labels = method.getLabels()
        return np.asarray(labels, dtype=np.int32)


PLUGIN = SLICOpenCV
