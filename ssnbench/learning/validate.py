"""Try a network on whole images while it is being trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from ssnbench.contracts import Labels, Sample, UsageError
from ssnbench.ssn.connect import MIN_SHARE, connected
from ssnbench.ssn.features import lab_of
from ssnbench.ssn.kernels.grid import Grid
from ssnbench.ssn.layer import slic
from ssnbench.ssn.network import FeatureNetwork


class Trial(NamedTuple):
    """How a network did.

    Attributes
    ----------
    means : tuple of float
        Mean score over the images, for each count.
    shown : list of (Sample, Labels)
        Some images with their labels int32 (H, W), to look at.
    """

    means: tuple[float, ...]
    shown: list[tuple[Sample, Labels]]

    @property
    def score(self) -> float:
        """Mean over images and counts."""
        return sum(self.means) / len(self.means)


class _Tried(NamedTuple):
    """One image: its number, a score for each count, and labels if they are to be shown."""

    number: int
    scores: list[float]
    labels: Labels | None


@dataclass(frozen=True)
class Validation:
    """Whole images, and how the superpixels made of them are judged.

    Attributes
    ----------
    samples : sequence of Sample
        Images that are not trained on.
    score : callable
        From labels int32 (H, W), sample and number of superpixels asked for to a score; the higher
        the better. It is given what inference gives, before the benchmark's gate.
    counts : tuple of int
        Numbers of superpixels to ask for.
    n_iter : int
        Iterations v (paper: 10 at test time).
    n_shown : int
        So many images are shown, at the middle count.

    Raises
    ------
    UsageError
        When there are no samples, or no counts.
    """

    samples: Sequence[Sample]
    score: Callable[[Labels, Sample, int], float]
    counts: tuple[int, ...] = (60, 300, 1000)
    n_iter: int = 10
    n_shown: int = 0

    def __post_init__(self) -> None:
        if not self.samples or not self.counts:
            raise UsageError("a validation needs at least one image and one number of superpixels")

    def tried(
        self,
        network: FeatureNetwork,
        device: str,
        give_up: Callable[[], bool],
        part: slice = slice(None),
    ) -> list[_Tried] | None:
        """Try a network on part of the images; None when ``give_up`` came to be true."""
        done = []
        for number in range(len(self.samples))[part]:
            sample, scores, shown = self.samples[number], [], None
            for count in self.counts:
                if give_up():
                    return None
                labels = self._labels(network, sample, count, device)
                scores.append(self.score(labels, sample, count))
                if number < self.n_shown and count == self.counts[len(self.counts) // 2]:
                    shown = labels
            done.append(_Tried(number, scores, shown))
        return done

    def summary(self, tried: Sequence[_Tried]) -> Trial:
        """Join what :meth:`tried` gave for all images, in any order."""
        ordered = sorted(tried)
        columns = zip(*(one.scores for one in ordered), strict=True)
        means = tuple(sum(column) / len(ordered) for column in columns)
        shown = [(self.samples[i], labels) for i, _, labels in ordered if labels is not None]
        return Trial(means, shown)

    def _labels(self, network: FeatureNetwork, sample: Sample, count: int, device: str) -> Labels:
        height, width, _ = sample.image.shape
        frames = (sample.image, sample.second)[: network.architecture.frames]
        lab = lab_of([torch.from_numpy(f)[None] for f in frames if f is not None], device)
        with torch.inference_mode():
            features = network(lab, Grid.of(height, width, count))
            association = network.architecture.association
            made = slic(features, count, self.n_iter, association=association)
            joined = connected(made.labels, features, count, MIN_SHARE)
        labels: Labels = joined[0].cpu().numpy()
        return labels
