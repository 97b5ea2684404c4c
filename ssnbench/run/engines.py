"""Engines: how work is shared out over processes and machines, one function each, found by name.

An engine knows nothing of superpixels: it calls a function on every task and yields the results as
they come, in any order. When a worker dies (a method that crashes its process, or runs out of
memory), the results that are lost are those of at most `IN_FLIGHT` tasks a worker, and it raises
:class:`WorkerDiedError`; who called it finds out which task it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol, TypeVar

from ssnbench.contracts import UsageError
from ssnbench.run.threads import pinned

Task = TypeVar("Task")
Result = TypeVar("Result")

IN_FLIGHT = 4
"""Tasks handed out to a worker at a time; also what is suspected when one dies."""

_IN_A_LIST = 16  # tasks a worker between two lists of results, where they do not come one by one


class WorkerDiedError(Exception):
    """A worker process ended without a result."""


class Engine(Protocol):
    """Calls ``work`` on every task, by ``n_workers`` processes of one thread each."""

    def __call__(
        self, work: Callable[[Task], Result], tasks: Sequence[Task], n_workers: int
    ) -> Iterator[Result]:
        """Yield the results as they come."""
        ...


def find_engine(name: str) -> Engine:
    """Look up an engine; :class:`UsageError` when there is none of this name."""
    if name not in ENGINES:
        raise UsageError(f"no backend is called {name!r}; there are {', '.join(ENGINES)}")
    return ENGINES[name]


def loky(work: Callable[[Task], Result], tasks: Sequence[Task], n_workers: int) -> Iterator[Result]:
    """Processes of this machine; with one worker the work is done in this one."""
    if n_workers == 1:
        with pinned(1):
            yield from map(work, tasks)
        return
    from joblib import parallel_config

    with parallel_config("loky", inner_max_num_threads=1):
        yield from _one_at_a_time(work, tasks, n_workers)


def dask(work: Callable[[Task], Result], tasks: Sequence[Task], n_workers: int) -> Iterator[Result]:
    """The Dask cluster that this process is connected to, or one of this machine."""
    from joblib import parallel_config

    with pinned(1), _dask_client(n_workers), parallel_config("dask"):
        yield from _one_at_a_time(work, tasks, n_workers)


def ray(work: Callable[[Task], Result], tasks: Sequence[Task], n_workers: int) -> Iterator[Result]:
    """The Ray cluster that this process is connected to, or one of this machine.

    Its backend hands back whole lists only: one after another.
    """
    from joblib import Parallel, delayed, parallel_config

    with pinned(1), _ray_cluster(n_workers), parallel_config("ray"):
        whole = Parallel(n_jobs=n_workers)
        for start in range(0, len(tasks), _IN_A_LIST * n_workers):
            part = tasks[start : start + _IN_A_LIST * n_workers]
            yield from whole(delayed(work)(task) for task in part)


ENGINES: Mapping[str, Engine] = {"loky": loky, "dask": dask, "ray": ray}
"""Every engine by the name that ``--backend`` takes."""


def _one_at_a_time(
    work: Callable[[Task], Result], tasks: Sequence[Task], n_workers: int
) -> Iterator[Result]:
    """Share tasks out by the backend of joblib that is set."""
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    parallel = Parallel(
        n_jobs=n_workers,
        batch_size=1,
        pre_dispatch=IN_FLIGHT * n_workers,
        return_as="generator_unordered",
    )
    try:
        yield from parallel(delayed(work)(task) for task in tasks)
    except TerminatedWorkerError as error:
        raise WorkerDiedError from error


def _dask_client(n_workers: int) -> AbstractContextManager[Any]:
    try:
        from distributed import Client, get_client
    except ImportError:
        raise UsageError("--backend dask needs distributed: pip install ssnbench[dask]") from None
    try:
        return nullcontext(get_client())
    except ValueError:
        start: Callable[..., AbstractContextManager[Any]] = Client
        return start(n_workers=n_workers, threads_per_worker=1, dashboard_address=None)


@contextmanager
def _ray_cluster(n_workers: int) -> Iterator[None]:
    try:
        import ray as library
        from ray.util.joblib import register_ray
    except ImportError:
        raise UsageError("--backend ray needs ray: pip install ssnbench[ray]") from None
    register_ray()
    if library.is_initialized():
        yield
        return
    library.init(num_cpus=n_workers, include_dashboard=False, log_to_driver=False)
    try:
        yield
    finally:
        library.shutdown()
