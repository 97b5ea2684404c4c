"""Train the network of any learned method, and survive whatever happens.

A training writes four files into its folder: ``checkpoint.safetensors`` (to go on from),
``best.safetensors`` (the network to use), ``log.csv`` (losses of every step) and
``validation.csv``. Started again in the same folder it goes on from its checkpoint, and on a
processor ends with the same four as a run that was never interrupted. ``sessions.csv`` says when
it ran and for how long, ``card.md`` what it is.

Steps wait for a validation. In the background of the steps it would take from them what it takes
now, on a processor whose cores all train, and would have to be made up for when it is killed;
instead its interval follows from what it costs (:meth:`TrainConfig.validation_interval`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ssnbench.contracts import Batch, PathLike, Sample, Trainable, UsageError
from ssnbench.learning.card import Provenance
from ssnbench.learning.checkpoint import Learner
from ssnbench.learning.config import TrainConfig
from ssnbench.learning.crops import Crops
from ssnbench.learning.distributed import Processes, processes
from ssnbench.learning.log import CHECKPOINT, TrainLog, prepare
from ssnbench.learning.result import DivergedError, TrainProgress, TrainResult
from ssnbench.learning.setup import crops_of, facts_of, layout, learner_of
from ssnbench.learning.signals import Cause, StopRequest, stop_on_signals
from ssnbench.learning.validate import Validation, ValidationResult


def train(
    trainable: Trainable,
    config: TrainConfig,
    samples: Sequence[Sample],
    out_dir: PathLike,
    *,
    validation: Validation | None = None,
    until: datetime | None = None,
    provenance: Provenance | None = None,
    progress: Callable[[TrainProgress], None] | None = None,
    validated: Callable[[int, ValidationResult], None] | None = None,
    validating: Callable[[int, int], None] | None = None,
) -> TrainResult:
    """Train a network, or go on with a training that was interrupted.

    SIGINT and SIGTERM stop it after the step at hand, with a checkpoint (a second SIGINT at once).
    Started by ``torchrun``, each process takes its part of every batch:
    :mod:`ssnbench.learning.distributed`.

    Parameters
    ----------
    trainable : Trainable
        What is trained.
    config : TrainConfig
        How it is trained.
    samples : sequence of Sample
        Training images with truths: every annotator's is a sample of its own.
    out_dir : path
        Folder of this training; it is made if need be. All processes must see it.
    validation : Validation, optional
        Whole images on which the averaged network is tried. The network of the highest mean over
        images and counts is kept; without it, the last one.
    until : datetime, optional
        Stop, with a checkpoint, before a step that would go on beyond this time.
    provenance : Provenance, optional
        What the card tells beside what the trainer knows.
    progress : callable, optional
        Told how far the training is, after every step (every tenth on a GPU).
    validated : callable, optional
        Told step and result of every validation.
    validating : callable, optional
        Told at which of how many images a validation is. All are called in the first process only.

    Returns
    -------
    TrainResult
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
    with processes(config.device) as group:
        if config.batch % group.size:
            raise UsageError(
                f"a batch of {config.batch} cannot be shared out evenly over {group.size} processes"
            )
        crops = crops_of(trainable, config, samples)
        if group.is_main:
            prepare(folder)
        learner, facts = (
            learner_of(trainable, config),
            facts_of(trainable, config, samples, validation),
        )
        if (folder / CHECKPOINT).exists():
            learner.load(folder / CHECKPOINT, facts)
        log = TrainLog(
            folder,
            trainable,
            config,
            learner,
            facts,
            validation=validation,
            provenance=provenance,
            progress=progress,
            validated=validated,
            validating=validating,
            silent=not group.is_main,
        )
        run = _Run(crops, learner, log, validation, group)
        with log, stop_on_signals(until) as stop:
            return run.until(stop)


class _Run:
    """One process's part of a training."""

    def __init__(
        self,
        crops: Crops,
        learner: Learner,
        log: TrainLog,
        validation: Validation | None,
        group: Processes,
    ) -> None:
        self.crops, self.learner, self.log = crops, learner, log
        self.trainable, self.config = log.trainable, log.config
        self.validation, self.group = validation, group
        self.state = learner.state
        self.network = group.wrap(learner.network)
        self.device_type = torch.device(self.config.device).type
        self.half = self.config.uses_bfloat16()
        self.unread: list[Tensor] = []  # losses that are still on the device
        self.read_every = 1 if self.config.device == "cpu" else 10
        n_pixels = validation.n_pixels if validation else 0
        self.every = self.config.validation_interval(n_pixels)
        self.step_seconds = 0.0  # of the last step

    def until(self, stop: StopRequest) -> TrainResult:
        """Train to the end, or until ``stop`` is set."""
        config, state = self.config, self.state
        while True:
            last = state.step == config.steps
            if self._validation_is_due():
                self._validate(stop)
            stopping = self.group.any(not last and stop.is_set(self.step_seconds))
            if last or stopping or state.step % config.save_every == 0:
                self._save()
            if last or stopping:
                break
            self._step()
        finished = last and not self._validation_is_due()
        if finished and self.validation is None:
            state.best_step = state.step
            self.log.keep()
        self.log.card()
        cause: Cause = "" if finished else stop.cause or "signal"
        return TrainResult(
            state.step, finished, state.best, state.best_step, self.log.weights, cause
        )

    def _validation_is_due(self) -> bool:
        if self.validation is None:
            return False
        state = self.state
        due = state.step == self.config.steps or state.step % self.every == 0
        return due and state.validated != state.step

    def _step(self) -> None:
        learner, state = self.learner, self.state
        start = time.perf_counter()
        batch = self.group.shard(self.crops.batch(state.step, self.config.batch))
        self.log.clock.waiting += time.perf_counter() - start
        rate = self.config.rate_at(state.step)
        for parameters in learner.adam.param_groups:
            parameters["lr"] = rate
        learner.adam.zero_grad()
        losses = self._losses(batch)
        losses[0].backward()  # type: ignore[no-untyped-call]
        gradients = [p.grad for p in learner.network.parameters() if p.grad is not None]
        self.group.average(gradients)
        norm = torch.stack([torch.linalg.vector_norm(g) for g in gradients]).norm()
        self.unread.append(torch.stack((*losses, norm)).detach())
        state.step += 1
        if len(self.unread) == self.read_every:
            self._read()  # before Adam moves the weights: one bad step would spoil them all
        learner.adam.step()
        _follow(learner.average, learner.network, self.config.decay, state.step)
        self.step_seconds = time.perf_counter() - start

    def _losses(self, batch: Batch) -> list[Tensor]:
        inputs = batch.inputs.contiguous(memory_format=layout(self.config.device))
        losses = self.trainable.loss(self._forward, batch._replace(inputs=inputs))
        return [losses[name] for name in self.trainable.LOSSES]

    def _forward(self, *arguments: Any) -> Any:
        """Call the network, in the precision that was chosen."""
        with torch.autocast(self.device_type, dtype=torch.bfloat16, enabled=self.half):
            output = self.network(*arguments)
        tensors = output if isinstance(output, tuple) else (output,)
        # a GPU is not asked, since it would have to wait: its losses are looked at later
        if self.device_type == "cpu" and self.group.any(not all(map(_is_finite, tensors))):
            raise self._diverged(self.state.step + 1)
        return output

    def _read(self) -> None:
        """Fetch the losses since the last time, check and log them."""
        if not self.unread:
            return
        rows = self.group.mean(torch.stack(self.unread)).tolist()
        self.unread.clear()
        for step, row in enumerate(rows, self.state.step - len(rows) + 1):
            if not all(map(math.isfinite, row)):
                raise self._diverged(step)
        self.log.steps(rows)

    def _diverged(self, step: int) -> DivergedError:
        return DivergedError(
            f"loss or gradient is not finite at step {step} (rate "
            f"{self.config.rate_at(step - 1):.3g}); {self.log.folder / CHECKPOINT} is of an "
            "earlier step and sound: start anew in another folder, with a lower rate or in float32"
        )

    def _save(self) -> None:
        self._read()
        self.log.checkpoint()

    def _validate(self, stop: StopRequest) -> None:
        """Try the averaged network; given up when asked to stop, and then made up for later."""
        self._read()
        validation, state, group = self.validation, self.state, self.group
        start, clock = time.perf_counter(), self.log.clock
        assert validation is not None
        group.broadcast(self.learner.average)
        part = slice(group.rank, None, group.size)
        network, told = self.learner.average, self.log.validating
        scores = validation.evaluate(self.trainable, network, stop.is_set, part, told)
        given_up = group.any(scores is None)
        clock.validating += (seconds := time.perf_counter() - start)
        if given_up:
            return
        result = validation.summary(group.all_gather(scores or []))
        result = result._replace(seconds=seconds, share=clock.share(clock.validating))
        state.validated = state.step
        self.log.validation(result)
        if state.best is None or result.score > state.best:
            state.best, state.best_step = result.score, state.step
            self.log.keep()
        self.log.card()


@torch.no_grad()
def _follow(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Move a running average on; early on it forgets faster, so as not to hold on to the start."""
    pace = 1 - min(decay, (1 + step) / (10 + step))
    averages = average.state_dict()
    for name, values in network.state_dict().items():
        if values.is_floating_point():
            averages[name].lerp_(values, pace)
        else:
            averages[name].copy_(values)


def _is_finite(values: Tensor) -> bool:
    return bool(values.isfinite().all())
