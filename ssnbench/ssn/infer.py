"""Superpixels of one image, from sRGB to labels."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from ssnbench.contracts import Image, Labels, UsageError, whole_count
from ssnbench.ssn.connect import SURPLUS, connected, n_clusters
from ssnbench.ssn.features import COLOR_SCALE, ETA, rgb_to_lab, xylab
from ssnbench.ssn.kernels.grid import Grid
from ssnbench.ssn.kernels.reference import Association
from ssnbench.ssn.layer import slic
from ssnbench.ssn.model import SSN, Precision
from ssnbench.ssn.weights import find, load_network
from ssnbench.stages import stage

Variant = Literal["deep", "linear", "pix"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)


_MODELS = {"deep": "ssn", "linear": "ssn-linear"}


def segment(
    image: Image,
    n_segments: int,
    second: Image | None = None,
    *,
    variant: str = "deep",
    weights: str = "bsds500",
    n_iter: int = 10,
    color_scale: float | None = None,
    pos_scale: float | None = None,
    surplus: float = SURPLUS,
    device: str = "cpu",
    precision: Precision = "float32",
) -> Labels:
    """Cut an image into superpixels with a Superpixel Sampling Network.

    Parameters
    ----------
    image : uint8 (H, W, 3)
        sRGB.
    n_segments : int
        Number of superpixels asked for, 1 to H * W.
    second : uint8 (H, W, 3), optional
        Second frame, for weights that see pairs of frames; others leave it aside.
    variant : {"deep", "linear", "pix"}
        Features by the network, by its linear counterpart, or scaled XYLab as they are.
    weights : str
        Which the network has: the data they were trained on, their full name, or a file (see
        :func:`ssnbench.ssn.weights.find`). The variant ``pix`` has none.
    n_iter : int
        Iterations v of differentiable SLIC.
    color_scale, pos_scale : float, optional
        gamma_color and eta of the paper (section 4.4). If not given, those of the training, and
        0.26 and 2.5 for the variant ``pix``.
    surplus : float
        Clusters that are made for every superpixel asked for; their pieces join, the most alike
        first, until as many are left as were asked for (:func:`ssnbench.ssn.connect.connected`).
        0: one cluster each, and nothing joins.
    device : str
        Where to compute, for instance ``cpu`` or ``cuda``.
    precision : {"float32", "bfloat16", "float16"}
        Arithmetic of the convolutions.

    Returns
    -------
    int32 (H, W)
        Labels 0..m-1; with ``surplus`` 0 pieces of one superpixel need not touch.

    Raises
    ------
    UsageError
        When there is no such variant, or there are no such weights, or of another variant; when
        the weights see two frames and ``second`` is not given.
    ValueError
        When image or ``n_segments`` are out of range.
    """
    if variant not in VARIANTS:
        raise UsageError(f"ssn has no variant {variant!r}; choose from {', '.join(VARIANTS)}")
    n_segments = whole_count(n_segments)
    if variant != "pix":
        scales = color_scale, pos_scale
        ssn = _pretrained(weights, variant, n_iter, *scales, surplus, device, precision)
        return ssn(image, n_segments, second)
    color_scale = COLOR_SCALE if color_scale is None else color_scale
    pos_scale = ETA if pos_scale is None else pos_scale
    image = np.asarray(image)
    n = n_clusters(n_segments, image.shape[0] * image.shape[1], surplus)
    features = _xylab_of(image, n, color_scale, pos_scale, device)
    labels = _clusters(features, n, n_iter, "softmax")
    joined: Labels = connected(labels, features, n_segments, surplus)[0].cpu().numpy()
    return joined


def weights_of(variant: str, weights: str) -> list[Path]:
    """Files that a variant reads: one, or none for ``pix``.

    Raises
    ------
    UsageError
        When no weights are called so.
    """
    return [find(weights, _MODELS[variant])] if variant in _MODELS else []


@lru_cache(maxsize=8)
def _pretrained(
    name: str,
    variant: str,
    n_iter: int,
    color_scale: float | None,
    eta: float | None,
    surplus: float,
    device: str,
    precision: Precision,
) -> SSN:
    """Load weights once per process, whatever the number of images."""
    path = find(name, _MODELS[variant])
    network, _ = load_network(path)
    architecture = network.architecture
    if architecture.variant != variant:
        raise UsageError(f"{path} is of the variant {architecture.variant}, not {variant}")
    network.architecture = replace(
        architecture,
        color_scale=architecture.color_scale if color_scale is None else color_scale,
        eta=architecture.eta if eta is None else eta,
    )
    return SSN(network, n_iter=n_iter, surplus=surplus, device=device, precision=precision)


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
    labels: Labels = _clusters(features, n_segments, n_iter, "hard")[0].cpu().numpy()
    return labels


def _xylab_of(
    image: Image, n_segments: int, color_scale: float, pos_scale: float, device: str
) -> Tensor:
    grid = Grid.of(image.shape[0], image.shape[1], n_segments)
    with stage("colour"):
        # PyTorch warns of read-only memory, such as a mapped file's: that alone is copied.
        pixels = torch.from_numpy(np.require(image, requirements=("C", "W")))
        lab = rgb_to_lab(pixels[None], torch.device(device))
    # Without a network, scaling and stacking the channels is all there is to making features.
    with stage("network"):
        return xylab(lab, grid, color_scale=color_scale, eta=pos_scale)


def _clusters(features: Tensor, n: int, n_iter: int, association: Association) -> Tensor:
    with stage("clustering"), torch.inference_mode():
        return slic(features, n, n_iter, association=association, soft=False).labels
