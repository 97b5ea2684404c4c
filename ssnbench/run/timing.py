"""Honest times: one process, pinned threads, warm-up apart, repeats, median; stage by stage."""

from __future__ import annotations

import multiprocessing
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, TypeAlias

from ssnbench.contracts import Image, Timing
from ssnbench.labels import checked, enforce_connectivity
from ssnbench.plugins.dataset_ref import DatasetRef
from ssnbench.plugins.variant import Variant, parameters
from ssnbench.results.schema import TIMED
from ssnbench.run.job import reason
from ssnbench.run.label_sources import with_frames
from ssnbench.run.threads import pinned
from ssnbench.stages import Seconds, collect

Method: TypeAlias = Callable[[Image, int], Any]

MIN_REPEATS, MAX_REPEATS = 3, 15
SECONDS_FOR_REPEATS = 2.0


@dataclass(frozen=True)
class TimingTask:
    """One algorithm on one image, to be timed.

    Attributes
    ----------
    variant : Variant
        The algorithm.
    dataset : DatasetRef
        Where the image comes from.
    image : str
        Key of the image.
    n_asked : int
        Number of superpixels.
    threads : int
        Threads that the numeric libraries may use.
    device : {"cpu", "cuda"}
        Given to the algorithms that have a parameter ``device``.
    """

    variant: Variant
    dataset: DatasetRef
    image: str
    n_asked: int
    threads: int = 1
    device: str = "cpu"

    @property
    def key(self) -> tuple[Any, ...]:
        """Values of the columns that make a measurement the same one, ``schema.TIMED``."""
        values = {
            "algorithm": self.variant.name,
            "params": self.variant.canonical("algorithms"),
            "code_version": self.variant.version("algorithms"),
            "dataset": self.dataset.label,
            "split": self.dataset.split,
            **{name: getattr(self, name) for name in ("image", "n_asked", "device", "threads")},
        }
        return tuple(values[name] for name in TIMED)


@dataclass(frozen=True)
class TimingResult:
    """What became of a task: its times, one for each stage, or the reason why there are none."""

    task: TimingTask
    timings: tuple[Timing, ...] = ()
    reason: str = ""


def time_apart(tasks: Sequence[TimingTask]) -> Iterator[TimingResult]:
    """Time the tasks one after the other, each in a fresh process.

    A process of its own makes its peak of memory the algorithm's, and lets it die without harm.
    """
    for task in tasks:
        with pinned(task.threads), _fresh_process() as process:
            try:
                yield TimingResult(task, process.submit(_measure, task).result())
            except BrokenProcessPool:
                yield TimingResult(task, reason="the process died")
            except Exception as error:
                yield TimingResult(task, reason=reason(error))


def measure(
    algorithm: Method,
    image: Image,
    n_asked: int,
    synchronise: Callable[[], None] | None = None,
) -> list[Seconds]:
    """Seconds per stage of several calls, after one call that is not counted.

    Stages: those that the method marks (``colour``, ``network``, ``clustering``), ``other`` (the
    rest of its call), ``segment`` (the whole call), ``connectivity`` (the step after it) and
    ``total``.
    Repeats at least 3 times, at most 15, and stops in between after 2 seconds.
    """
    _once(algorithm, image, n_asked, synchronise)
    calls: list[Seconds] = []
    end = time.perf_counter() + SECONDS_FOR_REPEATS
    while len(calls) < MIN_REPEATS or (len(calls) < MAX_REPEATS and time.perf_counter() < end):
        calls.append(_once(algorithm, image, n_asked, synchronise))
    return calls


def _once(
    algorithm: Method,
    image: Image,
    n_asked: int,
    synchronise: Callable[[], None] | None,
) -> Seconds:
    image = image.copy()
    with collect(synchronise) as stages:
        start = time.perf_counter()
        raw = algorithm(image, n_asked)
        segmented = time.perf_counter()
        enforce_connectivity(checked(raw, image.shape[:2]), n_asked)
        end = time.perf_counter()
    marked = sum(stages.values())
    return stages | {
        "other": segmented - start - marked,
        "segment": segmented - start,
        "connectivity": end - segmented,
        "total": end - start,
    }


def _measure(task: TimingTask) -> tuple[Timing, ...]:
    """Time one task in this process."""
    key = dict(zip(TIMED, task.key, strict=True))
    synchronise, device = _on_device(task)
    takes_device = "device" in parameters("algorithms", task.variant.name)
    algorithm = task.variant.build("algorithms", **({"device": device} if takes_device else {}))
    sample = task.dataset.open()[task.image]
    with pinned(task.threads), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a method warns of stands in its records
        method = with_frames(algorithm, sample)
        calls = measure(method, sample.image, task.n_asked, synchronise)
    key["device"] = device if takes_device else "cpu"
    stages = {name: [call.get(name, 0.0) for call in calls] for name in calls[0]}
    return tuple(
        Timing(
            **key,
            label=task.variant.label,
            height=sample.image.shape[0],
            width=sample.image.shape[1],
            stage=stage,
            seconds=statistics.median(seconds),
            fastest=min(seconds),
            slowest=max(seconds),
            repeats=len(seconds),
            peak_mb=_peak_mb(),
        )
        for stage, seconds in stages.items()
    )


def _on_device(task: TimingTask) -> tuple[Callable[[], None] | None, str]:
    if task.device == "cpu":
        return None, "cpu"
    import torch  # only a GPU needs it here

    return torch.cuda.synchronize, task.device


def _fresh_process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


def _peak_mb() -> float | None:
    """Largest resident memory of this process so far, in MB; None where it is not told."""
    if sys.platform == "win32":
        return None
    import resource  # not there on Windows

    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
