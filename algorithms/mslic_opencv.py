"""Manifold SLIC by OpenCV (ximgproc).

Y.-J. Liu, C.-C. Yu, M.-J. Yu, Y. He: Manifold SLIC: A Fast Method to Compute Content-Sensitive
Superpixels. CVPR 2016.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ssnbench.contracts import Image, Labels
from ssnbench.count_search import region_size
from ssnbench.stages import stage


@dataclass(frozen=True)
class MSLICOpenCV:
    """Windowed k-means whose cells shrink where colours change much.

    The library's splitting of superpixels gets out of hand: it makes thousands whatever is asked
    (4700, 5400, 5500 for 200, 600, 1000 on BSDS500; 1100, 2800, 4000 are left once they are
    connected), so read its curves at the count made. Raises ValueError for an
    image into which three superpixels do not fit side by side either way, which would crash
    OpenCV; its cells are at least 2 x 2 pixels for the same reason.

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
        side = region_size((height, width), n_segments, smallest=2, across=3)
        with stage("colour"):
            lab = cv2.cvtColor(image, cv2.COLOR_RGB2Lab)
        with stage("clustering"):
            method = cv2.ximgproc.createSuperpixelSLIC(lab, cv2.ximgproc.MSLIC, side, self.ruler)
            method.iterate(self.iterations)
            labels = method.getLabels()
        return np.asarray(labels, dtype=np.int32)


PLUGIN = MSLICOpenCV
