"""Superpixel Sampling Networks: differentiable SLIC and what is built on it.

Usable on its own, inside any PyTorch network; it knows nothing of benchmarks.
"""

from ssnbench.ssn.architecture import Architecture
from ssnbench.ssn.features import xylab
from ssnbench.ssn.infer import segment
from ssnbench.ssn.kernels.grid import Grid
from ssnbench.ssn.layer import DifferentiableSLIC, Superpixels, pool, slic, unpool
from ssnbench.ssn.losses import compactness_loss, regression_loss, segment_loss, ssn_loss
from ssnbench.ssn.model import SSN
from ssnbench.ssn.network import FeatureNetwork

__all__ = [
    "SSN",
    "Architecture",
    "DifferentiableSLIC",
    "FeatureNetwork",
    "Grid",
    "Superpixels",
    "compactness_loss",
    "pool",
    "regression_loss",
    "segment",
    "segment_loss",
    "slic",
    "ssn_loss",
    "unpool",
    "xylab",
]
