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
from pathlib import Path
from typing import Any, TypeAlias

from ssnbench import plugins
from ssnbench.contracts import Image, Timing
from ssnbench.labels import checked, enforce_connectivity
from ssnbench.plugins.dataset_ref import DatasetRef
from ssnbench.plugins.variant import Variant, parameters
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
    source : Source
        The dataset of the image.
    image : str
        Key of the image.
    n_asked : int
        Number of superpixels.
    threads : int
        Threads that the numeric libraries may use.
    device : {"cpu", "cuda"}
        Given to the algorithms that have a parameter ``device``.
    plugin_files : tuple of Path
        Loose plug-in files.
    """

    variant: Variant
    source: DatasetRef
    image: str
    n_asked: int
    threads: int = 1
    device: str = "cpu"
    plugin_files: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """Name of the image in the table."""
        return f"{self.source.label}/{self.image}"


def time_apart(tasks: Sequence[TimingTask]) -> Iterator[tuple[TimingTask, list[Timing] | str]]:
    """Time the tasks one after the other, each in a fresh process.

    A process of its own makes its peak of memory the algorithm's, and lets it die without harm.
    Yields every task with its times, or with the reason why there are none.
    """
    for task in tasks:
        with pinned(task.threads), _fresh_process() as process:
            try:
                yield task, process.submit(_measure, task).result()
            except BrokenProcessPool:
                yield task, "the process died"
            except Exception as error:
                yield task, reason(error)


def measure(
    algorithm: Method,
    image: Image,
    n_asked: int,
    synchronise: Callable[[], None] | None = None,
) -> list[Seconds]:
    """Seconds per stage of several calls, after one call that is not counted.

    Stages: those that the method marks (``colour``, ``network``, ``clustering``), ``other`` (the
    rest of its call), ``segment`` (the whole call), ``connectivity`` (the gate) and ``total``.
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


def _measure(task: TimingTask) -> list[Timing]:
    """Time one task in this process."""
    for path in task.plugin_files:
        plugins.add_file(path)
    synchronise, device = _on_device(task)
    takes_device = "device" in parameters("algorithms", task.variant.name)
    algorithm = task.variant.build("algorithms", **({"device": device} if takes_device else {}))
    sample = task.source.open()[task.image]
    image = sample.image
    with pinned(task.threads), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a method warns of stands in its records
        calls = measure(with_frames(algorithm, sample), image, task.n_asked, synchronise)
    stages = {name: [call.get(name, 0.0) for call in calls] for name in calls[0]}
    return [
        Timing(
            algorithm=task.variant.name,
            params=task.variant.canonical("algorithms"),
            label=task.variant.label,
            image=task.name,
            height=image.shape[0],
            width=image.shape[1],
            n_asked=task.n_asked,
            device=device if takes_device else "cpu",
            threads=task.threads,
            stage=stage,
            seconds=statistics.median(seconds),
            fastest=min(seconds),
            slowest=max(seconds),
            repeats=len(seconds),
            peak_mb=_peak_mb(),
        )
        for stage, seconds in stages.items()
    ]


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
