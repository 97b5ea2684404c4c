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
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError

from ssnbench.contracts import JobKey, Status, UsageError
from ssnbench.metrics import covers
from ssnbench.results.store import Store
from ssnbench.run.job import Outcome, do, refused
from ssnbench.run.plan import Job
from ssnbench.run.threads import pinned

BACKENDS = ("loky", "dask", "ray")
_IN_FLIGHT = 4  # jobs handed out per worker; also what is suspected when a worker dies

_IN_A_LIST = 16  # jobs per worker between two writes, where outcomes do not come one by one


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
    backend : {"loky", "dask", "ray"}
        How joblib distributes.
    on_outcome : callable, optional
        Told of every outcome after it was written.
    """
    tally: Counter[Status] = Counter()
    for outcome in _outcomes(jobs, n_workers, backend):
        store.add(run, outcome.records, outcome.labels, outcome.png, outcome.flow)
        tally[outcome.status] += 1
        if on_outcome is not None:
            on_outcome(outcome)
    return tally


def _outcomes(jobs: Sequence[Job], n_workers: int, backend: str) -> Iterator[Outcome]:
    remaining = {job.key: job for job in jobs}
    while remaining:
        try:
            for outcome in _in_pool(list(remaining.values()), n_workers, backend):
                del remaining[outcome.records[0].key]
                yield outcome
        except (TerminatedWorkerError, BrokenProcessPool):
            suspects = list(remaining.values())[: _IN_FLIGHT * n_workers]
            for outcome in _one_by_one(suspects):
                del remaining[outcome.records[0].key]
                yield outcome


def _in_pool(jobs: Sequence[Job], n_workers: int, backend: str) -> Iterator[Outcome]:
    if n_workers == 1 and backend == "loky":
        with pinned(1):
            yield from map(do, jobs)
        return
    with _distributed_by(backend, n_workers):
        if backend == "ray":  # it hands back whole lists only: one after another
            whole = joblib.Parallel(n_jobs=n_workers)
            for start in range(0, len(jobs), _IN_A_LIST * n_workers):
                part = jobs[start : start + _IN_A_LIST * n_workers]
                yield from whole(joblib.delayed(do)(job) for job in part)
            return
        parallel = joblib.Parallel(
            n_jobs=n_workers,
            batch_size=1,
            pre_dispatch=_IN_FLIGHT * n_workers,
            return_as="generator_unordered",
        )
        yield from parallel(joblib.delayed(do)(job) for job in jobs)


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


def _distributed_by(backend: str, n_workers: int) -> AbstractContextManager[object]:
    if backend == "loky":
        loky: AbstractContextManager[object] = joblib.parallel_config(
            "loky", inner_max_num_threads=1
        )
        return loky
    if backend == "dask":
        return _dask(n_workers)
    if backend == "ray":
        return _ray(n_workers)
    raise UsageError(f"no backend is called {backend!r}; there are {', '.join(BACKENDS)}")


@contextmanager
def _dask(n_workers: int) -> Iterator[None]:
    """Use the cluster that this process is connected to, or start a local one."""
    try:
        from distributed import Client, get_client
    except ImportError:
        raise UsageError("--backend dask needs distributed: pip install ssnbench[dask]") from None
    client: AbstractContextManager[Any]
    try:
        client = nullcontext(get_client())
    except ValueError:
        start: Callable[..., AbstractContextManager[Any]] = Client
        client = start(n_workers=n_workers, threads_per_worker=1, dashboard_address=None)
    with pinned(1), client, joblib.parallel_config("dask"):
        yield


@contextmanager
def _ray(n_workers: int) -> Iterator[None]:
    try:
        import ray
        from ray.util.joblib import register_ray
    except ImportError:
        raise UsageError("--backend ray needs ray: pip install ssnbench[ray]") from None
    register_ray()
    started = not ray.is_initialized()
    with pinned(1), joblib.parallel_config("ray"):
        if started:
            ray.init(num_cpus=n_workers, include_dashboard=False, log_to_driver=False)
        try:
            yield
        finally:
            if started:
                ray.shutdown()
