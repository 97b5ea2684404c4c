"""Try a network on whole images while it is being trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from torch import nn

from ssnbench.contracts import Labels, Sample, Trainable, UsageError
from ssnbench.learning.config import TrainConfig

FEWEST = 4
"""Images on which even the shortest training is validated."""


class ValidationResult(NamedTuple):
    """How a network did.

    Attributes
    ----------
    means : tuple of float
        Mean score over the images, for each count.
    shown : list of (Sample, Labels)
        Some images with their labels int32 (H, W), to look at.
    measure : str
        What the score is.
    seconds : float
        How long it took.
    share : float
        Of the time of this run so far that went into validations, this one included.
    """

    means: tuple[float, ...]
    shown: list[tuple[Sample, Labels]]
    measure: str = "score"
    seconds: float = 0.0
    share: float = 0.0

    @property
    def score(self) -> float:
        """Mean over images and counts."""
        return sum(self.means) / len(self.means)


class ImageScores(NamedTuple):
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
        the better. It is given what the method makes, before connectivity.
    counts : tuple of int
        Numbers of superpixels to ask for.
    n_shown : int
        So many images are shown, at the middle count.
    measure : str
        What the score is, to be told.

    Raises
    ------
    UsageError
        When there are no samples, or no counts.
    """

    samples: Sequence[Sample]
    score: Callable[[Labels, Sample, int], float]
    counts: tuple[int, ...] = (60, 300, 1000)
    n_shown: int = 0
    measure: str = "score"

    def __post_init__(self) -> None:
        if not self.samples or not self.counts:
            raise UsageError("a validation needs at least one image and one number of superpixels")

    @property
    def n_pixels(self) -> int:
        """Pixels that are tried, all counts together."""
        sizes: list[tuple[int, ...]] = [sample.image.shape for sample in self.samples]
        return len(self.counts) * sum(height * width for height, width, *_ in sizes)

    def affordable(self, config: TrainConfig) -> Validation:
        """The same on fewer images, as far as a short training would else mostly be validation.

        `FEWEST` remain: a score of fewer says nothing. None is left out where steps may be added
        later: a training that goes on has to be validated on the same.
        """
        if "steps" in config.free():
            return self
        each = self.n_pixels / len(self.samples)
        n = max(int(config.affordable_pixels() / each), FEWEST)
        if n >= len(self.samples):
            return self
        return replace(self, samples=[self.samples[i * len(self.samples) // n] for i in range(n)])

    def evaluate(
        self,
        trainable: Trainable,
        network: nn.Module,
        give_up: Callable[[], bool],
        part: slice = slice(None),
        validating: Callable[[int, int], None] | None = None,
    ) -> list[ImageScores] | None:
        """Try a network on part of the images; None when ``give_up`` came to be true.

        ``validating`` is told number and count of the images before each of them.
        """
        done = []
        for number in range(len(self.samples))[part]:
            if validating is not None:
                validating(number + 1, len(self.samples))
            sample, scores, shown = self.samples[number], [], None
            for count in self.counts:
                if give_up():
                    return None
                labels = trainable.segment(network, sample.image, count, sample.second)
                scores.append(self.score(labels, sample, count))
                if number < self.n_shown and count == self.counts[len(self.counts) // 2]:
                    shown = labels
            done.append(ImageScores(number, scores, shown))
        return done

    def summary(self, images: Sequence[ImageScores]) -> ValidationResult:
        """Join what :meth:`evaluate` gave for all images, in any order."""
        ordered = sorted(images)
        columns = zip(*(image.scores for image in ordered), strict=True)
        means = tuple(sum(column) / len(ordered) for column in columns)
        shown = [(self.samples[i], labels) for i, _, labels in ordered if labels is not None]
        return ValidationResult(means, shown, self.measure)
