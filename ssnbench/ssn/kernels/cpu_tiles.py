"""Inner loops of the CPU kernels: one block of pixels of one cell, in a small scratch buffer.

The buffer is flat float32; its rows are ``BLOCK`` long and hold one value per pixel each:

    rows 0..8         Q, one per neighbour (logits before the softmax)
    rows 9..17        D, gradients with respect to Q, then to the logits
    rows 18..18+cp-1  F, the features, channels padded with zeros to a multiple of ``CHUNK``
    rows 18+cp..      G, gradients with respect to F

Every loop runs over pixels, so that it vectorises whatever the number of channels, and handles
three neighbours by five channels at a time, so that its operands stay in registers. Five, because
SSN has 5 or 20 channels. One flat buffer with constant row length lets LLVM see that rows do not
overlap; unsigned indices spare it the wrap-around of negative ones. Both are needed: without them
the loops stay scalar, at a fifth of the speed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

U = np.uint64
_LENGTH = 256
BLOCK = U(_LENGTH)
LANES = U(16)
CHUNK = U(5)
Q_ROWS, D_ROWS, F_ROWS = U(0), U(9), U(18)
_0, _1, _2, _3, _4, _5, _6, _7, _8, _9 = (U(i) for i in range(10))
_B = BLOCK
_B2, _B3, _B4, _B5, _B6, _B7, _B8 = (U(i * _LENGTH) for i in range(2, 9))
_LOG2_E = np.float32(np.log2(np.e))
_FLOOR = np.float32(-127)  # 2 ** _FLOOR comes out as exactly 0
_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)
_P1, _P2, _P3, _P4, _P5, _P6 = (
    np.float32(np.log(2) ** i / f) for i, f in enumerate((1, 2, 6, 24, 120, 720), start=1)
)

_compile: Any = njit
kernel: Any = _compile(cache=True, nogil=True, error_model="numpy", fastmath=True)
"""How every CPU kernel is compiled. Inputs are finite: the caller has checked."""

leaf: Any = _compile(cache=True, nogil=True, error_model="numpy", fastmath=True, _nrt=False)
"""The same for kernels that make no array: they need not count references, which costs a
seventh of the time at five channels."""

_inlined: Any = _compile(nogil=True, error_model="numpy", fastmath=True, inline="always")


@leaf
def affine(buf, first_row, coef, bias, cp, n):  # type: ignore[no-untyped-def]
    """Fill nine rows from ``first_row`` with bias_k + sum_c coef_kc F_c."""
    for k in range(_0, _9, _3):
        o = (first_row + k) * _B
        b0, b1, b2 = bias[k], bias[k + _1], bias[k + _2]
        for c in range(_0, cp, CHUNK):
            f = (F_ROWS + c) * _B
            s, t, u = coef[k], coef[k + _1], coef[k + _2]
            s0, s1, s2, s3, s4 = s[c], s[c + _1], s[c + _2], s[c + _3], s[c + _4]
            t0, t1, t2, t3, t4 = t[c], t[c + _1], t[c + _2], t[c + _3], t[c + _4]
            u0, u1, u2, u3, u4 = u[c], u[c + _1], u[c + _2], u[c + _3], u[c + _4]
            for p in range(_0, n):
                x0, x1, x2 = buf[f + p], buf[f + _B + p], buf[f + _B2 + p]
                x3, x4 = buf[f + _B3 + p], buf[f + _B4 + p]
                a0 = b0 if c == _0 else buf[o + p]
                a1 = b1 if c == _0 else buf[o + _B + p]
                a2 = b2 if c == _0 else buf[o + _B2 + p]
                buf[o + p] = a0 + x0 * s0 + x1 * s1 + x2 * s2 + x3 * s3 + x4 * s4
                buf[o + _B + p] = a1 + x0 * t0 + x1 * t1 + x2 * t2 + x3 * t3 + x4 * t4
                buf[o + _B2 + p] = a2 + x0 * u0 + x1 * u1 + x2 * u2 + x3 * u3 + x4 * u4


@_inlined
def _exp(x):  # type: ignore[no-untyped-def]
    """Exponential of x <= 0, exactly 0 below -88: 2^i * 2^f, the latter by its Taylor polynomial.

    |f| <= 1/2, where six terms are exact to float32.
    """
    y = max(x * _LOG2_E, _FLOOR)
    i = np.int32(y - _HALF)
    f = y - np.float32(i)
    power = _ONE + f * (_P1 + f * (_P2 + f * (_P3 + f * (_P4 + f * (_P5 + f * _P6)))))
    return power * np.int32((i + 127) << 23).view(np.float32)


@leaf
def softmax(buf, n):  # type: ignore[no-untyped-def]
    """Turn the nine logits of each pixel into weights that add up to 1."""
    for p in range(_0, n):
        a, b, c = buf[p], buf[_B + p], buf[_B2 + p]
        d, e, f = buf[_B3 + p], buf[_B4 + p], buf[_B5 + p]
        g, h, i = buf[_B6 + p], buf[_B7 + p], buf[_B8 + p]
        top = max(max(max(a, b), max(c, d)), max(max(e, f), max(max(g, h), i)))
        a, b, c = _exp(a - top), _exp(b - top), _exp(c - top)
        d, e, f = _exp(d - top), _exp(e - top), _exp(f - top)
        g, h, i = _exp(g - top), _exp(h - top), _exp(i - top)
        scale = _ONE / (((a + b) + (c + d)) + ((e + f) + (g + h)) + i)
        buf[p], buf[_B + p], buf[_B2 + p] = a * scale, b * scale, c * scale
        buf[_B3 + p], buf[_B4 + p], buf[_B5 + p] = d * scale, e * scale, f * scale
        buf[_B6 + p], buf[_B7 + p], buf[_B8 + p] = g * scale, h * scale, i * scale


@leaf
def nearest(buf, winner, n):  # type: ignore[no-untyped-def]
    """Write the neighbour of largest Q (or logit), the first of equals, into ``winner``."""
    for p in range(_0, n):
        best, at = buf[p], _ZERO
        for k in range(_1, _9):
            value = buf[k * _B + p]
            at = np.float32(k) if value > best else at
            best = max(value, best)
        winner[p] = np.uint8(at)


@leaf
def one_hot(buf, winner, n):  # type: ignore[no-untyped-def]
    """Give each pixel wholly to its winner."""
    for k in range(_0, _9):
        for p in range(_0, n):
            buf[k * _B + p] = _ONE if winner[p] == k else _ZERO


@leaf
def clear_padding(buf, n_real, n):  # type: ignore[no-untyped-def]
    """Take the padded pixels' weights away."""
    for k in range(_0, _9):
        for p in range(n_real, n):
            buf[k * _B + p] = _ZERO


@leaf
def weighted_sums(buf, first_row, sums, channels, cp, n):  # type: ignore[no-untyped-def]
    """Add sum_p w_kp F_cp (column c) and sum_p w_kp (the last column) to float64 ``sums``.

    The weights w are the nine rows from ``first_row``.
    """
    z = _ZERO
    for k in range(_0, _9, _3):
        o = (first_row + k) * _B
        for c in range(_0, cp, CHUNK):
            f = (F_ROWS + c) * _B
            s0 = s1 = s2 = s3 = s4 = t0 = t1 = t2 = t3 = t4 = u0 = u1 = u2 = u3 = u4 = z
            for p in range(_0, n):
                x0, x1, x2 = buf[f + p], buf[f + _B + p], buf[f + _B2 + p]
                x3, x4 = buf[f + _B3 + p], buf[f + _B4 + p]
                v, w, q = buf[o + p], buf[o + _B + p], buf[o + _B2 + p]
                s0 += v * x0
                s1 += v * x1
                s2 += v * x2
                s3 += v * x3
                s4 += v * x4
                t0 += w * x0
                t1 += w * x1
                t2 += w * x2
                t3 += w * x3
                t4 += w * x4
                u0 += q * x0
                u1 += q * x1
                u2 += q * x2
                u3 += q * x3
                u4 += q * x4
            _add_five(sums[k], c, channels, (s0, s1, s2, s3, s4))
            _add_five(sums[k + _1], c, channels, (t0, t1, t2, t3, t4))
            _add_five(sums[k + _2], c, channels, (u0, u1, u2, u3, u4))
        m0 = m1 = m2 = z
        for p in range(_0, n):
            m0 += buf[o + p]
            m1 += buf[o + _B + p]
            m2 += buf[o + _B2 + p]
        sums[k, channels] += m0
        sums[k + _1, channels] += m1
        sums[k + _2, channels] += m2


@_inlined
def _add_five(row, c, channels, five):  # type: ignore[no-untyped-def]
    for i in range(5):
        if c + U(i) < channels:
            row[c + U(i)] += five[i]


@leaf
def softmax_backward(buf, n):  # type: ignore[no-untyped-def]
    """Turn D from gradients of Q into gradients of the logits: q_k (d_k - sum_j q_j d_j)."""
    o = D_ROWS * _B
    for p in range(_0, n):
        a, b, c = buf[p], buf[_B + p], buf[_B2 + p]
        d, e, f = buf[_B3 + p], buf[_B4 + p], buf[_B5 + p]
        g, h, i = buf[_B6 + p], buf[_B7 + p], buf[_B8 + p]
        r, s, t = buf[o + p], buf[o + _B + p], buf[o + _B2 + p]
        u, v, w = buf[o + _B3 + p], buf[o + _B4 + p], buf[o + _B5 + p]
        x, y, z = buf[o + _B6 + p], buf[o + _B7 + p], buf[o + _B8 + p]
        mean = a * r + b * s + c * t + d * u + e * v + f * w + g * x + h * y + i * z
        buf[o + p], buf[o + _B + p], buf[o + _B2 + p] = (
            a * (r - mean),
            b * (s - mean),
            c * (t - mean),
        )
        buf[o + _B3 + p], buf[o + _B4 + p] = d * (u - mean), e * (v - mean)
        buf[o + _B5 + p], buf[o + _B6 + p] = f * (w - mean), g * (x - mean)
        buf[o + _B7 + p], buf[o + _B8 + p] = h * (y - mean), i * (z - mean)


@leaf
def feature_gradients(buf, coef, cp, n):  # type: ignore[no-untyped-def]
    """Fill G with sum_r coef_cr row_r over the 18 rows of Q and D."""
    for c in range(_0, cp):
        g = (F_ROWS + cp + c) * _B
        w = coef[c]
        for p in range(_0, n):
            total = _ZERO
            for r in range(_0, F_ROWS):
                total += w[r] * buf[r * _B + p]
            buf[g + p] = total
