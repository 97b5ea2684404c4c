"""Scaled XYLab features: what SSN-pix clusters, and what the network starts from."""

from __future__ import annotations

import torch
from torch import Tensor

from ssnbench.ssn.grid import Grid


def position_scale(grid: Grid, eta: float) -> float:
    """Scale of pixel positions: eta * max(columns / W, rows / H), section 4.4 of the paper.

    One superpixel is then about ``eta`` wide, however many there are.
    """
    return eta * max(grid.cols / grid.width, grid.rows / grid.height)


def xylab(lab: Tensor, grid: Grid, *, color_scale: float = 0.26, eta: float = 2.5) -> Tensor:
    """Stack scaled positions and colours of an image.

    Parameters
    ----------
    lab : (B, 3, H, W)
        CIE Lab, L in 0..100.
    grid : Grid
        Grid of superpixels; it sets the scale of the positions.
    color_scale, eta : float
        gamma_color and eta of the paper (section 4.4), 0.26 and 2.5.

    Returns
    -------
    (B, 5, H, W)
        x, y, L, a, b, each times its scale; type and device of ``lab``.
    """
    scale = position_scale(grid, eta)
    y = torch.arange(grid.height, dtype=lab.dtype, device=lab.device) * scale
    x = torch.arange(grid.width, dtype=lab.dtype, device=lab.device) * scale
    features = lab.new_empty(lab.shape[0], 5, grid.height, grid.width)
    features[:, 0] = x
    features[:, 1] = y[:, None]
    torch.mul(lab, color_scale, out=features[:, 2:])
    return features
