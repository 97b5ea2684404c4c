"""The kernels of training as differentiable functions of PyTorch.

All take and give float32 on the CPU, maps (B, C, H, W) that lie channels last in memory, whatever
the order of those that they are given. Each has the same bits with any number of threads. A second
derivative is that of the same computation by PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.grad import conv2d_input

from ssnbench.ssn.convolution import norm, pool
from ssnbench.ssn.convolution.calls import (
    by_weights,
    convolved,
    multiplied,
    outer_product,
    separated,
    summed,
)
from ssnbench.ssn.convolution.winograd import PANEL

_Differentiated = tuple[Tensor | None, ...]


def suits(maps: Tensor, *channels: int) -> bool:
    """Whether maps of this kind, with these numbers of channels, are for the kernels.

    They are meant for training in float32 on processors with vectors of eight numbers or more, and
    channels that fill whole panels. What PyTorch traces, compiles or transforms is left to it.
    """
    return (
        maps.dtype == torch.float32
        and joins(maps)
        and all(n % PANEL == 0 for n in channels)
        and not torch.is_autocast_enabled("cpu")
    )


def joins(maps: Tensor) -> bool:
    """Whether :func:`convolve_levels` is for maps of this kind: it takes bfloat16, too."""
    return (
        type(maps) is Tensor
        and maps.device.type == "cpu"
        and maps.dtype in (torch.float32, torch.bfloat16)
        and maps.numel() > 0
        and torch.is_grad_enabled()
        and torch.backends.cpu.get_cpu_capability().startswith("AVX")
        and not _is_transformed()
    )


def _is_transformed() -> bool:
    return (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
        or torch._C._are_functorch_transforms_active()
    )


def convolve(maps: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """3 x 3 convolution with a border of zeros, as ``conv2d(maps, weight, bias, padding=1)``.

    Parameters
    ----------
    maps : (B, in, H, W)
        Where channels are no multiple of PANEL, they are taken for few.
    weight : (out, in, 3, 3)
        Outputs are a multiple of PANEL.
    bias : (out), optional
        A number for each output.
    """
    made: Tensor = _Convolution.apply(maps, weight, bias)  # type: ignore[no-untyped-call]
    return made


def multiply(maps: Tensor, matrix: Tensor) -> Tensor:
    """Multiply each pixel's channels (B, in, H, W) with a matrix (in, out): (B, out, H, W)."""
    made: Tensor = _Product.apply(maps, matrix)  # type: ignore[no-untyped-call]
    return made


def normalise(maps: Tensor, layer: nn.BatchNorm2d) -> Tensor:
    """ReLU of a layer of batch normalisation in training, whose running averages move on."""
    made: Tensor
    made, told = _Normalised.apply(maps, layer.weight, layer.bias, layer.eps)  # type: ignore[no-untyped-call]
    if layer.track_running_stats:
        norm.follow(layer, told, maps.numel() // maps.shape[1])
    return made


def largest(maps: Tensor, window: int) -> Tensor:
    """Max pooling with stride 2, windows of 2 (``ceil_mode``) or 3 (``padding=1``)."""
    made: Tensor = _Pooled.apply(maps, window)  # type: ignore[no-untyped-call]
    return made


def combine(fine: Tensor, middle: Tensor, coarse: Tensor, n: int) -> Tensor:
    """Add up the last convolution's parts: see :mod:`ssnbench.ssn.convolution.combine`.

    Parameters
    ----------
    fine : (B, m, H, W)
        The finest level's part; m is n, filled up to a multiple of PANEL.
    middle, coarse : (B, 9 m, ., .)
        Products of the levels of half and quarter resolution with each of the nine weights.
    n : int
        Channels of the sum.

    Returns
    -------
    (B, n, H, W)
        Contiguous.
    """
    made: Tensor = _Sum.apply(fine, middle, coarse, n)  # type: ignore[no-untyped-call]
    return made


def convolve_levels(levels: Sequence[Tensor], weight: Tensor, bias: Tensor) -> Tensor:
    """3 x 3 convolution of three levels, enlarged by interpolation and concatenated.

    Parameters
    ----------
    levels : three of (B, C, ., .)
        Maps, each of half the resolution of the one before. Where they do not suit the kernels,
        PyTorch makes the products, under autocast in its type.
    weight, bias : (n, 3 C, 3, 3), (n)
        As of ``conv2d``.

    Returns
    -------
    (B, n, H, W)
        Contiguous, float32.
    """
    n, channels = len(weight), levels[0].shape[1]
    ours = suits(levels[0], channels)
    by, times = (convolve, multiply) if ours else (_plain_convolution, _plain_product)
    filled = functional.pad(weight, (0, 0, 0, 0, 0, 0, 0, -n % PANEL))
    of_fine, *of_others = torch.split(filled, channels, 1)
    fine = by(levels[0], of_fine, functional.pad(bias, (0, -n % PANEL)))
    middle, coarse = (
        times(maps, nine.permute(1, 2, 3, 0).reshape(channels, -1))
        for maps, nine in zip(levels[1:], of_others, strict=True)
    )
    return combine(fine.float(), middle.float(), coarse.float(), n)


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(maps, weight, bias)
        return convolved(maps, weight, bias)

    @staticmethod
    def backward(ctx: Any, back: Tensor) -> Any:
        maps, weight, bias = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        if torch.is_grad_enabled():
            return _by_pytorch(_plain_convolution, (maps, weight, bias), wanted, back)
        return (
            _by_maps(maps, weight, back) if wanted[0] else None,
            by_weights(maps, back) if wanted[1] else None,
            back.sum((0, 2, 3)) if wanted[2] else None,
        )


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, matrix: Tensor) -> Tensor:
        ctx.save_for_backward(maps, matrix)
        return multiplied(maps, matrix)

    @staticmethod
    def backward(ctx: Any, back: Tensor) -> Any:
        maps, matrix = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        if torch.is_grad_enabled():
            return _by_pytorch(_plain_product, (maps, matrix), wanted, back)
        return (
            multiplied(back, matrix.T) if wanted[0] else None,
            outer_product(maps, back) if wanted[1] else None,
        )


class _Normalised(torch.autograd.Function):
    """The ReLU, and how maps were normalised."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Any, bias: Any, eps: float) -> Any:
        made, ctx.norm = norm.normalised(maps, weight, bias, eps)
        ctx.save_for_backward(maps, weight, bias)
        ctx.eps = eps
        return made, ctx.norm

    @staticmethod
    def backward(ctx: Any, back: Tensor, _norm: None) -> Any:
        maps, weight, bias = ctx.saved_tensors
        wanted = ctx.needs_input_grad[:3]
        if torch.is_grad_enabled():
            plain = partial(_plain_norm, eps=ctx.eps)
            return *_by_pytorch(plain, (maps, weight, bias), wanted, back), None
        made = norm.by_inputs(maps, back, ctx.norm)
        return *(x if want else None for x, want in zip(made, wanted, strict=True)), None


class _Pooled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, window: int) -> Tensor:
        made = pool.pooled(maps, window)
        ctx.window = window
        ctx.save_for_backward(maps, made)
        return made

    @staticmethod
    def backward(ctx: Any, back: Tensor) -> Any:
        maps, made = ctx.saved_tensors
        if torch.is_grad_enabled():
            plain = partial(_plain_pool, window=ctx.window)
            return *_by_pytorch(plain, (maps,), ctx.needs_input_grad[:1], back), None
        return pool.by_maps(maps, made, ctx.window, back), None


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, fine: Tensor, middle: Tensor, coarse: Tensor, n: int) -> Tensor:
        ctx.shapes = fine.shape, middle.shape, coarse.shape
        return summed(fine, middle, coarse, n)

    @staticmethod
    def backward(ctx: Any, back: Tensor) -> Any:
        return *_Parts.apply(back, *ctx.shapes), None  # type: ignore[no-untyped-call]


class _Parts(torch.autograd.Function):
    """:class:`_Sum` transposed; both are linear, and each is the other's derivative."""

    @staticmethod
    def forward(ctx: Any, back: Tensor, *shapes: torch.Size) -> Any:
        ctx.n = back.shape[1]
        return separated(back, *shapes)

    @staticmethod
    def backward(ctx: Any, *back: Tensor) -> Any:
        return _Sum.apply(*back, ctx.n), None, None, None  # type: ignore[no-untyped-call]


def _by_maps(maps: Tensor, weight: Tensor, back: Tensor) -> Tensor:
    if maps.shape[1] % PANEL:
        made: Tensor = conv2d_input(maps.shape, weight, back, padding=1)  # type: ignore[no-untyped-call]
        return made
    return convolved(back, weight.flip(2, 3).transpose(0, 1), None)


def _by_pytorch(
    plain: Callable[..., Tensor],
    inputs: Sequence[Tensor | None],
    wanted: Sequence[bool],
    back: Tensor,
) -> _Differentiated:
    """Derivatives that can be differentiated."""
    made = plain(*inputs)
    by = [x for x, want in zip(inputs, wanted, strict=True) if want and x is not None]
    made_of = iter(torch.autograd.grad(made, by, back, create_graph=True))
    return tuple(next(made_of) if want else None for want in wanted)


def _plain_convolution(maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return functional.conv2d(maps, weight, bias, padding=1)


def _plain_product(maps: Tensor, matrix: Tensor) -> Tensor:
    return functional.conv2d(maps, matrix.T[..., None, None])


def _plain_pool(maps: Tensor, window: int) -> Tensor:
    return functional.max_pool2d(maps, window, 2, padding=window // 3, ceil_mode=window == 2)


def _plain_norm(maps: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    normal = functional.batch_norm(maps, None, None, weight, bias, training=True, eps=eps)
    return functional.relu(normal)
