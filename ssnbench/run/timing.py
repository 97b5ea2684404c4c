"""Honest times: an idle machine, one process, pinned threads, warm-up, repeats, median, stages."""

from __future__ import annotations

import multiprocessing
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from ssnbench.contracts import MOST_LOAD, Image, Timing
from ssnbench.labels import checked, enforce_connectivity
from ssnbench.plugins.dataset_ref import DatasetRef
from ssnbench.plugins.variant import Variant, parameters
from ssnbench.results.schema import TIMED
from ssnbench.run.job import reason
from ssnbench.run.label_sources import with_frames
from ssnbench.run.load import LoadWatch, wait_until_idle
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

    @property
    def load(self) -> float:
        """Share of the machine's cores that others used meanwhile; 0 where nobody knows."""
        return max((timing.load or 0.0 for timing in self.timings), default=0.0)

    @property
    def is_under_load(self) -> bool:
        """Whether others used too much of the machine for the times to tell of the method."""
        return self.load > MOST_LOAD


@dataclass(frozen=True)
class TimingRules:
    """When times are taken.

    Attributes
    ----------
    again : bool
        Also those that are there already; each is replaced when its successor is there.
    wait : float
        Seconds that all tasks together may wait for an idle machine. A time that was taken under
        load all the same is kept as such, and left out of tables.
    even_if_busy : bool
        Wait for nothing; what is taken under load counts, and is shown as such.
    """

    again: bool = False
    wait: float = 0.0
    even_if_busy: bool = False


AT_ONCE = TimingRules()
"""What is missing, now, and marked when it was taken under load."""


def time_apart(
    tasks: Sequence[TimingTask],
    rules: TimingRules = AT_ONCE,
    waiting: Callable[[], None] = lambda: None,
) -> Iterator[TimingResult]:
    """Time the tasks one after the other, each in a fresh process, on an idle machine.

    A process of its own makes its peak of memory the algorithm's, and lets it die without harm.

    Parameters
    ----------
    tasks : sequence of TimingTask
    rules : TimingRules
        What is done while the machine is busy.
    waiting : callable
        Called when a wait for an idle machine begins.
    """
    left = 0.0 if rules.even_if_busy else rules.wait
    for task in tasks:
        left = wait_until_idle(left, waiting)
        result = _timed(task)
        while left > 0 and result.is_under_load:  # it became busy meanwhile
            left = wait_until_idle(left, waiting) - SECONDS_FOR_REPEATS
            result = _timed(task)
        kept = (replace(timing, even_if_busy=int(rules.even_if_busy)) for timing in result.timings)
        yield replace(result, timings=tuple(kept))


def _timed(task: TimingTask) -> TimingResult:
    with pinned(task.threads), _fresh_process() as process:
        try:
            return TimingResult(task, process.submit(_measure, task).result())
        except BrokenProcessPool:
            return TimingResult(task, reason="the process died")
        except Exception as error:
            return TimingResult(task, reason=reason(error))


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
    sample = task.dataset.open()[task.image]
    bare = _peak_mb()
    algorithm = task.variant.build("algorithms", **({"device": device} if takes_device else {}))
    with pinned(task.threads), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a method warns of stands in its records
        method = with_frames(algorithm, sample)
        watch = LoadWatch()
        calls = measure(method, sample.image, task.n_asked, synchronise)
        load = watch.load()
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
            bare_mb=bare,
            load=load,
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
    if sys.platform == "linux":  # its getrusage also counts the process that this one came from
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return next(
            (int(line.split()[1]) / 2**10 for line in status.splitlines() if "VmHWM" in line), None
        )
    if sys.platform == "win32":
        return None
    import resource  # not there on Windows

    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
