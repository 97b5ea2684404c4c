"""What a training leaves in its folder, and what it tells while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ssnbench.contracts import UsageError
from ssnbench.learning.checkpoint import Learner, Log
from ssnbench.learning.config import Recipe
from ssnbench.learning.outcome import Progress
from ssnbench.learning.validate import Trial
from ssnbench.ssn.weights import save_network

CHECKPOINT, BEST = "checkpoint.safetensors", "best.safetensors"
LOG, VALIDATION = "log.csv", "validation.csv"
LOG_COLUMNS = ("step", "loss", "reconstruction", "compactness", "gradient", "rate")


def prepare(folder: Path) -> None:
    """Make the folder of a training, or clear away what a run left that was killed in writing.

    Raises
    ------
    UsageError
        When the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (CHECKPOINT, BEST, LOG, VALIDATION):
            for leftover in folder.glob(f".{name}.*"):
                leftover.unlink()
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error}; choose another folder") from error


class Journal:
    """Files and listeners of a training; a silent one has neither.

    Parameters
    ----------
    folder : Path
        Where the files are written.
    recipe, learner, facts
        What is being done, what it changes, and which training it is.
    counts : sequence of int
        Numbers of superpixels that are validated.
    progress, tried : callable, optional
        Told how far the training is, and step and result of every validation.
    silent : bool
        Write and tell nothing.
    """

    def __init__(
        self,
        folder: Path,
        recipe: Recipe,
        learner: Learner,
        facts: dict[str, Any],
        counts: Sequence[int] = (),
        progress: Callable[[Progress], None] | None = None,
        tried: Callable[[int, Trial], None] | None = None,
        silent: bool = False,
    ) -> None:
        self.folder, self.recipe, self.learner, self.facts = folder, recipe, learner, facts
        self._counts, self._progress, self._tried, self._silent = counts, progress, tried, silent
        self._first, self._started = learner.state.step, time.perf_counter()
        self._score: float | None = None
        self._files = ExitStack()

    def __enter__(self) -> Journal:
        if not self._silent:
            columns = ("step", *map(str, self._counts), "mean")
            self._log = self._files.enter_context(Log(self.folder / LOG, LOG_COLUMNS, self._first))
            self._validations = self._files.enter_context(
                Log(self.folder / VALIDATION, columns, self._first)
            )
        return self

    def __exit__(self, *exception: object) -> None:
        self._files.close()

    @property
    def weights(self) -> Path | None:
        """The file of the best network, once there is one."""
        path = self.folder / BEST
        return path if path.exists() else None

    def steps(self, rows: Sequence[Sequence[float]], waited: float) -> None:
        """Note the last steps: losses and gradient of each.

        Parameters
        ----------
        rows : sequence of (loss, reconstruction, compactness, gradient)
            Of the steps up to the learner's.
        waited : float
            Seconds that went into cutting patches since the start.
        """
        if self._silent:
            return
        first = self.learner.state.step - len(rows)
        for step, row in enumerate(rows, first):
            self._log.write(step + 1, (*row, self.recipe.rate_at(step)))
        self._log.flush()
        if self._progress is not None:
            self._progress(self._told(rows[-1], waited))

    def validation(self, trial: Trial) -> None:
        """Note how the averaged network did."""
        step = self.learner.state.step
        self._score = trial.score
        if self._silent:
            return
        self._validations.write(step, (*trial.means, trial.score))
        self._validations.flush()
        if self._tried is not None:
            self._tried(step, trial)

    def checkpoint(self) -> None:
        """Write all that is needed to go on."""
        if not self._silent:
            self.learner.save(self.folder / CHECKPOINT, self.facts)

    def keep(self) -> None:
        """Write the averaged network as the best one so far."""
        if self._silent:
            return
        recipe = {name: x for name, x in asdict(self.recipe).items() if name != "architecture"}
        training = {
            "recipe": recipe,
            "data": self.facts["data"],
            "step": self.learner.state.step,
            "score": self.learner.state.best,
            "torch": torch.__version__,
        }
        save_network(self.folder / BEST, self.learner.average, training)

    def _told(self, losses: Sequence[float], waited: float) -> Progress:
        step, steps = self.learner.state.step, self.recipe.steps
        seconds = time.perf_counter() - self._started
        return Progress(
            step=step,
            steps=steps,
            loss=losses[0],
            reconstruction=losses[1],
            compactness=losses[2],
            rate=self.recipe.rate_at(step - 1),
            seconds=seconds,
            remaining=seconds / (step - self._first) * (steps - step),
            waiting=waited / seconds,
            score=self._score,
            best=self.learner.state.best,
        )
