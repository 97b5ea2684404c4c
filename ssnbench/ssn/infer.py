"""Superpixels of one image, from sRGB to labels."""

from __future__ import annotations

import warnings
from typing import Literal, get_args

import torch
from torch import Tensor

from ssnbench.colour import rgb_to_lab
from ssnbench.contracts import Image, Labels, UsageError
from ssnbench.ssn.features import xylab
from ssnbench.ssn.grid import Grid
from ssnbench.ssn.layer import slic
from ssnbench.ssn.reference import Association
from ssnbench.stages import stage

Variant = Literal["deep", "linear", "pix"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)


class NoWeightsWarning(UserWarning):
    """A network was asked for, there are no weights for it, and plain colours were clustered."""


def segment(
    image: Image,
    n_segments: int,
    *,
    variant: str = "deep",
    n_iter: int = 10,
    color_scale: float = 0.26,
    pos_scale: float = 2.5,
    device: str = "cpu",
) -> Labels:
    """Cut an image into superpixels with a Superpixel Sampling Network.

    Parameters
    ----------
    image : uint8 (H, W, 3)
        sRGB.
    n_segments : int
        Number of superpixels asked for, 1 to H * W; the grid makes at most that many.
    variant : {"deep", "linear", "pix"}
        Features by the network, by its linear counterpart, or scaled XYLab as they are. As long as
        no weights are installed, the first two run as ``pix``, with a ``NoWeightsWarning``.
    n_iter : int
        Iterations v of differentiable SLIC.
    color_scale, pos_scale : float
        gamma_color and eta of the paper (section 4.4).
    device : str
        Where to cluster, for instance ``cpu`` or ``cuda``.

    Returns
    -------
    int32 (H, W)
        Labels 0..m-1; pieces of one superpixel need not touch.

    Raises
    ------
    UsageError
        When there is no such variant.
    ValueError
        When image or ``n_segments`` are out of range.
    """
    if variant not in VARIANTS:
        raise UsageError(f"ssn has no variant {variant!r}; choose from {', '.join(VARIANTS)}")
    if variant != "pix":
        warnings.warn(
            "there are no trained weights for SSN: clustering colours and positions (variant pix)",
            NoWeightsWarning,
            stacklevel=2,
        )
    features = _xylab_of(image, n_segments, color_scale, pos_scale, device)
    return _labels(features, n_segments, n_iter, "softmax")


def segment_gslic(
    image: Image,
    n_segments: int,
    *,
    n_iter: int = 10,
    compactness: float = 10.0,
    device: str = "cpu",
) -> Labels:
    """Cut an image into SLIC superpixels on a grid of nine candidates per pixel, as gSLICr does.

    Parameters
    ----------
    image : uint8 (H, W, 3)
        sRGB.
    n_segments : int
        Number of superpixels asked for, 1 to H * W; the grid makes at most that many.
    n_iter : int
        Iterations.
    compactness : float
        How many units of Lab the distance of one superpixel's width counts for.
    device : str
        Where to cluster, for instance ``cpu`` or ``cuda``.

    Returns
    -------
    int32 (H, W)
        Labels 0..m-1; pieces of one superpixel need not touch.

    Raises
    ------
    ValueError
        When image or ``n_segments`` are out of range.

    References
    ----------
    Ren, Prisacariu, Reid: gSLICr, arXiv:1509.04232. Achanta et al.: SLIC Superpixels Compared to
    State-of-the-Art Superpixel Methods, TPAMI 2012.
    """
    features = _xylab_of(image, n_segments, 1.0, compactness, device)
    return _labels(features, n_segments, n_iter, "hard")


def _xylab_of(
    image: Image, n_segments: int, color_scale: float, pos_scale: float, device: str
) -> Tensor:
    with stage("colour"):
        lab = torch.from_numpy(rgb_to_lab(image)).to(device)
    # Without a network, scaling and stacking the channels is all there is to making features.
    with stage("network"):
        grid = Grid.of(image.shape[0], image.shape[1], n_segments)
        planes = lab.permute(2, 0, 1)[None]
        return xylab(planes, grid, color_scale=color_scale, eta=pos_scale)


def _labels(features: Tensor, n_segments: int, n_iter: int, association: Association) -> Labels:
    with stage("clustering"), torch.inference_mode():
        superpixels = slic(features, n_segments, n_iter, association=association)
        labels: Labels = superpixels.labels[0].cpu().numpy()
    return labels
