"""SLIC by scikit-image.

R. Achanta, A. Shaji, K. Smith, A. Lucchi, P. Fua, S. Suesstrunk: SLIC Superpixels Compared to
State-of-the-Art Superpixel Methods. IEEE TPAMI 34(11), 2274-2282, 2012.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from skimage.segmentation import slic

from ssnbench.contracts import Image, Labels
from ssnbench.stages import stage


@dataclass(frozen=True)
class SLICSkimage:
    """Cluster pixels in Lab colour and place by k-means within a window around each centre.

    The library stretches the contrast to 0..1 before it converts to Lab, hence its conversion
    cannot be timed apart.

    Parameters
    ----------
    compactness : float
        Weight of place against colour, above 0; published 10.
    max_num_iter : int
        Iterations, 1 or more; published 10.
    sigma : float
        Gaussian blur before clustering in pixels, 0 or more; published 0.
    """

    compactness: float = 10.0
    max_num_iter: int = 10
    sigma: float = 0.0

    def __call__(self, image: Image, n_segments: int) -> Labels:
        """Return labels int32 (H, W), connectivity not enforced."""
        with stage("clustering"):
            labels = slic(
                image,
                n_segments=n_segments,
                compactness=self.compactness,
                max_num_iter=self.max_num_iter,
                sigma=self.sigma,
                start_label=0,
                enforce_connectivity=False,
            )
        return np.asarray(labels, dtype=np.int32)


PLUGIN = SLICSkimage
