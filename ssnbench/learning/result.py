"""What a training tells: while it runs, when it ends, and when it cannot go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ssnbench.contracts import UsageError
from ssnbench.learning.signals import Cause


class DivergedError(UsageError):
    """Losses or gradients are no longer finite."""


@dataclass(frozen=True)
class TrainProgress:
    """What a training tells while it runs.

    Attributes
    ----------
    step, steps : int
        Steps done, and steps in all.
    losses : mapping of str to float
        Of the last step, by name; the first one is made small.
    rate : float
        Of the last step.
    seconds : float
        Since this run started or was resumed.
    speed : float
        Steps per second, validations included: the mean of this run, but for its first step, in
        which kernels may be compiled.
    remaining : float
        Seconds to go at that speed.
    waiting, validating : float
        Shares of the seconds that went into cutting patches, and into validations.
    score, best : float or None
        Last validation of this run, and the best of all.
    """

    step: int
    steps: int
    losses: Mapping[str, float]
    rate: float
    seconds: float
    speed: float
    remaining: float
    waiting: float
    validating: float
    score: float | None
    best: float | None


@dataclass(frozen=True)
class TrainResult:
    """How a training ended.

    Attributes
    ----------
    step : int
        Steps done.
    finished : bool
        False when it was stopped before its end; start it again to go on.
    score, best_step : float or None, int
        Score of the network in ``weights``, and after which step it was made.
    weights : Path or None
        ``best.safetensors``, once there is one.
    cause : {"", "signal", "time"}
        Why it was stopped before its end.
    """

    step: int
    finished: bool
    score: float | None
    best_step: int
    weights: Path | None
    cause: Cause = ""
