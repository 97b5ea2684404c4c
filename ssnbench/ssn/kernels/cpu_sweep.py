"""Passes of the CPU kernels over a packed image, strip by strip.

A strip reads the centres around it and writes what its pixels give to the superpixels of the three
cell rows around it into a buffer of its own: nothing is shared, and the result does not depend on
the number of threads.

Throughout, ``first`` and ``last`` bound the strips to do, counted over the whole batch; ``layout``
is how the image is packed (:mod:`ssnbench.ssn.kernels.cpu_layout`), ``packed`` the pixels less
their cell's origin. What belongs to a cell lies where the lanes that work on it find it, float32
(B, rows + 2, C + 1, width), with cells that do not exist around those that do: ``origin``, and
``moved``, the centres less their own cell's origin, the last channel of which is 0, or so low that
no pixel goes there where there is no cell. ``partial``, float32 (B * n_strips, 3, C + 1, width),
takes what each strip gives to the three cell rows, for each column of pixels its own sum, relative
to the receiving cell's origin; the last channel is the weights' sum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssnbench.ssn.kernels.cpu_layout import U, add, inlined, kernel
from ssnbench.ssn.kernels.cpu_vector import (
    LANES,
    exp2,
    first_of,
    largest,
    load,
    load_around,
    load_nine,
    nine_of,
    one_hot,
    reciprocal,
    spread,
    store,
    store_nine,
    total,
)

BLOCK = 32
"""Vectors of pixels whose features and weights stay in the first-level cache meanwhile."""

NOWHERE = np.float32(-1e30)
"""Logit of a superpixel that does not exist: weight exactly 0."""

_LOG2_E = np.float32(1 / np.log(2))
_LN_2 = np.float32(np.log(2))
_NINE = 9 * LANES


class Scratch(NamedTuple):
    """What a thread needs for one group of cells: nine vectors for each channel or pixel."""

    coef: NDArray[np.float32]  # per channel: 2 S_k, the last channel -|S_k|^2, over ln 2
    sums: NDArray[np.float32]  # per channel: what the pixels give
    q: NDArray[np.float32]  # per pixel: weights
    winner: NDArray[np.float32]  # nearest k of each pixel, one vector


class Slopes(NamedTuple):
    """The same for the derivative."""

    coef: NDArray[np.float32]  # per channel: weights, and last the bias, of the derivative by Q
    d: NDArray[np.float32]  # per pixel: derivatives by Q, then by the logits


@kernel
def _scratch(channels):  # type: ignore[no-untyped-def]
    per_channel, per_pixel = (channels + 1) * _NINE, BLOCK * _NINE
    return Scratch(
        np.empty(per_channel, np.float32),
        np.empty(per_channel, np.float32),
        np.empty(per_pixel, np.float32),
        np.empty(BLOCK * LANES, np.float32),
    )


@kernel
def associate(  # type: ignore[no-untyped-def]
    first, last, packed, layout, origin, moved, partial, hard, associations, labels
):
    """Associate pixels with the centres around them (Eq. 3), and sum up the new centres (Eq. 4).

    ``hard`` gives each pixel wholly to the nearest. Q is written to ``associations`` (B, 9, H, W)
    and superpixels to ``labels`` int32 (B, H, W), unless they are empty.
    """
    channels = origin.shape[2] - 1
    work = _scratch(channels)
    for s in range(first, last):
        image, strip = divmod(s, len(layout.strips))
        row, y0, y1, at = layout.strips[strip]
        at += image * layout.n_vectors
        partial[s] = 0
        for group in range(len(layout.x_edges) // LANES):
            lane = layout.pieces + group * LANES
            _coefficients(layout, origin[image], moved[image], row, lane, work.coef)
            work.sums[:] = 0
            n_rows = BLOCK // layout.across
            for y in range(y0, y1, n_rows):
                n = min(n_rows, y1 - y) * layout.across
                _weigh(packed, at, work, n, channels, hard, len(labels) > 0)
                _add_up(packed, at, work.q, work.sums, n, channels)
                bottom = min(y + n_rows, y1)
                if len(associations) > 0:
                    _store_weights(work.q, layout, group, y, bottom, associations[image])
                if len(labels) > 0:
                    _store_labels(work.winner, layout, row, group, y, bottom, labels[image])
                at += n
            _give(layout, origin[image], row, lane, work.sums, partial[s])


@inlined
def _coefficients(layout, origin, moved, row, lane, coef):  # type: ignore[no-untyped-def]
    """Coefficients of the nine logits of a group, for powers of 2.

    |F|^2 is the same for all neighbours and cancels in the softmax: -d2 = 2 F.S - |S|^2.
    """
    channels, width = origin.shape[1] - 1, origin.shape[2]
    at, down = (row + 1) * (channels + 1) * width + lane, (channels + 1) * width
    squares = nine_of(spread(0))
    for c in range(channels):
        away = load_around(origin, at, down, layout.pieces) - load(origin, at)
        s = load_around(moved, at, down, layout.pieces) + away
        squares = squares + s * s
        store_nine(coef, c * _NINE, spread(2 * _LOG2_E) * s)
        at += width
    penalty = load_around(moved, at, down, layout.pieces)
    store_nine(coef, channels * _NINE, penalty - spread(_LOG2_E) * squares)


@inlined
def _weigh(packed, at, work, n, channels, hard, name):  # type: ignore[no-untyped-def]
    """Compute the weights of ``n`` pixels, and ``name`` each one's winner."""
    for p in range(n):
        logits = _affine(packed, (at + p) * (channels + 1) * LANES, work.coef, channels)
        top = largest(logits)
        if hard or name:
            winner = first_of(logits, top)
            store(work.winner, p * LANES, winner)
            if hard:
                store_nine(work.q, p * _NINE, one_hot(winner))
        if not hard:
            powers = exp2(logits - top)
            store_nine(work.q, p * _NINE, powers * reciprocal(total(powers)))


@inlined
def _affine(packed, at, coef, channels):  # type: ignore[no-untyped-def]
    """Sum over the channels, coef_kc F_c, for nine k."""
    result = nine_of(spread(0))
    for c in range(channels + 1):
        result = result + load(packed, at + c * LANES) * load_nine(coef, c * _NINE)
    return result


@inlined
def _add_up(packed, at, weights, sums, n, channels):  # type: ignore[no-untyped-def]
    """Add the weighted features of ``n`` pixels to ``sums``, and last the weights."""
    stride = (channels + 1) * LANES
    for c in range(channels + 1):
        result = load_nine(sums, c * _NINE)
        here = at * stride + c * LANES
        for p in range(n):
            result = result + load(packed, here) * load_nine(weights, p * _NINE)
            here += stride
        store_nine(sums, c * _NINE, result)


@inlined
def _give(layout, origin, row, lane, sums, partial):  # type: ignore[no-untyped-def]
    """Give a group's sums to the superpixels, each relative to the origin of its own cell."""
    channels, width, own = origin.shape[1] - 1, origin.shape[2], origin[row + 1]
    for x in range(3):
        there = lane + (x - 1) * layout.pieces
        for y in range(3):
            k = (3 * y + x) * LANES
            mass = load(sums, channels * _NINE + k)
            for c in range(channels):
                here = c * width
                away = load(own, here + lane) - load(origin[row + y], here + there)
                add(partial[y], here + there, load(sums, c * _NINE + k) + mass * away)
            add(partial[y], channels * width + there, mass)


@inlined
def _store_weights(q, layout, group, top, bottom, associations):  # type: ignore[no-untyped-def]
    """Write the weights of some rows of a group where their pixels are, (9, H, W)."""
    for k in range(9):
        for y in range(top, bottom):
            start = (y - top) * layout.across * _NINE + k * LANES
            _store_row(q, start, _NINE, layout, group, associations[k, y])


@inlined
def _store_labels(winner, layout, row, group, top, bottom, labels):  # type: ignore[no-untyped-def]
    """Write the superpixels of some rows of a group where their pixels are, (H, W)."""
    for y in range(top, bottom):
        start = (y - top) * layout.across * LANES
        for lane in range(U(LANES)):
            column = U(group * LANES) + lane
            own = row * layout.cols + np.int64(column) // layout.pieces
            at = U(start) + lane
            for x in range(U(layout.x_edges[column]), U(layout.x_edges[column + U(1)])):
                k = np.int64(winner[at])
                labels[U(y), x] = own + (k // 3 - 1) * layout.cols + k % 3 - 1
                at += U(LANES)


@inlined
def _store_row(values, start, step, layout, group, row):  # type: ignore[no-untyped-def]
    """Write a row of a group, of which the pixels of a column lie ``step`` apart."""
    for lane in range(U(LANES)):
        column = U(group * LANES) + lane
        at = U(start) + lane
        for x in range(U(layout.x_edges[column]), U(layout.x_edges[column + U(1)])):
            row[x] = values[at]
            at += U(step)


@kernel
def associate_backward(  # type: ignore[no-untyped-def]
    first, last, packed, layout, origin, moved, after, slope, partial, grad_q, gradient
):
    """Differentiate one iteration.

    It started from the centres ``moved`` and ended in ``after``, both less their cell's origin;
    ``slope`` is the loss's derivative by the latter over their mass, laid out like them.
    ``grad_q`` is the derivative by Q, of the last iteration, (B, 9, H, W), and empty for the
    others. Adds to ``gradient``, packed like the features, and leaves the derivative by ``moved``
    in ``partial``.
    """
    channels = origin.shape[2] - 1
    work = _scratch(channels)
    slopes = Slopes(np.empty_like(work.coef), np.zeros_like(work.q))
    for s in range(first, last):
        image, strip = divmod(s, len(layout.strips))
        row, y0, y1, at = layout.strips[strip]
        at += image * layout.n_vectors
        partial[s] = 0
        for group in range(len(layout.x_edges) // LANES):
            lane = layout.pieces + group * LANES
            _coefficients(layout, origin[image], moved[image], row, lane, work.coef)
            _slopes(layout, origin[image], after[image], slope[image], row, lane, slopes.coef)
            work.sums[:] = 0
            n_rows = BLOCK // layout.across
            for y in range(y0, y1, n_rows):
                n = min(n_rows, y1 - y) * layout.across
                _weigh(packed, at, work, n, channels, False, False)
                if len(grad_q) > 0:
                    _load_gradient(layout, group, y, min(y + n_rows, y1), grad_q[image], slopes.d)
                _differentiate(packed, at, work, slopes, n, channels, len(grad_q) > 0)
                _add_gradient(gradient, at, work, slopes, n, channels)
                _add_up(packed, at, slopes.d, work.sums, n, channels)
                at += n
            _give_back(layout, lane, work, partial[s])


@inlined
def _slopes(layout, origin, after, slope, row, lane, coef):  # type: ignore[no-untyped-def]
    """Weights and bias of the derivative by Q: slope . (F - S), S being the centre afterwards."""
    channels, width = origin.shape[1] - 1, origin.shape[2]
    at, down = (row + 1) * (channels + 1) * width + lane, (channels + 1) * width
    level = nine_of(spread(0))
    for c in range(channels):
        away = load_around(origin, at, down, layout.pieces) - load(origin, at)
        weight = load_around(slope, at, down, layout.pieces)
        level = level - weight * (load_around(after, at, down, layout.pieces) + away)
        store_nine(coef, c * _NINE, weight)
        at += width
    store_nine(coef, channels * _NINE, level)


@inlined
def _load_gradient(layout, group, top, bottom, grad_q, d):  # type: ignore[no-untyped-def]
    """Bring the derivative by Q, (9, H, W), of some rows of a group to their lanes."""
    for lane in range(LANES):
        x0, x1 = layout.x_edges[group * LANES + lane], layout.x_edges[group * LANES + lane + 1]
        for k in range(9):
            for y in range(top, bottom):
                at = (y - top) * layout.across * _NINE + k * LANES + lane
                for x in range(x0, x1):
                    d[at] = grad_q[k, y, x]
                    at += _NINE


@inlined
def _differentiate(packed, at, work, slopes, n, channels, given):  # type: ignore[no-untyped-def]
    """Fill ``slopes.d`` with the derivatives by the logits, ln 2 q_k (d_k - sum_j q_j d_j)."""
    for p in range(n):
        d = _affine(packed, (at + p) * (channels + 1) * LANES, slopes.coef, channels)
        if given:
            d = d + load_nine(slopes.d, p * _NINE)
        q = load_nine(work.q, p * _NINE)
        store_nine(slopes.d, p * _NINE, spread(_LN_2) * q * (d - total(q * d)))


@inlined
def _add_gradient(gradient, at, work, slopes, n, channels):  # type: ignore[no-untyped-def]
    """Add the derivative by the features of ``n`` pixels."""
    for p in range(n):
        q, d = load_nine(work.q, p * _NINE), load_nine(slopes.d, p * _NINE)
        here = (at + p) * (channels + 1) * LANES
        for c in range(channels):
            by_d = d * load_nine(work.coef, c * _NINE)
            both = total(q * load_nine(slopes.coef, c * _NINE) + by_d)
            store(gradient, here, load(gradient, here) + both)
            here += LANES


@inlined
def _give_back(layout, lane, work, partial):  # type: ignore[no-untyped-def]
    """Give the derivative by the centres, 2 sum_p d_kp (F_p - S_k), to the superpixels."""
    channels, width = partial.shape[1] - 1, partial.shape[2]
    for x in range(3):
        there = lane + (x - 1) * layout.pieces
        for y in range(3):
            k = (3 * y + x) * LANES
            mass = load(work.sums, channels * _NINE + k)
            for c in range(channels):
                by_features = spread(2 * _LOG2_E) * load(work.sums, c * _NINE + k)
                moment = mass * load(work.coef, c * _NINE + k)
                add(partial[y], c * width + there, by_features - moment)
