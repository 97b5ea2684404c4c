"""A trained deep network as it runs on CPUs."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ssnbench.ssn.architecture import N_XYLAB
from ssnbench.ssn.convolution.combine import Coarse, Target, lines, run_combine
from ssnbench.ssn.convolution.parts import KernelParts, TorchParts
from ssnbench.ssn.kernels.grid import Grid
from ssnbench.ssn.kernels.threads import share
from ssnbench.ssn.network import FeatureNetwork
from ssnbench.ssn.strips import Rows, cuts


class PackedNetwork:
    """Features of a deep network on the CPU; its weights are packed once.

    In float32 they are those of the network up to rounding, and the same bits whatever the number
    of threads, the batch and (unless the last convolution sees the first one's input) the strips.

    Parameters
    ----------
    network : FeatureNetwork
        Deep, with its normalisations folded in (:meth:`FeatureNetwork.fused`). Its architecture's
        scales may change later, its weights are copied.
    dtype : torch.dtype
        Arithmetic of the convolutions.
    """

    def __init__(self, network: FeatureNetwork, dtype: torch.dtype = torch.float32) -> None:
        self.network = network
        self.parts: KernelParts | TorchParts = (
            KernelParts(network) if dtype == torch.float32 else TorchParts(network, dtype)
        )

    def features(self, lab: Tensor, grid: Grid, n_rows: int) -> Tensor:
        """Features of :meth:`FeatureNetwork.forward`, made of ``n_rows`` rows at a time."""
        batch, _, height, width = lab.shape
        stacked = lab.new_empty(batch, self.network.architecture.k, height, width)
        stacked[:, :N_XYLAB] = self.network.pixels(lab, grid)
        for rows in cuts(height, n_rows):
            pixels = stacked[:, :N_XYLAB, rows.first : rows.last]
            seen = self.network.seen(lab[:, :, rows.first : rows.last], pixels)
            for one, to in zip(seen, stacked, strict=True):
                self._learn(one, rows, to)
        return stacked

    def _learn(self, seen: Tensor, rows: Rows, to: Tensor) -> None:
        """Learned channels of a strip of one image, into its features ``to``."""
        height, width = seen.shape[1:]
        fine, *others = self.parts(seen)
        middle, coarse = (
            Coarse(*part, lines(rows.first, height, to.shape[1], i), lines(0, width, width, i))
            for i, part in enumerate(others, start=1)
        )
        floor = np.float32(0 if self.network.architecture.last_relu else -np.inf)
        planes, n = to.numpy().ravel(), len(to) - N_XYLAB
        target = Target(planes, to.shape[1], to.shape[2], N_XYLAB, n, rows.first, floor)
        skipped = rows.top - rows.first
        share(
            rows.bottom - rows.top,
            lambda a, b: run_combine(
                skipped + a, skipped + b, fine.products, fine.n_columns, self.parts.n_padded,
                middle, coarse, target,
            ),
        )  # fmt: skip
