"""Train a network so that superpixels follow segmentations, and survive whatever happens.

A training writes four files into its folder: ``checkpoint.safetensors`` (to go on from),
``best.safetensors`` (the network to use), ``log.csv`` (losses of every step) and
``validation.csv``. Started again in the same folder it goes on from its checkpoint, and on a
processor ends with the same files as a run that was never interrupted.
"""

from __future__ import annotations

import copy
import hashlib
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ssnbench.contracts import PathLike, Sample, UsageError
from ssnbench.ssn.checkpoint import Learner, Log, State
from ssnbench.ssn.crops import Batch, Crops
from ssnbench.ssn.features import position_scale
from ssnbench.ssn.grid import Grid
from ssnbench.ssn.layer import slic
from ssnbench.ssn.losses import ssn_loss
from ssnbench.ssn.network import FeatureNetwork
from ssnbench.ssn.outcome import DivergedError, Outcome, Progress
from ssnbench.ssn.recipe import Recipe
from ssnbench.ssn.signals import stop_on_signals
from ssnbench.ssn.validate import Validation
from ssnbench.ssn.weights import save_network

CHECKPOINT, BEST = "checkpoint.safetensors", "best.safetensors"
LOG, VALIDATION = "log.csv", "validation.csv"
LOG_COLUMNS = ("step", "loss", "reconstruction", "compactness", "gradient", "rate")


def train(
    recipe: Recipe,
    samples: Sequence[Sample],
    out_dir: PathLike,
    *,
    validation: Validation | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Outcome:
    """Train a network, or go on with a training that was interrupted.

    SIGINT and SIGTERM stop it after the step at hand, with a checkpoint (a second SIGINT at once).

    Parameters
    ----------
    recipe : Recipe
        What to do.
    samples : sequence of Sample
        Training images with truths: every annotator's is a sample of its own.
    out_dir : path
        Folder of this training; it is made if need be.
    validation : Validation, optional
        Whole images on which the averaged network is tried. The network of the highest mean over
        images and counts is kept; without it, the last one.
    progress : callable, optional
        Told how far the training is, after every step (every tenth on a GPU).

    Returns
    -------
    Outcome
        Where it stands.

    Raises
    ------
    DivergedError
        When losses or gradients are no longer finite; the last checkpoint is sound.
    UsageError
        When the folder holds another training, when there is nothing to learn from, or when the
        disk is full.
    """
    crops = Crops(
        samples, recipe.patch, seed=recipe.seed, scaling=recipe.scaling, device=recipe.device
    )
    folder = Path(out_dir)
    _make(folder)
    learner = _learner(recipe)
    facts = {**recipe.fixed(), "data": _fingerprint(samples), "validation": None}
    if validation:
        facts["validation"] = {
            "data": _fingerprint(validation.samples),
            "counts": list(validation.counts),
            "n_iter": validation.n_iter,
        }
    if (folder / CHECKPOINT).exists():
        learner.load(folder / CHECKPOINT, facts)
    counts = map(str, validation.counts if validation else ())
    last_step = learner.state.step
    with (
        Log(folder / LOG, LOG_COLUMNS, last_step) as log,
        Log(folder / VALIDATION, ("step", *counts, "mean"), last_step) as validation_log,
        stop_on_signals() as stop,
    ):
        logs = log, validation_log
        return _Run(recipe, crops, learner, folder, facts, logs, validation, progress).until(stop)


class _Run:
    """One process's part of a training."""

    def __init__(
        self,
        recipe: Recipe,
        crops: Crops,
        learner: Learner,
        folder: Path,
        facts: dict[str, Any],
        logs: tuple[Log, Log],
        validation: Validation | None,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.recipe, self.crops, self.learner, self.folder = recipe, crops, learner, folder
        self.facts, self.validation, self.progress = facts, validation, progress
        self.log, self.validation_log = logs
        self.state = learner.state
        self.grid = Grid.of(recipe.patch, recipe.patch, recipe.n_segments)
        self.half = recipe.uses_bfloat16()
        self.unread: list[Tensor] = []  # losses that are still on the device
        self.read_every = 1 if recipe.device == "cpu" else 10
        self.first, self.started, self.waited = self.state.step, time.perf_counter(), 0.0
        self.score: float | None = None

    def until(self, stop: threading.Event) -> Outcome:
        """Train to the end, or until ``stop`` is set."""
        recipe, state = self.recipe, self.state
        while True:
            last = state.step == recipe.steps
            if self._validation_is_due():
                self._validate(stop)
            if last or stop.is_set() or state.step % recipe.save_every == 0:
                self._save()
            if last or stop.is_set():
                break
            self._step()
        finished = last and not self._validation_is_due()
        if finished and self.validation is None:
            state.best_step = state.step
            self._keep()
        kept = self.folder / BEST if (self.folder / BEST).exists() else None
        return Outcome(state.step, finished, state.best, state.best_step, kept)

    def _validation_is_due(self) -> bool:
        state, recipe = self.state, self.recipe
        due = state.step == recipe.steps or state.step % recipe.validate_every == 0
        return self.validation is not None and due and state.validated != state.step

    def _step(self) -> None:
        learner, state = self.learner, self.state
        start = time.perf_counter()
        batch = self.crops.batch(state.step, self.recipe.batch)
        self.waited += time.perf_counter() - start
        rate = self.recipe.rate_at(state.step)
        for group in learner.adam.param_groups:
            group["lr"] = rate
        learner.adam.zero_grad()
        losses = self._losses(batch)
        losses[0].backward()  # type: ignore[no-untyped-call]
        gradients = [p.grad for p in learner.network.parameters() if p.grad is not None]
        norm = torch.stack([torch.linalg.vector_norm(g) for g in gradients]).norm()
        self.unread.append(torch.stack((*losses, norm)).detach())
        state.step += 1
        if len(self.unread) == self.read_every:
            self._read()  # before Adam moves the weights: one bad step would spoil them all
        learner.adam.step()
        _follow(learner.average, learner.network, self.recipe.decay, state.step)

    def _losses(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        recipe = self.recipe
        lab = batch.lab.contiguous(memory_format=torch.channels_last)
        kind = torch.device(recipe.device).type
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=self.half):
            features = self.learner.network(lab, self.grid)
        if kind == "cpu" and not features.isfinite().all():
            raise self._diverged(self.state.step + 1)
        association = recipe.architecture.association
        made = slic(features, recipe.n_segments, recipe.n_iter, association=association)
        xy = features[:1, :2].detach()
        if recipe.compact_in == "pixels":
            xy = xy / position_scale(self.grid, recipe.architecture.eta)
        loss = ssn_loss(
            made, batch.segments, xy, weight=recipe.compactness, n_labels=self.crops.n_labels
        )
        return loss.total, loss.reconstruction, loss.compactness

    def _read(self) -> None:
        """Fetch the losses since the last time, check and log them."""
        if not self.unread:
            return
        rows = torch.stack(self.unread).tolist()
        self.unread.clear()
        first = self.state.step - len(rows)
        for step, row in enumerate(rows, first):
            if not all(map(math.isfinite, row)):
                raise self._diverged(step + 1)
            self.log.write(step + 1, (*row, self.recipe.rate_at(step)))
        self.log.flush()
        self._tell(rows[-1])

    def _tell(self, losses: Sequence[float]) -> None:
        if self.progress is None:
            return
        state, steps = self.state, self.recipe.steps
        seconds = time.perf_counter() - self.started
        remaining = seconds / (state.step - self.first) * (steps - state.step)
        self.progress(
            Progress(
                step=state.step,
                steps=steps,
                loss=losses[0],
                reconstruction=losses[1],
                compactness=losses[2],
                rate=self.recipe.rate_at(state.step - 1),
                seconds=seconds,
                remaining=remaining,
                waiting=self.waited / seconds,
                score=self.score,
                best=state.best,
            )
        )

    def _diverged(self, step: int) -> DivergedError:
        return DivergedError(
            f"loss or gradient is not finite at step {step} (rate "
            f"{self.recipe.rate_at(step - 1):.3g}); {self.folder / CHECKPOINT} is of an earlier "
            "step and sound: start anew in another folder, with a lower rate or in float32"
        )

    def _save(self) -> None:
        self._read()
        self.learner.save(self.folder / CHECKPOINT, self.facts)

    def _validate(self, stop: threading.Event) -> None:
        """Try the averaged network; given up when asked to stop, and then made up for later."""
        self._read()
        validation, state = self.validation, self.state
        assert validation is not None
        means = validation.means(self.learner.average, self.recipe.device, stop.is_set)
        if means is None:
            return
        self.score = sum(means) / len(means)
        state.validated = state.step
        self.validation_log.write(state.step, (*means, self.score))
        self.validation_log.flush()
        if state.best is None or self.score > state.best:
            state.best, state.best_step = self.score, state.step
            self._keep()

    def _keep(self) -> None:
        state = self.state
        recipe = {name: x for name, x in asdict(self.recipe).items() if name != "architecture"}
        facts = {
            "recipe": recipe,
            "data": self.facts["data"],
            "step": state.step,
            "score": state.best,
            "torch": torch.__version__,
        }
        save_network(self.folder / BEST, self.learner.average, facts)


def _make(folder: Path) -> None:
    """Make the folder of a training, or clear away what a run left that was killed in writing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob(".*.safetensors.*"):
            leftover.unlink()
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error}; choose another folder") from error


def _learner(recipe: Recipe) -> Learner:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = FeatureNetwork(recipe.architecture)
    network.to(recipe.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(network).requires_grad_(False).eval()
    adam = torch.optim.Adam(network.parameters(), lr=recipe.rate)
    return Learner(network, average, adam, State())


@torch.no_grad()
def _follow(average: torch.nn.Module, network: torch.nn.Module, decay: float, step: int) -> None:
    """Move a running average on; early on it forgets faster, so as not to hold on to the start."""
    pace = 1 - min(decay, (1 + step) / (10 + step))
    mine, theirs = average.state_dict(), network.state_dict()
    for name, values in theirs.items():
        if values.is_floating_point():
            mine[name].lerp_(values, pace)
        else:
            mine[name].copy_(values)


def _fingerprint(samples: Sequence[Sample]) -> str:
    """Short hash of which images there are, and how many truths each has."""
    told = "\n".join(f"{s.key} {len(s.truths)} {s.image.shape}" for s in samples)
    return hashlib.sha256(told.encode()).hexdigest()[:12]
