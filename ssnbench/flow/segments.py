"""Flow told by one motion per superpixel: its mean, or the affine motion that fits it best."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ssnbench.contracts import Flow, Labels, Mask

Model = Literal["mean", "affine"]

UNKNOWN_FLOW = 1e9
"""Larger components mark unknown flow (Middlebury, Sintel)."""

Motions: TypeAlias = NDArray[np.float64]
"""float64 (n, 8): centre x, y; flow u, v there; du/dx, du/dy, dv/dx, dv/dy."""

_FLAT = 1e-9
"""A spread of pixels is taken for a line when its determinant is below this share of trace^2."""


def known(flow: Flow) -> Mask:
    """Where the flow is known, bool (H, W): finite and, in both components, below 1e9."""
    is_known: Mask = np.abs(flow[..., 0]) < UNKNOWN_FLOW
    is_known &= np.abs(flow[..., 1]) < UNKNOWN_FLOW
    return is_known


def segmented_flow(
    labels: Labels, flow: Flow, valid: Mask | None = None, model: Model = "mean"
) -> Flow:
    """Replace the flow of every superpixel by one motion.

    Parameters
    ----------
    labels : int32 (H, W)
        Superpixels 0..n-1.
    flow : float32 (H, W, 2)
        True motion in pixels.
    valid : bool (H, W), optional
        Pixels that the motion is taken from; all whose flow is known by default.
    model : {"mean", "affine"}
        Mean flow, or the affine motion of least squared error.

    Returns
    -------
    float32 (H, W, 2)
        NaN in superpixels without a valid pixel.

    References
    ----------
    .. [1] Jampani et al., Superpixel Sampling Networks, ECCV 2018, section 5.2: "segmented flow".
    """
    labels, flow, counted = _ready(labels, flow, valid)
    return _painted(labels, _motions(labels, flow, counted, int(labels.max()) + 1, model))


def residuals(
    labels: Labels, flow: Flow, valid: Mask | None = None, model: Model = "mean"
) -> NDArray[np.float32]:
    """Distances in pixels between flow and :func:`segmented_flow`, at the valid pixels.

    Parameters are those of :func:`segmented_flow`.

    Returns
    -------
    float32 (k,)
        In raster order, of the pixels that are valid and whose flow is known.
    """
    labels, flow, counted = _ready(labels, flow, valid)
    motions = _motions(labels, flow, counted, int(labels.max()) + 1, model)
    return _distances(labels, flow, counted, motions)


def _ready(labels: Labels, flow: Flow, valid: Mask | None) -> tuple[Labels, Flow, Mask]:
    shape = labels.shape
    if flow.shape != (*shape, 2) or (valid is not None and valid.shape != shape):
        raise ValueError(f"a flow of shape {flow.shape} for labels of shape {shape}")
    counted = known(flow) if valid is None else known(flow) & valid
    return np.ascontiguousarray(labels), np.ascontiguousarray(flow, np.float32), counted


def _motions(labels: Labels, flow: Flow, counted: Mask, n: int, model: Model) -> Motions:
    motions = _means(labels, flow, counted, n)
    if model == "affine":
        _fit(labels, flow, counted, motions)
    return motions


@njit(cache=True, nogil=True, error_model="numpy")
def _means(labels: Labels, flow: Flow, counted: Mask, n: int) -> Motions:
    """Centre and mean flow of each label; NaN (0/0) for one without a pixel that counts."""
    height, width = labels.shape
    motions = np.zeros((n, 8))
    sizes = np.zeros(n)
    for row in range(height):
        for column in range(width):
            if counted[row, column]:
                label = labels[row, column]
                motions[label, 0] += column
                motions[label, 1] += row
                motions[label, 2] += flow[row, column, 0]
                motions[label, 3] += flow[row, column, 1]
                sizes[label] += 1.0
    for label in range(n):
        for i in range(4):
            motions[label, i] /= sizes[label]
    return motions


@njit(cache=True, nogil=True, error_model="numpy")
def _fit(labels: Labels, flow: Flow, counted: Mask, motions: Motions) -> None:
    """Fill in the gradients of least squares; 0 across pixels that lie on one line."""
    height, width = labels.shape
    sums = np.zeros((len(motions), 7))  # xx, xy, yy, xu, yu, xv, yv about centre and mean
    for row in range(height):
        for column in range(width):
            if counted[row, column]:
                motion, moments = motions[labels[row, column]], sums[labels[row, column]]
                x, y = column - motion[0], row - motion[1]
                u, v = flow[row, column, 0] - motion[2], flow[row, column, 1] - motion[3]
                moments[0] += x * x
                moments[1] += x * y
                moments[2] += y * y
                moments[3] += x * u
                moments[4] += y * u
                moments[5] += x * v
                moments[6] += y * v
    for label in range(len(motions)):
        a, b, c = sums[label, 0], sums[label, 1], sums[label, 2]
        for i in (0, 1):  # along, down
            dx, dy = _solved(a, b, c, sums[label, 3 + 2 * i], sums[label, 4 + 2 * i])
            motions[label, 4 + 2 * i], motions[label, 5 + 2 * i] = dx, dy


@njit(cache=True, nogil=True, error_model="numpy")
def _solved(a: float, b: float, c: float, x: float, y: float) -> tuple[float, float]:
    """Pseudo-inverse of the symmetric ((a, b), (b, c)) times (x, y)."""
    determinant, trace = a * c - b * b, a + c
    if determinant > _FLAT * trace * trace:
        return (c * x - b * y) / determinant, (a * y - b * x) / determinant
    if trace == 0.0:  # a single pixel, or none
        return 0.0, 0.0
    # of rank one: the matrix divided by the square of its only eigenvalue
    scale = trace * trace
    return (a * x + b * y) / scale, (b * x + c * y) / scale


@njit(cache=True, nogil=True)
def _flow_at(motion: NDArray[np.float64], row: int, column: int) -> tuple[float, float]:
    x, y = column - motion[0], row - motion[1]
    return (
        motion[2] + motion[4] * x + motion[5] * y,
        motion[3] + motion[6] * x + motion[7] * y,
    )


@njit(cache=True, nogil=True)
def _distances(labels: Labels, flow: Flow, counted: Mask, motions: Motions) -> NDArray[np.float32]:
    height, width = labels.shape
    errors = np.empty(np.count_nonzero(counted), np.float32)
    k = 0
    for row in range(height):
        for column in range(width):
            if counted[row, column]:
                u, v = _flow_at(motions[labels[row, column]], row, column)
                along, down = flow[row, column, 0] - u, flow[row, column, 1] - v
                errors[k] = np.sqrt(along * along + down * down)
                k += 1
    return errors


@njit(cache=True, nogil=True)
def _painted(labels: Labels, motions: Motions) -> Flow:
    height, width = labels.shape
    flow = np.empty((height, width, 2), np.float32)
    for row in range(height):
        for column in range(width):
            u, v = _flow_at(motions[labels[row, column]], row, column)
            flow[row, column, 0], flow[row, column, 1] = u, v
    return flow
