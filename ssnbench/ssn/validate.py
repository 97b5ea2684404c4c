"""Try a network on whole images while it is being trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from ssnbench.colour import rgb_to_lab
from ssnbench.contracts import Labels, Sample, UsageError
from ssnbench.ssn.grid import Grid
from ssnbench.ssn.layer import slic
from ssnbench.ssn.network import FeatureNetwork


@dataclass(frozen=True)
class Validation:
    """Whole images, and how the superpixels made of them are judged.

    Attributes
    ----------
    samples : sequence of Sample
        Images that are not trained on.
    score : callable
        From labels int32 (H, W), sample and number of superpixels asked for to a score; the higher
        the better. It is given raw labels: making them connected is its business.
    counts : tuple of int
        Numbers of superpixels to ask for.
    n_iter : int
        Iterations v (paper: 10 at test time).

    Raises
    ------
    UsageError
        When there are no samples, or no counts.
    """

    samples: Sequence[Sample]
    score: Callable[[Labels, Sample, int], float]
    counts: tuple[int, ...] = (60, 300, 1000)
    n_iter: int = 10

    def __post_init__(self) -> None:
        if not self.samples or not self.counts:
            raise UsageError("a validation needs at least one image and one number of superpixels")

    def means(
        self, network: FeatureNetwork, device: str, give_up: Callable[[], bool]
    ) -> list[float] | None:
        """Mean score over the samples for each count; None when ``give_up`` came to be true."""
        sums = [0.0] * len(self.counts)
        for sample in self.samples:
            for index, count in enumerate(self.counts):
                if give_up():
                    return None
                labels = self._labels(network, sample, count, device)
                sums[index] += self.score(labels, sample, count)
        return [total / len(self.samples) for total in sums]

    def _labels(self, network: FeatureNetwork, sample: Sample, count: int, device: str) -> Labels:
        height, width, _ = sample.image.shape
        lab = torch.from_numpy(rgb_to_lab(sample.image)).to(device)
        planes = lab.permute(2, 0, 1)[None]  # as it lies in memory, this is channels_last
        with torch.inference_mode():
            features = network(planes, Grid.of(height, width, count))
            association = network.architecture.association
            made = slic(features, count, self.n_iter, association=association)
        labels: Labels = made.labels[0].cpu().numpy()
        return labels
