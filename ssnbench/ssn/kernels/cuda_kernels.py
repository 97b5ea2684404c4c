"""Triton kernels of differentiable SLIC; ``cuda.py`` launches them.

One program takes BLOCK_P pixels of one cell, which share their nine neighbours: it reads their
features once, and works out distances, softmax and sums from registers. Sums go to a buffer with
a place for each program and neighbour, and a second, small kernel adds them up: no atomics, so
that results can be repeated bit by bit.

As on the CPU, features and centres are moved so that the cell's own centre is the origin, and
|F|^2, which cancels in the softmax, is left out. Layouts: features (B, C, H, W) float32; centres
(B, m, C + 1) float64, the last column their mass; partial sums (B, m, chunks, 9, C + 1) float32.
"""

from __future__ import annotations

import triton
import triton.language as tl

SOFTMAX, HARD, INITIAL = 0, 1, 2
"""How pixels are given to neighbours; INITIAL gives each to its own cell."""


@triton.jit
def _locate(H, W, rows, cols, chunks, BLOCK_P: tl.constexpr):  # type: ignore[no-untyped-def]
    """Which image and cell this program works on, and where its pixels lie in a plane."""
    program = tl.program_id(0)
    chunk = program % chunks
    cell = (program // chunks) % (rows * cols)
    image = (program // chunks // (rows * cols)).to(tl.int64)
    row, col = cell // cols, cell % cols
    y0, y1 = (row * H + rows - 1) // rows, ((row + 1) * H + rows - 1) // rows
    x0, x1 = (col * W + cols - 1) // cols, ((col + 1) * W + cols - 1) // cols
    p = chunk * BLOCK_P + tl.arange(0, BLOCK_P)
    pixel = (y0 + p // (x1 - x0)) * W + x0 + p % (x1 - x0)
    return image, cell, pixel, p < (y1 - y0) * (x1 - x0)


@triton.jit
def _surroundings(cell, rows, cols):  # type: ignore[no-untyped-def]
    """The nine cells around one, padded to sixteen, and which of them exist."""
    k = tl.arange(0, 16)
    y, x = cell // cols + k // 3 - 1, cell % cols + k % 3 - 1
    exists = (k < 9) & (y >= 0) & (y < rows) & (x >= 0) & (x < cols)
    return tl.where(exists, y * cols + x, cell), exists


@triton.jit
def _load(  # type: ignore[no-untyped-def]
    features, centres, image, cell, pixel, real, near, exists, m, C, plane, BLOCK_C: tl.constexpr
):
    """Features (P, C) and neighbouring centres (16, C), both less the cell's own centre."""
    c = tl.arange(0, BLOCK_C)
    channel = c < C
    base = centres + image * m * (C + 1)
    origin = tl.load(base + cell * (C + 1) + c, mask=channel, other=0.0).to(tl.float32)
    where = features + (image * C + c[None, :]) * plane + pixel[:, None]
    mask = real[:, None] & channel[None, :]
    f = tl.where(mask, tl.load(where, mask=mask, other=0.0) - origin[None, :], 0.0)
    mask = exists[:, None] & channel[None, :]
    s = tl.load(base + near[:, None] * (C + 1) + c[None, :], mask=mask, other=0.0)
    s = tl.where(mask, s - origin[None, :].to(tl.float64), 0.0).to(tl.float32)
    return f, s, origin


@triton.jit
def _weights(f, s, real, exists, MODE: tl.constexpr):  # type: ignore[no-untyped-def]
    """Q (P, 16), and the nearest neighbour (P,)."""
    k = tl.arange(0, 16)
    logits = 2 * tl.dot(f, tl.trans(s), input_precision="ieee") - tl.sum(s * s, 1)[None, :]
    logits = tl.where(exists[None, :], logits, float("-inf"))
    winner = tl.argmax(logits, 1)
    if MODE == 0:
        q = tl.exp(logits - tl.max(logits, 1)[:, None])
        q = q / tl.sum(q, 1)[:, None]
    elif MODE == 1:
        q = tl.where(k[None, :] == winner[:, None], 1.0, 0.0)
    else:
        q = tl.where((k[None, :] == 4) & exists[None, :] & real[:, None], 1.0, 0.0)
    return tl.where(real[:, None], q, 0.0), winner


@triton.jit
def _store_sums(partial, w, sums, C, BLOCK_C: tl.constexpr):  # type: ignore[no-untyped-def]
    """Write (16, C) sums and the weights' own sums to this program's place."""
    k, c = tl.arange(0, 16), tl.arange(0, BLOCK_C)
    at = partial + tl.program_id(0).to(tl.int64) * 9 * (C + 1) + k * (C + 1)
    tl.store(at[:, None] + c[None, :], sums, mask=(k < 9)[:, None] & (c < C)[None, :])
    tl.store(at + C, tl.sum(w, 0), mask=k < 9)


@triton.jit
def associate(  # type: ignore[no-untyped-def]
    features, centres, partial, associations, labels, C, H, W, rows, cols, chunks,
    MODE: tl.constexpr, WRITE: tl.constexpr, BLOCK_P: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    """One iteration: Q of Eq. 3, and what each pixel gives to the sums of Eq. 4."""
    image, cell, pixel, real = _locate(H, W, rows, cols, chunks, BLOCK_P)
    near, exists = _surroundings(cell, rows, cols)
    m, plane = rows * cols, H * W
    f, s, _ = _load(features, centres, image, cell, pixel, real, near, exists, m, C, plane, BLOCK_C)
    q, winner = _weights(f, s, real, exists, MODE)
    sums = tl.dot(tl.trans(q), f, input_precision="ieee")
    _store_sums(partial, q, sums, C, BLOCK_C)
    if WRITE:
        k = tl.arange(0, 16)
        to = associations + (image * 9 + k[None, :]) * plane + pixel[:, None]
        tl.store(to, q, mask=real[:, None] & (k < 9)[None, :])
        label = tl.sum(tl.where(k[None, :] == winner[:, None], near[None, :], 0), 1)
        tl.store(labels + image * plane + pixel, label, mask=real)


@triton.jit
def associate_backward(  # type: ignore[no-untyped-def]
    features, before, after, slope, partial, grad_q, grad_features, C, H, W, rows, cols, chunks,
    LAST: tl.constexpr, BLOCK_P: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    """Differentiate one iteration; LAST is the one whose Q the loss saw, and comes first."""
    image, cell, pixel, real = _locate(H, W, rows, cols, chunks, BLOCK_P)
    near, exists = _surroundings(cell, rows, cols)
    m, plane = rows * cols, H * W
    f, s, origin = _load(
        features, before, image, cell, pixel, real, near, exists, m, C, plane, BLOCK_C
    )
    q, _ = _weights(f, s, real, exists, 0)

    k, c = tl.arange(0, 16), tl.arange(0, BLOCK_C)
    at = image * m * (C + 1) + near[:, None] * (C + 1) + c[None, :]
    mask = exists[:, None] & (c < C)[None, :]
    g = tl.load(slope + at, mask=mask, other=0.0)
    ended = tl.load(after + at, mask=mask, other=0.0) - origin[None, :].to(tl.float64)
    level = tl.sum(g * tl.where(mask, ended, 0.0), 1).to(tl.float32)
    g = g.to(tl.float32)
    d = tl.dot(f, tl.trans(g), input_precision="ieee") - level[None, :]
    if LAST:
        seen = grad_q + (image * 9 + k[None, :]) * plane + pixel[:, None]
        d += tl.load(seen, mask=real[:, None] & (k < 9)[None, :], other=0.0)
    d = q * (d - tl.sum(q * d, 1)[:, None])

    flow = tl.dot(q, g, input_precision="ieee") + 2 * tl.dot(d, s, input_precision="ieee")
    to = grad_features + (image * C + c[None, :]) * plane + pixel[:, None]
    mask = real[:, None] & (c < C)[None, :]
    if not LAST:
        flow += tl.load(to, mask=mask, other=0.0)
    tl.store(to, flow, mask=mask)
    sums = tl.dot(tl.trans(d), f, input_precision="ieee") - tl.sum(d, 0)[:, None] * s
    _store_sums(partial, d, 2 * sums, C, BLOCK_C)


@triton.jit
def gather(  # type: ignore[no-untyped-def]
    partial, old, new, C, rows, cols, chunks, least, CENTRES: tl.constexpr, BLOCK_C: tl.constexpr
):
    """Add up what the pixels around one superpixel gave to it.

    With CENTRES the sums are made absolute again and divided by the mass, unless this is below
    ``least``: such a superpixel keeps its ``old`` centre.
    """
    m = rows * cols
    i = tl.program_id(0) % m
    image = (tl.program_id(0) // m).to(tl.int64)
    c = tl.arange(0, BLOCK_C)
    mask = c < C
    total = tl.zeros((BLOCK_C,), tl.float64)
    mass = tl.sum(total, 0)
    for k in range(9):
        y, x = i // cols + 1 - k // 3, i % cols + 1 - k % 3
        if (y >= 0) & (y < rows) & (x >= 0) & (x < cols):
            giver = image * m + y * cols + x
            if CENTRES:
                origin = tl.load(old + giver * (C + 1) + c, mask=mask, other=0.0)
                origin = origin.to(tl.float32).to(tl.float64)
            for chunk in range(chunks):
                at = partial + ((giver * chunks + chunk) * 9 + k) * (C + 1)
                given = tl.load(at + C).to(tl.float64)
                total += tl.load(at + c, mask=mask, other=0.0).to(tl.float64)
                mass += given
                if CENTRES:
                    total += given * origin
    at = (image * m + i) * (C + 1)
    if CENTRES:
        kept = tl.load(old + at + c, mask=mask, other=0.0)
        total = tl.where(mass > least, total / tl.where(mass > least, mass, 1.0), kept)
    tl.store(new + at + c, total, mask=mask)
    tl.store(new + at + C, mass)


@triton.jit
def add_mean_gradient(  # type: ignore[no-untyped-def]
    share, grad_features, C, H, W, rows, cols, chunks, BLOCK_P: tl.constexpr, BLOCK_C: tl.constexpr
):
    """Add to each pixel its cell's ``share`` (B, m, C + 1): the initial means' derivative."""
    image, cell, pixel, real = _locate(H, W, rows, cols, chunks, BLOCK_P)
    c = tl.arange(0, BLOCK_C)
    each = tl.load(share + (image * rows * cols + cell) * (C + 1) + c, mask=c < C, other=0.0)
    to = grad_features + (image * C + c[None, :]) * H * W + pixel[:, None]
    mask = real[:, None] & (c < C)[None, :]
    tl.store(to, tl.load(to, mask=mask, other=0.0) + each[None, :].to(tl.float32), mask=mask)
