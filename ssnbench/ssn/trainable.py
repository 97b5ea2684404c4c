"""SSN as ``ssnbench train`` trains it: network, losses and superpixels behind the contract."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ssnbench.contracts import Batch, Image, Labels, UsageError
from ssnbench.kernels import colour
from ssnbench.learning.config import check_choice, check_counts
from ssnbench.ssn.adapt import adapted
from ssnbench.ssn.architecture import Architecture
from ssnbench.ssn.connect import SURPLUS, connected, n_clusters
from ssnbench.ssn.features import lab_of, position_scale
from ssnbench.ssn.kernels.grid import Grid
from ssnbench.ssn.layer import slic
from ssnbench.ssn.losses import ssn_loss
from ssnbench.ssn.network import FeatureNetwork
from ssnbench.ssn.weights import find, load_network, save_network

N_ITER = 10
"""Iterations v when superpixels are made, as in the paper."""


@dataclass(frozen=True)
class TrainableSSN:
    """A Superpixel Sampling Network in training; defaults are the paper's (section 4.4).

    Attributes
    ----------
    architecture : Architecture
        What the network is made of.
    n_segments : int
        Superpixels in a patch, or the most of them.
    fewest_segments : int
        With this above 0 their number changes from step to step, evenly in its logarithm, from
        this one to ``n_segments``: a network for few and for many superpixels.
    n_iter : int
        Iterations v of differentiable SLIC.
    compactness : float
        Weight lambda of the compactness loss.
    compact_in : {"scaled", "pixels"}
        Unit of the compactness loss: positions as they stand in the features, or in pixels.
    detached : float
        Weight of the loss on superpixels that fall apart; 0, as in the paper: it is logged alone.

    Raises
    ------
    UsageError
        When a value is out of range.
    """

    architecture: Architecture = field(default_factory=Architecture)
    n_segments: int = 100
    fewest_segments: int = 0
    n_iter: int = 5
    compactness: float = 1e-5
    compact_in: Literal["scaled", "pixels"] = "scaled"
    detached: float = 0.0

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "default": {},
        "released": {"architecture": Architecture.released()},
        "paper": {"architecture": Architecture.paper()},
    }
    LOSSES: ClassVar[tuple[str, ...]] = ("loss", "reconstruction", "compactness", "detached")
    LEARNS: ClassVar[tuple[str, ...]] = ("segments", "flow")

    def __post_init__(self) -> None:
        check_counts(self, "n_segments", "n_iter")
        check_choice("compact_in", self.compact_in, ("scaled", "pixels"))
        if not 0 <= self.fewest_segments <= self.n_segments:
            raise UsageError(
                f"fewest_segments must be in 0 to {self.n_segments}, got {self.fewest_segments}"
            )
        if not 0 <= self.detached < math.inf:
            raise UsageError(f"detached must be 0 or more, got {self.detached}")

    @property
    def name(self) -> str:
        """``ssn``, ``ssn-linear``, ``ssn-k10`` ..."""
        plain, own = Architecture(), self.architecture
        variant = [own.variant] if own.variant != plain.variant else []
        return "-".join(["ssn", *variant, *([f"k{own.k}"] if own.k != plain.k else [])])

    @property
    def frames(self) -> int:
        """Frames that the first convolution sees."""
        return self.architecture.frames

    def represent(self, image: Image) -> NDArray[np.float32]:
        """CIE Lab, float32 (H, W, 3)."""
        return colour.rgb_to_lab(image)

    def network(self) -> FeatureNetwork:
        """Network with random weights."""
        return FeatureNetwork(self.architecture)

    def load(self, weights: str) -> FeatureNetwork:
        """Network with weights by name or file (:func:`ssnbench.ssn.weights.find`)."""
        return adapted(load_network(find(weights))[0], self.architecture)

    def save(self, path: Path, network: nn.Module, training: Mapping[str, Any]) -> None:
        """Write a network with its architecture; of the recipe, what that does not say."""
        assert isinstance(network, FeatureNetwork)
        recipe = {k: v for k, v in training["recipe"].items() if k != "architecture"}
        save_network(path, network, {**training, "recipe": recipe})

    def loss(self, network: Callable[..., Any], batch: Batch) -> Mapping[str, Tensor]:
        """Reconstruction and compactness of superpixels of the patches (section 4.3)."""
        n_segments = self.segments_at(batch.step)
        grid = Grid.of(batch.inputs.shape[2], batch.inputs.shape[3], n_segments)
        features: Tensor = network(batch.inputs, grid)
        association = self.architecture.association
        superpixels = slic(features, n_segments, self.n_iter, association=association)
        positions = features[:1, :2].detach()
        if self.compact_in == "pixels":
            positions = positions / position_scale(grid, self.architecture.eta)
        loss = ssn_loss(
            superpixels,
            batch.target,
            positions,
            weight=self.compactness,
            weight_detached=self.detached,
            valid=batch.valid,
            n_labels=batch.n_labels,
        )
        return dict(zip(self.LOSSES, loss, strict=True))

    def segments_at(self, step: int) -> int:
        """Superpixels in a patch at a step, from 0."""
        if self.fewest_segments == 0:
            return self.n_segments
        share = float(np.random.default_rng((step, self.n_segments)).random())
        spread: float = (self.n_segments / self.fewest_segments) ** share
        return round(self.fewest_segments * spread)

    def segment(
        self, network: nn.Module, image: Image, n_segments: int, second: Image | None = None
    ) -> Labels:
        """Superpixels as :class:`ssnbench.ssn.SSN` makes them."""
        device = next(network.parameters()).device
        frames = (image, second)[: self.frames]
        lab = lab_of([torch.from_numpy(f)[None] for f in frames if f is not None], device)
        with torch.inference_mode():
            height, width, _ = image.shape
            n = n_clusters(n_segments, height * width, SURPLUS)
            features = network(lab, Grid.of(height, width, n))
            superpixels = slic(features, n, N_ITER, association=self.architecture.association)
            joined = connected(superpixels.labels, features, n_segments, SURPLUS)
        labels: Labels = joined[0].cpu().numpy()
        return labels

    def parameters(self, weights: Path) -> Mapping[str, Any]:
        """The file, and the variant where it is not the default."""
        variant = self.architecture.variant
        return {"weights": weights} | ({} if variant == "deep" else {"variant": variant})
