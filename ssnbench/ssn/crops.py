"""Training patches, cut from images that are held in memory.

Which patches a step gets follows from seed and step alone: a training that is resumed sees what an
unbroken one would have seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ssnbench.colour import rgb_to_lab
from ssnbench.contracts import Labels, Sample, UsageError

IGNORED = -1
"""Label of a pixel without opinion."""


@dataclass(frozen=True)
class Scaling:
    """Random enlargement of a patch: clip(N(mean, std), smallest, largest).

    The defaults are those of the authors' code; ``Scaling(1, 0)`` leaves images as they are.
    """

    mean: float = 1.0
    std: float = 0.75
    smallest: float = 0.75
    largest: float = 3.0

    def __post_init__(self) -> None:
        if not (0 < self.smallest <= self.largest and self.std >= 0):
            raise UsageError(f"a scaling needs 0 < smallest <= largest and std >= 0, got {self}")

    def draw(self, rng: np.random.Generator) -> float:
        """Draw one scale."""
        return float(np.clip(rng.normal(self.mean, self.std), self.smallest, self.largest))


class Batch(NamedTuple):
    """Patches for one training step.

    Attributes
    ----------
    lab : float32 (B, 3, S, S)
        CIE Lab.
    segments : int64 (B, S, S)
        One annotator's segments, -1 where there is no opinion.
    """

    lab: Tensor
    segments: Tensor


class _Place(NamedTuple):
    """Where a patch is cut: from which pair, which square of the image, mirrored or not."""

    pair: int
    top: int
    left: int
    side: int
    flip: bool


class Crops:
    """Random patches of images and their segmentations.

    Every annotator's segmentation of an image is a sample of its own. Each is drawn once before
    any is drawn again, in an order that changes from round to round.

    Parameters
    ----------
    samples : iterable of Sample
        Images with truths; those without a truth are left out. They are kept as float16 Lab and
        int16 labels, 6 bytes per pixel and 2 per pixel and truth.
    size : int
        Height and width S of a patch (paper: 201).
    seed : int
        Start of all randomness.
    scaling : Scaling
        Random enlargement. A square that would be larger than its image is shrunk to fit.
    device : str or torch.device
        Where images are held and patches are made.

    Attributes
    ----------
    n_labels : int
        Number of labels of the image that has most.
    n_images, n_pairs : int
        Images, and pairs of an image and an annotator.

    Raises
    ------
    UsageError
        When no sample has a truth.
    """

    def __init__(
        self,
        samples: Iterable[Sample],
        size: int = 201,
        *,
        seed: int = 0,
        scaling: Scaling | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        self.size, self.seed = size, seed
        self.scaling = scaling or Scaling()
        self._images: list[Tensor] = []
        self._pairs: list[tuple[int, Tensor]] = []
        self.n_labels = 1
        for sample in samples:
            if sample.truths:
                self._keep(sample, device)
        if not self._pairs:
            raise UsageError("no image of the training data has a truth to learn from")
        self.n_images, self.n_pairs = len(self._images), len(self._pairs)

    def batch(self, step: int, n: int) -> Batch:
        """Cut the ``n`` patches of a step, counted from 0; the same whenever it is called."""
        rng = np.random.default_rng((self.seed, step))
        places = [self._place(self._pair(step * n + i), rng) for i in range(n)]
        lab, segments = zip(*map(self._cut, places), strict=True)
        return Batch(torch.stack(lab), torch.stack(segments))

    def _keep(self, sample: Sample, device: str | torch.device) -> None:
        lab = torch.from_numpy(rgb_to_lab(sample.image)).permute(2, 0, 1)
        for truth in sample.truths:
            self._pairs.append((len(self._images), _packed(truth).to(device)))
            self.n_labels = max(self.n_labels, int(truth.max()) + 1)
        self._images.append(lab.to(device, torch.float16).contiguous())

    def _pair(self, drawn: int) -> int:
        """Pair that is the ``drawn``-th one of the training."""
        turn, position = divmod(drawn, len(self._pairs))
        # three numbers, so that no round shares its randomness with the two numbers of a step
        order = np.random.default_rng((self.seed, turn, 1)).permutation(len(self._pairs))
        return int(order[position])

    def _place(self, pair: int, rng: np.random.Generator) -> _Place:
        height, width = self._pairs[pair][1].shape
        wanted = max(round(self.size / self.scaling.draw(rng)), 1)
        side = min(wanted, height, width)
        top, left = (int(rng.integers(length - side + 1)) for length in (height, width))
        return _Place(pair, top, left, side, bool(rng.integers(2)))

    def _cut(self, place: _Place) -> tuple[Tensor, Tensor]:
        image, truth = self._pairs[place.pair]
        rows = slice(place.top, place.top + place.side)
        columns = slice(place.left, place.left + place.side)
        lab = self._images[image][:, rows, columns].float()
        segments = truth[rows, columns]
        if place.side != self.size:
            shape = (self.size, self.size)
            lab = functional.interpolate(lab[None], shape, mode="bilinear")[0]
            nearest = self._nearest(place.side, truth.device)
            segments = segments[nearest[:, None], nearest]
        if place.flip:
            lab, segments = lab.flip(2), segments.flip(1)
        return lab, segments.long()

    def _nearest(self, side: int, device: torch.device) -> Tensor:
        """Nearest of ``side`` pixels for each pixel of the patch, middle to middle."""
        index = torch.arange(self.size, device=device)
        return (2 * index + 1) * side // (2 * self.size)


def _packed(truth: Labels) -> Tensor:
    labels = torch.from_numpy(np.maximum(truth, IGNORED))
    return labels.to(torch.int16) if int(truth.max()) <= torch.iinfo(torch.int16).max else labels
