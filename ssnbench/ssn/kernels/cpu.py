"""Differentiable SLIC on the CPU: float32, forward and backward."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssnbench.ssn.kernels import cpu_sweep as sweep
from ssnbench.ssn.kernels.cpu_blocks import StripPlan, plan
from ssnbench.ssn.kernels.grid import Grid
from ssnbench.ssn.kernels.reference import MIN_WEIGHT
from ssnbench.ssn.kernels.threads import share

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


class Run(NamedTuple):
    """What a run of the clustering leaves behind.

    Attributes
    ----------
    associations : float32 (B, 9, H, W)
        Q of the last iteration.
    labels : int32 (B, H, W)
        Superpixel of largest Q.
    history : float64 (v + 1, B, m, C + 1)
        Centres and, in the last column, their mass: at first and after each iteration. If it was
        not to be kept, only the last of them.
    """

    associations: Float32
    labels: NDArray[np.int32]
    history: Float64


def forward(
    features: Float32, grid: Grid, n_iter: int, *, hard: bool = False, keep: bool = True
) -> Run:
    """Cluster ``features`` (B, C, H, W), contiguous and finite, by ``n_iter`` iterations.

    With ``hard``, each pixel belongs wholly to the nearest centre; with ``keep``, the history that
    :func:`backward` needs is kept.
    """
    batch, channels, height, width = features.shape
    strips, partial = _prepare(features, grid)
    centres = np.empty((batch, grid.n_cells, channels + 1))
    share(len(partial), lambda a, b: sweep.sum_cells(a, b, features, strips, partial))
    centres = _centres(strips, partial, centres)
    if not np.isfinite(centres).all():
        raise ValueError(f"features of shape {features.shape} hold NaN or infinite values")
    history = [centres]
    unwritten = np.empty((0, 9, 1, 1), np.float32), np.empty((0, 1, 1), np.int32)
    final = (
        np.empty((batch, 9, height, width), np.float32),
        np.empty((batch, height, width), np.int32),
    )
    for t in range(n_iter):
        written = final if t == n_iter - 1 else unwritten
        _associate(features, strips, history[-1], partial, hard, written)
        centres = _centres(strips, partial, history[-1])
        history = [*history, centres] if keep else [centres]
    return Run(*final, np.stack(history))


def backward(
    features: Float32, grid: Grid, history: Float64, grad_q: Float32, grad_centres: Float64
) -> Float32:
    """Differentiate :func:`forward`.

    Parameters
    ----------
    features : float32 (B, C, H, W)
        What was clustered.
    grid : Grid
        The grid it was clustered on.
    history : float64 (v + 1, B, m, C + 1)
        What :func:`forward` kept. Q of each iteration is computed again from it.
    grad_q : float32 (B, 9, H, W)
        Derivative of the loss by Q.
    grad_centres : float64 (B, m, C)
        Derivative of the loss by the final centres.

    Returns
    -------
    float32 (B, C, H, W)
        Derivative of the loss by the features.
    """
    strips, partial = _prepare(features, grid)
    total = np.empty(history.shape[1:])
    gradient = np.zeros_like(features)
    for before, after in zip(history[-2::-1], history[:0:-1], strict=True):
        mass = after[..., -1:]
        moved = mass > MIN_WEIGHT
        slope = np.where(moved, grad_centres / np.where(moved, mass, 1), 0)
        _associate_backward(features, strips, before, after, slope, partial, grad_q, gradient)
        sweep.gather(strips, partial, total)
        grad_centres = total[..., :-1] + np.where(moved, 0, grad_centres)
        grad_q = grad_q[:0]
    each = grad_centres / history[0, ..., -1:]
    share(len(partial), lambda a, b: sweep.add_mean_gradient(a, b, strips, each, gradient))
    return gradient


def _prepare(features: Float32, grid: Grid) -> tuple[StripPlan, Float64]:
    """Cut the grid into strips, and make room for what each strip gives to the centres."""
    strips = plan(grid)
    batch, channels = features.shape[:2]
    return strips, np.empty((batch * len(strips.strips), 3, grid.cols, channels + 1))


def _centres(strips: StripPlan, partial: Float64, old: Float64) -> Float64:
    """Centres and mass after an iteration (Eq. 4); what has lost all its pixels stays."""
    new = np.empty_like(old)
    sweep.gather(strips, partial, new)
    mass = new[..., -1:]
    moved = mass > MIN_WEIGHT
    np.copyto(
        new[..., :-1], np.where(moved, new[..., :-1] / np.where(moved, mass, 1), old[..., :-1])
    )
    return new


def _associate(
    features: Float32,
    strips: StripPlan,
    centres: Float64,
    partial: Float64,
    hard: bool,
    written: tuple[Float32, NDArray[np.int32]],
) -> None:
    share(
        len(partial),
        lambda a, b: sweep.associate(a, b, features, strips, centres, partial, hard, *written),
    )


def _associate_backward(*arrays: Any) -> None:
    share(len(arrays[5]), lambda a, b: sweep.associate_backward(a, b, *arrays))
