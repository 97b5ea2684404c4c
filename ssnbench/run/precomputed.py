"""Jobs that score label maps which exist already: made elsewhere, or kept by an earlier run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from ssnbench.contracts import JobKey, UsageError
from ssnbench.perturb import original
from ssnbench.plugins.dataset_ref import DatasetRef
from ssnbench.plugins.variant import parse
from ssnbench.results.store import Kept, Store
from ssnbench.run.label_sources import FromFile, FromStore
from ssnbench.run.plan import SHOWN_IMAGES, Job, protocol_on, scored_on

SUFFIXES = (".npy", ".png", ".csv", ".mat")


def of_folder(
    folder: Path,
    source: DatasetRef,
    name: str | None = None,
    protocol: str = "seal",
    gate: bool = False,
    limit: int | None = None,
    plugin_files: Sequence[Path] = (),
    metrics: str = "",
) -> list[Job]:
    """List the jobs that score a folder of label maps.

    Parameters
    ----------
    folder : Path
        Files ``IMAGE.npy``, ``.png``, ``.csv`` or ``.mat``, or subfolders of such whose names are
        the counts asked for (``200/IMAGE.png``).
    source : Source
        The dataset whose images they belong to.
    name : str, optional
        Name of the method; the folder's by default.
    protocol : str
        Protocol that they are scored under.
    gate : bool
        Make the maps connected as those of a run are; otherwise they are scored as they are.
    limit : int, optional
        Take only the first images.
    plugin_files : sequence of Path
        Loose plug-in files that workers must know.
    metrics : str
        Other metrics than the protocol's own, see :func:`ssnbench.metrics.with_metrics`.

    Raises
    ------
    UsageError
        When no file is named after an image of the dataset.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder; give a folder of label maps or of a run")
    images = list(islice(source.open().keys(), limit))
    chosen = protocol_on(source, protocol, metrics)
    scored = scored_on(source, chosen)
    label = name or folder.resolve().name
    found = [
        (n_asked, image, files[image])
        for n_asked, files in _by_count(folder)
        for image in images
        if image in files
    ]
    if not found:
        raise UsageError(
            f"no label map in {folder} is named after an image of {source.label} "
            f"(such as {images[0]}{SUFFIXES[0]}); it may be {', '.join(SUFFIXES)}, "
            "also in one subfolder per count"
        )
    params = json.dumps({"gate": gate})
    version = _version(path for _, _, path in found)
    shown = {image for _, image, _ in found[:SHOWN_IMAGES]}
    return [
        Job(
            JobKey(label, params, source.label, source.split, image, n, chosen.key, version),
            label,
            source,
            FromFile(path),
            scored,
            gate=gate,
            certify=True,
            show=image in shown,
            plugin_files=tuple(plugin_files),
        )
        for n, image, path in found
    ]


def of_run(
    folder: Path,
    protocol: str,
    root: Path | None = None,
    plugin_files: Sequence[Path] = (),
    metrics: str = "",
) -> list[Job]:
    """List the jobs that score the kept label maps of a run again, by other metrics or protocol."""
    with Store(folder, create=False) as store:
        kept = store.kept()
        if not kept:
            raise UsageError(f"{folder} has kept no label maps; run with --keep-labels")
        labels = store.labels_of_variants()
    places = {(each.dataset, each.split) for each in kept}
    sources = {
        place: DatasetRef(parse("datasets", original(place[0])), place[1], root) for place in places
    }
    chosen = {place: protocol_on(source, protocol, metrics) for place, source in sources.items()}
    scored = {place: scored_on(source, chosen[place]) for place, source in sources.items()}
    return [
        Job(
            _key(each, chosen[each.dataset, each.split].key),
            labels[each.algorithm, each.params],
            sources[each.dataset, each.split],
            FromStore(folder, each.content),
            scored[each.dataset, each.split],
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


def _by_count(folder: Path) -> Iterator[tuple[int, dict[str, Path]]]:
    """Files by image, for every subfolder named by a count; 0 stands for an unknown count."""
    counted = [sub for sub in folder.iterdir() if sub.is_dir() and sub.name.isdigit()]
    for sub in sorted(counted, key=lambda sub: int(sub.name)):
        yield int(sub.name), _maps(sub)
    if not counted:
        yield 0, _maps(folder)


def _maps(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.iterdir()) if path.suffix in SUFFIXES}


def _version(paths: Iterable[Path]) -> str:
    """Changes when any of the files does, so that maps which were made anew are scored anew."""
    digest = hashlib.sha256()
    for path in paths:
        stat = path.stat()
        digest.update(f"{path.name} {stat.st_size} {stat.st_mtime_ns};".encode())
    return digest.hexdigest()[:12]
