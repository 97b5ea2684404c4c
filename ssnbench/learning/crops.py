"""Training patches, cut from images that are held in memory.

Which patches a step gets follows from seed and step alone: a training that is resumed sees what an
unbroken one would have seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ssnbench.contracts import Batch, Image, Labels, Sample, UsageError
from ssnbench.kernels.colour import rgb_to_lab

IGNORED = -1
"""Label of a pixel without opinion."""


@dataclass(frozen=True)
class Scaling:
    """Random enlargement of a patch: clip(N(mean, std), smallest, largest).

    The defaults are those of the authors' code; ``Scaling(1, 0)`` leaves images as they are.

    Attributes
    ----------
    mean : float
        Mean of the normal distribution that scales are drawn from.
    std : float
        Standard deviation of that distribution; 0: every patch is enlarged alike.
    smallest : float
        Scales below are raised to this one.
    largest : float
        Scales above are lowered to this one.
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


Property = Literal["segments", "flow"]
"""What superpixels learn to rebuild."""


class _Place(NamedTuple):
    """Where a patch is cut: from which pair, which square of the image, mirrored or not."""

    pair: int
    top: int
    left: int
    side: int
    flip: bool


class Crops:
    """Random patches of images and their segmentations, or flow.

    Every annotator's segmentation of an image is a sample of its own. Each is drawn once before
    any is drawn again, in an order that changes from round to round. It may bring along those of
    other annotators of the same patch.

    Parameters
    ----------
    samples : iterable of Sample
        Images with truths; those without a truth are left out. They are kept as float16 planes
        (6 bytes per pixel and frame of three), int16 labels and float16 flow (2 or 4 per pixel).
    size : int
        Height and width S of a patch (paper: 201).
    seed : int
        Start of all randomness.
    scaling : Scaling
        Random enlargement. A square that would be larger than its image is shrunk to fit.
    device : str or torch.device
        Where images are held and patches are made.
    learns : {"segments", "flow"}
        Which truths.
    frames : {1, 2}
        Frames of a sample.
    represent : callable
        From a frame to what the network sees of it, float32 (H, W, C); CIE Lab if not given.
    annotators : int
        Annotators T whose segments of a patch are given, if any image has as many; of an image
        that has fewer, some twice.

    Attributes
    ----------
    n_labels : int
        Number of labels of the image that has most; 1 for flow.
    n_images, n_pairs : int
        Images, and pairs of an image and an annotator.

    Raises
    ------
    UsageError
        When no sample has such a truth, or one that has lacks a second frame that is needed.
    """

    def __init__(
        self,
        samples: Iterable[Sample],
        size: int = 201,
        *,
        seed: int = 0,
        scaling: Scaling | None = None,
        device: str | torch.device = "cpu",
        learns: Property = "segments",
        frames: int = 1,
        annotators: int = 1,
        represent: Callable[[Image], NDArray[np.float32]] = rgb_to_lab,
    ) -> None:
        self.size, self.seed, self.learns, self.frames = size, seed, learns, frames
        self._represent = represent
        self.scaling = scaling or Scaling()
        self._images: list[Tensor] = []
        self._pairs: list[tuple[int, Tensor]] = []
        self._first: list[int] = []  # the first pair of each image
        self.n_labels = 1
        for sample in samples:
            if _has(sample, learns):
                self._keep(sample, device)
        if not self._pairs:
            raise UsageError(
                "no image of the training data has a truth to learn from"
                if learns == "segments"
                else "no image of the training data has flow to learn from"
            )
        self.n_images, self.n_pairs = len(self._images), len(self._pairs)
        ends = [*self._first[1:], self.n_pairs]
        self.annotators = min(annotators, max(np.subtract(ends, self._first)))

    def batch(self, step: int, n: int) -> Batch:
        """Cut the ``n`` patches of a step, counted from 0; the same whenever it is called."""
        rng = np.random.default_rng((self.seed, step))
        places = [self._place(self._pair(step * n + i), rng) for i in range(n)]
        inputs, targets = zip(*map(self._cut, places), strict=True)
        target = torch.stack(targets)
        if self.learns == "segments":
            return Batch(torch.stack(inputs), target.long(), None, self.n_labels, step)
        valid = target.isfinite().all(1)
        return Batch(torch.stack(inputs), target, valid, self.n_labels, step)

    def _keep(self, sample: Sample, device: str | torch.device) -> None:
        frames = [sample.image, sample.second][: self.frames]
        if any(frame is None for frame in frames):
            raise UsageError(f"{sample.key} has no second frame, which the network needs")
        seen = [self._represent(frame) for frame in frames if frame is not None]
        planes = torch.from_numpy(np.concatenate(seen, 2)).permute(2, 0, 1)
        self._first.append(len(self._pairs))
        if self.learns == "flow":
            self._pairs.append((len(self._images), _flow_of(sample).to(device)))
        else:
            for truth in sample.truths:
                self._pairs.append((len(self._images), _packed(truth).to(device)))
                self.n_labels = max(self.n_labels, int(truth.max()) + 1)
        self._images.append(planes.to(device, torch.float16).contiguous())

    def _pair(self, drawn: int) -> int:
        """Pair that is the ``drawn``-th one of the training."""
        turn, position = divmod(drawn, len(self._pairs))
        # three numbers, so that no round shares its randomness with the two numbers of a step
        order = np.random.default_rng((self.seed, turn, 1)).permutation(len(self._pairs))
        return int(order[position])

    def _place(self, pair: int, rng: np.random.Generator) -> _Place:
        height, width = self._pairs[pair][1].shape[-2:]
        wanted = max(round(self.size / self.scaling.draw(rng)), 1)
        side = min(wanted, height, width)
        top, left = (int(rng.integers(length - side + 1)) for length in (height, width))
        return _Place(pair, top, left, side, bool(rng.integers(2)))

    def _cut(self, place: _Place) -> tuple[Tensor, Tensor]:
        image = self._pairs[place.pair][0]
        rows = slice(place.top, place.top + place.side)
        columns = slice(place.left, place.left + place.side)
        inputs = self._images[image][:, rows, columns].float()
        truths = [truth[..., rows, columns] for truth in self._truths(place.pair)]
        target = torch.stack(truths) if self.learns == "segments" else truths[0]
        if place.side != self.size:
            shape = (self.size, self.size)
            inputs = functional.interpolate(inputs[None], shape, mode="bilinear")[0]
            nearest = self._nearest(place.side, target.device)
            target = target[..., nearest[:, None], nearest]
        if place.flip:
            inputs, target = inputs.flip(2), target.flip(-1)
        if self.learns == "flow":  # in pixels of the patch; mirrored, what went right goes left
            scale = self.size / place.side
            across = -scale if place.flip else scale
            target = target.float() * target.new_tensor((across, scale)).view(2, 1, 1)
        return inputs, target

    def _truths(self, pair: int) -> list[Tensor]:
        """The truth of a pair, and those behind it of the same image, round and round."""
        image = self._pairs[pair][0]
        first, last = self._first[image], [*self._first, len(self._pairs)][image + 1]
        turn = [first + (pair - first + i) % (last - first) for i in range(self.annotators)]
        return [self._pairs[each][1] for each in turn]

    def _nearest(self, side: int, device: torch.device) -> Tensor:
        """Nearest of ``side`` pixels for each pixel of the patch, middle to middle."""
        index = torch.arange(self.size, device=device)
        return (2 * index + 1) * side // (2 * self.size)


def _has(sample: Sample, learns: Property) -> bool:
    return sample.flow is not None if learns == "flow" else bool(sample.truths)


def _flow_of(sample: Sample) -> Tensor:
    """Flow (2, H, W), NaN where it does not count."""
    assert sample.flow is not None
    flow = sample.flow.copy()  # NaN already where it is unknown
    if sample.valid is not None:
        flow[~sample.valid] = np.nan
    return torch.from_numpy(flow).permute(2, 0, 1).contiguous().half()


def _packed(truth: Labels) -> Tensor:
    labels = torch.from_numpy(np.maximum(truth, IGNORED))
    return labels.to(torch.int16) if int(truth.max()) <= torch.iinfo(torch.int16).max else labels
