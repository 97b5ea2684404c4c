"""The last convolution's part of each resolution: by our kernels, or by PyTorch's convolutions."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ssnbench.ssn.convolution.level import Size, Weights, run_level
from ssnbench.ssn.convolution.winograd import GROUP, PANEL, TILE, Float32, panels, transformed
from ssnbench.ssn.kernels.threads import share
from ssnbench.ssn.network import FeatureNetwork

_NOTHING: Float32 = np.empty(0, np.float32)


class Products(NamedTuple):
    """What the last convolution makes of one resolution.

    Attributes
    ----------
    products : float32, flat
        (height, n_columns, n_products); of the finest level the convolution itself, of the others
        the products with each of its nine pixels, from top left to bottom right.
    n_columns, n_products : int
        As above.
    """

    products: Float32
    n_columns: int
    n_products: int


class KernelParts:
    """By our kernels, in float32; the weights are packed here, once.

    Parameters
    ----------
    network : FeatureNetwork
        Deep, with its normalisations folded in.
    """

    def __init__(self, network: FeatureNetwork) -> None:
        deep: Any = network.learned
        last, self._of_input = _split(network)
        self.window = 3 if network.architecture.pooling == "3x3" else 2
        blocks = zip((deep.fine, deep.middle, deep.coarse), last, strict=True)
        finest = _finest(*next(blocks), deep.last.bias)
        self.levels = [finest, *(_coarser(block, weight) for block, weight in blocks)]

    @property
    def n_padded(self) -> int:
        """Outputs of the last convolution, filled up with zeros."""
        return len(self.levels[0].last_bias)

    def __call__(self, seen: Tensor) -> list[Products]:
        """Parts of one image (channels, H, W)."""
        sizes = _sizes(*seen.shape[1:])
        source = _bordered(seen.shape[0], sizes[0])
        torch.from_numpy(source)[1:-1, 1 : seen.shape[2] + 1].copy_(seen.permute(1, 2, 0))
        parts: list[Products] = []
        for size, half, weights in zip(sizes, [*sizes[1:], None], self.levels, strict=True):
            n_columns, n_products = TILE * size.n_tiles, len(weights.last_bias)
            # A row more: of tiles at the border, some rows belong to nobody.
            made = np.empty((size.height + 1) * n_columns * n_products, np.float32)
            pooled = _NOTHING if half is None else _bordered(len(weights.first_bias), half)
            given = size, weights, made, pooled.ravel(), half or size, self.window
            self._share(source.ravel(), not parts, *given)
            parts.append(Products(made, n_columns, n_products))
            source = pooled
        if self._of_input is not None:
            _add_input(seen, self._of_input, parts[0])
        return parts

    @staticmethod
    def _share(source: Float32, finest: bool, size: Size, *given: Any) -> None:
        work = -(-size.height // TILE)
        share(work, lambda a, b: run_level(a, b, source, finest, size, *given))


class TorchParts:
    """By PyTorch's convolutions, in the type that the processor has units for.

    Parameters
    ----------
    network : FeatureNetwork
        Deep, with its normalisations folded in.
    dtype : torch.dtype
        Arithmetic; weights are converted here, once.
    """

    def __init__(self, network: FeatureNetwork, dtype: torch.dtype) -> None:
        (fine, *coarser), of_input = _split(network)
        self.n_padded = _up(fine.shape[0], PANEL)
        deep: Any = copy.deepcopy(network.learned)
        deep.to(dtype=dtype, memory_format=torch.channels_last)
        self._blocks = deep.fine, deep.middle, deep.coarse
        self.dtype, self._of_input = dtype, of_input
        weights = [_filled(fine, self.n_padded, fine.shape[1])]
        weights += [_nine(w, self.n_padded, w.shape[1]).T[..., None, None] for w in coarser]
        self.last = [torch.from_numpy(w.copy()).to(dtype) for w in weights]
        bias = _filled_bias(network.learned.last.bias, self.n_padded)
        self.biases = [torch.from_numpy(bias).to(dtype), None, None]

    def __call__(self, seen: Tensor) -> list[Products]:
        """Parts of one image (channels, H, W)."""
        maps = seen[None].to(self.dtype).contiguous(memory_format=torch.channels_last)
        parts = []
        for block, weight, bias in zip(self._blocks, self.last, self.biases, strict=True):
            maps = block(maps)
            made = functional.conv2d(maps, weight, bias, padding=weight.shape[2] // 2)
            rows = made[0].permute(1, 2, 0).float().contiguous()
            parts.append(Products(rows.numpy().ravel(), *rows.shape[1:]))
        if self._of_input is not None:
            _add_input(seen, self._of_input, parts[0])
        return parts


def _split(network: FeatureNetwork) -> tuple[list[Tensor], Tensor | None]:
    """The last convolution's weights for each level, and for the first one's input."""
    deep: Any = network.learned
    weight = deep.last.weight.detach().float().cpu()
    width = network.architecture.width
    rest = [weight.shape[1] - 3 * width]
    *levels, of_input = weight.split([width] * 3 + rest, 1)
    return levels, of_input if rest[0] else None


def _add_input(seen: Tensor, weight: Tensor, part: Products) -> None:
    """What the last convolution makes of the first one's input."""
    added = functional.conv2d(seen[None], weight, padding=1)[0].permute(1, 2, 0)
    rows = torch.from_numpy(part.products).view(-1, part.n_columns, part.n_products)
    rows[: added.shape[0], : added.shape[1], : added.shape[2]] += added


def _finest(block: nn.Module, last: Tensor, bias: Tensor) -> Weights:
    first, second = _convolutions(block)
    channels, n_out = _up(first.out_channels, PANEL), _up(last.shape[0], PANEL)
    few = _filled(first.weight, channels, first.in_channels)
    return Weights(
        panels(few.transpose(2, 3, 1, 0).reshape(-1, channels)),
        _filled_bias(first.bias, channels),
        transformed(_filled(second.weight, channels, channels)),
        _filled_bias(second.bias, channels),
        transformed(_filled(last, n_out, channels)),
        _filled_bias(bias, n_out),
    )


def _coarser(block: nn.Module, last: Tensor) -> Weights:
    first, second = _convolutions(block)
    channels, n_out = _up(first.out_channels, PANEL), _up(last.shape[0], PANEL)
    return Weights(
        transformed(_filled(first.weight, channels, channels)),
        _filled_bias(first.bias, channels),
        transformed(_filled(second.weight, channels, channels)),
        _filled_bias(second.bias, channels),
        panels(_nine(last, n_out, channels)),
        np.zeros(9 * n_out, np.float32),
    )


def _convolutions(block: nn.Module) -> list[nn.Conv2d]:
    return [module for module in block.modules() if isinstance(module, nn.Conv2d)]


def _nine(last: Tensor, n_out: int, channels: int) -> NDArray[np.float32]:
    """Weights as a matrix (in, 9 * out)."""
    return _filled(last, n_out, channels).transpose(1, 2, 3, 0).reshape(channels, 9 * n_out)


def _filled(weight: Tensor, n_out: int, n_in: int) -> NDArray[np.float32]:
    """Weights with zeros for channels that are not there."""
    more = 0, n_in - weight.shape[1], 0, n_out - weight.shape[0]
    padded = functional.pad(weight.detach().float().cpu(), (0, 0, 0, 0, *more))
    return padded.contiguous().numpy()


def _filled_bias(bias: Tensor | None, n: int) -> Float32:
    filled = np.zeros(n, np.float32)
    if bias is not None:
        filled[: len(bias)] = bias.detach().float().cpu().numpy()
    return filled


def _sizes(height: int, width: int) -> list[Size]:
    """Sizes of the three levels."""
    halved = [(-(-height // 2**i), -(-width // 2**i)) for i in range(3)]
    return [Size(h, w, _up(-(-w // TILE), GROUP)) for h, w in halved]


def _bordered(channels: int, size: Size) -> NDArray[np.float32]:
    """Room for a map with a border of zeros."""
    return np.zeros((size.height + 2, TILE * size.n_tiles + 2, channels), np.float32)


def _up(n: int, to: int) -> int:
    return -(-n // to) * to
