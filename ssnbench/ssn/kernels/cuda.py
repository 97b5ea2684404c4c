"""Differentiable SLIC on CUDA by Triton kernels: float32, forward and backward.

Nothing here waits for the device, so that a CUDA graph can capture it. Triton is optional; it is
imported with the first call. Under ``TRITON_INTERPRET=1`` the same code runs on CPU tensors.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import torch
from torch import Tensor

from ssnbench.ssn.kernels.grid import Grid, cells
from ssnbench.ssn.kernels.reference import MIN_WEIGHT

AVAILABLE = importlib.util.find_spec("triton") is not None
"""Whether Triton is installed."""


def forward(
    features: Tensor, grid: Grid, n_iter: int, *, hard: bool = False, keep: bool = True
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Cluster float32 features (B, C, H, W); returns and arguments as ``ops.cluster``."""
    from ssnbench.ssn.kernels import cuda_kernels as kernels

    batch, channels, height, width = features.shape
    launch = _Launch(features, grid)
    associations = features.new_empty((batch, 9, height, width))
    labels = features.new_empty((batch, height, width), dtype=torch.int32)
    # Sums are taken relative to a centre: at first, to a pixel of the cell, for float32's sake.
    first = cells(grid, features.device).pixels[:, 0]
    centres = features.new_empty((batch, grid.n_cells, channels + 1), dtype=torch.float64)
    centres[..., :-1] = features.flatten(2)[:, :, first].transpose(1, 2)
    modes = [kernels.INITIAL] + n_iter * [kernels.HARD if hard else kernels.SOFTMAX]
    history: list[Tensor] = []
    for t, mode in enumerate(modes):
        launch.over_pixels(
            kernels.associate, features, centres, launch.partial, associations, labels,
            MODE=mode, WRITE=t == n_iter,
        )  # fmt: skip
        old, centres = centres, torch.empty_like(centres)
        launch.over_cells(kernels.gather, launch.partial, old, centres, CENTRES=True)
        history = [*history, centres] if keep else [centres]
    final = centres[..., :-1].to(torch.float32, memory_format=torch.contiguous_format)
    return associations, final, labels, torch.stack(history)


def backward(
    features: Tensor, grid: Grid, history: Tensor, grad_q: Tensor, grad_centres: Tensor
) -> Tensor:
    """Differentiate :func:`forward`; returns and arguments as ``ops.cluster_backward``."""
    from ssnbench.ssn.kernels import cuda_kernels as kernels

    launch = _Launch(features, grid)
    gradient = torch.empty_like(features)
    slope, total = torch.zeros_like(history[0]), torch.empty_like(history[0])
    for t in range(len(history) - 1, 0, -1):
        mass = history[t][..., -1:]
        moved = mass > MIN_WEIGHT
        slope[..., :-1] = torch.where(moved, grad_centres / torch.where(moved, mass, 1), 0)
        launch.over_pixels(
            kernels.associate_backward,
            features, history[t - 1], history[t], slope, launch.partial, grad_q, gradient,
            LAST=t == len(history) - 1,
        )  # fmt: skip
        launch.over_cells(kernels.gather, launch.partial, total, total, CENTRES=False)
        grad_centres = total[..., :-1] + torch.where(moved, 0, grad_centres)
    slope[..., :-1] = grad_centres / history[0][..., -1:]
    launch.over_pixels(kernels.add_mean_gradient, slope, gradient)
    return gradient


class _Launch:
    """Launch kernels over the pixels, or over the cells, of a batch."""

    def __init__(self, features: Tensor, grid: Grid) -> None:
        batch, self.channels, _, _ = features.shape
        self.grid = grid
        self.block_c = max(16, 1 << (self.channels - 1).bit_length())
        # Features and their gradients have to fit the registers.
        self.block_p = max(16, min(128, 4096 // self.block_c))
        tall, wide = grid.cell_shape
        self.chunks = -(-tall * wide // self.block_p)
        self.cells = batch * grid.n_cells
        self.partial = features.new_empty((self.cells, self.chunks, 9, self.channels + 1))

    def over_pixels(self, kernel: Any, *arrays: Tensor, **constants: Any) -> None:
        kernel[(self.cells * self.chunks,)](
            *arrays, self.channels, *self.grid, self.chunks,
            **constants, BLOCK_P=self.block_p, BLOCK_C=self.block_c,
        )  # fmt: skip

    def over_cells(self, kernel: Any, *arrays: Tensor, **constants: Any) -> None:
        kernel[(self.cells,)](
            *arrays, self.channels, self.grid.rows, self.grid.cols, self.chunks, MIN_WEIGHT,
            **constants, BLOCK_C=self.block_c,
        )  # fmt: skip
