"""How a network is trained, whatever the method: every number, and the rate at every step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import torch

from ssnbench.contracts import UsageError
from ssnbench.learning.crops import Property, Scaling

RISE = 0.3
"""Share of a one-cycle schedule in which the rate rises."""

VALIDATION_SHARE = 1 / 20
"""Of the time of a training that validation may take, unless the user says how often it is made."""

_TRIED_COST = 1 / 4
"""Time to validate a pixel, as a share of the time to train on one (SSN on a processor: 3.7 and
14.6 microseconds). Pixels are counted, no clock is read: which network is kept must not depend on
how busy a machine is."""

_START, _END = 1 / 25, 1 / 250_000
"""Rate at either end of a one-cycle schedule, as a share of its peak (PyTorch's defaults)."""


@dataclass(frozen=True)
class TrainConfig:
    """A training, whatever is trained; patches and batch are those of SSN's paper (section 4.4).

    Attributes
    ----------
    start : str
        Weights to begin with, by name or file; empty: random ones.
    learns : {"segments", "flow"}
        What superpixels are to rebuild: segmentations, or motion to the second frame.
    steps : int
        Steps in all (paper: 500 000 at a constant rate).
    batch : int
        Patches of a step.
    patch : int
        Height and width of a patch in pixels.
    annotators : int
        Annotators whose segmentations of a patch count, the mean of their losses: one as in the
        paper, or more, where there are more; that costs little and makes gradients less noisy.
    rate : float
        Adam's rate: its peak with ``one-cycle`` (up for 30 % of the steps, then down, both as
        half a cosine), all along with ``constant`` (paper: 1e-4).
    schedule : {"one-cycle", "constant"}
        How the rate changes.
    decay : float
        Of the running average of weights that is validated and kept; 0: the weights themselves.
    scaling : Scaling
        Random enlargement of patches.
    seed : int
        Start of all randomness.
    precision : {"auto", "float32", "bfloat16"}
        Arithmetic of the convolutions; ``auto`` takes bfloat16 where the hardware has it.
    device : str
        ``cpu`` or ``cuda``.
    validate_every : int
        Steps between validations; 0: 1000, or so many more that they take a twentieth of the time.
    save_every : int
        Steps between checkpoints.

    Raises
    ------
    UsageError
        When a value is out of range.
    """

    start: str = ""
    learns: Property = "segments"
    steps: int = 50_000
    batch: int = 8
    patch: int = 201
    annotators: int = 4
    rate: float = 1e-3
    schedule: Literal["one-cycle", "constant"] = "one-cycle"
    decay: float = 0.999
    scaling: Scaling = field(default_factory=Scaling)
    seed: int = 0
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    device: str = "cpu"
    validate_every: int = 0
    save_every: int = 200

    def __post_init__(self) -> None:
        check_counts(self, "steps", "batch", "patch", "annotators", "save_every")
        if self.validate_every < 0:
            raise UsageError(f"validate_every must be 0 or more, got {self.validate_every}")
        if not self.rate > 0:
            raise UsageError(f"rate must be positive, got {self.rate}")
        if not 0 <= self.decay < 1:
            raise UsageError(f"decay must be 0 or more and below 1, got {self.decay}")
        check_choice("learns", self.learns, get_args(Property))
        check_choice("schedule", self.schedule, ("one-cycle", "constant"))
        check_choice("precision", self.precision, ("auto", "float32", "bfloat16"))

    def rate_at(self, step: int) -> float:
        """Rate of a step, counted from 0."""
        if self.schedule == "constant":
            return self.rate
        top = max(RISE * self.steps - 1, 1e-9)
        last = max(self.steps - 1, top + 1e-9)
        if step <= top:
            return self.rate * _between(_START, 1, step / top)
        return self.rate * _between(1, _END, (step - top) / (last - top))

    def validation_interval(self, n_pixels: int) -> int:
        """Steps between validations that try ``n_pixels`` pixels each, all counts together."""
        if self.validate_every:
            return self.validate_every
        affordable = n_pixels * _TRIED_COST / VALIDATION_SHARE / (self.batch * self.patch**2)
        return max(1000, math.ceil(affordable / 100) * 100)

    def affordable_pixels(self) -> int:
        """Pixels that a validation at the end may try without taking more than its share."""
        trained = self.steps * self.batch * self.patch**2
        return int(trained * VALIDATION_SHARE / _TRIED_COST)

    def uses_bfloat16(self) -> bool:
        """Whether the convolutions run in bfloat16 on this machine."""
        if self.precision != "auto":
            return self.precision == "bfloat16"
        if self.device.startswith("cuda"):
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
        # Without the instructions bfloat16 is several times slower than float32 on a processor.
        # There is no public way to ask for them in every supported version of PyTorch.
        is_supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
        return bool(is_supported and is_supported())

    def free(self) -> set[str]:
        """Fields that may change when a training is resumed."""
        return {"device", "save_every"} | ({"steps"} if self.schedule == "constant" else set())


def check_counts(config: object, *names: str) -> None:
    """Raise :class:`UsageError` unless these fields are 1 or more."""
    for name in names:
        if getattr(config, name) < 1:
            raise UsageError(f"{name} must be 1 or more, got {getattr(config, name)}")


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Raise :class:`UsageError` unless the value is one of the choices."""
    if value not in choices:
        raise UsageError(f"{name} must be one of {', '.join(choices)}, got {value!r}")


def _between(first: float, last: float, share: float) -> float:
    """Half a cosine from ``first`` to ``last``."""
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2
