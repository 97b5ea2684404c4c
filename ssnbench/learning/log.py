"""What a training leaves in its folder, and what it tells while it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ssnbench.contracts import Trainable, UsageError
from ssnbench.learning.card import Provenance, Standing, card, read_validations
from ssnbench.learning.checkpoint import CsvLog, Learner
from ssnbench.learning.config import TrainConfig
from ssnbench.learning.result import TrainProgress
from ssnbench.learning.sessions import Clock, Sessions
from ssnbench.learning.validate import Validation, ValidationResult
from ssnbench.learning.weights import write_whole

CHECKPOINT, BEST = "checkpoint.safetensors", "best.safetensors"
LOG, VALIDATION, SESSIONS, CARD = "log.csv", "validation.csv", "sessions.csv", "card.md"


def prepare(folder: Path) -> None:
    """Make the folder of a training, or clear away what a run left that was killed in writing.

    Raises
    ------
    UsageError
        When the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (CHECKPOINT, BEST, LOG, VALIDATION, SESSIONS, CARD):
            for leftover in folder.glob(f".{name}.*"):
                leftover.unlink()
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error}; choose another folder") from error


def settings_of(trainable: Trainable, config: TrainConfig) -> dict[str, Any]:
    """Every field of a training by name: the trainer's, and the method's own."""
    own: dict[str, Any] = asdict(trainable)  # type: ignore[call-overload]
    return asdict(config) | own


class TrainLog:
    """Files and listeners of a training; a silent one has neither.

    Parameters
    ----------
    folder : Path
        Where the files are written.
    trainable, config, learner, facts
        What is trained and how, what that changes, and which training it is.
    validation : Validation, optional
        What networks are tried on.
    provenance : Provenance, optional
        What the card tells beside what the trainer knows.
    progress, validated, validating : callable, optional
        Told how far the training is, step and result of every validation, and at which of how many
        images it is.
    silent : bool
        Write and tell nothing.
    """

    def __init__(
        self,
        folder: Path,
        trainable: Trainable,
        config: TrainConfig,
        learner: Learner,
        facts: dict[str, Any],
        *,
        validation: Validation | None = None,
        provenance: Provenance | None = None,
        progress: Callable[[TrainProgress], None] | None = None,
        validated: Callable[[int, ValidationResult], None] | None = None,
        validating: Callable[[int, int], None] | None = None,
        silent: bool = False,
    ) -> None:
        self.folder, self.trainable, self.config = folder, trainable, config
        self.learner, self.facts = learner, facts
        self._counts = validation.counts if validation else ()
        self.validating = None if silent else validating
        self._measure = validation.measure if validation else ""
        self._provenance = provenance or Provenance()
        self._progress, self._validated, self._silent = progress, validated, silent
        self._first, self.clock = learner.state.step, Clock()
        self._warm: tuple[int, float] | None = None  # step and second of the first report
        self._score: float | None = None
        place = self._provenance.machine, config.device
        self._sessions = Sessions(folder / SESSIONS, *place, self._first, self.clock)
        self._files = ExitStack()

    def __enter__(self) -> TrainLog:
        if not self._silent:
            losses = ("step", *self.trainable.LOSSES, "gradient", "rate")
            scores = ("step", *map(str, self._counts), "mean")
            self._log = self._files.enter_context(CsvLog(self.folder / LOG, losses, self._first))
            self._validations = self._files.enter_context(
                CsvLog(self.folder / VALIDATION, scores, self._first)
            )
        return self

    def __exit__(self, *exception: object) -> None:
        self._files.close()

    @property
    def weights(self) -> Path | None:
        """The file of the best network, once there is one."""
        path = self.folder / BEST
        return path if path.exists() else None

    def steps(self, rows: Sequence[Sequence[float]]) -> None:
        """Note the last steps: losses and gradient of each.

        Parameters
        ----------
        rows : sequence of (*losses, gradient)
            Of the steps up to the learner's.
        """
        if self._silent:
            return
        first = self.learner.state.step - len(rows)
        for step, row in enumerate(rows, first):
            self._log.write(step + 1, (*row, self.config.rate_at(step)))
        self._log.flush()
        if self._progress is not None:
            self._progress(self._report(rows[-1]))

    def validation(self, result: ValidationResult) -> None:
        """Note how the averaged network did."""
        step = self.learner.state.step
        self._score = result.score
        if self._silent:
            return
        self._validations.write(step, (*result.means, result.score))
        self._validations.flush()
        if self._validated is not None:
            self._validated(step, result)

    def checkpoint(self) -> None:
        """Write all that is needed to go on."""
        if not self._silent:
            self.learner.save(self.folder / CHECKPOINT, self.facts)
            self._sessions.write(self.learner.state.step)

    def card(self) -> None:
        """Write what was trained, on what, how, for how long, and how good it became."""
        if self._silent:
            return
        standing = Standing(
            self.learner.state,
            sum(parameter.numel() for parameter in self.learner.network.parameters()),
            self._sessions.all(self.learner.state.step),
            read_validations(self.folder / VALIDATION),
            self._measure,
        )
        text = card(self.trainable, self.config, standing, self._provenance)
        write_whole(self.folder / CARD, text.encode())

    def keep(self) -> None:
        """Write the averaged network as the best one so far."""
        if self._silent:
            return
        training = {
            "recipe": settings_of(self.trainable, self.config),
            "data": self.facts["data"],
            "step": self.learner.state.step,
            "score": self.learner.state.best,
            "torch": torch.__version__,
        }
        self.trainable.save(self.folder / BEST, self.learner.average, training)

    def _report(self, row: Sequence[float]) -> TrainProgress:
        step, steps, clock = self.learner.state.step, self.config.steps, self.clock
        speed = self._speed(step, seconds := clock.seconds)
        return TrainProgress(
            step=step,
            steps=steps,
            losses=dict(zip(self.trainable.LOSSES, row[:-1], strict=True)),
            rate=self.config.rate_at(step - 1),
            seconds=seconds,
            speed=speed,
            remaining=(steps - step) / speed,
            waiting=clock.share(clock.waiting),
            validating=clock.share(clock.validating),
            score=self._score,
            best=self.learner.state.best,
        )

    def _speed(self, step: int, seconds: float) -> float:
        """Steps per second since the first report, before which kernels were compiled."""
        if self._warm is None:
            self._warm = step, seconds
            return (step - self._first) / max(seconds, 1e-9)
        first, start = self._warm
        return (step - first) / max(seconds - start, 1e-9)
