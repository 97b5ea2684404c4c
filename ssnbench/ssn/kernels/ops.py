"""The kernels as PyTorch operators, so that autograd, ``torch.compile`` and autocast know them.

``ssnbench::cluster`` and its derivative ``ssnbench::cluster_backward`` take float32 on the CPU
(numba) and on CUDA (Triton). There is no second derivative: for that, use the oracle.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ssnbench.ssn.kernels import cpu, cuda
from ssnbench.ssn.kernels.grid import Grid

Clustered = tuple[Tensor, Tensor, Tensor, Tensor]
"""Q (B, 9, H, W), centres (B, m, C), labels int32 (B, H, W), history float64 (t, B, m, C + 1)."""


@torch.library.custom_op("ssnbench::cluster", mutates_args=(), device_types="cpu")
def cluster(
    features: Tensor, rows: int, cols: int, n_iter: int, hard: bool, keep: bool, soft: bool = True
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # spelled out: PyTorch 2.6 knows no names of ours
    """Cluster float32 features (B, C, H, W) on a grid.

    ``keep`` what the derivative needs; without ``soft``, Q is left out, (0, 9, H, W).
    """
    pixels = features.detach().contiguous().numpy()
    run = cpu.forward(pixels, _grid(features, rows, cols), n_iter, hard=hard, keep=keep, soft=soft)
    centres = run.history[-1, ..., :-1].astype(np.float32)
    arrays = (run.associations, centres, run.labels, run.history)
    q, s, labels, history = (torch.from_numpy(a) for a in arrays)
    return q, s, labels, history


@cluster.register_kernel("cuda")
def _(
    features: Tensor, rows: int, cols: int, n_iter: int, hard: bool, keep: bool, soft: bool = True
) -> Clustered:
    grid = _grid(features, rows, cols)
    made = cuda.forward(features.contiguous(), grid, n_iter, hard=hard, keep=keep)
    return made if soft else (made[0][:0].clone(), *made[1:])


@cluster.register_fake
def _(
    features: Tensor, rows: int, cols: int, n_iter: int, _hard: bool, keep: bool, soft: bool = True
) -> Clustered:
    batch, channels, height, width = features.shape
    cells, slots = rows * cols, n_iter + 1 if keep else 1
    return (
        features.new_empty((batch if soft else 0, 9, height, width)),
        features.new_empty((batch, cells, channels)),
        features.new_empty((batch, height, width), dtype=torch.int32),
        features.new_empty((slots, batch, cells, channels + 1), dtype=torch.float64),
    )


@torch.library.custom_op("ssnbench::cluster_backward", mutates_args=(), device_types="cpu")
def cluster_backward(
    features: Tensor, history: Tensor, grad_q: Tensor, grad_centres: Tensor, rows: int, cols: int
) -> Tensor:
    """Derivative by the features, from those by Q and by the centres."""
    gradient = cpu.backward(
        features.detach().contiguous().numpy(),
        _grid(features, rows, cols),
        history.numpy(),
        grad_q.contiguous().numpy(),
        grad_centres.double().numpy(),
    )
    return torch.from_numpy(gradient)


@cluster_backward.register_kernel("cuda")
def _(
    features: Tensor, history: Tensor, grad_q: Tensor, grad_centres: Tensor, rows: int, cols: int
) -> Tensor:
    grid = _grid(features, rows, cols)
    return cuda.backward(
        features.contiguous(), grid, history, grad_q.contiguous(), grad_centres.double()
    )


@cluster_backward.register_fake
def _(features: Tensor, *_: object) -> Tensor:
    return torch.empty_like(features, memory_format=torch.contiguous_format)


def _remember(ctx, inputs, output) -> None:  # type: ignore[no-untyped-def]
    features, ctx.rows, ctx.cols, _, hard, keep, soft = inputs
    if hard or not (keep and soft):
        raise RuntimeError("no derivative: hard assignment, or history or Q were not kept")
    ctx.save_for_backward(features, output[3])


def _differentiate(ctx, grad_q, grad_centres, _labels, _history):  # type: ignore[no-untyped-def]
    features, history = ctx.saved_tensors
    batch, _, height, width = features.shape
    if grad_q is None:
        grad_q = features.new_zeros((batch, 9, height, width))
    if grad_centres is None:
        grad_centres = features.new_zeros((batch, ctx.rows * ctx.cols, features.shape[1]))
    gradient = cluster_backward(features, history, grad_q, grad_centres, ctx.rows, ctx.cols)
    return gradient, None, None, None, None, None, None


cluster.register_autograd(_differentiate, setup_context=_remember)


def _grid(features: Tensor, rows: int, cols: int) -> Grid:
    return Grid(features.shape[2], features.shape[3], rows, cols)
