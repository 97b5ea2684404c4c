"""Differentiable SLIC on the CPU: float32, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssnbench.ssn.kernels import cpu_centres
from ssnbench.ssn.kernels import cpu_sweep as sweep
from ssnbench.ssn.kernels.cpu_layout import LaneLayout, aligned, lay_out, pack, set_origin, unpack
from ssnbench.ssn.kernels.cpu_vector import LANES
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
        Q of the last iteration, or nothing.
    labels : int32 (B, H, W)
        Superpixel of largest Q.
    history : float64 (v + 1, B, m, C + 1)
        Centres and, in the last column, their mass: at first and after each iteration. If it was
        not to be kept, only the last of them.
    """

    associations: Float32
    labels: NDArray[np.int32]
    history: Float64


class _Images(NamedTuple):
    """Packed images, and what is laid out beside them: see ``cpu_sweep``."""

    packed: Float32
    layout: LaneLayout
    origin: Float32
    moved: Float32
    partial: Float32

    def each_strip(self, work: Callable[..., object], *arguments: Any) -> None:
        """Call ``work(first, last, ...)`` on all strips."""
        share(len(self.partial), lambda a, b: work(a, b, *arguments))

    def each_row(self, work: Callable[..., object], *arguments: Any) -> None:
        """Call ``work(first, last, layout, ...)`` on all rows of cells."""
        n_rows = len(self.origin) * self.layout.rows
        share(n_rows, lambda a, b: work(a, b, self.layout, *arguments))

    def update(self, centres: Float64) -> None:
        """Move the centres to what the strips gave, and write them, (B, m, C + 1)."""
        self.each_row(cpu_centres.update, self.partial, self.origin, self.moved, centres)


def forward(
    features: Float32,
    grid: Grid,
    n_iter: int,
    *,
    hard: bool = False,
    keep: bool = True,
    soft: bool = True,
) -> Run:
    """Cluster ``features`` (B, C, H, W), contiguous and finite, by ``n_iter`` iterations.

    With ``hard``, each pixel belongs wholly to the nearest centre; with ``keep``, the history that
    :func:`backward` needs is kept; without ``soft``, Q is left out, (0, 9, H, W).
    """
    batch, channels, height, width = features.shape
    images = _packed(features, grid)
    history = np.empty((n_iter + 1 if keep else 1, batch, grid.n_cells, channels + 1))
    images.update(history[0])
    if not np.isfinite(history[0]).all():
        raise ValueError(f"features of shape {features.shape} hold NaN or infinite values")
    unwritten = np.empty((0, 9, 1, 1), np.float32), np.empty((0, 1, 1), np.int32)
    final = (
        np.empty((batch if soft else 0, 9, height, width), np.float32),
        np.empty((batch, height, width), np.int32),
    )
    for t in range(1, n_iter + 1):
        written = final if t == n_iter else unwritten
        images.each_strip(sweep.associate, *images, hard, *written)
        images.update(history[t if keep else 0, :, : None if keep or t == n_iter else 0])
    return Run(*final, history)


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
    images = _packed(features, grid)
    layout, origin, moved, partial = images[1:]
    after, slopes = np.zeros_like(moved), np.zeros_like(moved)
    by_pixels, by_centres = np.zeros_like(images.packed), np.empty(history.shape[1:])
    for old, new in zip(history[-2::-1], history[:0:-1], strict=True):
        mass = new[..., -1:]
        kept = mass > MIN_WEIGHT
        slope = np.where(kept, grad_centres / np.where(kept, mass, 1), 0)
        images.each_row(cpu_centres.place, old, origin, moved)
        images.each_row(cpu_centres.place, new, origin, after)
        images.each_row(cpu_centres.place, slope, np.zeros_like(origin), slopes)
        images.each_strip(
            sweep.associate_backward, *images[:4], after, slopes, partial, grad_q, by_pixels
        )
        images.each_row(cpu_centres.gather, partial, by_centres)
        grad_centres = by_centres[..., :-1] + np.where(kept, 0, grad_centres)
        grad_q = grad_q[:0]
    gradient = np.empty_like(features)
    of_mean = grad_centres / history[0, ..., -1:]
    images.each_strip(unpack, by_pixels, layout, of_mean, gradient)
    return gradient


def _packed(features: Float32, grid: Grid) -> _Images:
    """Pack images; the first centres' sums are then in ``partial``."""
    batch, channels = features.shape[:2]
    layout = lay_out(grid)
    beside = channels + 1, layout.width
    origin, moved = (np.zeros((batch, layout.rows + 2, *beside), np.float32) for _ in range(2))
    moved[:, :, -1] = sweep.NOWHERE
    moved[:, 1:-1, -1, layout.pieces : layout.pieces * (grid.cols + 1)] = 0
    set_origin(features, layout, origin)
    images = _Images(
        aligned(batch * layout.n_vectors * (channels + 1) * LANES),
        layout,
        origin,
        moved,
        np.empty((batch * len(layout.strips), 3, *beside), np.float32),
    )
    images.each_strip(pack, features, layout, origin, images.packed, images.partial)
    return images
