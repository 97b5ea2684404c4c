"""A trained network and differentiable SLIC in one call: from images to superpixels."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssnbench.colour import rgb_to_lab
from ssnbench.contracts import PathLike
from ssnbench.ssn import weights
from ssnbench.ssn.grid import Grid
from ssnbench.ssn.layer import Superpixels, slic
from ssnbench.ssn.network import FeatureNetwork
from ssnbench.stages import stage

Precision = Literal["float32", "bfloat16"]


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
        A trained network; it is moved to ``device`` and put into evaluation mode.
    n_iter : int
        Iterations v of differentiable SLIC (paper: 10 at test time).
    device : str or torch.device
        Where to compute.
    precision : {"float32", "bfloat16"}
        Arithmetic of the convolutions; clustering is always in float32.

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
        device: str | torch.device = "cpu",
        precision: Precision = "float32",
    ) -> None:
        self.device = torch.device(device)
        self.network = network.eval()
        self.network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.n_iter, self.precision = n_iter, precision

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
            ``n_iter``, ``device`` and ``precision``.

        Raises
        ------
        UsageError
            When there are no such weights, when the file is cut short or not one of ours, or when
            its k is another.
        """
        network, _ = weights.load_network(weights.find(str(name), model), k)
        return cls(network, **options)

    def __call__(self, images: NDArray[np.uint8], n_segments: int) -> NDArray[np.int32]:
        """Cut images into superpixels.

        Parameters
        ----------
        images : uint8 (H, W, 3) or (B, H, W, 3)
            sRGB.
        n_segments : int
            Number of superpixels asked for, 1 to H * W; the grid makes at most that many.

        Returns
        -------
        int32 (H, W) or (B, H, W)
            Labels 0..m-1; pieces of one superpixel need not touch
            (:func:`ssnbench.labels.enforce` makes them).

        Raises
        ------
        ValueError
            When images or ``n_segments`` are out of range.
        """
        with torch.inference_mode():
            made = self._details(images, n_segments)
        labels: NDArray[np.int32] = made.superpixels.labels.cpu().numpy()
        return labels if images.ndim == 4 else labels[0]

    def details(self, images: NDArray[np.uint8], n_segments: int) -> Details:
        """Cut images into superpixels, and keep features and soft associations.

        Parameters and errors are those of a call; the result always has a batch dimension, and
        stays on the device.
        """
        with torch.no_grad():
            return self._details(images, n_segments)

    def _details(self, images: NDArray[np.uint8], n_segments: int) -> Details:
        batch = images if images.ndim == 4 else images[None]
        with stage("colour"):
            lab = self._lab(batch)
        height, width = lab.shape[2:]
        half = self.precision == "bfloat16"
        with (
            stage("network"),
            torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=half),
        ):
            features: Tensor = self.network(lab, Grid.of(height, width, n_segments))
        with stage("clustering"):
            association = self.network.architecture.association
            made = slic(features, n_segments, self.n_iter, association=association)
        return Details(features, made)

    def _lab(self, batch: NDArray[np.uint8]) -> Tensor:
        """Lab (B, 3, H, W); the conversion's (B, H, W, 3) already is channels_last."""
        if batch.ndim != 4 or batch.shape[3] != 3 or 0 in batch.shape:
            raise ValueError(f"images must be (H, W, 3) or (B, H, W, 3), got {batch.shape}")
        # The conversion works pixel by pixel, so that a batch may pass as one tall image.
        tall = batch.reshape(-1, *batch.shape[2:])
        lab = torch.from_numpy(rgb_to_lab(tall).reshape(batch.shape))
        return lab.to(self.device).permute(0, 3, 1, 2)
