"""LSC by OpenCV (ximgproc).

Z. Li, J. Chen: Superpixel Segmentation using Linear Spectral Clustering. CVPR 2015.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np

from ssnbench.contracts import Image, Labels
from ssnbench.count_search import region_size
from ssnbench.stages import stage


@dataclass(frozen=True)
class LSCOpenCV:
    """Weighted k-means in a ten-dimensional space that stands for a normalised cut.

    It leaves hundreds of fragments, which the connectivity step merges away. It runs on one
    thread, because on several the library adds in any order and some pixels change from run to
    run. Raises ValueError for an image into which two superpixels do not fit side by side
    either way, which would crash OpenCV.

    Parameters
    ----------
    ratio : float
        Weight of place against colour, 0..1; published 0.075.
    iterations : int
        Iterations, 1 or more; the library's 10.
    """

    ratio: float = 0.075
    iterations: int = 10

    def __call__(self, image: Image, n_segments: int) -> Labels:
        """Return labels int32 (H, W), connectivity not enforced."""
        height, width = image.shape[:2]
        side = region_size((height, width), n_segments, across=2)
        with stage("colour"):
            lab = cv2.cvtColor(image, cv2.COLOR_RGB2Lab)
        with stage("clustering"), _one_thread():
            method = cv2.ximgproc.createSuperpixelLSC(lab, side, self.ratio)
            method.iterate(self.iterations)
            labels = method.getLabels()
        return np.asarray(labels, dtype=np.int32)


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


PLUGIN = LSCOpenCV
