"""Jobs that score label maps which exist already: made elsewhere, or kept by an earlier run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from ssnbench.contracts import JobKey, UsageError
from ssnbench.io.label_folders import find_label_files
from ssnbench.perturb import original
from ssnbench.plugins.dataset_ref import DatasetRef
from ssnbench.plugins.variant import parse
from ssnbench.results.store import Kept, Store
from ssnbench.run.label_sources import FromFile, FromStore
from ssnbench.run.plan import SHOWN_IMAGES, Job, protocol_on


def of_folder(
    folder: Path,
    source: DatasetRef,
    name: str | None = None,
    protocol: str = "seal",
    gate: bool = False,
    limit: int | None = None,
    plugin_files: Sequence[Path] = (),
) -> list[Job]:
    """List the jobs that score a folder of label maps.

    Parameters
    ----------
    folder : Path
        As a tool left it: see :mod:`ssnbench.io.label_folders`.
    source : Source
        The dataset whose images they belong to.
    name : str, optional
        Name of the method; the folder's by default.
    protocol : str
        Yard-stick.
    gate : bool
        Make the maps connected as those of a run are; otherwise they are scored as they are.
    limit : int, optional
        Take only the first images.
    plugin_files : sequence of Path
        Loose plug-in files that workers must know.

    Raises
    ------
    UsageError
        When no file is named after an image of the dataset.
    """
    found = find_label_files(folder, source.open(), source.label, limit)
    yardstick = protocol_on(source, protocol)
    label = name or folder.resolve().name
    params = json.dumps({"gate": gate})
    version = _version(file.path for file in found)
    shown = {file.image for file in found[:SHOWN_IMAGES]}
    return [
        Job(
            JobKey(
                label,
                params,
                source.label,
                source.split,
                file.image,
                file.n_asked,
                yardstick,
                version,
            ),
            label,
            source,
            FromFile(file),
            gate=gate,
            certify=True,
            show=file.image in shown,
            plugin_files=tuple(plugin_files),
        )
        for file in found
    ]


def of_run(
    folder: Path, protocol: str, root: Path | None = None, plugin_files: Sequence[Path] = ()
) -> list[Job]:
    """List the jobs that score the kept label maps of a run under another yard-stick."""
    with Store(folder, create=False) as store:
        kept = store.kept()
        if not kept:
            raise UsageError(f"{folder} has kept no label maps; run with --keep-labels")
        labels = store.labels_of_variants()
    places = {(each.dataset, each.split) for each in kept}
    sources = {
        place: DatasetRef(parse("datasets", original(place[0])), place[1], root) for place in places
    }
    yardsticks = {place: protocol_on(source, protocol) for place, source in sources.items()}
    return [
        Job(
            _key(each, yardsticks[each.dataset, each.split]),
            labels[each.algorithm, each.params],
            sources[each.dataset, each.split],
            FromStore(folder, each.content),
            gate=False,  # what a run keeps has passed the gate
            plugin_files=tuple(plugin_files),
        )
        for each in kept
    ]


def _key(kept: Kept, protocol: str) -> JobKey:
    return JobKey(
        kept.algorithm,
        kept.params,
        kept.dataset,
        kept.split,
        kept.image,
        kept.n_asked,
        protocol,
        kept.code_version,
    )


def _version(paths: Iterable[Path]) -> str:
    """Changes when any of the files does, so that maps which were made anew are scored anew."""
    digest = hashlib.sha256()
    for path in paths:
        stat = path.stat()
        digest.update(f"{path.name} {stat.st_size} {stat.st_mtime_ns};".encode())
    return digest.hexdigest()[:12]
