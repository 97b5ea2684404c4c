"""Flow metrics: how well true motion is told by one motion per superpixel.

Pixels count where ``valid`` says so and the flow is known: finite and, as in the Middlebury and
Sintel files, below 1e9. Without a single such pixel nothing can be wrong, and every metric is 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssnbench.metrics.comparison import Comparison


def epe(comparison: Comparison) -> float:
    """End-point error of the superpixels' mean flow, averaged over pixels, in pixels.

    ``mean over valid p of |flow(p) - mean flow of p's superpixel|``, Euclidean. 0 or more; it falls
    as superpixels respect the boundaries of moving objects.

    References
    ----------
    .. [1] Jampani et al., Superpixel Sampling Networks, ECCV 2018, section 5.2.
    .. [2] Baker et al., A Database and Evaluation Methodology for Optical Flow, IJCV 92, 2011.
    """
    return _mean(comparison.segmentation.flow_errors)


def epe_near(comparison: Comparison) -> float:
    """End-point error of the superpixels' mean flow near motion boundaries, in pixels.

    As ``epe``, over those valid pixels that lie within a square window of 10 pixels of a motion
    boundary: a pixel at which the squared gradient of the true flow exceeds 0.01 |flow|^2 + 0.002.
    0 or more; 0 where there is no motion boundary.

    References
    ----------
    .. [1] Sundaram, Brox, Keutzer, Dense Point Trajectories, ECCV 2010: what a motion boundary is.
    .. [2] Butler et al., A Naturalistic Open Source Movie for Optical Flow Evaluation, ECCV 2012:
       the error closer than 10 pixels to a boundary.
    """
    segmentation = comparison.segmentation
    return _mean(segmentation.flow_errors[segmentation.near_motion_boundary])


def epe_affine(comparison: Comparison) -> float:
    """End-point error of the affine motion that fits each superpixel best, in pixels.

    As ``epe``, with the affine motion of least squared error instead of the mean: what turns, grows
    or lies aslant moves so. 0 or more.

    References
    ----------
    .. [1] Black, Anandan, The Robust Estimation of Multiple Motions: Parametric and
       Piecewise-Smooth Flow Fields, CVIU 63(1), 1996: affine motion of regions.
    """
    return _mean(comparison.segmentation.affine_flow_errors)


def epe_1(comparison: Comparison) -> float:
    """Share of valid pixels whose end-point error is above 1 pixel. In [0, 1].

    References
    ----------
    .. [1] Baker et al., IJCV 92, 2011: R1.0.
    """
    return _outliers(comparison, 1.0)


def epe_3(comparison: Comparison) -> float:
    """Share of valid pixels whose end-point error is above 3 pixels. In [0, 1].

    References
    ----------
    .. [1] Geiger, Lenz, Urtasun, Are We Ready for Autonomous Driving? (KITTI), CVPR 2012.
    """
    return _outliers(comparison, 3.0)


def epe_5(comparison: Comparison) -> float:
    """Share of valid pixels whose end-point error is above 5 pixels. In [0, 1].

    References
    ----------
    .. [1] Geiger, Lenz, Urtasun, CVPR 2012.
    """
    return _outliers(comparison, 5.0)


def _mean(errors: NDArray[np.float32]) -> float:
    return float(errors.mean(dtype=np.float64)) if errors.size else 0.0


def _outliers(comparison: Comparison, pixels: float) -> float:
    errors = comparison.segmentation.flow_errors
    return float(np.count_nonzero(errors > pixels) / errors.size) if errors.size else 0.0
