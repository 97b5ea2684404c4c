"""Convolutions of training, forward and backward, on tensors; autograd is left to ``functions``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ssnbench.ssn.convolution.by_weights import run_weights
from ssnbench.ssn.convolution.combine import Coarse, Target, lines, run_combine
from ssnbench.ssn.convolution.few import run_few, run_few_weights
from ssnbench.ssn.convolution.products import run_outer, run_products
from ssnbench.ssn.convolution.separate import run_separate
from ssnbench.ssn.convolution.tiles import Extent, run_convolution
from ssnbench.ssn.convolution.winograd import (
    AT_ONCE,
    BOTH_WAYS,
    GROUP,
    PANEL,
    TILE,
    Float32,
    panels,
    transformed,
)
from ssnbench.ssn.kernels.threads import share

_PARTS = 16
"""Sums over all tiles are made of so many parts, one after the other or at the same time."""


def pixels_of(maps: Tensor) -> Float32:
    """Maps (B, C, H, W) as the kernels take them: flat, channels last."""
    return flat(maps.permute(0, 2, 3, 1))


def flat(tensor: Tensor) -> Float32:
    """Numbers of a tensor, in order."""
    numbers: Float32 = tensor.detach().contiguous().numpy().ravel()
    return numbers


def maps_of(pixels: Float32, like: Tensor, channels: int) -> Tensor:
    """What a kernel made of pixels, as maps of the size of others."""
    batch, _, height, width = like.shape
    return torch.from_numpy(pixels).view(batch, height, width, channels).permute(0, 3, 1, 2)


def _extent(maps: Tensor) -> tuple[Extent, int]:
    """Size of maps, and the number of tiles."""
    height, width = maps.shape[2:]
    extent = Extent(height, width, -(-height // TILE), -(-width // TILE))
    return extent, len(maps) * extent.n_rows * extent.n_columns


def convolved(maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """3 x 3 convolution of maps with weights (out, in, 3, 3)."""
    (n_out, n_in), (extent, n_tiles) = weight.shape[:2], _extent(maps)
    shift = np.zeros(n_out, np.float32) if bias is None else flat(bias)
    if n_in % PANEL:
        return _convolved_few(maps, weight, shift)
    pixels, u = pixels_of(maps), transformed(weight.detach().numpy())
    made = np.empty(len(pixels) // n_in * n_out, np.float32)
    given = n_tiles, pixels, n_in, u, shift, extent, made
    share(-(-n_tiles // AT_ONCE), lambda a, b: run_convolution(a, b, *given))
    return maps_of(made, maps, n_out)


def by_weights(maps: Tensor, back: Tensor) -> Tensor:
    """Derivative of a convolution by its weights (out, in, 3, 3)."""
    (n_in, n_out), (extent, n_tiles) = (maps.shape[1], back.shape[1]), _extent(maps)
    if n_in % PANEL:
        return _few_by_weights(maps, back)
    n_parts = min(_PARTS, n_tiles)
    sums = np.zeros((n_parts, 36, _up(n_in), n_out), np.float32)
    given = n_parts, n_tiles, pixels_of(maps), n_in, pixels_of(back), n_out, extent, sums.ravel()
    share(n_parts, lambda a, b: run_weights(a, b, *given))
    total = sums.sum(0, np.float64)[:, :n_in].reshape(36, -1)
    nine = (BOTH_WAYS.T @ total).reshape(3, 3, n_in, n_out).transpose(3, 2, 0, 1)
    return torch.from_numpy(nine.astype(np.float32, order="C"))


def _convolved_few(maps: Tensor, weight: Tensor, bias: Float32) -> Tensor:
    bordered, width = _bordered(maps)
    batch, n_in, height, needed = maps.shape
    b = panels(weight.detach().permute(2, 3, 1, 0).reshape(9 * n_in, -1).numpy())
    made = np.empty(batch * height * width * len(bias), np.float32)
    given = bordered, n_in, height, width, b, bias, made
    share(batch * height, lambda first, last: run_few(first, last, *given))
    of_all = torch.from_numpy(made).view(batch, height, width, -1)
    return of_all[:, :, :needed].contiguous().permute(0, 3, 1, 2)


def _few_by_weights(maps: Tensor, back: Tensor) -> Tensor:
    bordered, width = _bordered(maps)
    n_in, n_out, height = maps.shape[1], *back.shape[1:3]
    if back.shape[3] < width:
        back = functional.pad(back.detach(), (0, width - back.shape[3]))
    n_parts = min(_PARTS, len(maps) * height)
    sums = np.zeros((n_parts, 3, _up(3 * n_in), n_out), np.float32)
    given = n_parts, bordered, n_in, height, width, pixels_of(back), n_out, sums.ravel()
    share(n_parts, lambda a, b: run_few_weights(a, b, *given))
    nine = sums.sum(0, np.float64)[:, : 3 * n_in].reshape(3, 3, n_in, n_out).transpose(3, 2, 0, 1)
    return torch.from_numpy(nine.astype(np.float32, order="C"))


def _bordered(maps: Tensor) -> tuple[Float32, int]:
    """Maps with a border of zeros, GROUP pixels wide at least, and their width without it."""
    batch, channels, height, needed = maps.shape
    width = max(needed, GROUP)
    size = batch, height + 2, width + 2, channels
    numbers = np.zeros(np.prod(size) + GROUP, np.float32)
    inside = torch.from_numpy(numbers[:-GROUP]).view(size)[:, 1:-1, 1 : needed + 1]
    inside.copy_(maps.detach().permute(0, 2, 3, 1))
    return numbers, width


def multiplied(maps: Tensor, matrix: Tensor) -> Tensor:
    """Pixels' channels times a matrix (in, out)."""
    n_in, n_out = matrix.shape
    pixels, n = _filled(pixels_of(maps), n_in), maps.numel() // n_in
    made = np.empty(max(n, GROUP) * n_out, np.float32)
    none, b = np.zeros(n_out, np.float32), panels(matrix.detach().numpy())
    given = max(n, GROUP), pixels, n_in, b, none, made
    share(-(-n // GROUP), lambda first, last: run_products(first, last, *given))
    return maps_of(made[: n * n_out], maps, n_out)


def outer_product(maps: Tensor, back: Tensor) -> Tensor:
    """Sum over pixels of the products of their channels (in, out)."""
    n_in, n_out, n = maps.shape[1], back.shape[1], maps.numel() // maps.shape[1]
    n_parts = min(_PARTS, n)
    sums = np.zeros((n_parts, _up(n_in), n_out), np.float32)
    given = n_parts, n, pixels_of(maps), n_in, pixels_of(back), n_out, sums.ravel()
    share(n_parts, lambda a, b: run_outer(a, b, *given))
    return torch.from_numpy(sums.sum(0, np.float64)[:n_in].astype(np.float32))


def _filled(pixels: Float32, n_in: int) -> Float32:
    """Pixels, GROUP at least."""
    lacking = GROUP * n_in - len(pixels)
    return np.pad(pixels, (0, lacking)) if lacking > 0 else pixels


def _up(n: int) -> int:
    return -(-n // GROUP) * GROUP


def summed(fine: Tensor, middle: Tensor, coarse: Tensor, n: int) -> Tensor:
    """Sum of the last convolution's parts (B, n, H, W)."""
    batch, n_padded, height, width = fine.shape
    made = np.empty((batch, n, height, width), np.float32)
    parts = [pixels_of(each).reshape(batch, -1) for each in (fine, middle, coarse)]
    for image in range(batch):
        levels = _levels(height, width, [each[image] for each in parts[1:]], middle, coarse)
        target = Target(made.ravel(), height, width, n * image, n, 0, np.float32(-np.inf))
        given = parts[0][image], width, n_padded, *levels, target
        share(height, lambda a, b, given=given: run_combine(a, b, *given))  # type: ignore[misc]
    return torch.from_numpy(made)


def separated(
    back: Tensor, fine: torch.Size, middle: torch.Size, coarse: torch.Size
) -> tuple[Tensor, ...]:
    """Derivatives by the last convolution's parts, of these shapes, from that by their sum."""
    batch, n, height, width = back.shape
    by_fine = np.empty(fine.numel(), np.float32)
    by_others = [np.zeros(each.numel(), np.float32) for each in (middle, coarse)]
    like = [torch.empty(each, device="meta") for each in (fine, middle, coarse)]
    levels = _levels(height, width, by_others, *like[1:])
    given = flat(back), (n, height, width), fine[1], by_fine, *levels
    share(batch, lambda a, b: run_separate(a, b, *given))
    made = zip((by_fine, *by_others), like, strict=True)
    return tuple(maps_of(pixels, each, each.shape[1]) for pixels, each in made)


def _levels(height: int, width: int, products: Sequence[Float32], *like: Tensor) -> list[Coarse]:
    """The coarser levels as kernels take them."""
    halved = zip(products, like, (1, 2), strict=True)
    return [
        Coarse(p, x.shape[3], x.shape[1], lines(0, height, height, i), lines(0, width, width, i))
        for p, x, i in halved
    ]
