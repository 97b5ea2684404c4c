"""Passes of the CPU kernels over the pixels, strip by strip.

A strip reads the centres around it and writes what its pixels give to the superpixels of the three
cell rows around it into a buffer of its own: nothing is shared, and the result does not depend on
the number of threads. Each cell's pixels are packed block by block into a scratch buffer that
stays in the first-level cache, moved so that the cell's own centre is the origin: distances do
not change, and |S|^2, which grows with the position in the image, stays small enough for float32.

Throughout, ``first`` and ``last`` bound the strips to do, counted over the whole batch; ``plan``
is the grid cut into strips (:class:`~ssnbench.ssn.kernels.cpu_blocks.StripPlan`);
``features`` is float32 (B, C, H, W); ``partial``, float64 (B * n_strips, 3, cols, C + 1), takes
what each strip gives to the three cell rows, the last column being the weights' sum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssnbench.ssn.kernels.cpu_blocks import (
    accumulate,
    add_gradient,
    blocks,
    pack,
    padded,
    store,
    store_labels,
)
from ssnbench.ssn.kernels.cpu_tiles import (
    BLOCK,
    D_ROWS,
    F_ROWS,
    Q_ROWS,
    U,
    affine,
    clear_padding,
    feature_gradients,
    kernel,
    leaf,
    nearest,
    one_hot,
    softmax,
    softmax_backward,
    weighted_sums,
)

_0, _1 = U(0), U(1)
_NOWHERE = np.float32(-1e30)  # logit of a neighbour that does not exist: weight exactly 0


class Scratch(NamedTuple):
    """What a thread needs for one cell: its pixels, and what surrounds it (k = 0..8)."""

    buf: NDArray[np.float32]
    ids: NDArray[np.int32]  # superpixel k, -1 where there is none
    origin: NDArray[np.float32]  # (C,), subtracted from features and centres
    coef: NDArray[np.float32]  # (9, cp), 2 S_k
    bias: NDArray[np.float32]  # (9,), -|S_k|^2
    sums: NDArray[np.float64]  # (9, C + 1), given to superpixel k
    winner: NDArray[np.uint8]  # nearest k of each pixel


@kernel
def _scratch(channels, rows):  # type: ignore[no-untyped-def]
    cp = padded(channels)
    return Scratch(
        np.zeros((U(rows) + _1) * BLOCK, np.float32),
        np.empty(9, np.int32),
        np.empty(channels, np.float32),
        np.zeros((9, cp), np.float32),
        np.empty(9, np.float32),
        np.empty((9, channels + 1)),
        np.empty(BLOCK, np.uint8),
    )


@kernel
def sum_cells(first, last, features, plan, partial):  # type: ignore[no-untyped-def]
    """Sum the features over each cell, and count its pixels: the initial centres."""
    channels = features.shape[1]
    for s in range(first, last):
        image, strip = divmod(s, len(plan.strips))
        y0, y1 = plan.strips[strip, 1], plan.strips[strip, 2]
        partial[s] = 0
        own = partial[s, 1]
        for col in range(len(own)):
            x0, x1 = plan.x_edges[col], plan.x_edges[col + 1]
            for c in range(channels):
                # Relative to one of its pixels, a cell's sum keeps the digits that matter.
                base = features[image, c, y0, x0]
                for y in range(y0, y1):
                    row = features[image, c, y]
                    total = np.float32(0)
                    for x in range(x0, x1):
                        total += row[x] - base
                    own[col, c] += total
                own[col, c] += np.float64(base) * ((y1 - y0) * (x1 - x0))
            own[col, channels] = (y1 - y0) * (x1 - x0)


@kernel
def associate(  # type: ignore[no-untyped-def]
    first, last, features, plan, centres, partial, hard, associations, labels
):
    """Associate pixels with the centres around them (Eq. 3), and sum up the new centres (Eq. 4).

    ``centres`` is float64 (B, m, C or more). ``hard`` gives each pixel wholly to the nearest. Q is
    written to ``associations`` (B, 9, H, W) and superpixels to ``labels`` int32 (B, H, W), unless
    these are empty.
    """
    channels, write = features.shape[1], len(labels) > 0
    work = _scratch(channels, F_ROWS + padded(channels))
    for s in range(first, last):
        image, strip = divmod(s, len(plan.strips))
        partial[s] = 0
        for col in range(len(plan.x_edges) - 1):
            _gather_neighbours(work, plan, plan.strips[strip, 0], col, centres[image])
            work.sums[:] = 0
            for block in _blocks_of(plan, strip, col):
                y, x, h, w = block[0], block[1], block[2], block[3]
                _compute_weights(work, features[image], y, x, h, w, hard, write)
                if write:
                    store(work.buf, Q_ROWS, associations[image], y, x, h, w)
                    store_labels(work.winner, work.ids, labels[image], y, x, h, w)
            for k in range(9):
                for c in range(channels):
                    work.sums[k, c] += work.origin[c] * work.sums[k, channels]
            _scatter(work, col, partial[s])


@kernel
def associate_backward(  # type: ignore[no-untyped-def]
    first, last, features, plan, before, after, slope, partial, grad_q, grad_features
):
    """Differentiate one iteration.

    It started from the centres ``before`` and ended in ``after``; ``slope`` is the loss's
    derivative by the latter over their mass, all float64 (B, m, C or more). ``grad_q`` is the
    derivative by Q, of the last iteration, (B, 9, H, W), and empty for the others. Adds to
    ``grad_features`` (B, C, H, W), and leaves the derivative by ``before`` in ``partial``.
    """
    channels = features.shape[1]
    cp = padded(channels)
    work = _scratch(channels, F_ROWS + cp + cp)
    weight, bias = np.zeros((9, cp), np.float32), np.empty(9, np.float32)
    stacked = np.empty((cp, 18), np.float32)
    for s in range(first, last):
        image, strip = divmod(s, len(plan.strips))
        partial[s] = 0
        for col in range(len(plan.x_edges) - 1):
            _gather_neighbours(work, plan, plan.strips[strip, 0], col, before[image])
            _gradient_coefficients(work, slope[image], after[image], weight, bias)
            stacked[:, :9], stacked[:, 9:] = weight.T, work.coef.T
            work.sums[:] = 0
            for block in _blocks_of(plan, strip, col):
                y, x, h, w = block[0], block[1], block[2], block[3]
                n = _recompute_weights(work, features[image], y, x, h, w)
                affine(work.buf, D_ROWS, weight, bias, cp, n)
                if len(grad_q) > 0:
                    add_gradient(work.buf, grad_q[image], y, x, h, w)
                softmax_backward(work.buf, n)
                feature_gradients(work.buf, stacked, cp, n)
                weighted_sums(work.buf, D_ROWS, work.sums, U(channels), cp, n)
                accumulate(work.buf, F_ROWS + cp, grad_features[image], y, x, h, w)
            for k in range(9):
                for c in range(channels):  # 2 sum_p d_kp (F_p - S_k)
                    moment = work.coef[k, c] * work.sums[k, channels]
                    work.sums[k, c] = 2 * work.sums[k, c] - moment
            _scatter(work, col, partial[s])


@kernel
def gather(plan, partial, total):  # type: ignore[no-untyped-def]
    """Add what all strips gave into ``total``, float64 (B, m, C + 1)."""
    rows, cols = len(plan.first_strip) - 1, len(plan.x_edges) - 1
    n_strips = len(plan.strips)
    total[:] = 0
    for image in range(len(total)):
        for strip in range(n_strips):
            sums = partial[image * n_strips + strip]
            top = np.int64(plan.strips[strip, 0]) - 1
            for slot in range(3):
                at = (top + slot) * cols
                if 0 <= at < rows * cols:
                    here = total[image, at : at + cols]
                    here += sums[slot]


@leaf
def add_mean_gradient(first, last, plan, share, grad_features):  # type: ignore[no-untyped-def]
    """Add to each pixel its cell's ``share``, float64 (B, m, C): the initial means' derivative."""
    cols = len(plan.x_edges) - 1
    for s in range(first, last):
        image, strip = divmod(s, len(plan.strips))
        y0, y1 = plan.strips[strip, 1], plan.strips[strip, 2]
        for col in range(cols):
            cell = share[image, np.int64(plan.strips[strip, 0]) * cols + col]
            for c in range(len(cell)):
                for y in range(y0, y1):
                    row = grad_features[image, c, y]
                    for x in range(plan.x_edges[col], plan.x_edges[col + 1]):
                        row[x] += np.float32(cell[c])


@kernel
def _blocks_of(plan, strip, col):  # type: ignore[no-untyped-def]
    y0, y1 = plan.strips[strip, 1], plan.strips[strip, 2]
    return blocks(plan.x_edges[col], plan.x_edges[col + 1], y0, y1)


@leaf
def _gather_neighbours(work, plan, row, col, centres):  # type: ignore[no-untyped-def]
    """Find the neighbours of a cell, and the coefficients of their distances.

    |F|^2 is the same for all neighbours and cancels in the softmax: -d2 = 2 F.S - |S|^2.
    """
    rows, cols = len(plan.first_strip) - 1, len(plan.x_edges) - 1
    row = np.int64(row)
    for c in range(len(work.origin)):
        work.origin[c] = np.float32(centres[row * cols + col, c])
    for k in range(9):
        y, x = row + k // 3 - 1, col + k % 3 - 1
        exists = 0 <= y < rows and 0 <= x < cols
        work.ids[k] = y * cols + x if exists else -1
        square = 0.0
        for c in range(len(work.origin)):
            s = centres[work.ids[k], c] - work.origin[c] if exists else 0.0
            work.coef[k, c] = 2 * s
            square += s * s
        work.bias[k] = np.float32(-square) if exists else _NOWHERE


@leaf
def _gradient_coefficients(work, slope, after, weight, bias):  # type: ignore[no-untyped-def]
    """Weight and bias of the derivative by Q: slope . (F - S), S being the centre afterwards."""
    for k in range(9):
        level = 0.0
        for c in range(len(work.origin)):
            g = slope[work.ids[k], c] if work.ids[k] >= 0 else 0.0
            weight[k, c] = g
            level -= g * (after[work.ids[k], c] - work.origin[c])
        bias[k] = np.float32(level)


@leaf
def _compute_weights(work, planes, y, x, h, w, hard, name):  # type: ignore[no-untyped-def]
    """Fill the Q rows of a block, ``name`` each pixel's winner, and add to the sums."""
    cp = U(work.coef.shape[1])
    n = pack(work.buf, planes, y, x, h, w, work.origin)
    affine(work.buf, Q_ROWS, work.coef, work.bias, cp, n)
    if hard or name:
        nearest(work.buf, work.winner, n)
    if hard:
        one_hot(work.buf, work.winner, n)
    else:
        softmax(work.buf, n)
    clear_padding(work.buf, h * w, n)
    weighted_sums(work.buf, Q_ROWS, work.sums, U(len(work.origin)), cp, n)


@leaf
def _recompute_weights(work, planes, y, x, h, w):  # type: ignore[no-untyped-def]
    """Fill the Q rows of a block as the forward pass did, rather than having stored them all."""
    n = pack(work.buf, planes, y, x, h, w, work.origin)
    affine(work.buf, Q_ROWS, work.coef, work.bias, U(work.coef.shape[1]), n)
    softmax(work.buf, n)
    clear_padding(work.buf, h * w, n)
    return n


@leaf
def _scatter(work, col, sums):  # type: ignore[no-untyped-def]
    """Add a cell's sums to those of its strip, ``sums`` (3, cols, C + 1)."""
    for k in range(9):
        if work.ids[k] >= 0:
            to = sums[k // 3, col + k % 3 - 1]
            for c in range(len(to)):
                to[c] += work.sums[k, c]
