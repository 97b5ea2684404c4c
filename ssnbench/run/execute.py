"""Do the jobs of a plan in parallel and write every outcome at once.

Only the parent process writes. A worker that dies (a method that crashes its process, or runs out
of memory) takes the whole pool with it; the jobs that were under way are then done one at a time
in processes of their own, so that the one that kills is found, and costs its own rows only.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

from ssnbench.contracts import JobKey, Status
from ssnbench.metrics import covers
from ssnbench.results.store import Store
from ssnbench.run.engines import IN_FLIGHT, Engine, WorkerDiedError, find_engine
from ssnbench.run.job import Outcome, do, refused
from ssnbench.run.plan import Job
from ssnbench.run.threads import pinned


def missing(jobs: Sequence[Job], store: Store) -> list[Job]:
    """Jobs that the store has no rows of, or not by all the metrics that are asked for."""
    finished = store.finished()
    return [job for job in jobs if not _is_finished(job.key, finished)]


def _is_finished(key: JobKey, finished: Mapping[JobKey, str]) -> bool:
    scored = finished.get(replace(key, metrics="") if key.metrics else key)
    return scored is not None and covers(scored, key.metrics)


def execute(
    jobs: Sequence[Job],
    store: Store,
    run: int,
    n_workers: int = 1,
    backend: str = "loky",
    on_outcome: Callable[[Outcome], None] | None = None,
) -> Counter[Status]:
    """Do the jobs, write each outcome as it comes, and return how they came out.

    Parameters
    ----------
    jobs : sequence of Job
        What is to be done.
    store : Store
        Where the outcomes go.
    run : int
        Number of the run in the store.
    n_workers : int
        Processes; with 1 the work is done in this one.
    backend : str
        Name of the engine that shares them out, see :mod:`ssnbench.run.engines`.
    on_outcome : callable, optional
        Told of every outcome after it was written.
    """
    tally: Counter[Status] = Counter()
    for outcome in _outcomes(jobs, n_workers, find_engine(backend)):
        store.add(run, outcome.records, outcome.labels, outcome.png, outcome.flow)
        tally[outcome.status] += 1
        if on_outcome is not None:
            on_outcome(outcome)
    return tally


def _outcomes(jobs: Sequence[Job], n_workers: int, engine: Engine) -> Iterator[Outcome]:
    remaining = {job.key: job for job in jobs}
    while remaining:
        try:
            for outcome in engine(do, list(remaining.values()), n_workers):
                del remaining[outcome.records[0].key]
                yield outcome
        except WorkerDiedError:
            suspects = list(remaining.values())[: IN_FLIGHT * n_workers]
            for outcome in _one_by_one(suspects):
                del remaining[outcome.records[0].key]
                yield outcome


def _one_by_one(jobs: Iterable[Job]) -> Iterator[Outcome]:
    """Do each job in a process that may die, until one does."""
    for job in jobs:
        with pinned(1), ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            try:
                outcome = pool.submit(do, job).result()
            except BrokenProcessPool:
                why = "the process died (crash in compiled code, or out of memory)"
                yield refused(job.key, job.label, "failed", why)
                return
            yield outcome
