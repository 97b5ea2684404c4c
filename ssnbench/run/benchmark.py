"""A whole run: what is missing in the store is computed, then times are taken apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssnbench.results.store import FILE, Store
from ssnbench.run import environment
from ssnbench.run.execute import execute, missing
from ssnbench.run.job import Outcome
from ssnbench.run.load import is_idle
from ssnbench.run.plan import Job, Plan
from ssnbench.run.precomputed import from_kept
from ssnbench.run.timing import AT_ONCE, TimingResult, TimingRules, TimingTask, time_apart


@dataclass(frozen=True)
class Listener:
    """Who wants to know how a run goes on; each is called after the fact.

    Attributes
    ----------
    planned : callable (what, jobs to do)
        A phase begins: ``"jobs"`` or ``"times"``.
    done : callable (outcome)
        A job is done and written.
    timed : callable (result)
        A task was timed, or could not be.
    waiting : callable ()
        The machine is busy: to take times, it is waited for.
    """

    planned: Callable[[str, int], None]
    done: Callable[[Outcome], None]
    timed: Callable[[TimingResult], None]
    waiting: Callable[[], None] = lambda: None


def clear(folder: Path) -> None:
    """Remove the results of earlier runs from a folder; other files stay."""
    for suffix in ("", "-wal", "-shm"):
        (folder / f"{FILE}{suffix}").unlink(missing_ok=True)


def compute(
    jobs: Sequence[Job], store: Store, n_workers: int, backend: str, listener: Listener
) -> bool:
    """Do those jobs that the store has no rows of; return whether other rows count than before."""
    datasets = {(job.key.dataset, job.key.split): job.dataset for job in jobs}
    versions = {place: dataset.code_version for place, dataset in datasets.items()}
    changed = store.ask(
        ((job.key, job.label, versions[job.key.dataset, job.key.split]) for job in jobs),
        {place: dataset.open().keys() for place, dataset in datasets.items()},
    )
    todo = from_kept(missing(jobs, store), store)
    if todo:
        listener.planned("jobs", len(todo))
        described = environment.gather(jobs=n_workers, backend=backend, **_undefined(todo))
        execute(todo, store, store.begin_run(described), n_workers, backend, listener.done)
    if changed or todo:
        store.write_csv()
    return changed or bool(todo)


def _undefined(jobs: Sequence[Job]) -> dict[str, Any]:
    """Metrics that are not defined on a dataset: a report should know, but opens none."""
    datasets = {job.dataset for job in jobs}
    undefined = {each.label: dict(each.undefined) for each in datasets if each.undefined}
    return {"undefined": undefined} if undefined else {}


def take_times(plan: Plan, store: Store, listener: Listener, rules: TimingRules = AT_ONCE) -> int:
    """Time every algorithm at the middle count on the first image; return how many were timed."""
    tasks = [
        TimingTask(variant, plan.dataset, plan.images[0], plan.n_shown) for variant in plan.variants
    ]
    return time_tasks(tasks, store, listener, rules)


def time_tasks(
    tasks: Sequence[TimingTask],
    store: Store,
    listener: Listener,
    rules: TimingRules = AT_ONCE,
) -> int:
    """Time those tasks that the store has no times of; return how many were timed.

    Those that were timed under load are timed again as soon as the machine is idle; a time that
    counts is never replaced by one that does not.
    """
    known = set() if rules.again else _known_times(tasks, store)
    todo = [task for task in tasks if task.key not in known]
    if todo:
        listener.planned("times", len(todo))
        if not any(run.get("cpu") == environment.cpu_name() for run in store.runs()[-1:]):
            store.begin_run(environment.gather())  # a report names the machine of the times
    good = store.timed() - store.timed_under_load()
    for result in time_apart(todo, rules, listener.waiting):
        if rules.even_if_busy or not result.is_under_load or result.task.key not in good:
            store.add_timings(result.timings)
        listener.timed(result)
    return len(todo)


def _known_times(tasks: Sequence[TimingTask], store: Store) -> set[tuple[Any, ...]]:
    """What need not be timed again: what is under load only while the machine is busy still."""
    wanted = {task.key for task in tasks}
    known = store.timed() & wanted
    busy = store.timed_under_load() & wanted
    return known - busy if busy and is_idle() else known


def save_times(results: Iterable[TimingResult], folder: Path) -> None:
    """Write measured times into the store of a folder."""
    with Store(folder) as store:
        store.begin_run(environment.gather())
        for result in results:
            store.add_timings(result.timings)
