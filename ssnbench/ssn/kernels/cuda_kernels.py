"""Triton kernels of differentiable SLIC; ``cuda.py`` launches them.

One program takes every ``chunks``-th block of BLOCK_P pixels of one cell, which share their nine
neighbours: it reads their features once, and works out distances, softmax and sums from registers.
Sums go to a buffer with a place for each program and neighbour, and a second, small kernel adds
them up: no atomics, so that results can be repeated bit by bit.

As on the CPU, features and centres are moved so that the cell's own centre is the origin, and
|F|^2, which cancels in the softmax, is left out. Layouts: features (B, C, H, W) float32; centres
and their derivatives (B, m, C + 1) float64, the last column of centres their mass; partial sums
(B, m, chunks, 9, C + 1) float32, the last column the sum of the weights.

Products run on the tensor cores as three products of TF32 numbers, which keeps 21 bits of 24:
in float32 proper they alone would take several times as long as reading the features.
"""

from __future__ import annotations

from functools import partial

import triton
import triton.language as tl

DOT = tl.constexpr("tf32x3")
"""How products are computed; Triton's interpreter computes all in float32."""

LOG2_E = tl.constexpr(1.4426950408889634)

GIVERS = tl.constexpr(64)
"""Partial sums that :func:`_collect` reads at a time: of 9 cells, padded to 16, 4 chunks."""

_kernel = partial(
    triton.jit,
    do_not_specialize=["H", "W", "rows", "cols", "chunks"],
    do_not_specialize_on_alignment=[
        *("features", "centres", "partial", "associations", "labels", "old", "new", "before"),
        *("after", "grad", "slope", "share", "grad_q", "grad_features"),
    ],
)
"""One machine code for images and grids of any size: it would be no faster for knowing them."""


@triton.jit
def _cell(H, W, rows, cols, chunks):  # type: ignore[no-untyped-def]
    """Image, cell and chunk of this program; where the cell begins, its width and size."""
    program = tl.program_id(0)
    chunk = program % chunks
    cell = (program // chunks) % (rows * cols)
    image = (program // chunks // (rows * cols)).to(tl.int64)
    row, col = cell // cols, cell % cols
    y0, y1 = (row * H + rows - 1) // rows, ((row + 1) * H + rows - 1) // rows
    x0, x1 = (col * W + cols - 1) // cols, ((col + 1) * W + cols - 1) // cols
    return image, cell, chunk, y0 * W + x0, x1 - x0, (y1 - y0) * (x1 - x0)


@triton.jit
def _pixels(start, first, width, size, W, BLOCK_P: tl.constexpr):  # type: ignore[no-untyped-def]
    """Where a block of a cell's pixels lies in a plane, and which of them exist."""
    p = start + tl.arange(0, BLOCK_P)
    return first + p // width * W + p % width, p < size


@triton.jit
def _surroundings(cell, rows, cols):  # type: ignore[no-untyped-def]
    """The nine cells around one, padded to sixteen, and which of them exist."""
    k = tl.arange(0, 16)
    y, x = cell // cols + k // 3 - 1, cell % cols + k % 3 - 1
    exists = (k < 9) & (y >= 0) & (y < rows) & (x >= 0) & (x < cols)
    return tl.where(exists, y * cols + x, cell), exists


@triton.jit
def _centres(  # type: ignore[no-untyped-def]
    centres, cell, near, exists, C: tl.constexpr, BLOCK_C: tl.constexpr
):
    """Neighbouring centres (16, C) less the cell's own, and that."""
    c = tl.arange(0, BLOCK_C)
    origin = tl.load(centres + cell * (C + 1) + c, mask=c < C, other=0.0).to(tl.float32)
    mask = exists[:, None] & (c < C)[None, :]
    s = tl.load(centres + near[:, None] * (C + 1) + c[None, :], mask=mask, other=0.0)
    return tl.where(mask, s - origin[None, :].to(tl.float64), 0.0).to(tl.float32), origin


@triton.jit
def _features(  # type: ignore[no-untyped-def]
    plane, pixel, real, origin, n, C: tl.constexpr, BLOCK_C: tl.constexpr
):
    """Features (C, P) less the origin; row C is 1, so that sums count what they sum."""
    c = tl.arange(0, BLOCK_C)
    where = plane + c[:, None].to(tl.int64) * n + pixel[None, :]
    f = tl.load(where, mask=(c < C)[:, None] & real[None, :], other=0.0) - origin[:, None]
    return tl.where((c == C)[:, None], 1.0, f)


@triton.jit
def _weights(logits, real, HARD: tl.constexpr):  # type: ignore[no-untyped-def]
    """Q (16, P) of logits to the base of 2, which takes fewer instructions; 0 beyond the cell."""
    k = tl.arange(0, 16)
    if HARD:
        q = tl.where(k[:, None] == tl.argmax(logits, 0)[None, :], 1.0, 0.0)
    else:
        q = tl.exp2(logits - tl.max(logits, 0)[None, :])
        q = q * (1.0 / tl.sum(q, 0))[None, :]
    return tl.where(real[None, :], q, 0.0)


@triton.jit
def _store_sums(partial, sums, C: tl.constexpr, BLOCK_C: tl.constexpr):  # type: ignore[no-untyped-def]
    """Write (16, C + 1) sums to this program's place."""
    k, c = tl.arange(0, 16), tl.arange(0, BLOCK_C)
    at = partial + tl.program_id(0).to(tl.int64) * 9 * (C + 1)
    at = at + k[:, None] * (C + 1) + c[None, :]
    tl.store(at, sums, mask=(k < 9)[:, None] & (c <= C)[None, :])


@_kernel
def average(  # type: ignore[no-untyped-def]
    features, centres, C: tl.constexpr, H, W, rows, cols, BLOCK_P: tl.constexpr
):
    """Mean over a cell of one channel, and the cell's mass: where superpixels start."""
    channel, one = tl.program_id(1), tl.program_id(0)
    image, _, _, first, width, size = _cell(H, W, rows, cols, 1)
    plane = features + (image * C + channel) * H * W
    # Sums are taken relative to a pixel of the cell, for float32's sake.
    origin = tl.load(plane + first)
    total = tl.zeros((BLOCK_P,), tl.float32)
    for start in range(0, size, BLOCK_P):
        pixel, real = _pixels(start, first, width, size, W, BLOCK_P)
        total += tl.where(real, tl.load(plane + pixel, mask=real, other=0.0) - origin, 0.0)
    mass = size.to(tl.float64)
    at = centres + one.to(tl.int64) * (C + 1)
    mean = origin.to(tl.float64) + tl.sum(total.to(tl.float64), 0) / mass
    tl.store(at + channel, mean)
    if channel == 0:
        tl.store(at + C, mass)


@_kernel
def associate(  # type: ignore[no-untyped-def]
    features, centres, partial, associations, labels, C: tl.constexpr, H, W, rows, cols, chunks,
    HARD: tl.constexpr, WRITE: tl.constexpr, BLOCK_P: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    """One iteration: Q of Eq. 3, and what each pixel gives to the sums of Eq. 4."""
    image, cell, chunk, first, width, size = _cell(H, W, rows, cols, chunks)
    near, exists = _surroundings(cell, rows, cols)
    k, n = tl.arange(0, 16), H * W
    centres += image * rows * cols * (C + 1)
    s, origin = _centres(centres, cell, near, exists, C, BLOCK_C)
    level = tl.where(exists, tl.sum(s * s, 1) * LOG2_E, float("inf"))
    sums = tl.zeros((16, BLOCK_C), tl.float32)
    plane = features + image * C * n
    for start in range(chunk * BLOCK_P, size, chunks * BLOCK_P):
        pixel, real = _pixels(start, first, width, size, W, BLOCK_P)
        f = _features(plane, pixel, real, origin, n, C, BLOCK_C)
        logits = tl.dot(s * (2 * LOG2_E), f, input_precision=DOT) - level[:, None]
        q = _weights(logits, real, HARD)
        sums = tl.dot(q, tl.trans(f), sums, input_precision=DOT)
        if WRITE:
            to = associations + (image * 9 + k[:, None]) * n + pixel[None, :]
            tl.store(to, q, mask=(k < 9)[:, None] & real[None, :])
            winner = tl.argmax(logits, 0)
            label = tl.sum(tl.where(k[:, None] == winner[None, :], near[:, None], 0), 0)
            tl.store(labels + image * n + pixel, label, mask=real)
    _store_sums(partial, sums, C, BLOCK_C)


@_kernel
def associate_backward(  # type: ignore[no-untyped-def]
    features, before, after, slope, partial, grad_q, grad_features,
    C: tl.constexpr, H, W, rows, cols, chunks,
    LAST: tl.constexpr, BLOCK_P: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    """Differentiate one iteration; LAST is the one whose Q the loss saw, and comes first."""
    image, cell, chunk, first, width, size = _cell(H, W, rows, cols, chunks)
    near, exists = _surroundings(cell, rows, cols)
    k, c, n = tl.arange(0, 16), tl.arange(0, BLOCK_C), H * W
    own = image * rows * cols * (C + 1)
    s, origin = _centres(before + own, cell, near, exists, C, BLOCK_C)
    level = tl.where(exists, tl.sum(s * s, 1) * LOG2_E, float("inf"))

    at = own + near[:, None] * (C + 1) + c[None, :]
    mask = exists[:, None] & (c < C)[None, :]
    g = tl.load(slope + at, mask=mask, other=0.0)
    ended = tl.load(after + at, mask=mask, other=0.0) - origin[None, :].to(tl.float64)
    sunk = tl.sum(g * tl.where(mask, ended, 0.0), 1).to(tl.float32)
    g = g.to(tl.float32)

    sums = tl.zeros((16, BLOCK_C), tl.float32)
    plane = image * C * n
    for start in range(chunk * BLOCK_P, size, chunks * BLOCK_P):
        pixel, real = _pixels(start, first, width, size, W, BLOCK_P)
        f = _features(features + plane, pixel, real, origin, n, C, BLOCK_C)
        logits = tl.dot(s * (2 * LOG2_E), f, input_precision=DOT) - level[:, None]
        q = _weights(logits, real, False)
        d = tl.dot(g, f, input_precision=DOT) - sunk[:, None]
        if LAST:
            seen = grad_q + (image * 9 + k[:, None]) * n + pixel[None, :]
            d += tl.load(seen, mask=(k < 9)[:, None] & real[None, :], other=0.0)
        d = 2 * q * (d - tl.sum(q * d, 0)[None, :])
        sums = tl.dot(d, tl.trans(f), sums, input_precision=DOT)
        flow = tl.dot(tl.trans(g), q, input_precision=DOT)
        flow = tl.dot(tl.trans(s), d, flow, input_precision=DOT)
        to = grad_features + plane + c[:, None].to(tl.int64) * n + pixel[None, :]
        inside = (c < C)[:, None] & real[None, :]
        if not LAST:
            flow += tl.load(to, mask=inside, other=0.0)
        tl.store(to, flow, mask=inside)
    given = tl.sum(tl.where((c == C)[None, :], sums, 0.0), 1)
    _store_sums(partial, sums - given[:, None] * s, C, BLOCK_C)


@triton.jit
def _collect(partial, i, rows, cols, chunks, C: tl.constexpr, BLOCK_C: tl.constexpr):  # type: ignore[no-untyped-def]
    """What the cells around superpixel ``i`` gave to it (GIVERS, C + 1), and who gave it."""
    r, c = tl.arange(0, GIVERS), tl.arange(0, BLOCK_C)
    k, first = r % 16, r // 16
    y, x = i // cols % rows + 1 - k // 3, i % cols + 1 - k % 3
    exists = (k < 9) & (y >= 0) & (y < rows) & (x >= 0) & (x < cols)
    giver = tl.where(exists, i // (rows * cols) * (rows * cols) + y * cols + x, i).to(tl.int64)
    total = tl.zeros((GIVERS, BLOCK_C), tl.float64)
    for start in range(0, chunks, GIVERS // 16):
        chunk = start + first
        at = partial + ((giver * chunks + chunk) * 9 + k)[:, None] * (C + 1) + c[None, :]
        mask = (exists & (chunk < chunks))[:, None] & (c <= C)[None, :]
        total += tl.load(at, mask=mask, other=0.0).to(tl.float64)
    return total, giver, exists


@_kernel
def gather(  # type: ignore[no-untyped-def]
    partial, old, new, C: tl.constexpr, rows, cols, chunks, least, BLOCK_C: tl.constexpr
):
    """Centres after an iteration (Eq. 4) from what the pixels around each gave to it.

    The sums are made absolute again and divided by the mass, unless this is below ``least``: such
    a superpixel keeps its ``old`` centre.
    """
    i, c = tl.program_id(0), tl.arange(0, BLOCK_C)
    total, giver, exists = _collect(partial, i, rows, cols, chunks, C, BLOCK_C)
    mask = exists[:, None] & (c < C)[None, :]
    origin = tl.load(old + giver[:, None] * (C + 1) + c[None, :], mask=mask, other=0.0)
    masses = tl.sum(tl.where((c == C)[None, :], total, 0.0), 1)
    total += masses[:, None] * origin.to(tl.float32).to(tl.float64)
    mass = tl.sum(masses, 0)
    at = i.to(tl.int64) * (C + 1) + c
    kept = tl.load(old + at, mask=c < C, other=0.0)
    mean = tl.sum(total, 0) / tl.where(mass > least, mass, 1.0)
    centre = tl.where(mass > least, mean, kept)
    tl.store(new + at, tl.where(c == C, mass, centre), mask=c <= C)


@_kernel
def gather_backward(  # type: ignore[no-untyped-def]
    partial, before, after, grad, slope, C: tl.constexpr, rows, cols, chunks, least,
    BLOCK_C: tl.constexpr,
):  # fmt: skip
    """Derivative by the centres ``before`` an iteration from that by those ``after`` it.

    A centre that was kept passes its own on. ``slope`` is the derivative by the sum of pixels that
    made the centre: ``grad``, which is replaced, by its mass.
    """
    i, c = tl.program_id(0), tl.arange(0, BLOCK_C)
    total, _, _ = _collect(partial, i, rows, cols, chunks, C, BLOCK_C)
    own = i.to(tl.int64) * (C + 1)
    kept = tl.load(grad + own + c, mask=c < C, other=0.0)
    each = tl.sum(total, 0) + tl.where(tl.load(after + own + C) > least, 0.0, kept)
    mass = tl.load(before + own + C)
    by_sum = tl.where(mass > least, each / tl.where(mass > least, mass, 1.0), 0.0)
    tl.store(grad + own + c, each, mask=c < C)
    tl.store(slope + own + c, by_sum, mask=c < C)


@_kernel
def add_mean_gradient(  # type: ignore[no-untyped-def]
    share, grad_features, C: tl.constexpr, H, W, rows, cols, chunks,
    BLOCK_P: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    """Add to each pixel its cell's ``share`` (B, m, C + 1): the initial means' derivative."""
    image, cell, chunk, first, width, size = _cell(H, W, rows, cols, chunks)
    c, n = tl.arange(0, BLOCK_C), H * W
    each = tl.load(share + (image * rows * cols + cell) * (C + 1) + c, mask=c < C, other=0.0)
    each = each.to(tl.float32)
    for start in range(chunk * BLOCK_P, size, chunks * BLOCK_P):
        pixel, real = _pixels(start, first, width, size, W, BLOCK_P)
        to = grad_features + image * C * n + c[:, None].to(tl.int64) * n + pixel[None, :]
        mask = (c < C)[:, None] & real[None, :]
        tl.store(to, tl.load(to, mask=mask, other=0.0) + each[:, None], mask=mask)
