"""Bring a data set to the data root: download, check, unpack aside, then move into place."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from ssnbench import plugins
from ssnbench.contracts import UsageError
from ssnbench.data.layout import Archive, Layout
from ssnbench.data.unpack import unpack

Told = Callable[[str, int, int | None], None]
"""Told what is being done, how many bytes are there and, where known, of how many."""


def fetch(name: str, root: Path, given: Sequence[Path] = (), told: Told | None = None) -> Path:
    """Download a data set from its official address, or unpack archives that were downloaded.

    Interrupted, the same call goes on: a broken download from where it broke, a broken unpacking
    from the archive. Only what is whole is moved to where the data set is looked for.

    Parameters
    ----------
    name : str
        Name of the data set.
    root : Path
        Data root; made where it does not exist.
    given : sequence of Path
        Archives that lie on this machine already; they are kept.
    told : callable, optional
        Told of the progress.

    Returns
    -------
    Path
        The folder that holds the data set now.

    Raises
    ------
    UsageError
        When the data set cannot be fetched, is there already, or an archive is wrong.
    """
    layout = layout_of(name)
    tell = told or (lambda _what, _done, _total: None)
    aside, ready = (root / f".{state}-{name}" for state in ("unpacking", "ready"))
    if not ready.is_dir():
        archives = _chosen(layout, root, given, tell)
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        try:
            for path, archive in archives:
                tell(f"unpacking {path.name}", 0, None)
                unpack(path, aside, archive.unpacked)
            _check_free(aside, root / layout.into)
        except UsageError:
            shutil.rmtree(aside)
            raise
        aside.rename(ready)
    _move(ready, root / layout.into)
    for archive in () if given else layout.archives:
        (root / archive.name).unlink(missing_ok=True)
    return root / layout.into


def layout_of(name: str) -> Layout:
    """Layout of a data set; UsageError for one that is made in memory, or is the user's own."""
    layout = getattr(plugins.load("datasets", name), "LAYOUT", None)
    if not isinstance(layout, Layout):
        raise UsageError(f"{name} has no files to fetch: it comes with the program, or is yours")
    return layout


def has_hash(path: Path, known_hash: str) -> bool:
    """Whether the file has the hash ``ALGORITHM:HEX``."""
    algorithm, _, expected = known_hash.partition(":")
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest() == expected


def _chosen(
    layout: Layout, root: Path, given: Sequence[Path], tell: Told
) -> list[tuple[Path, Archive]]:
    """Archives to unpack: those given, else downloaded ones."""
    if given:
        return [(path, _known(path, layout)) for path in given]
    without = [archive.name for archive in layout.archives if not archive.url]
    if without or not layout.archives:
        raise UsageError(f"{layout.dataset} cannot be fetched by itself: {layout.obtain}")
    from ssnbench.data.download import download  # requests takes its time to import

    root.mkdir(parents=True, exist_ok=True)
    for archive in layout.archives:
        _refuse_where_it_is(root / layout.into, archive.tops)

    def one(archive: Archive) -> Path:
        return download(
            archive.url,
            archive.known_hash,
            root / archive.name,
            archive.packed,
            lambda done, total: tell(archive.name, done, total),
        )

    return [(one(archive), archive) for archive in layout.archives]


def _known(path: Path, layout: Layout) -> Archive:
    """Official archive that a file should be, by its name; a known hash is checked."""
    if not path.is_file():
        raise UsageError(f"no archive at {path}")
    official = {archive.name: archive for archive in layout.archives}
    if path.name not in official:
        raise UsageError(
            f"{path.name} is no archive of {layout.dataset}: {', '.join(official) or 'it has none'}"
        )
    archive = official[path.name]
    if archive.known_hash and not has_hash(path, archive.known_hash):
        raise UsageError(f"{path} is not the file that was published: {archive.known_hash}")
    return archive


def _check_free(source: Path, target: Path) -> None:
    folders = [entry.name for entry in source.iterdir() if entry.is_dir()]
    if not folders:
        raise UsageError(f"nothing to move to {target}: the archive holds no folder")
    _refuse_where_it_is(target, folders)


def _refuse_where_it_is(target: Path, folders: Sequence[str]) -> None:
    there = [name for name in folders if (target / name).exists()]
    if there:
        raise UsageError(
            f"{target / there[0]} is there already, and nothing is overwritten: look at it with "
            "ssnbench data verify, or move it away"
        )


def _move(source: Path, target: Path) -> None:
    """Move what a folder holds to another place on the same disk, then remove the folder."""
    target.mkdir(parents=True, exist_ok=True)
    for entry in sorted(source.iterdir()):
        entry.replace(target / entry.name)
    source.rmdir()
