"""What of a data set is on this machine, and whether it can be read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssnbench import plugins
from ssnbench.contracts import UsageError
from ssnbench.data.fetch import has_hash
from ssnbench.data.layout import data_root


@dataclass(frozen=True)
class State:
    """One split of a data set on this machine.

    Attributes
    ----------
    dataset, split : str
        Which.
    found : int
        Images with everything that belongs to them.
    complete : int
        Images that the official data set has.
    """

    dataset: str
    split: str
    found: int
    complete: int

    @property
    def text(self) -> str:
        """``complete``, ``subset`` or ``not there``."""
        if not self.found:
            return "not there"
        return "complete" if self.found >= self.complete else "subset"


def on_disk() -> list[str]:
    """Names of the data sets that have files of their own."""
    return [
        name
        for name, entry in plugins.entries("datasets").items()
        if not entry.missing and hasattr(plugins.load("datasets", name), "LAYOUT")
    ]


def states(name: str, root: Path | None) -> Iterator[State]:
    """Yield the state of every split; only names of files are looked at."""
    cls: Any = plugins.load("datasets", name)
    for split in cls.SPLITS:
        try:
            found = len(cls(root=root, split=split).keys())
        except UsageError:
            found = 0
        yield State(name, split, found, cls.N_IMAGES[split])


def home_of(name: str, root: Path | None) -> Path | None:
    """Folder that holds a data set; None where it is not there."""
    cls: Any = plugins.load("datasets", name)
    layout, base = cls.LAYOUT, data_root(root)
    for home in layout.homes:
        if any((base / home / top).exists() for top in layout.tops):
            return Path(base / home)
    return None


def n_bytes(folder: Path) -> int:
    """Bytes of all files below a folder."""
    total = 0
    for place, _, files in os.walk(folder):
        for file in files:
            total += (Path(place) / file).lstat().st_size
    return total


def problems(name: str, root: Path | None) -> Iterator[str]:
    """Check one sample of every split, and the files whose checksum is known; yield what is wrong.

    A split of which nothing is there is no problem, nor is one that is not complete.
    """
    cls = plugins.load("datasets", name)
    for state in states(name, root):
        if state.found:
            yield from _unreadable(cls(root=root, split=state.split))
    home = home_of(name, root)
    checksums: Mapping[str, str] = getattr(cls, "CHECKSUMS", {})
    for file, known_hash in checksums.items():
        if home and (home / file).is_file() and not has_hash(home / file, known_hash):
            yield f"{home / file} differs from the official file"


def _unreadable(dataset: Any) -> Iterator[str]:
    """Read the first sample: its image, its truths or flow."""
    try:
        sample = dataset[dataset.keys()[0]]
    except UsageError as error:
        yield str(error)
        return
    if not sample.truths and sample.flow is None:
        yield f"{sample.key} has neither a truth nor flow"
