"""Where the data sets lie on this machine, and what to say when they do not."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from ssnbench.contracts import Image, Labels, Mask, UsageError
from ssnbench.io.listing import beside, is_system_file

VARIABLE = "SSNBENCH_DATA"
"""Environment variable that names the data root."""


def data_root(given: Path | None) -> Path:
    """Folder that holds the data sets: the one given, else ``$SSNBENCH_DATA``, else the user's.

    It need not exist.
    """
    if given is not None:
        return Path(given).expanduser()
    named = os.environ.get(VARIABLE)
    return Path(named).expanduser() if named else user_data_path("ssnbench")


@dataclass(frozen=True)
class Archive:
    """One official archive of a data set.

    Attributes
    ----------
    name : str
        Name of the file.
    url : str
        Where it is published; empty when that takes an account.
    known_hash : str
        ``sha256:HEX`` or ``md5:HEX``; empty when it is not known.
    packed, unpacked : int
        Bytes that it may have at most, as a file and unpacked.
    tops : tuple of str
        Folders that it unpacks to.
    """

    name: str
    url: str
    known_hash: str
    packed: int
    unpacked: int
    tops: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """How the official files of a data set lie.

    Attributes
    ----------
    dataset : str
        Name of the data set, for messages.
    homes : tuple of str
        Folders below the data root that may hold it, the likeliest first; ``""`` is the root.
    tree : str
        What lies there, as a drawing of several lines that starts at the last home.
    obtain : str
        How to get it.
    tops : tuple of str
        Entries of a home by which it is recognised.
    archives : tuple of Archive
        What it is published as.
    into : str
        Folder below the data root that the archives are unpacked to.
    """

    dataset: str
    homes: tuple[str, ...]
    tree: str
    obtain: str
    tops: tuple[str, ...] = ()
    archives: tuple[Archive, ...] = ()
    into: str = ""

    def find(self, root: Path, marker: str) -> Path:
        """Return the first home below ``root`` that holds ``marker``.

        Raises
        ------
        UsageError
            When none does: shows the expected tree beside what was found.
        """
        for home in self.homes:
            if (root / home / marker).exists():
                return root / home
        places = " or ".join(str(Path(home) / marker) for home in self.homes)
        raise self.mismatch(root, f"looked in {root} for {places}")

    def mismatch(self, folder: Path, what: str) -> UsageError:
        """Error for files that are not as expected: the tree beside what lies in ``folder``."""
        where = f"name its folder with --data-root or ${VARIABLE}"
        what = f"no data for {self.dataset}: {what}; {self.obtain}, then {where}"
        tree = self.tree.strip("\n").splitlines()
        return UsageError("\n".join([what, *beside(tree, folder)]))


def check_split(dataset: str, split: str, splits: Sequence[str]) -> None:
    """Raise UsageError unless the data set has this split."""
    if split not in splits:
        raise UsageError(f"{dataset} has no split {split!r}: {', '.join(splits)}")


def check_size(path: Path, what: str, given: Labels | Mask | Image, image: Image) -> None:
    """Raise UsageError, naming the file, unless ``given`` is as large as the image."""
    if given.shape[:2] != image.shape[:2]:
        raise UsageError(
            f"{path} has {what} of shape {given.shape[:2]}, its image {image.shape[:2]}"
        )


def stems(folder: Path, ending: str) -> set[str]:
    """Names of the files of a folder that end so, without the ending; none if it is no folder.

    Files of an operating system, such as ``._a.png``, are not among them.
    """
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if not is_system_file(entry.name)]
    except OSError:
        return set()
    return {name.removesuffix(ending) for name in names if name.endswith(ending)}


def subfolders(folder: Path) -> list[str]:
    """Names of the folders in a folder, sorted; none if it is no folder."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_dir()]
    except OSError:
        return []
    return sorted(name for name in names if not is_system_file(name))
