"""Batch normalisation with its ReLU in training, in few passes over the maps.

Maps are flat float32, channels last. Sums over pixels are made of blocks of fixed size, so that
they are the same bits whatever the number of threads.
"""

from __future__ import annotations

import numpy as np

from ssnbench.ssn.convolution.vectors import LANES, fma, larger, load, passed, spread, store
from ssnbench.ssn.convolution.winograd import kernel

BLOCK = 512
"""Pixels of a block: with 64 channels they are to stay in a second-level cache."""

_ZERO, _ONE = np.float32(0), np.float32(1)


@kernel
def run_moments(first, last, n, maps, channels, means, squares):  # type: ignore[no-untyped-def]
    """Of blocks ``first`` to ``last``: means, and sums of squares around them.

    Parameters
    ----------
    first, last : int
        Blocks.
    n : int
        Pixels.
    maps : float32, flat
        (n, channels).
    channels : int
        As above, a multiple of LANES.
    means, squares : float32, flat
        Take (blocks, channels).
    """
    for block in range(first, last):
        start, end, to = block * BLOCK, min((block + 1) * BLOCK, n), block * channels
        share = spread(_ONE / np.float32(end - start))
        for channel in range(0, channels, LANES):
            store(means, to + channel, spread(_ZERO))
            store(squares, to + channel, spread(_ZERO))
        for pixel in range(start, end):
            for channel in range(0, channels, LANES):
                x = load(maps, pixel * channels + channel)
                store(means, to + channel, load(means, to + channel) + x)
        for channel in range(0, channels, LANES):
            store(means, to + channel, share * load(means, to + channel))
        for pixel in range(start, end):
            for channel in range(0, channels, LANES):
                x = load(maps, pixel * channels + channel) - load(means, to + channel)
                store(squares, to + channel, fma(x, x, load(squares, to + channel)))


@kernel
def run_apply(first, last, n, maps, factor, shift, out):  # type: ignore[no-untyped-def]
    """Of blocks ``first`` to ``last``: ReLU of maps times ``factor`` plus ``shift``."""
    channels = len(factor)
    for pixel in range(first * BLOCK, min(last * BLOCK, n)):
        for channel in range(0, channels, LANES):
            i = pixel * channels + channel
            z = fma(load(maps, i), load(factor, channel), load(shift, channel))
            store(out, i, larger(z, spread(_ZERO)))


@kernel
def run_sums(first, last, n, maps, back, factor, shift, mean, sums, products):  # type: ignore[no-untyped-def]
    """Of blocks ``first`` to ``last``: sums of what the ReLU lets back, and times maps less mean.

    Parameters
    ----------
    first, last : int
        Blocks.
    n : int
        Pixels.
    maps, back : float32, flat
        (n, channels): what was normalised, and what comes back.
    factor, shift, mean : float32 (channels)
        As in :func:`run_apply`, and the mean of the maps.
    sums, products : float32, flat
        Take (blocks, channels).
    """
    channels = len(factor)
    for block in range(first, last):
        start, end, to = block * BLOCK, min((block + 1) * BLOCK, n), block * channels
        for channel in range(0, channels, LANES):
            store(sums, to + channel, spread(_ZERO))
            store(products, to + channel, spread(_ZERO))
        for pixel in range(start, end):
            for channel in range(0, channels, LANES):
                i, at = pixel * channels + channel, to + channel
                x = load(maps, i)
                z = fma(x, load(factor, channel), load(shift, channel))
                given = passed(z, load(back, i))
                store(sums, at, load(sums, at) + given)
                store(products, at, fma(given, x - load(mean, channel), load(products, at)))


@kernel
def run_back(first, last, n, maps, back, factor, shift, slope, level, out):  # type: ignore[no-untyped-def]
    """Of blocks ``first`` to ``last``: the derivative by the maps.

    It is ``factor`` times what the ReLU lets back, plus ``slope`` times maps, plus ``level``.
    """
    channels = len(factor)
    for pixel in range(first * BLOCK, min(last * BLOCK, n)):
        for channel in range(0, channels, LANES):
            i = pixel * channels + channel
            x, a = load(maps, i), load(factor, channel)
            given = passed(fma(x, a, load(shift, channel)), load(back, i))
            rest = fma(load(slope, channel), x, load(level, channel))
            store(out, i, fma(a, given, rest))
