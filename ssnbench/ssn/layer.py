"""Differentiable SLIC as a layer for any network, and the mappings between pixels and superpixels.

Jampani et al., Superpixel Sampling Networks, ECCV 2018, section 4.1.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from ssnbench.ssn.kernels import cuda, ops, reference
from ssnbench.ssn.kernels.grid import Grid, cells
from ssnbench.ssn.kernels.reference import Association, gather_sums, to_cells, to_image

Implementation = Literal["auto", "reference", "kernel"]


class Superpixels(NamedTuple):
    """Soft superpixels of a batch of images.

    Attributes
    ----------
    associations : (B, 9, H, W)
        Q: how much each pixel belongs to each of the nine superpixels around it, in the order of
        ``grid.NEIGHBOURS`` (4 is the pixel's own cell); 0 where there is no neighbour.
    centres : (B, m, C)
        Features of the superpixels.
    labels : int32 (B, H, W)
        The superpixel of largest Q, 0..m-1; of equals the first. Not differentiable.
    grid : Grid
        What the superpixels started from; ``grid.n_cells`` is m.
    """

    associations: Tensor
    centres: Tensor
    labels: Tensor
    grid: Grid

    def pool(self, values: Tensor) -> Tensor:
        """Average a pixel property over the superpixels: see :func:`pool`."""
        return pool(values, self.associations, self.grid)

    def unpool(self, values: Tensor) -> Tensor:
        """Give a superpixel property back to the pixels: see :func:`unpool`."""
        return unpool(values, self.associations, self.grid)


class DifferentiableSLIC(nn.Module):
    """Cluster pixel features into soft superpixels, differentiably.

    Parameters
    ----------
    n_segments : int
        Superpixels asked for. The number made, m, is that of a regular grid of nearly square cells
        and at most ``n_segments``: see :meth:`Grid.of`.
    n_iter : int
        Iterations v (paper: 5 in training, 10 at test).
    association : {"softmax", "exp", "hard"}
        softmax(-d2) over the nine superpixels (the authors' code); exp(-d2) (the paper's Eq. 3,
        in plain PyTorch only); or all to the nearest, which is SLIC (gSLIC) and not differentiable.
    implementation : {"auto", "reference", "kernel"}
        Kernels where there are any (float32 and below, CPU, or CUDA with Triton), else plain
        PyTorch; or one of them in any case. Plain PyTorch also gives second derivatives.

    Examples
    --------
    >>> layer = DifferentiableSLIC(n_segments=100, n_iter=5)
    >>> superpixels = layer(torch.randn(8, 20, 201, 201))
    >>> superpixels.centres.shape
    torch.Size([8, 100, 20])
    """

    def __init__(
        self,
        n_segments: int,
        n_iter: int = 10,
        *,
        association: Association = "softmax",
        implementation: Implementation = "auto",
    ) -> None:
        super().__init__()
        self.n_segments = n_segments
        self.n_iter = n_iter
        self.association: Association = association
        self.implementation: Implementation = implementation

    def forward(self, features: Tensor) -> Superpixels:
        """Cluster ``features`` (B, C, H, W): see :func:`slic`."""
        return slic(
            features,
            self.n_segments,
            self.n_iter,
            association=self.association,
            implementation=self.implementation,
        )

    def extra_repr(self) -> str:
        """Show the parameters."""
        return f"{self.n_segments}, n_iter={self.n_iter}, association={self.association!r}"


def slic(
    features: Tensor,
    n_segments: int,
    n_iter: int = 10,
    *,
    association: Association = "softmax",
    implementation: Implementation = "auto",
    soft: bool = True,
) -> Superpixels:
    """Cluster pixel features into superpixels: the function under :class:`DifferentiableSLIC`.

    Parameters
    ----------
    features : (B, C, H, W)
        Any floating type. float64 runs in plain PyTorch; half precision is clustered in float32
        and given back as it came, or, under autocast, stays float32 as a softmax does.
    n_segments, n_iter, association, implementation
        As for :class:`DifferentiableSLIC`.
    soft : bool
        Whether Q is wanted. It is most of the memory of few channels; left out, it is
        (0, 9, H, W), and nothing can be differentiated.

    Returns
    -------
    Superpixels
        Q, centres and labels.

    Raises
    ------
    ValueError
        When the features are not (B, C, H, W) floating point, empty, or, on the CPU, hold NaN or
        infinite values (a GPU is not asked, since it would have to wait: they then spread into the
        results); when ``n_segments`` is not in 1 to H * W; when ``n_iter`` is below 1; when
        kernels are demanded that there are not.
    """
    _check(features, n_iter, association, implementation)
    grid = Grid.of(features.shape[2], features.shape[3], n_segments)
    device = features.device.type
    half = features.dtype in (torch.float16, torch.bfloat16)
    work = features.float() if half else features
    with torch.autocast(device, enabled=False):
        if _use_kernels(work, association, implementation):
            hard = association == "hard"
            keep = work.requires_grad and torch.is_grad_enabled() and not hard
            source = work.detach() if hard else work
            q, centres, labels, _ = ops.cluster(
                source, grid.rows, grid.cols, n_iter, hard, keep, soft
            )
        else:
            _check_finite(work)
            q, centres, labels = reference.cluster(work, grid, n_iter, association)
            q = q if soft else q[:0]
    if half and not torch.is_autocast_enabled(device):
        q, centres = q.to(features.dtype), centres.to(features.dtype)
    return Superpixels(q, centres, labels, grid)


def pool(values: Tensor, associations: Tensor, grid: Grid) -> Tensor:
    """Average a pixel property over each superpixel, by column-normalised Q.

    Parameters
    ----------
    values : (B, L, H, W)
        Any pixel property: one-hot labels, flow, depth, positions.
    associations : (B, 9, H, W)
        Q of :func:`slic`.
    grid : Grid
        Its grid.

    Returns
    -------
    (B, m, L)
        Weighted means; 0 for a superpixel without pixels.

    Raises
    ------
    ValueError
        When shapes or devices do not fit together.
    """
    _check_fit("values", values, associations, grid, values.shape[2:] == associations.shape[2:])
    table = cells(grid, values.device)
    weights = to_cells(associations, table) * table.real[..., None]
    pixels = to_cells(values, table)
    weights, pixels = _same_type(weights, pixels)
    total = gather_sums(weights.transpose(2, 3) @ pixels, table)
    mass = gather_sums(weights.sum(2), table)[..., None]
    return total / torch.where(mass > 0, mass, 1)


def unpool(values: Tensor, associations: Tensor, grid: Grid) -> Tensor:
    """Give each pixel the mean of its superpixels' property, by row-normalised Q.

    Parameters
    ----------
    values : (B, m, L)
        Any superpixel property.
    associations : (B, 9, H, W)
        Q of :func:`slic`.
    grid : Grid
        Its grid.

    Returns
    -------
    (B, L, H, W)
        Weighted means.

    Raises
    ------
    ValueError
        When shapes or devices do not fit together.
    """
    _check_fit("values", values, associations, grid, values.shape[1:2] == (grid.n_cells,))
    table = cells(grid, values.device)
    weights = to_cells(associations, table)
    mass = weights.sum(3, keepdim=True)
    weights, nearby = _same_type(weights / torch.where(mass > 0, mass, 1), values)
    return to_image(weights @ nearby[:, table.neighbours], grid, table)


def _same_type(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    kind = torch.promote_types(a.dtype, b.dtype)
    return a.to(kind), b.to(kind)


def _use_kernels(
    features: Tensor, association: Association, implementation: Implementation
) -> bool:
    if implementation == "reference":
        return False
    device = features.device.type
    able = (
        features.dtype == torch.float32
        and association != "exp"
        and (device == "cpu" or (device == "cuda" and cuda.AVAILABLE))
    )
    if implementation == "kernel" and not able:
        raise ValueError(
            f"no kernel for association {association!r} of {features.dtype} features on {device}"
            f"{'' if cuda.AVAILABLE or device == 'cpu' else ' (Triton is not installed)'}"
        )
    return able


def _check(
    features: Tensor, n_iter: int, association: Association, implementation: Implementation
) -> None:
    shape = tuple(features.shape)
    if features.ndim != 4 or not features.is_floating_point():
        raise ValueError(f"features must be floating (B, C, H, W), got {features.dtype} {shape}")
    if 0 in shape:
        raise ValueError(f"features of shape {shape} are empty")
    if n_iter < 1:
        raise ValueError(f"n_iter must be at least 1, got {n_iter}")
    if association not in get_args(Association):
        raise ValueError(f"association must be one of {get_args(Association)}, got {association!r}")
    if implementation not in get_args(Implementation):
        raise ValueError(
            f"implementation must be one of {get_args(Implementation)}, got {implementation!r}"
        )


def _check_finite(features: Tensor) -> None:
    """Refuse NaN and infinity, on the CPU: a GPU would have to wait for the answer."""
    if features.device.type != "cpu" or torch.compiler.is_compiling():
        return
    if not torch.isfinite(features).all():
        raise ValueError(f"features of shape {tuple(features.shape)} hold NaN or infinite values")


def _check_fit(name: str, values: Tensor, q: Tensor, grid: Grid, fits: bool) -> None:
    expected = (values.shape[0], 9, grid.height, grid.width)
    if q.shape != expected or not fits:
        raise ValueError(
            f"{name} {tuple(values.shape)} and associations {tuple(q.shape)} do not fit a grid of "
            f"{grid.rows} x {grid.cols} superpixels on {grid.height} x {grid.width} pixels"
        )
    if values.device != q.device:
        raise ValueError(
            f"{name} {tuple(values.shape)} are on {values.device}, "
            f"associations {tuple(q.shape)} on {q.device}"
        )
