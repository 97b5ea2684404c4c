"""Batch normalisation with its ReLU in training, in few passes over the maps.

Maps are flat float32, channels last. Sums over pixels are made of blocks of fixed size, so that
they are the same bits whatever the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ssnbench.ssn.convolution.calls import flat, maps_of, pixels_of
from ssnbench.ssn.convolution.vectors import LANES, fma, larger, load, passed, spread, store
from ssnbench.ssn.convolution.winograd import Float32, kernel
from ssnbench.ssn.kernels.threads import share

Float64 = NDArray[np.float64]

_BLOCK = 512
"""Pixels of a block: with 64 channels they are to stay in a second-level cache."""

_ZERO, _ONE = np.float32(0), np.float32(1)


class Norm(NamedTuple):
    """How maps were normalised.

    Attributes
    ----------
    mean, spread : float64 (C)
        Mean of each channel, and 1 over its standard deviation.
    square : float64 (C)
        Mean square deviation.
    factor, shift : float32 (C)
        What maps were multiplied with, and what was added.
    """

    mean: Float64
    spread: Float64
    square: Float64
    factor: Float32
    shift: Float32


def normalised(
    maps: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Norm]:
    """ReLU of normalised maps (B, C, H, W), and how they were normalised."""
    pixels, channels = pixels_of(maps), maps.shape[1]
    mean, square = _moments(pixels, channels)
    spread = 1 / np.sqrt(square + eps)
    factor = (spread if weight is None else spread * flat(weight)).astype(np.float32)
    shift = ((0 if bias is None else flat(bias)) - mean * factor).astype(np.float32)
    made = np.empty_like(pixels)
    _each_block(run_apply, len(pixels) // channels, pixels, factor, shift, made)
    return maps_of(made, maps, channels), Norm(mean, spread, square, factor, shift)


def by_inputs(maps: Tensor, back: Tensor, norm: Norm) -> tuple[Tensor, Tensor, Tensor]:
    """Derivatives of :func:`normalised` by maps, weight and bias."""
    pixels, given, channels = pixels_of(maps), pixels_of(back), maps.shape[1]
    n = len(pixels) // channels
    sums, products = np.empty((2, -(-n // _BLOCK), channels), np.float32)
    line, mean = (norm.factor, norm.shift), norm.mean.astype(np.float32)
    _each_block(run_sums, n, pixels, given, *line, mean, sums.ravel(), products.ravel())
    total = sums.sum(0, np.float64)
    # the sums were taken around the rounded mean
    product = products.sum(0, np.float64) + (mean - norm.mean) * total
    slope = -norm.factor * norm.spread**2 * product / n
    level = -norm.factor * total / n - slope * norm.mean
    made = np.empty_like(pixels)
    rest = slope.astype(np.float32), level.astype(np.float32)
    _each_block(run_back, n, pixels, given, *line, *rest, made)
    by_weight, by_bias = (torch.from_numpy(x).float() for x in (product * norm.spread, total))
    return maps_of(made, maps, channels), by_weight, by_bias


@torch.no_grad()
def follow(layer: nn.BatchNorm2d, norm: Norm, n: int) -> None:
    """Move a layer's running averages to the moments of ``n`` pixels, as PyTorch does."""
    mean, square = torch.from_numpy(norm.mean), torch.from_numpy(norm.square * n / (n - 1))
    seen, means, squares = layer.num_batches_tracked, layer.running_mean, layer.running_var
    assert seen is not None
    assert means is not None
    assert squares is not None
    seen += 1
    pace = 1 / seen.item() if layer.momentum is None else layer.momentum
    means.lerp_(mean.to(means.dtype), pace)
    squares.lerp_(square.to(squares.dtype), pace)


def _each_block(run: Callable[..., object], n: int, *given: Any) -> None:
    share(-(-n // _BLOCK), lambda a, b: run(a, b, n, *given))


def _moments(pixels: Float32, channels: int) -> tuple[Float64, Float64]:
    """Mean and mean square deviation of each channel."""
    n = len(pixels) // channels
    means, squares = np.empty((2, -(-n // _BLOCK), channels), np.float32)
    _each_block(run_moments, n, pixels, channels, means.ravel(), squares.ravel())
    sizes = np.full(len(means), _BLOCK, np.float64)
    sizes[-1] = n - _BLOCK * (len(means) - 1)
    mean: Float64 = sizes @ means / n
    apart = sizes @ (means - mean) ** 2
    return mean, (squares.sum(0, np.float64) + apart) / n


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
        start, end, to = block * _BLOCK, min((block + 1) * _BLOCK, n), block * channels
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
    for pixel in range(first * _BLOCK, min(last * _BLOCK, n)):
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
        start, end, to = block * _BLOCK, min((block + 1) * _BLOCK, n), block * channels
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
    for pixel in range(first * _BLOCK, min(last * _BLOCK, n)):
        for channel in range(0, channels, LANES):
            i = pixel * channels + channel
            x, a = load(maps, i), load(factor, channel)
            given = passed(fma(x, a, load(shift, channel)), load(back, i))
            rest = fma(load(slope, channel), x, load(level, channel))
            store(out, i, fma(a, given, rest))
