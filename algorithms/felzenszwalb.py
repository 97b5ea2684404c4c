"""Efficient graph-based segmentation by scikit-image.

P. F. Felzenszwalb, D. P. Huttenlocher: Efficient Graph-Based Image Segmentation. IJCV 59(2),
167-181, 2004.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from skimage.segmentation import felzenszwalb

from ssnbench.contracts import Image, Labels
from ssnbench.count_search import search_count
from ssnbench.stages import stage


@dataclass(frozen=True)
class Felzenszwalb:
    """Merge pixels along a minimum spanning tree while regions differ little inside.

    It takes a scale in place of a count: the scale is searched per image until the count after
    connectivity is enforced is within 5 % of the count asked. Regions are 8-connected.

    Parameters
    ----------
    sigma : float
        Gaussian blur before the graph is built in pixels, 0 or more; published 0.8.
    min_size : int
        Smallest region in pixels, 1 or more; the library's 20.
    low, high : float
        Bracket of the search; published scales are 150 to 500.
    """

    sigma: float = 0.8
    min_size: int = 20
    low: float = 0.1
    high: float = 10000.0

    def __call__(self, image: Image, n_segments: int) -> Labels:
        """Return labels int32 (H, W) whose count is nearest to ``n_segments``."""

        def segment(scale: float) -> Labels:
            labels = felzenszwalb(image, scale=scale, sigma=self.sigma, min_size=self.min_size)
            return np.asarray(labels, dtype=np.int32)

        with stage("clustering"):
            return search_count(segment, n_segments, self.low, self.high)


PLUGIN = Felzenszwalb
