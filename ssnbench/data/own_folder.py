"""What lies in a folder of one's own images: which are images, which are truths of which image.

Truths are looked for where other tools keep them and by the names that they give them. What lies
there and is not used is told, with the reason.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ssnbench.contracts import UsageError
from ssnbench.data.layout import subfolders
from ssnbench.data.own_truths import (
    IMAGE_FOLDERS,
    SPLIT_FOLDERS,
    find_truths,
    some,
    tell_beside,
    truth_of,
    truth_places,
)
from ssnbench.io.images import IMAGE_ENDINGS
from ssnbench.io.label_maps import LABEL_ENDINGS
from ssnbench.io.listing import files_below

HELD_OUT = 5
"""Of images without splits every so many-th is kept to validate with."""

_DOCUMENTS = re.compile(
    r"(readme|licen[cs]e|copying|citation)\b.*|.*\.(md|rst|yaml|yml|json)", re.I
)


@dataclass(frozen=True)
class OwnFiles:
    """What was found.

    Attributes
    ----------
    images : mapping from str to Path
        The images by their keys.
    truths : mapping from str to tuple of Path
        Files with the truths of an image, one for each annotator.
    notes : tuple of str
        What lies there and is not used, and why.
    """

    images: Mapping[str, Path]
    truths: Mapping[str, tuple[Path, ...]]
    notes: tuple[str, ...]


_Stamp = tuple[tuple[str, int], ...]
_SCANNED: dict[tuple[Path, str, str], tuple[_Stamp, OwnFiles]] = {}


def scan(base: Path, split: str, labels: str) -> OwnFiles:
    """Look through a folder; what is known of it counts until a file is added or removed.

    Parameters
    ----------
    base : Path
        The folder that the user named.
    split : {"all", "train", "val", "test"}
        Which of its images.
    labels : str
        The folder of truths, in that of the images, in `base` or anywhere; ``"labels"`` stands for
        all of `TRUTH_FOLDERS`.

    Raises
    ------
    UsageError
        When there is no such folder, no image, or two files go by one name.
    """
    place = (base, split, labels)
    known = _SCANNED.get(place)
    if known is None or known[0] != _stamp(path for path, _ in known[0]):
        folders = [str(base), *_folders_below(base)]
        if Path(labels).expanduser().is_absolute():
            folders += [str(Path(labels).expanduser()), *_folders_below(Path(labels).expanduser())]
        known = (_stamp(folders), _scanned(base, split, labels))
        _SCANNED[place] = known
    return known[1]


def _folders_below(base: Path, depth: int = 3) -> Iterable[str]:
    for name in subfolders(base):
        yield str(base / name)
        if depth > 1:
            yield from _folders_below(base / name, depth - 1)


def _stamp(folders: Iterable[str]) -> _Stamp:
    """When each folder changed last."""
    times = []
    for folder in folders:
        try:
            times.append((folder, os.stat(folder).st_mtime_ns))  # noqa: PTH116 - ten times faster
        except OSError:
            times.append((folder, 0))
    return tuple(times)


def _scanned(base: Path, split: str, labels: str) -> OwnFiles:
    if not base.is_dir():
        raise UsageError(f'no folder at {base}; name one: --dataset "folder(path=FOLDER)"')
    notes: list[str] = []
    places = _image_places(base, split, notes)
    images: dict[str, Path] = {}
    truths: dict[str, tuple[Path, ...]] = {}
    searched = list(places)
    for place in places:
        here = _images(place, notes)
        twice = next((key for key in here if key in images), None)
        if twice is not None:
            raise UsageError(
                f"{here[twice]} and {images[twice]} go by one name: choose one with --split"
            )
        images |= here
        found = find_truths(base, place, split, here, labels, notes)
        searched += truth_places(base, place, split, labels)
        if any(path.parent != place for paths in found.values() for path in paths):
            tell_beside(place, here, notes)
        truths |= found
    if not images:
        raise _no_image(base)
    _tell_other_folders(base, searched, notes)
    keys = _held_out(base, sorted(images), split, notes)
    without = [images[key].name for key in keys if not truths.get(key)]
    if 0 < len(without) < len(keys):
        notes.append(f"{len(without)} of {len(keys)} images have no truth ({some(without)})")
    elif without and len(searched) > len(places):
        notes.append("no image has a truth, though there is a folder of truths")
    return OwnFiles(
        {key: images[key] for key in keys},
        {key: truths[key] for key in keys if key in truths},
        tuple(notes),
    )


def _no_image(base: Path) -> UsageError:
    """Say what is looked for, or in which folders below there is some."""
    inside = [name for name in _folders_below(base) if _holds_images(Path(name))]
    if inside:
        return UsageError(f"no image in {base} itself, but in {some(inside)}: name one of these")
    return UsageError(f"no image in {base}; it should hold {', '.join(IMAGE_ENDINGS)}")


def _tell_other_folders(base: Path, searched: Sequence[Path], notes: list[str]) -> None:
    """Say which folders hold files and are neither of images, nor of truths, nor of a split."""
    splits = {name for names in SPLIT_FOLDERS.values() for name in names}
    parts = []
    for folder in map(Path, _folders_below(base)):
        inside = folder.relative_to(base)
        if splits & {part.casefold() for part in inside.parts}:
            continue
        if any(folder == place or place in folder.parents for place in searched if place != base):
            continue
        files = [path for path in files_below(folder) if not _DOCUMENTS.fullmatch(path.name)]
        if files:
            parts.append(f"{inside} ({len(files)} files, such as {files[0].name})")
    if parts:
        notes.append(f"not looked into: {some(parts)}")


# ------------------------------------------------------------------ images


def _image_places(base: Path, split: str, notes: list[str]) -> list[Path]:
    """The folders that hold the images of a split."""
    flat = next((place for place in _with_images(base) if _holds_images(place)), None)
    parts = {name: place for name in SPLIT_FOLDERS if (place := _split_place(base, name))}
    if split in parts:
        return [parts[split]]
    if flat is not None:
        if parts and split == "all":
            notes.append(f"images of its subfolders are not among them: --split {', '.join(parts)}")
        return [flat]
    if split != "all" and len(parts) > 1:
        raise UsageError(f"{base} has no split {split!r}: it has {', '.join(parts)}")
    return list(parts.values()) or [base]


def _with_images(folder: Path) -> list[Path]:
    """A folder, and those in it whose names say that they hold images."""
    named = {name.casefold(): name for name in subfolders(folder)}
    return [folder, *(folder / named[name] for name in IMAGE_FOLDERS if name in named)]


def _split_place(base: Path, split: str) -> Path | None:
    """The folder of a split: ``train``, ``train/images`` or ``images/train``."""
    for above in _with_images(base):
        named = {name.casefold(): name for name in subfolders(above)}
        for name in SPLIT_FOLDERS[split]:
            if name in named:
                for place in _with_images(above / named[name]):
                    if _holds_images(place):
                        return place
    return None


def _holds_images(folder: Path) -> bool:
    return any(path.suffix.lower() in IMAGE_ENDINGS for path in files_below(folder))


def _images(folder: Path, notes: list[str]) -> dict[str, Path]:
    """The images of a folder by their names without endings."""
    files = list(files_below(folder))
    pictures = [path for path in files if path.suffix.lower() in IMAGE_ENDINGS]
    stems = {path.stem for path in pictures}
    images: dict[str, Path] = {}
    for path in pictures:
        if truth_of(path, stems):
            continue
        if path.stem in images:
            raise UsageError(
                f"{path} and {images[path.stem].name} go by one name: rename one; where it is the "
                f"truth of the other, put it into labels or call it {path.stem}_mask{path.suffix}"
            )
        images[path.stem] = path
    _tell_other_kinds(files, images, notes)
    return images


def _tell_other_kinds(files: Sequence[Path], images: Mapping[str, Path], notes: list[str]) -> None:
    """Say what beside the images is neither a picture that is read nor the truth of one."""
    read = set(images.values())
    kinds = Counter(
        path.suffix.lower() or path.name
        for path in files
        if path not in read
        and path.suffix.lower() not in (*IMAGE_ENDINGS, *LABEL_ENDINGS)
        and not _DOCUMENTS.fullmatch(path.name)
    )
    if kinds:
        counted = ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items()))
        notes.append(f"no pictures of a kind that is read: {counted}")


def _held_out(base: Path, keys: list[str], split: str, notes: list[str]) -> list[str]:
    """Of images that have no splits every fifth is for validation, the others to train with."""
    if split == "all" or _split_place(base, split) is not None:
        return keys
    if split == "test":
        notes.append("there is no subfolder test: all images are taken")
        return keys
    notes.append(
        f"there is no subfolder {split}: every {HELD_OUT}th image is held out to validate with"
    )
    val = keys[::HELD_OUT]
    return val if split == "val" else [key for key in keys if key not in set(val)] or keys
