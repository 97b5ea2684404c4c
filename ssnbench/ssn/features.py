"""From sRGB to scaled XYLab: what SSN-pix clusters, and what the network starts from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ssnbench.kernels import colour
from ssnbench.ssn.kernels.grid import Grid
from ssnbench.ssn.kernels.threads import share

COLOR_SCALE = 0.26
"""gamma_color of section 4.4."""

ETA = 2.5
"""eta of section 4.4."""


def rgb_to_lab(images: Tensor, device: torch.device) -> Tensor:
    """Convert sRGB images to CIE Lab, where they are going to be used.

    Parameters
    ----------
    images : uint8 (B, H, W, 3)
        sRGB, on any device.
    device : torch.device
        Where the result shall be. A GPU converts them itself, and is sent a quarter of the bytes.

    Returns
    -------
    float32 (B, 3, H, W)
        CIE Lab as :func:`ssnbench.kernels.colour.rgb_to_lab` makes it; channels_last in memory.

    Raises
    ------
    ValueError
        When the images are not uint8.
    """
    if images.dtype != torch.uint8:
        raise ValueError(
            f"expected uint8 images, got {images.dtype}: of floats in 0..1 give "
            "(255 * images).round().to(torch.uint8)"
        )
    lab = _lab_on_cpu(images) if device.type == "cpu" else _lab(images.to(device))
    return lab.permute(0, 3, 1, 2)


def lab_of(frames: Sequence[Tensor], device: str | torch.device) -> Tensor:
    """Lab (B, 3 * frames, H, W) of one frame or several, uint8 (B, H, W, 3) each."""
    labs = [rgb_to_lab(frame, torch.device(device)) for frame in frames]
    if len(labs) == 1:
        return labs[0]
    return torch.cat(labs, 1).contiguous(memory_format=torch.channels_last)


def _lab_on_cpu(images: Tensor) -> Tensor:
    # The conversion works pixel by pixel: a batch may pass as one tall image, and rows apart.
    tall = images.cpu().numpy().reshape(-1, *images.shape[2:])
    lab = np.empty(tall.shape, np.float32)
    share(len(tall), lambda a, b: colour.rgb_to_lab(tall[a:b], lab[a:b]))
    return torch.from_numpy(lab).view(images.shape)


def _lab(images: Tensor) -> Tensor:
    """The same in PyTorch, for other devices."""
    linear = torch.from_numpy(colour.LINEAR).to(images.device)[images.long()]
    xyz = linear @ torch.from_numpy(colour.MATRIX).to(images.device).T
    foot = colour.FOOT_SLOPE * xyz + colour.FOOT_LEVEL
    x, y, z = torch.where(xyz > colour.FOOT, xyz.clamp(min=colour.FOOT) ** (1 / 3), foot).unbind(-1)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), -1)


def position_scale(grid: Grid, eta: float) -> float:
    """Scale of pixel positions: eta * max(columns / W, rows / H), section 4.4 of the paper.

    One superpixel is then about ``eta`` wide, however many there are.
    """
    return eta * max(grid.cols / grid.width, grid.rows / grid.height)


def xylab(lab: Tensor, grid: Grid, *, color_scale: float = COLOR_SCALE, eta: float = ETA) -> Tensor:
    """Stack scaled positions and colours of an image.

    Parameters
    ----------
    lab : (B, 3, H, W)
        CIE Lab, L in 0..100.
    grid : Grid
        Grid of superpixels; it sets the scale of the positions.
    color_scale, eta : float
        gamma_color and eta of the paper (section 4.4).

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
