"""Superpixel Sampling Networks: differentiable SLIC and what is built on it.

Usable on its own, inside any PyTorch network; it knows nothing of benchmarks.
"""

from ssnbench.ssn.features import xylab
from ssnbench.ssn.grid import Grid
from ssnbench.ssn.infer import NoWeightsWarning, segment
from ssnbench.ssn.layer import DifferentiableSLIC, Superpixels, pool, slic, unpool

__all__ = [
    "DifferentiableSLIC",
    "Grid",
    "NoWeightsWarning",
    "Superpixels",
    "pool",
    "segment",
    "slic",
    "unpool",
    "xylab",
]
