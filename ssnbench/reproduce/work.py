"""Run what a recipe needs and the store does not hold yet, and read it back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

import pandas as pd

from ssnbench.analysis import sections
from ssnbench.analysis.sections import Section
from ssnbench.contracts import Labels
from ssnbench.reproduce.sources import ImageSet, ResolvedMethod
from ssnbench.results.schema import KEY
from ssnbench.results.store import Store, segmentation
from ssnbench.run import benchmark, environment, plan
from ssnbench.run.benchmark import Listener
from ssnbench.run.execute import execute
from ssnbench.run.plan import Job


@dataclass(frozen=True)
class RecipeContext:
    """Where work is done: the store, how many processes may help, and who is told."""

    store: Store
    n_workers: int
    listener: Listener


def score(
    image_set: ImageSet,
    images: Iterable[str],
    methods: Sequence[ResolvedMethod],
    counts: Sequence[int],
    protocol: str,
    context: RecipeContext,
) -> Section | None:
    """Score methods on images by one protocol; return their rows, under the figure's names.

    Label maps are kept, so that a second protocol scores them without segmenting again.

    Returns
    -------
    Section or None
        None when there is no row: no job, that is.
    """
    jobs = _jobs(image_set, images, methods, counts, protocol)
    benchmark.compute(jobs, context.store, context.n_workers, "loky", context.listener)
    names = {(m.variant.name, m.variant.canonical("algorithms")): m.name for m in methods}
    wanted = pd.DataFrame([asdict(job.key) for job in jobs], columns=list(KEY))
    rows = context.store.records().merge(wanted, on=list(KEY))
    rows["label"] = [names[key] for key in zip(rows["algorithm"], rows["params"], strict=True)]
    return next(iter(sections.split(rows)), None)


def label_maps(
    image_set: ImageSet,
    image: str,
    methods: Sequence[ResolvedMethod],
    n_asked: int,
    context: RecipeContext,
) -> dict[str, Labels]:
    """Segment one image by the methods; return the label maps (H, W) by the figure's names.

    A method that fails has none, and is tried again the next time.
    """
    jobs = _jobs(image_set, [image], methods, [n_asked], "seal")
    kept = _contents(context.store)
    lost = [job for job in jobs if segmentation(job.key) not in kept]
    if lost:
        context.listener.planned("maps", len(lost))
        run = context.store.begin_run(environment.gather(jobs=context.n_workers))
        execute(lost, context.store, run, context.n_workers, "loky", context.listener.done)
        kept = _contents(context.store)
    return {
        method.name: context.store.label_map(kept[segmentation(job.key)])
        for method, job in zip(methods, jobs, strict=True)
        if segmentation(job.key) in kept
    }


def _jobs(
    image_set: ImageSet,
    images: Iterable[str],
    methods: Sequence[ResolvedMethod],
    counts: Sequence[int],
    protocol: str,
) -> list[Job]:
    """Jobs of these images only; none is shown in a report of the folder."""
    wanted = set(images)
    variants = [method.variant for method in methods]
    todo = plan.make(variants, image_set.source, counts, protocol, keep_labels=True)
    return [replace(job, show=False) for job in todo.jobs if job.key.image in wanted]


def _contents(store: Store) -> dict[tuple[object, ...], str]:
    """Keys of the contents of the kept label maps, by what made them."""
    return {segmentation(each): each.content for each in store.kept()}
