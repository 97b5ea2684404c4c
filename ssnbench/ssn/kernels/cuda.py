"""Differentiable SLIC on CUDA by Triton kernels: float32, forward and backward.

Nothing here waits for the device or copies to it, and all that is allocated is used on the current
stream alone, so that a CUDA graph can capture it. Triton is optional; it is imported with the first
call. Under ``TRITON_INTERPRET=1`` the same code runs on CPU tensors.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import torch
from torch import Tensor

from ssnbench.ssn.kernels.grid import Grid
from ssnbench.ssn.kernels.reference import MIN_WEIGHT

AVAILABLE = importlib.util.find_spec("triton") is not None
"""Whether Triton is installed."""

PROGRAMS = 1024
"""Programs of a launch, if the cells have pixels enough: about two waves on the largest GPUs."""


Rest = ParamSpec("Rest")
Result = TypeVar("Result")


def _on_its_device(
    function: Callable[Concatenate[Tensor, Rest], Result],
) -> Callable[Concatenate[Tensor, Rest], Result]:
    """Let Triton launch where the features are, which need not be the current device."""

    @wraps(function)
    def guarded(features: Tensor, /, *args: Rest.args, **kwargs: Rest.kwargs) -> Result:
        with torch.cuda.device_of(features):  # type: ignore[no-untyped-call]
            return function(features, *args, **kwargs)

    return guarded


@_on_its_device
def forward(
    features: Tensor, grid: Grid, n_iter: int, *, hard: bool = False, keep: bool = True
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Cluster float32 features (B, C, H, W); returns and arguments as ``ops.cluster``."""
    from ssnbench.ssn.kernels import cuda_kernels as kernels

    batch, _, height, width = features.shape
    launch = _Launch(features, grid)
    associations = features.new_empty((batch, 9, height, width))
    labels = features.new_empty((batch, height, width), dtype=torch.int32)
    slots = n_iter + 1 if keep else 2
    history = launch.for_centres(slots)
    launch.average(kernels.average, features, history[0])
    for t in range(n_iter):
        old, new = history[t % slots], history[(t + 1) % slots]
        launch.over_pixels(
            kernels.associate, features, old, launch.partial, associations, labels,
            HARD=hard, WRITE=t == n_iter - 1,
        )  # fmt: skip
        launch.over_cells(kernels.gather, launch.partial, old, new)
    history = history if keep else history[n_iter % slots : n_iter % slots + 1].clone()
    final = history[-1, ..., :-1].to(torch.float32, memory_format=torch.contiguous_format)
    return associations, final, labels, history


@_on_its_device
def backward(
    features: Tensor, grid: Grid, history: Tensor, grad_q: Tensor, grad_centres: Tensor
) -> Tensor:
    """Differentiate :func:`forward`; returns and arguments as ``ops.cluster_backward``."""
    from ssnbench.ssn.kernels import cuda_kernels as kernels

    launch = _Launch(features, grid)
    gradient = torch.empty_like(features)
    (grad,) = launch.for_centres(1)
    grad[..., :-1] = grad_centres
    mass = history[-1, ..., -1:]
    slope = torch.where(mass > MIN_WEIGHT, grad / mass, 0)
    for t in range(len(history) - 1, 0, -1):
        before, after = history[t - 1], history[t]
        launch.over_pixels(
            kernels.associate_backward,
            features, before, after, slope, launch.partial, grad_q, gradient,
            LAST=t == len(history) - 1,
        )  # fmt: skip
        launch.over_cells(kernels.gather_backward, launch.partial, before, after, grad, slope)
    launch.over_pixels(kernels.add_mean_gradient, slope, gradient)
    return gradient


class _Launch:
    """Launch kernels over the pixels, or over the cells, of a batch."""

    def __init__(self, features: Tensor, grid: Grid) -> None:
        batch, self.channels, _, _ = features.shape
        self.features, self.grid = features, grid
        # Sizes by the table of docs/gpu.md: the largest that spill no register, and leave room for
        # other programs beside them.
        self.block_c = max(16, 1 << self.channels.bit_length())
        tall, wide = grid.cell_shape
        block_p = min(64, 4096 // self.block_c, 1 << (tall * wide - 1).bit_length())
        self.block_p = max(16, block_p)
        self.warps = 4 if self.block_c < 64 else 8
        self.cells = batch * grid.n_cells
        self.chunks = min(-(-tall * wide // self.block_p), -(-PROGRAMS // self.cells))
        self.partial = features.new_empty((self.cells, self.chunks, 9, self.channels + 1))

    def for_centres(self, n: int) -> Tensor:
        """Room for n sets of centres: float64 (n, B, m, C + 1)."""
        shape = (n, len(self.features), self.grid.n_cells, self.channels + 1)
        return self.features.new_empty(shape, dtype=torch.float64)

    def average(self, kernel: Any, *arrays: Tensor) -> None:
        kernel[(self.cells, self.channels)](
            *arrays, self.channels, *self.grid, BLOCK_P=512, num_stages=1
        )

    def over_pixels(self, kernel: Any, *arrays: Tensor, **constants: Any) -> None:
        kernel[(self.cells * self.chunks,)](
            *arrays, self.channels, *self.grid, self.chunks,
            **constants, BLOCK_P=self.block_p, BLOCK_C=self.block_c,
            num_warps=self.warps, num_stages=1,
        )  # fmt: skip

    def over_cells(self, kernel: Any, *arrays: Tensor) -> None:
        kernel[(self.cells,)](
            *arrays, self.channels, self.grid.rows, self.grid.cols, self.chunks, MIN_WEIGHT,
            BLOCK_C=self.block_c, num_stages=1,
        )  # fmt: skip
