"""Differentiable SLIC in plain PyTorch, cell by cell: the oracle of the kernels.

All pixels of one grid cell look at the same nine superpixels. With the features laid out as
(cell, pixel in cell, channel), an iteration is, for every cell, one product for the distances, a
softmax over nine, one product for the sums, and a shift-and-add of 3 x 3 partial sums onto the
grid of centres. It runs on any device, in any precision, and autograd differentiates it as it
stands, twice if need be.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ssnbench.ssn.kernels.grid import Cells, Grid, cells

Association = Literal["softmax", "exp", "hard"]

MIN_WEIGHT = 1e-12
"""A superpixel that holds less weight than this keeps its centre: it has lost all pixels."""


def cluster(
    features: Tensor, grid: Grid, n_iter: int, association: Association = "softmax"
) -> tuple[Tensor, Tensor, Tensor]:
    """Run ``n_iter`` iterations of (differentiable) SLIC.

    Parameters
    ----------
    features : (B, C, H, W)
        Pixel features F, any floating type.
    grid : Grid
        Where the m superpixels start.
    n_iter : int
        Iterations v, at least 1.
    association : {"softmax", "exp", "hard"}
        How a pixel is shared between the superpixels around it, from its squared distances d2 to
        their centres: softmax(-d2); exp(-d2) as in Eq. 3; or all to the nearest.

    Returns
    -------
    associations : (B, 9, H, W)
        Q of the last iteration, in the order of ``NEIGHBOURS``; 0 where there is no neighbour.
    centres : (B, m, C)
        S after the last iteration (Eq. 4).
    labels : int32 (B, H, W)
        The superpixel of largest Q for each pixel, the first of equals.
    """
    table = cells(grid, features.device)
    pixels = to_cells(features, table)
    # Distances do not change when cell and centres are moved together; moved close to the origin
    # they lose no digits to |S|^2, which grows with the position in the image.
    origin = pixels.detach()[:, :, :1]
    pixels = (pixels - origin) * table.real[..., None]
    centres = pixels.sum(2) / table.real.sum(1)[:, None] + origin[:, :, 0]
    weights = pixels
    for _ in range(n_iter):
        nearby = centres[:, table.neighbours] - origin
        weights = _associate(pixels, nearby, table, association)
        centres = _update(pixels, weights, centres, origin, table)
    associations = to_image(weights, grid, table)
    nearest = associations.detach().argmax(1, keepdim=True)
    return associations, centres, _labels(nearest, grid, table)


def to_cells(image: Tensor, table: Cells) -> Tensor:
    """Lay (B, C, H, W) out as (B, m, P, C)."""
    flat = image.flatten(2).transpose(1, 2)
    return flat[:, table.pixels]


def to_image(values: Tensor, grid: Grid, table: Cells) -> Tensor:
    """Undo :func:`to_cells`."""
    flat = values.flatten(1, 2)[:, table.place]
    planes = flat.transpose(1, 2).contiguous()
    return planes.reshape(*planes.shape[:2], grid.height, grid.width)


def gather_sums(partial: Tensor, table: Cells) -> Tensor:
    """Add (B, m, 9, ...), what each cell gives to its neighbours, up to (B, m, ...)."""
    total = torch.zeros_like(partial[:, :, 0])
    for k in range(9):
        # The cell that sees superpixel i as its neighbour k is i's own neighbour 8 - k.
        given = partial[:, table.neighbours[:, 8 - k], k]
        here = table.exists[:, 8 - k].reshape(1, -1, *(1,) * (given.ndim - 2))
        total = total + torch.where(here, given, 0)
    return total


def _associate(pixels: Tensor, nearby: Tensor, table: Cells, association: Association) -> Tensor:
    """Weights (B, m, P, 9) of each pixel for its nine superpixels, 0 for padding."""
    logits = 2 * pixels @ nearby.transpose(2, 3) - nearby.square().sum(3)[:, :, None]
    logits = logits.masked_fill(~table.exists[:, None], -torch.inf)
    if association == "softmax":
        weights = logits.softmax(3)
    elif association == "exp":
        weights = (logits - pixels.square().sum(3, keepdim=True)).exp()
    else:
        weights = torch.zeros_like(logits).scatter(3, logits.argmax(3, keepdim=True), 1)
    return weights * table.real[..., None]


def _update(pixels: Tensor, weights: Tensor, old: Tensor, origin: Tensor, table: Cells) -> Tensor:
    """Move the centres (B, m, C) to the weighted means of the pixels (Eq. 4)."""
    mass = weights.sum(2)
    partial = weights.transpose(2, 3) @ pixels + mass[..., None] * origin
    total = gather_sums(mass, table)[..., None]
    kept = total > MIN_WEIGHT
    mean = gather_sums(partial, table) / torch.where(kept, total, 1)
    return torch.where(kept, mean, old)


def _labels(nearest: Tensor, grid: Grid, table: Cells) -> Tensor:
    cell = (table.place // table.pixels.shape[1]).reshape(1, 1, grid.height, grid.width)
    return table.neighbours[cell, nearest][:, 0].to(torch.int32)
