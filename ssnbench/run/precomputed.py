"""Jobs that score label maps which exist already: made elsewhere, or kept by an earlier run."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ssnbench import plugins
from ssnbench.contracts import JobKey, UsageError
from ssnbench.io.label_counts import LabelFile
from ssnbench.io.label_folders import find_label_files, without_map
from ssnbench.metrics import Protocol, metric_files
from ssnbench.plugins.dataset_ref import DatasetRef
from ssnbench.plugins.variant import parse
from ssnbench.plugins.versions import combined, file_version
from ssnbench.results.schema import SEGMENTATION
from ssnbench.results.store import FILE, Kept, Store, segmentation
from ssnbench.run.label_sources import Computed, FromFile, FromStore, LabelSource, NotThere
from ssnbench.run.plan import SHOWN_IMAGES, Job, protocol_on, scored_on


@dataclass(frozen=True)
class LabelMapFolder:
    """Label maps that another program wrote, known by where they lie and what they contain.

    Attributes
    ----------
    path : Path
        As a tool left it: see :mod:`ssnbench.io.label_folders`.
    label : str
        How the method is called.
    """

    path: Path
    label: str

    @property
    def place(self) -> str:
        """Stands for the method in results: no plug-in is called like it, nor other maps."""
        return self.path.resolve().as_posix()


def label_map_folder(path: Path, out: Path, name: str | None = None) -> LabelMapFolder:
    """Name a folder of label maps so that it is told apart from other methods of a run folder.

    Parameters
    ----------
    path : Path
        The folder of label maps.
    out : Path
        The run folder; it need not be there.
    name : str, optional
        What the method is to be called; the folder's name by default. Where a plug-in or another
        method of the run folder goes by it, the folders above it are put before it.

    Raises
    ------
    UsageError
        When ``path`` is no folder.
    """
    if not path.is_dir():
        raise UsageError(f"{path} is no folder; give a folder of label maps or of a run")
    unnamed = LabelMapFolder(path, name or path.resolve().name)
    labels: Mapping[str, str] = {}
    if (out / FILE).is_file():
        with Store(out, create=False) as store:
            labels = store.algorithms_of_labels()
    for label, algorithm in labels.items():
        if algorithm == unnamed.place and f"/{label}".endswith(f"/{unnamed.label}"):
            return LabelMapFolder(path, label)
    taken = {*labels, *plugins.names("algorithms")}
    return LabelMapFolder(path, _told_apart(path.resolve(), unnamed.label, taken))


def of_folder(
    maps: LabelMapFolder,
    dataset: DatasetRef,
    protocol: str = "seal",
    enforce_connectivity: bool = False,
    limit: int | None = None,
    metrics: str = "",
) -> list[Job]:
    """List the jobs that score a folder of label maps.

    Parameters
    ----------
    maps : LabelMapFolder
        The label maps.
    dataset : DatasetRef
        The dataset whose images they belong to.
    protocol : str
        What they are scored by.
    enforce_connectivity : bool
        Make the maps connected as those of a run are; otherwise they are scored as they are.
    limit : int, optional
        Take only the first images.
    metrics : str
        Other metrics than the protocol's own, see :func:`ssnbench.metrics.with_metrics`.

    Raises
    ------
    UsageError
        When no file is named after an image that is wanted.
    """
    opened = dataset.open()
    all_files = find_label_files(maps.path, opened, dataset.label)
    images = opened.keys()[:limit]
    wanted = set(images)
    files = [file for file in all_files if file.image in wanted]
    if not files:
        raise UsageError(
            f"{maps.path} has no label map of the first {limit} images of {dataset.label}, but "
            f"such as of {all_files[0].image}: leave out --limit"
        )
    judged_by = protocol_on(dataset, protocol, metrics)
    scored, plugin_files = scored_on(dataset, judged_by), metric_files(judged_by)
    code_version = _content_version(all_files)
    by_image = dataset.data_versions(images)
    shown = {file.image for file in files[:SHOWN_IMAGES]}
    sources: dict[tuple[int, str], LabelSource] = {
        (file.n_asked, file.image): FromFile(file) for file in files
    }
    for n_asked, missing in without_map(files, images, maps.path).items():
        sources |= {(n_asked, image): NotThere(f"no label map in {maps.path}") for image in missing}
    return [
        Job(
            JobKey(
                algorithm=maps.place,
                params=json.dumps({"enforce_connectivity": enforce_connectivity}),
                dataset=dataset.label,
                split=dataset.split,
                image=image,
                n_asked=n_asked,
                protocol=judged_by.label,
                protocol_version=judged_by.version,
                metrics=judged_by.selection,
                code_version=code_version,
                data_version=by_image[image],
            ),
            maps.label,
            dataset,
            source,
            scored,
            plugin_files,
            enforce_connectivity=enforce_connectivity,
            certify=True,
            show=image in shown,
        )
        for (n_asked, image), source in sources.items()
    ]


def of_run(folder: Path, protocol: str, root: Path | None = None, metrics: str = "") -> list[Job]:
    """List the jobs that score the kept label maps of a run by another protocol or metrics.

    Raises
    ------
    UsageError
        When the folder kept no label maps, or images or truths have changed since.
    """
    with Store(folder, create=False) as store:
        kept = store.kept()
        if not kept:
            raise UsageError(f"{folder} has kept no label maps; run with --keep-labels")
        labels = store.labels_of_variants()
    by_place: dict[tuple[str, str], list[Kept]] = {}
    for each in kept:
        by_place.setdefault((each.dataset, each.split), []).append(each)
    jobs = []
    for (name, split), maps in by_place.items():
        dataset = DatasetRef(parse("datasets", name), split, root)
        _check_unchanged(maps, dataset)
        judged_by = protocol_on(dataset, protocol, metrics)
        scored, plugin_files = scored_on(dataset, judged_by), metric_files(judged_by)
        jobs += [
            Job(
                _key(each, judged_by),
                labels[each.algorithm, each.params],
                dataset,
                FromStore(folder, each),
                scored,
                plugin_files,
                enforce_connectivity=False,  # what a run keeps is connected
            )
            for each in maps
        ]
    return jobs


def from_kept(jobs: Sequence[Job], store: Store) -> list[Job]:
    """Let those jobs whose label map the store has kept score it, rather than compute it again."""
    kept = {segmentation(each): each for each in store.kept()} if jobs else {}
    if not kept:
        return list(jobs)
    return [
        replace(
            job, label_source=FromStore(store.folder, each), enforce_connectivity=False, keep=False
        )
        if (each := kept.get(segmentation(job.key))) and isinstance(job.label_source, Computed)
        else job
        for job in jobs
    ]


def _key(kept: Kept, protocol: Protocol) -> JobKey:
    """Key of the job that made a kept map, but of another protocol."""
    made_by = dict(zip(SEGMENTATION, segmentation(kept), strict=True))
    return JobKey(
        **made_by,
        protocol=protocol.label,
        protocol_version=protocol.version,
        metrics=protocol.selection,
    )


def _content_version(files: Sequence[LabelFile]) -> str:
    """Short hash of all maps: those that were made anew are scored anew."""
    known: dict[Path, str] = {}
    for file in files:
        if file.path not in known:
            known[file.path] = file_version(file.path)
    return combined(f"{file.n_asked} {file.image} {known[file.path]}" for file in files)


def _check_unchanged(kept: Sequence[Kept], dataset: DatasetRef) -> None:
    """Refuse maps of images that have changed, or are gone, since they were segmented."""
    known = {each.image: each.data_version for each in kept}
    now = dataset.data_versions(known.keys() & set(dataset.open().keys()))
    changed = [
        image
        for image, version in known.items()
        if image not in now or (version and version != now[image])
    ]
    if changed:
        raise UsageError(
            f"{len(changed)} images or truths of {dataset.label} {dataset.split} changed or went "
            f"since their label maps were kept, such as {changed[0]}: run ssnbench run again, for "
            "what there is now"
        )


def _told_apart(path: Path, label: str, taken: Collection[str]) -> str:
    """Put as many folders before a label as it takes to be free; a number where none does."""
    for parent in (part for part in reversed(path.parent.parts) if part != path.anchor):
        if label not in taken:
            return label
        label = f"{parent}/{label}"
    number = 2
    while (numbered := f"{label} {number}") in taken:
        number += 1
    return numbered if label in taken else label
