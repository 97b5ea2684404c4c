"""Colour metrics: how much of the image the mean colours of the superpixels explain.

8-bit sRGB as stored; sums are exact integers, so that the results are good to double precision (the
tool of Stutz et al. adds up in single precision and is off by up to 3e-3).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssnbench.metrics.comparison import Comparison


def ev(comparison: Comparison) -> float:
    """Explained variation: share of the colour variance that the superpixel means explain.

    ``sum_p |mean of p's superpixel - mean of the image|^2 / sum_p |x_p - mean of the image|^2``.
    In [0, 1]; an image of one colour scores 1.

    Notes
    -----
    Never falls when a map is refined. The image's texture and noise bound it: compare methods on
    the same images only.

    References
    ----------
    .. [1] Moore, Prince, Warrell, Mohammed, Jones, Superpixel Lattices, CVPR 2008.
    """
    segmentation = comparison.segmentation
    total = segmentation.colours.sum(axis=0)
    spread = float(total[3]) - float((total[:3].astype(float) ** 2).sum()) / segmentation.n_pixels
    if spread <= 0.0:
        return 1.0
    return min(max(1.0 - float(_scatter(comparison).sum()) / spread, 0.0), 1.0)


def icv(comparison: Comparison) -> float:
    """Intra-cluster variation: mean over superpixels of the deviation from their mean colour.

    ``1/K sum_j sqrt(1/|S_j| sum_{p in S_j} |x_p - mean_j|^2)``, in grey levels of 0..255. 0 or
    more.

    Notes
    -----
    Every superpixel weighs the same whatever its size, so that many tiny ones lower it.

    References
    ----------
    .. [1] Benesova, Kottman, Fast Superpixel Segmentation Using Morphological Processing,
       MVML 2014.
    """
    return float(np.sqrt(_scatter(comparison) / comparison.segmentation.sizes).mean())


def sse_rgb(comparison: Comparison) -> float:
    """Squared colour error per pixel when each superpixel is painted in its mean colour.

    ``1/N sum_p |x_p - mean of p's superpixel|^2``, summed over the three channels, in squared grey
    levels of 0..255. 0 or more.

    References
    ----------
    .. [1] Stutz, Hermans, Leibe, CVIU 166, 2018.
    """
    return float(_scatter(comparison).sum()) / comparison.segmentation.n_pixels


def _scatter(comparison: Comparison) -> NDArray[np.float64]:
    """Squared distance to the mean colour, summed over each superpixel."""
    segmentation = comparison.segmentation
    sums = segmentation.colours.astype(float)
    scatter = sums[:, 3] - (sums[:, :3] ** 2).sum(axis=1) / segmentation.sizes
    positive: NDArray[np.float64] = np.maximum(scatter, 0.0)  # but for rounding
    return positive
