"""A trained network and differentiable SLIC in one call: from images to superpixels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssnbench.contracts import PathLike, UsageError, whole_count
from ssnbench.ssn import strips, weights
from ssnbench.ssn.connect import SURPLUS, connected, n_clusters
from ssnbench.ssn.convolution.packed import PackedNetwork
from ssnbench.ssn.features import lab_of
from ssnbench.ssn.kernels.grid import Grid
from ssnbench.ssn.layer import Superpixels, slic
from ssnbench.ssn.network import FeatureNetwork
from ssnbench.ssn.precision import Precision, arithmetic
from ssnbench.stages import stage

Images = NDArray[np.uint8] | Tensor

STRIP_PIXELS = 1 << 22
"""Pixels that are given to a network at a time, if not said otherwise: it takes up to 3 GB."""

BATCH_PIXELS = 1 << 20
"""Pixels of images of one size that go through together, unless one image has more."""


class Details(NamedTuple):
    """Everything that is known about the superpixels of a batch.

    Attributes
    ----------
    features : float32 (B, k, H, W)
        What was clustered: scaled x, y, L, a, b, then the learned channels.
    superpixels : Superpixels
        Soft associations (B, 9, H, W), centres (B, m, k), labels (B, H, W), and the grid.
    """

    features: Tensor
    superpixels: Superpixels


class SSN:
    """Superpixel Sampling Network, ready for use.

    Parameters
    ----------
    network : FeatureNetwork
        A trained network; a copy of it is made, with batch normalisation folded into the
        convolutions.
    n_iter : int
        Iterations v of differentiable SLIC (paper: 10 at test time).
    surplus : float
        Clusters that are made for every superpixel asked for; their pieces join, the most alike
        first, until as many are left as were asked for (:func:`ssnbench.ssn.connect.connected`).
        0: one cluster each, nothing joins, and pieces of one superpixel need not touch.
    device : str or torch.device
        Where to compute.
    precision : {"auto", "float32", "bfloat16", "float16"}
        Arithmetic of the convolutions; ``auto``: bfloat16 where the device has instructions for
        it, else float32 (:func:`ssnbench.ssn.precision.arithmetic`). Clustering is always in
        float32.
    compile : bool
        Whether :func:`torch.compile` builds the convolutions, which takes a while at first.
    strip_rows : int, optional
        Rows that are given to the network at a time; as many as make up 4 megapixels if not
        given. Superpixels do not depend on it, but for rounding.

    Raises
    ------
    UsageError
        When there is no such precision.

    Examples
    --------
    >>> ssn = SSN.from_pretrained("bsds500")
    >>> labels = ssn(image, n_segments=500)  # uint8 (H, W, 3) -> int32 (H, W)

    References
    ----------
    Jampani, Sun, Liu, Yang, Kautz: Superpixel Sampling Networks, ECCV 2018.
    """

    def __init__(
        self,
        network: FeatureNetwork,
        *,
        n_iter: int = 10,
        surplus: float = SURPLUS,
        device: str | torch.device = "cpu",
        precision: Precision = "auto",
        compile: bool = False,
        strip_rows: int | None = None,
    ) -> None:
        self.device = torch.device(device)
        self.dtype = arithmetic(precision, self.device)
        self.network = network.fused()
        self.network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if compile:
            self.network.learned.compile()
        deep = self.network.architecture.variant == "deep"
        packs = deep and self.device.type == "cpu" and not compile
        self.packed = PackedNetwork(self.network, self.dtype) if packs else None
        self.n_iter, self.surplus, self.strip_rows = n_iter, surplus, strip_rows

    @classmethod
    def from_pretrained(
        cls, name: PathLike = "bsds500", *, model: str = "ssn", k: int | None = None, **options: Any
    ) -> SSN:
        """Load trained weights; no pickle is involved.

        Parameters
        ----------
        name : str or path
            Data that the weights were trained on (``bsds500``), their full name
            (``ssn-k10.bsds500``), or a safetensors file, such as the trainer's.
        model : str
            First part of the full name: ``ssn``, ``ssn-k10`` or ``ssn-linear``.
        k : int, optional
            Channels of the features that are expected.
        **options
            As for the class.

        Raises
        ------
        UsageError
            When there are no such weights, when the file is cut short or not one of ours, or when
            its k is another.
        """
        network, _ = weights.load_network(weights.find(str(name), model), k)
        return cls(network, **options)

    @overload
    def __call__(
        self, images: NDArray[np.uint8], n_segments: int, second: NDArray[np.uint8] | None = None
    ) -> NDArray[np.int32]: ...

    @overload
    def __call__(self, images: Tensor, n_segments: int, second: Tensor | None = None) -> Tensor: ...

    @overload
    def __call__(
        self,
        images: Sequence[NDArray[np.uint8]],
        n_segments: int,
        second: Sequence[NDArray[np.uint8]] | None = None,
    ) -> list[NDArray[np.int32]]: ...

    @overload
    def __call__(
        self, images: Sequence[Tensor], n_segments: int, second: Sequence[Tensor] | None = None
    ) -> list[Tensor]: ...

    def __call__(self, images: Any, n_segments: int, second: Any = None) -> Any:
        """Cut images into superpixels.

        Parameters
        ----------
        images : uint8 (H, W, 3) or (B, H, W, 3), or a sequence of (H, W, 3)
            sRGB; an array, or a tensor on any device; one picture also as PIL.Image. Images in a
            sequence may differ in size; those of one size go through together.
        n_segments : int
            Number of superpixels asked for, 1 to H * W.
        second : uint8 like ``images``, optional
            Second frames, for a network that sees two.

        Returns
        -------
        int32 (H, W) or (B, H, W), or a list of (H, W)
            Labels 0..m-1, an array for an array, and for a tensor a tensor on the device of this
            object. On a CPU those of an image do not depend on what goes through with it.

        Raises
        ------
        ValueError
            When images or ``n_segments`` are out of range.
        UsageError
            When the network needs a second frame and there is none.
        """
        if isinstance(images, (list, tuple)):
            return self._each(images, n_segments, second)
        return self._labels(images, n_segments, second)

    def _each(
        self, images: Sequence[Images], n_segments: int, second: Sequence[Images] | None
    ) -> list[Any]:
        """Labels of every image, in their order."""
        labels: list[Any] = [None] * len(images)
        first, others = _tensors(images), None if second is None else _tensors(second)
        for batch in _batches(first):
            frames = None if others is None else torch.stack([others[i] for i in batch])
            made = self._labels(torch.stack([first[i] for i in batch]), n_segments, frames)
            for i, one in zip(batch, made, strict=True):
                labels[i] = one if isinstance(images[i], Tensor) else one.cpu().numpy()
        return labels

    def _labels(self, images: Images, n_segments: int, second: Images | None) -> Any:
        with torch.inference_mode():
            n_segments = whole_count(n_segments)
            features, superpixels = self._details(images, n_segments, second, self.surplus)
            labels = connected(superpixels.labels, features, n_segments, self.surplus)
        labels = labels if np.ndim(images) == 4 else labels[0]
        return labels if isinstance(images, Tensor) else labels.cpu().numpy()

    def details(self, images: Images, n_segments: int, second: Images | None = None) -> Details:
        """Cut images into clusters, and keep features and soft associations.

        Parameters and errors are those of a call; the result always has a batch dimension, and
        stays on the device. Its labels are ``n_segments`` clusters, or as many as the grid makes:
        there is no surplus, and nothing is joined.
        """
        with torch.no_grad():
            return self._details(images, n_segments, second, surplus=0)

    def _details(
        self, images: Images, n_segments: int, second: Images | None, surplus: float
    ) -> Details:
        frames = [_batch(images)]
        if self.network.architecture.frames == 2:
            if second is None:
                raise UsageError("these weights see pairs of frames, and there is no second one")
            frames.append(_batch(second))
        with stage("colour"):
            lab = lab_of(frames, self.device)
        height, width = lab.shape[2:]
        n = n_clusters(n_segments, height * width, surplus)
        grid = Grid.of(height, width, n)
        with stage("network"):
            features = self._features(lab, grid)
        with stage("clustering"):
            association = self.network.architecture.association
            superpixels = slic(features, n, self.n_iter, association=association)
        return Details(features, superpixels)

    def _features(self, lab: Tensor, grid: Grid) -> Tensor:
        n_rows = self.strip_rows or max(STRIP_PIXELS // (lab.shape[0] * grid.width), 1)
        if self.packed is not None:
            return self.packed.features(lab, grid, n_rows)
        half = self.dtype != torch.float32
        with torch.autocast(self.device.type, dtype=self.dtype if half else None, enabled=half):
            if n_rows < grid.height:
                return strips.features(self.network, lab, grid, n_rows)
            features: Tensor = self.network(lab, grid)
            return features


def _tensors(images: Sequence[Images]) -> list[Tensor]:
    for image in images:
        if np.ndim(image) != 3:
            shape = tuple(np.shape(image))
            raise ValueError(f"images of a sequence must be (H, W, 3), got {shape}")
    return [_batch(image)[0] for image in images]


def _batches(images: Sequence[Tensor]) -> list[list[int]]:
    """Numbers of images of one size, at most ``BATCH_PIXELS`` together."""
    of_size: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for i, image in enumerate(images):
        of_size[tuple(image.shape)].append(i)
    batches = []
    for shape, numbers in of_size.items():
        n = max(BATCH_PIXELS // max(shape[0] * shape[1], 1), 1)
        batches += [numbers[i : i + n] for i in range(0, len(numbers), n)]
    return batches


def _batch(images: Images) -> Tensor:
    if not isinstance(images, Tensor):
        images = _tensor(np.ma.asanyarray(images))
    batch = images if images.ndim == 4 else images[None]
    if batch.ndim != 4 or batch.shape[3] != 3 or 0 in batch.shape:
        shape = tuple(images.shape)
        mend = ": channels go last, images.movedim(-3, -1)" if 3 in shape[-3:-2] else ""
        raise ValueError(f"images must be (H, W, 3) or (B, H, W, 3), got {shape}{mend}")
    return batch


def _tensor(images: np.ma.MaskedArray[Any, Any]) -> Tensor:
    if images.dtype != np.uint8 or np.ma.is_masked(images):
        kind = "masked" if np.ma.is_masked(images) else str(images.dtype)
        raise ValueError(
            f"images must be uint8 (H, W, 3) or (B, H, W, 3), got {kind} of shape {images.shape}: "
            "floats in 0..1 times 255; ssnbench.segment takes pictures of other kinds"
        )
    # PyTorch warns of read-only memory, such as a mapped file's: that alone is copied.
    return torch.from_numpy(np.require(images.data, requirements=("C", "W")))
