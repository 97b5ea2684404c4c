"""Flow metrics: how well true motion is told by one mean vector per superpixel.

Pixels count where ``valid`` says so and the flow is known: finite and, as in the Middlebury and
Sintel files, below 1e9. Without a single such pixel nothing can be wrong, and every metric is 0.
"""

from __future__ import annotations

import numpy as np

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
    errors = comparison.superpixels.flow_errors
    return float(errors.mean()) if errors.size else 0.0


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


def _outliers(comparison: Comparison, pixels: float) -> float:
    errors = comparison.superpixels.flow_errors
    return float(np.count_nonzero(errors > pixels) / errors.size) if errors.size else 0.0
