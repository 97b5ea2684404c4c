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
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ssnbench.contracts import PathLike, Sample, UsageError
from ssnbench.ssn.adapt import adapted
from ssnbench.ssn.checkpoint import Learner, State
from ssnbench.ssn.crops import Batch, Crops
from ssnbench.ssn.features import position_scale
from ssnbench.ssn.grid import Grid
from ssnbench.ssn.journal import CHECKPOINT, Journal, prepare
from ssnbench.ssn.layer import slic
from ssnbench.ssn.losses import ssn_loss
from ssnbench.ssn.network import FeatureNetwork
from ssnbench.ssn.outcome import DivergedError, Outcome, Progress
from ssnbench.ssn.processes import Processes, processes
from ssnbench.ssn.recipe import Recipe
from ssnbench.ssn.signals import stop_on_signals
from ssnbench.ssn.validate import Trial, Validation
from ssnbench.ssn.weights import find, load_network


def train(
    recipe: Recipe,
    samples: Sequence[Sample],
    out_dir: PathLike,
    *,
    validation: Validation | None = None,
    progress: Callable[[Progress], None] | None = None,
    tried: Callable[[int, Trial], None] | None = None,
) -> Outcome:
    """Train a network, or go on with a training that was interrupted.

    SIGINT and SIGTERM stop it after the step at hand, with a checkpoint (a second SIGINT at once).
    Started by ``torchrun``, each process takes its part of every batch:
    :mod:`ssnbench.ssn.processes`.

    Parameters
    ----------
    recipe : Recipe
        What to do.
    samples : sequence of Sample
        Training images with truths: every annotator's is a sample of its own.
    out_dir : path
        Folder of this training; it is made if need be. All processes must see it.
    validation : Validation, optional
        Whole images on which the averaged network is tried. The network of the highest mean over
        images and counts is kept; without it, the last one.
    progress : callable, optional
        Told how far the training is, after every step (every tenth on a GPU).
    tried : callable, optional
        Told step and result of every validation. Both are called in the first process only.

    Returns
    -------
    Outcome
        Where it stands.

    Raises
    ------
    DivergedError
        When losses or gradients are no longer finite; the last checkpoint is sound.
    UsageError
        When the folder holds another training, when there is nothing to learn from, when the
        disk is full, or when the batch cannot be shared out evenly over the processes.
    """
    folder = Path(out_dir)
    with processes(recipe.device) as team:
        if recipe.batch % team.size:
            raise UsageError(
                f"a batch of {recipe.batch} cannot be shared out evenly over {team.size} processes"
            )
        crops = Crops(
            samples,
            recipe.patch,
            seed=recipe.seed,
            scaling=recipe.scaling,
            device=recipe.device,
            learns=recipe.learns,
            frames=recipe.architecture.frames,
            annotators=recipe.annotators,
        )
        if team.leads:
            prepare(folder)
        learner, facts = _learner(recipe), _facts(recipe, samples, validation)
        if (folder / CHECKPOINT).exists():
            learner.load(folder / CHECKPOINT, facts)
        counts = validation.counts if validation else ()
        journal = Journal(
            folder, recipe, learner, facts, counts, progress, tried, silent=not team.leads
        )
        run = _Run(recipe, crops, learner, journal, validation, team)
        with journal, stop_on_signals() as stop:
            return run.until(stop)


def layout(device: str) -> torch.memory_format:
    """In what order a training keeps images and weights in memory.

    Channels last is the faster one for convolutions and for their derivatives by the images. But
    without AVX-512 the derivative by the weights, 64 channels at 201 x 201 pixels, then takes four
    times as long, and a step a quarter longer.
    """
    slow = device == "cpu" and "AVX512" not in torch.backends.cpu.get_cpu_capability()
    return torch.contiguous_format if slow else torch.channels_last


class _Run:
    """One process's part of a training."""

    def __init__(
        self,
        recipe: Recipe,
        crops: Crops,
        learner: Learner,
        journal: Journal,
        validation: Validation | None,
        team: Processes,
    ) -> None:
        self.recipe, self.crops, self.learner, self.journal = recipe, crops, learner, journal
        self.validation, self.team = validation, team
        self.state = learner.state
        self.network = team.together(learner.network)
        self.grid = Grid.of(recipe.patch, recipe.patch, recipe.n_segments)
        self.half = recipe.uses_bfloat16()
        self.unread: list[Tensor] = []  # losses that are still on the device
        self.read_every = 1 if recipe.device == "cpu" else 10
        self.waited = 0.0

    def until(self, stop: threading.Event) -> Outcome:
        """Train to the end, or until ``stop`` is set."""
        recipe, state = self.recipe, self.state
        while True:
            last = state.step == recipe.steps
            if self._validation_is_due():
                self._validate(stop)
            stopping = self.team.any(stop.is_set())
            if last or stopping or state.step % recipe.save_every == 0:
                self._save()
            if last or stopping:
                break
            self._step()
        finished = last and not self._validation_is_due()
        if finished and self.validation is None:
            state.best_step = state.step
            self.journal.keep()
        return Outcome(state.step, finished, state.best, state.best_step, self.journal.weights)

    def _validation_is_due(self) -> bool:
        state, recipe = self.state, self.recipe
        due = state.step == recipe.steps or state.step % recipe.validate_every == 0
        return self.validation is not None and due and state.validated != state.step

    def _step(self) -> None:
        learner, state = self.learner, self.state
        start = time.perf_counter()
        batch = self.team.share(self.crops.batch(state.step, self.recipe.batch))
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
        lab = batch.lab.contiguous(memory_format=layout(recipe.device))
        kind = torch.device(recipe.device).type
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=self.half):
            features = self.network(lab, self.grid)
        if kind == "cpu" and self.team.any(not features.isfinite().all()):
            raise self._diverged(self.state.step + 1)
        association = recipe.architecture.association
        made = slic(features, recipe.n_segments, recipe.n_iter, association=association)
        xy = features[:1, :2].detach()
        if recipe.compact_in == "pixels":
            xy = xy / position_scale(self.grid, recipe.architecture.eta)
        loss = ssn_loss(
            made,
            batch.target,
            xy,
            weight=recipe.compactness,
            valid=batch.valid,
            n_labels=self.crops.n_labels,
        )
        return loss.total, loss.reconstruction, loss.compactness

    def _read(self) -> None:
        """Fetch the losses since the last time, check and log them."""
        if not self.unread:
            return
        rows = self.team.mean(torch.stack(self.unread)).tolist()
        self.unread.clear()
        for step, row in enumerate(rows, self.state.step - len(rows) + 1):
            if not all(map(math.isfinite, row)):
                raise self._diverged(step)
        self.journal.steps(rows, self.waited)

    def _diverged(self, step: int) -> DivergedError:
        return DivergedError(
            f"loss or gradient is not finite at step {step} (rate "
            f"{self.recipe.rate_at(step - 1):.3g}); {self.journal.folder / CHECKPOINT} is of an "
            "earlier step and sound: start anew in another folder, with a lower rate or in float32"
        )

    def _save(self) -> None:
        self._read()
        self.journal.checkpoint()

    def _validate(self, stop: threading.Event) -> None:
        """Try the averaged network; given up when asked to stop, and then made up for later."""
        self._read()
        validation, state, team = self.validation, self.state, self.team
        assert validation is not None
        team.agree(self.learner.average)
        part = slice(team.rank, None, team.size)
        tried = validation.tried(self.learner.average, self.recipe.device, stop.is_set, part)
        if team.any(tried is None):
            return
        trial = validation.summary(team.gathered(tried or []))
        state.validated = state.step
        self.journal.validation(trial)
        if state.best is None or trial.score > state.best:
            state.best, state.best_step = trial.score, state.step
            self.journal.keep()


def _learner(recipe: Recipe) -> Learner:
    network = _beginning(recipe)
    network.to(recipe.device, memory_format=layout(recipe.device))  # type: ignore[call-overload]
    average = copy.deepcopy(network).requires_grad_(False).eval()
    adam = torch.optim.Adam(network.parameters(), lr=recipe.rate)
    return Learner(network, average, adam, State())


def _beginning(recipe: Recipe) -> FeatureNetwork:
    if recipe.start:
        return adapted(load_network(find(recipe.start))[0], recipe.architecture).train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        return FeatureNetwork(recipe.architecture)


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


def _facts(
    recipe: Recipe, samples: Sequence[Sample], validation: Validation | None
) -> dict[str, Any]:
    """What must not change when a training goes on."""
    facts = {**recipe.fixed(), "data": _fingerprint(samples), "validation": None}
    if validation:
        facts["validation"] = {
            "data": _fingerprint(validation.samples),
            "counts": list(validation.counts),
            "n_iter": validation.n_iter,
        }
    return facts


def _fingerprint(samples: Sequence[Sample]) -> str:
    """Short hash of which images there are, and how many truths each has."""
    told = "\n".join(f"{s.key} {len(s.truths)} {s.image.shape}" for s in samples)
    return hashlib.sha256(told.encode()).hexdigest()[:12]
