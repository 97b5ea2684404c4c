"""SLICO, SLIC without a compactness to choose, by scikit-image.

R. Achanta et al.: SLIC Superpixels Compared to State-of-the-Art Superpixel Methods. IEEE TPAMI
34(11), 2274-2282, 2012 (adaptive variant, section 4.5 and the authors' page: "SLICO").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from skimage.segmentation import slic

from ssnbench.contracts import Image, Labels
from ssnbench.stages import stage


@dataclass(frozen=True)
class SLICO:
    """SLIC in which each superpixel scales colour by the largest distance it has seen.

    The library stretches the contrast to 0..1 before it converts to Lab, hence its conversion
    cannot be timed apart.

    Parameters
    ----------
    compactness : float
        Compactness to start from, above 0; published 10.
    max_num_iter : int
        Iterations, 1 or more; published 10.
    """

    compactness: float = 10.0
    max_num_iter: int = 10

    def __call__(self, image: Image, n_segments: int) -> Labels:
        """Return labels int32 (H, W), connectivity not enforced."""
        with stage("clustering"):
            labels = slic(
                image,
                n_segments=n_segments,
                compactness=self.compactness,
                max_num_iter=self.max_num_iter,
                start_label=0,
                enforce_connectivity=False,
                slic_zero=True,
            )
        return np.asarray(labels, dtype=np.int32)


PLUGIN = SLICO
