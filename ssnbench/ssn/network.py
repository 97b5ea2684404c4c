"""The networks that make pixel features: the paper's seven convolutions, and a single one.

Jampani et al., Superpixel Sampling Networks, ECCV 2018, section 4.2.
"""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ssnbench.ssn.architecture import N_XYLAB, Architecture
from ssnbench.ssn.convolution.functions import (
    convolve,
    convolve_levels,
    joins,
    largest,
    normalise,
    suits,
)
from ssnbench.ssn.features import xylab
from ssnbench.ssn.kernels.grid import Grid

LAB_UNIT = 10.0
"""Lab is divided by this for a network that sees colours only: values of order one."""

SMALL_STD = 0.001
"""Standard deviation of Gaussian weights (the authors' code)."""


class Strip(NamedTuple):
    """Which rows of an image a network is given: see :func:`ssnbench.ssn.strips.features`.

    Attributes
    ----------
    top : int
        The first of them, a multiple of 4.
    height : int
        Rows of the whole image.
    """

    top: int
    height: int


class FeatureNetwork(nn.Module):
    """Pixel features for clustering: scaled XYLab and what the convolutions make of the image.

    Parameters
    ----------
    architecture : Architecture
        What to build; kept as an attribute.

    Examples
    --------
    >>> network = FeatureNetwork(Architecture(k=20))
    >>> network(torch.rand(8, 3, 201, 201) * 100, Grid.of(201, 201, 100)).shape
    torch.Size([8, 20, 201, 201])
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        kind = _Deep if architecture.variant == "deep" else _Linear
        first = 3 if architecture.sees == "lab" else N_XYLAB
        self.learned = kind(architecture, first + 3 * (architecture.frames - 1))
        self._initialise()

    def forward(self, lab: Tensor, grid: Grid) -> Tensor:
        """Make features of CIE Lab images.

        Parameters
        ----------
        lab : (B, 3 * frames, H, W)
            CIE Lab, L in 0..100; for networks of two frames the second one's behind it.
        grid : Grid
            Grid of superpixels; it sets the scale of the positions.

        Returns
        -------
        (B, k, H, W)
            x, y, L, a, b, each times its scale, then the learned channels; type of ``lab``, also
            under autocast, since positions lose too much in half precision.

        Raises
        ------
        ValueError
            When ``lab`` is of another number of frames.
        """
        pixels = self.pixels(lab, grid)
        learned: Tensor = self.learned(self.seen(lab, pixels))
        return torch.cat((pixels, learned.to(pixels.dtype)), 1)

    def pixels(self, lab: Tensor, grid: Grid) -> Tensor:
        """Scaled x, y, L, a, b of :meth:`forward`: (B, 5, H, W)."""
        made = self.architecture
        if lab.shape[1] != 3 * made.frames:
            raise ValueError(
                f"expected Lab of {made.frames} frame(s), {3 * made.frames} channels, "
                f"got {lab.shape[1]}"
            )
        return xylab(lab[:, :3], grid, color_scale=made.color_scale, eta=made.eta)

    def seen(self, lab: Tensor, pixels: Tensor) -> Tensor:
        """What goes into the first convolution: (B, 3 or 5, and 3 for a second frame, H, W)."""
        made = self.architecture
        if made.sees == "lab":
            return lab / LAB_UNIT
        return torch.cat((pixels, lab[:, 3:] * made.color_scale), 1) if made.frames > 1 else pixels

    def fused(self) -> FeatureNetwork:
        """Copy for inference alone: batch normalisation becomes part of the convolutions."""
        network = copy.deepcopy(self).eval().requires_grad_(False)
        for block in network.modules():
            if isinstance(block, _Block) and isinstance(block[1], nn.BatchNorm2d):
                block[0] = fuse_conv_bn_eval(block[0], block[1])  # type: ignore[type-var]
                del block[1]
        return network

    def _initialise(self) -> None:
        *others, last = [m for m in self.modules() if isinstance(m, nn.Conv2d)]
        if self.architecture.init == "gaussian":
            for convolution in others:
                _make_small(convolution)
        if self.architecture.last_init == "gaussian":
            _make_small(last)


class _Linear(nn.Module):
    """One convolution: the paper's SSN_linear."""

    def __init__(self, made: Architecture, n_input: int) -> None:
        super().__init__()
        self.last = nn.Conv2d(n_input, made.k - N_XYLAB, 3, padding=1)

    def forward(self, seen: Tensor, strip: Strip | None = None) -> Tensor:  # noqa: ARG002
        features: Tensor = self.last(seen)
        return features


class _Deep(nn.Module):
    """Seven convolutions at three resolutions (Fig. 3)."""

    def __init__(self, made: Architecture, n_input: int) -> None:
        super().__init__()
        width = made.width
        self.fine = nn.Sequential(_block(made, n_input), _block(made, width))
        self.middle = nn.Sequential(_pooling(made), _block(made, width), _block(made, width))
        self.coarse = nn.Sequential(_pooling(made), _block(made, width), _block(made, width))
        n_last = 3 * width + (n_input if made.last_sees_input else 0)
        self.last = nn.Conv2d(n_last, made.k - N_XYLAB, 3, padding=1)
        self.last_sees_input = made.last_sees_input
        self.last_relu = made.last_relu

    def forward(self, seen: Tensor, strip: Strip | None = None) -> Tensor:
        fine = self.fine(seen)
        middle = self.middle(fine)
        coarse = self.coarse(middle)
        features = self._last_of((fine, middle, coarse), seen, strip)
        return functional.relu(features) if self.last_relu else features

    def _last_of(self, levels: tuple[Tensor, ...], seen: Tensor, strip: Strip | None) -> Tensor:
        """Last convolution of the concatenated parts, as a sum over the parts.

        It is the same up to rounding, but nothing is concatenated, and the derivatives by the
        parts lie contiguous in memory: in training that is three times as fast.
        """
        fine, middle, coarse = levels
        width = fine.shape[1]
        weight, of_input = self.last.weight[:, : 3 * width], self.last.weight[:, 3 * width :]
        if strip is None and joins(fine):
            assert self.last.bias is not None
            total = convolve_levels(levels, weight, self.last.bias)
        else:
            enlarged = _enlarged(middle, fine, 1, strip), _enlarged(coarse, fine, 2, strip)
            first, *weights = torch.split(weight, width, 1)
            total = functional.conv2d(fine, first, self.last.bias, padding=1)
            for part, of_part in zip(enlarged, weights, strict=True):
                total = total + functional.conv2d(part, of_part, padding=1)
        if self.last_sees_input:
            total = total + functional.conv2d(seen.to(fine.dtype), of_input, padding=1)
        return total


class _Convolution(nn.Conv2d):
    """A 3 x 3 convolution; in training on processors by our kernels, where it suits them."""

    def forward(self, maps: Tensor) -> Tensor:
        if suits(maps, self.out_channels) and self.weight.dtype == maps.dtype:
            return convolve(maps, self.weight, self.bias)
        return super().forward(maps)


class _Block(nn.Sequential):
    """Convolution, batch normalisation (unless it became part of the former), ReLU."""

    def forward(self, maps: Tensor) -> Tensor:
        maps = self[0](maps)
        if isinstance(self[1], nn.BatchNorm2d) and _normalises(self[1], maps):
            return normalise(maps, self[1])
        for layer in list(self)[1:]:
            maps = layer(maps)
        return maps


def _block(made: Architecture, n_input: int) -> _Block:
    return _Block(
        _Convolution(n_input, made.width, 3, padding=1, bias=made.conv_bias),
        nn.BatchNorm2d(made.width, affine=made.norm_affine),
        nn.ReLU(inplace=True),
    )


def _normalises(layer: nn.BatchNorm2d, maps: Tensor) -> bool:
    """Whether our kernels do what a layer of batch normalisation does."""
    return layer.training and suits(maps, maps.shape[1]) and maps.numel() > maps.shape[1]


class _Pooling(nn.MaxPool2d):
    """Half the resolution; windows of 2, or of 3."""

    def forward(self, maps: Tensor) -> Tensor:
        window = self.kernel_size
        if isinstance(window, int) and suits(maps, maps.shape[1]):
            return largest(maps, window)
        pooled: Tensor = super().forward(maps)
        return pooled


def _pooling(made: Architecture) -> _Pooling:
    if made.pooling == "3x3":
        return _Pooling(3, stride=2, padding=1)
    return _Pooling(2, ceil_mode=True)


def _enlarged(values: Tensor, like: Tensor, halvings: int, strip: Strip | None) -> Tensor:
    """Bring what was halved in resolution back to that of ``like``."""
    if strip is not None:
        values = _rows_enlarged(values, like.shape[2], halvings, strip)
    return functional.interpolate(values, like.shape[2:], mode="bilinear", align_corners=False)


def _rows_enlarged(values: Tensor, n_rows: int, halvings: int, strip: Strip) -> Tensor:
    """Interpolate between rows as in the whole image.

    Where its height is odd, an image is not enlarged by exactly 2: what a row lies between
    depends on where in the image it is, not on where in the strip.
    """
    first, n_whole = strip.top >> halvings, strip.height
    for _ in range(halvings):
        n_whole = (n_whole + 1) // 2
    rows = torch.arange(strip.top, strip.top + n_rows, device=values.device)
    source = ((rows + 0.5) * (n_whole / strip.height) - 0.5).clamp(min=0)
    above = source.long()
    share = (source - above).to(values.dtype)[:, None]
    below = (above + 1).clamp(max=n_whole - 1)
    above, below = ((each - first).clamp(0, values.shape[2] - 1) for each in (above, below))
    return torch.lerp(values.index_select(2, above), values.index_select(2, below), share)


def _make_small(convolution: nn.Conv2d) -> None:
    nn.init.normal_(convolution.weight, std=SMALL_STD)
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)
