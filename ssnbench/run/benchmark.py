"""A whole run: what is missing in the store is computed, then times are taken apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssnbench.contracts import Timing
from ssnbench.results.store import FILE, Store
from ssnbench.run import environment
from ssnbench.run.execute import Tally, execute, missing
from ssnbench.run.job import Outcome
from ssnbench.run.plan import Job, Plan
from ssnbench.run.timing import TimingTask, time_apart


@dataclass(frozen=True)
class Listener:
    """Who wants to know how a run goes on; each is called after the fact.

    Attributes
    ----------
    planned : callable (what, jobs to do)
        A phase begins: ``"jobs"`` or ``"times"``.
    done : callable (outcome)
        A job is done and written.
    timed : callable (task, error)
        A task was timed, or could not be (then ``error`` says why).
    """

    planned: Callable[[str, int], None]
    done: Callable[[Outcome], None]
    timed: Callable[[TimingTask, str], None]


def clear(folder: Path) -> None:
    """Remove the results of earlier runs from a folder; other files stay."""
    for suffix in ("", "-wal", "-shm"):
        (folder / f"{FILE}{suffix}").unlink(missing_ok=True)


def compute(
    jobs: Sequence[Job], store: Store, n_workers: int, backend: str, listener: Listener
) -> Tally:
    """Do those jobs that the store has no rows of."""
    todo = missing(jobs, store)
    if not todo:
        return Tally()
    listener.planned("jobs", len(todo))
    run = store.begin_run(environment.gather(jobs=n_workers, backend=backend, **_undefined(todo)))
    tally = execute(todo, store, run, n_workers, backend, listener.done)
    store.write_csv()
    return tally


def _undefined(jobs: Sequence[Job]) -> dict[str, Any]:
    """Metrics that are not defined on a dataset: a report should know, but opens none."""
    sources = {job.source for job in jobs}
    found = {source.label: dict(source.undefined) for source in sources if source.undefined}
    return {"undefined": found} if found else {}


def take_times(plan: Plan, store: Store, listener: Listener, threads: int = 1) -> int:
    """Time every algorithm at the middle count on the first image; return how many were timed."""
    tasks = [
        TimingTask(
            variant,
            plan.source,
            plan.images[0],
            plan.n_shown,
            threads,
            plugin_files=plan.plugin_files,
        )
        for variant in plan.variants
    ]
    return time_tasks(tasks, store, listener)


def time_tasks(tasks: Sequence[TimingTask], store: Store, listener: Listener) -> int:
    """Time those tasks that the store has no times of; return how many were timed."""
    known = store.timed()
    todo = [task for task in tasks if _timing_key(task) not in known]
    if todo:
        listener.planned("times", len(todo))
    for task, result in time_apart(todo):
        _save(task, result, store)
        listener.timed(task, result if isinstance(result, str) else "")
    return len(todo)


def save_times(results: Iterable[tuple[TimingTask, list[Timing] | str]], folder: Path) -> None:
    """Write measured times into the store of a folder."""
    with Store(folder) as store:
        store.begin_run(environment.gather())
        for task, result in results:
            _save(task, result, store)


def _save(task: TimingTask, result: list[Timing] | str, store: Store) -> None:
    if not isinstance(result, str):
        store.add_timings(result, task.variant.version("algorithms"))


def _timing_key(task: TimingTask) -> tuple[str, str, str, int, str, int, str]:
    return (
        task.variant.name,
        task.variant.canonical("algorithms"),
        task.name,
        task.n_asked,
        task.device,
        task.threads,
        task.variant.version("algorithms"),
    )
