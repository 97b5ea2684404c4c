"""What lies in a folder of one's own images: which are images, which are truths of which image.

Truths are looked for where other tools keep them and by the names that they give them. What lies
there and is not used is told, with the reason.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ssnbench.contracts import UsageError
from ssnbench.data.layout import subfolders
from ssnbench.io.images import IMAGE_ENDINGS
from ssnbench.io.label_folders import likeliest, preferred
from ssnbench.io.label_maps import LABEL_ENDINGS
from ssnbench.io.listing import files_below
from ssnbench.io.name_matching import IMAGE, NUMBER, Match, match

SPLIT_FOLDERS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
"""Names of the subfolders that hold a split, in small letters."""

IMAGE_FOLDERS = ("images", "image", "imgs", "img", "jpegimages", "photos", "pictures", "inputs")
"""Names of a subfolder that holds the images, in small letters."""

TRUTH_FOLDERS = (
    *("labels", "label", "masks", "mask", "gt", "groundtruth", "ground_truth", "ground-truth"),
    *("truths", "truth", "segmentations", "segmentation", "segmentationclass", "annotations"),
    *("annotation", "label_maps", "labelmaps", "labelids", "segs", "seg", "inst_maps"),
)
"""Names of a folder of truths, in small letters; the first that holds any counts."""

TRUTH_WORDS = re.compile(
    r"(masks?|labels?|label_?ids|label_?maps?|gt|ground_?truth|truths?|segm?|segmentations?"
    r"|annotations?|annot|instances?|classes)",
    re.IGNORECASE,
)
"""What is added to an image's name to name its truth."""

HELD_OUT = 5
"""Of images without splits every so many-th is kept to validate with."""

_DOCUMENTS = re.compile(
    r"(readme|licen[cs]e|copying|citation)\b.*|.*\.(md|rst|yaml|yml|json)", re.I
)
_SHOWN = 3


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
    for place in places:
        here = _images(place, notes)
        twice = next((key for key in here if key in images), None)
        if twice is not None:
            raise UsageError(
                f"{here[twice]} and {images[twice]} go by one name: choose one with --split"
            )
        images |= here
        truths |= _truths(base, place, split, here, labels, notes)
    if not images:
        raise UsageError(f"no image in {base}; it should hold {', '.join(IMAGE_ENDINGS)}")
    keys = _held_out(base, sorted(images), split, notes)
    without = [key for key in keys if not truths.get(key)]
    if 0 < len(without) < len(keys):
        notes.append(f"{len(without)} of {len(keys)} images have no truth ({_some(without)})")
    return OwnFiles(
        {key: images[key] for key in keys},
        {key: truths[key] for key in keys if key in truths},
        tuple(notes),
    )


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
        if _truth_of(path, stems):
            continue
        if path.stem in images:
            raise UsageError(f"{path} and {images[path.stem].name} go by one name: rename one")
        images[path.stem] = path
    _tell_other_kinds(files, images, notes)
    return images


def _truth_of(path: Path, stems: set[str]) -> str | None:
    """The image to which a file beside it belongs by its name, such as ``KEY_mask-1.png``."""
    for cut in re.finditer(r"[-_. ]", path.stem):
        key, word = path.stem[: cut.start()], path.stem[cut.end() :]
        if key in stems and re.fullmatch(rf"{TRUTH_WORDS.pattern}[-_. ]?\d*", word, re.I):
            return key
    return None


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


# ------------------------------------------------------------------ truths


def _truths(
    base: Path, place: Path, split: str, images: Mapping[str, Path], labels: str, notes: list[str]
) -> dict[str, tuple[Path, ...]]:
    """Files with the truths of the images of one folder."""
    names = {key: key for key in images}
    unused = []
    chosen: dict[str, tuple[Path, ...]] = {}
    for folder in _truth_places(base, place, split, labels):
        files = [path for path in files_below(folder, 3) if path not in set(images.values())]
        matches, others = match(files, folder, names, LABEL_ENDINGS)
        if not matches:
            unused += files[:1]
            if files:
                notes.append(
                    f"{folder} holds {len(files)} files of which none belongs to an image, such as "
                    f"{files[0].name}; a truth is called KEY.png, KEY_label.npy, KEY-0.csv ..."
                )
            continue
        if chosen:
            notes.append(f"{folder} is not used: labels={folder.name} takes it")
            continue
        chosen = _by_annotator(matches, split, notes)
        if others:
            notes.append(f"{len(others)} files in {folder} are not used ({_some_names(others)})")
    return chosen or _beside(place, images, notes)


def _truth_places(base: Path, place: Path, split: str, labels: str) -> list[Path]:
    """Folders that may hold the truths, the likeliest first."""
    if labels != "labels":
        given = Path(labels).expanduser()
        places = [folder for folder in (place / given, base / given) if folder.is_dir()]
        if not places:
            raise UsageError(f"no folder of truths at {place / given}: labels={labels}")
        return [_part(places[0], place, split)]
    above = [place, *([] if place == base else [place.parent, base])]
    if place == base and place.resolve().name.casefold() in IMAGE_FOLDERS:
        above.append(place.parent)
    places = []
    for folder in dict.fromkeys(above):
        named = {name.casefold(): name for name in subfolders(folder)}
        places += [
            _part(folder / named[name], place, split) for name in TRUTH_FOLDERS if name in named
        ]
    return list(dict.fromkeys(places))


def _part(folder: Path, place: Path, split: str) -> Path:
    """The subfolder of truths that is of a split, if there is one."""
    wanted = [*SPLIT_FOLDERS.get(split, ()), place.name.casefold(), place.parent.name.casefold()]
    named = {name.casefold(): name for name in subfolders(folder)}
    known = [name for part in SPLIT_FOLDERS.values() for name in part]
    for name in wanted:
        if name in named and name in known:
            return folder / named[name]
    return folder


def _by_annotator(
    matches: Sequence[Match], split: str, notes: list[str]
) -> dict[str, tuple[Path, ...]]:
    """Order truths by subfolder, then by the number at their names."""
    by_folder: dict[str, list[Match]] = defaultdict(list)
    other_splits = {
        name for part, names in SPLIT_FOLDERS.items() if part != split for name in names
    }
    for each in matches:
        folder = each.pattern.rpartition("/")[0]
        if not (split != "all" and other_splits & set(folder.casefold().split("/"))):
            by_folder[folder].append(each)
    truths: dict[str, list[Path]] = defaultdict(list)
    for folder in sorted(by_folder):
        for each in _one_kind(by_folder[folder], notes):
            truths[each.image].append(each.path)
    return {key: tuple(files) for key, files in truths.items()}


def _one_kind(matches: Sequence[Match], notes: list[str]) -> list[Match]:
    """The truths of one folder: of one pattern, in which a number counts the annotators."""
    kinds: dict[str, list[Match]] = defaultdict(list)
    for each in matches:
        kinds[NUMBER.sub("{n}", each.pattern.rpartition("/")[2])].append(each)
    likely = likeliest({name: [m.path for m in files] for name, files in kinds.items()})
    if len(likely) > 1:
        plain = [name for name in likely if name == IMAGE]
        likely = plain or [name for name in likely if TRUTH_WORDS.search(name)] or likely
    if len(likely) > 1 and _overlap([kinds[name] for name in likely]):
        names = " and ".join(str(kinds[name][0].path) for name in likely[:2])
        raise UsageError(f"{names} may both be truths: leave one there, or name one by labels=")
    unused = [kinds[name][0].path.name for name in kinds if name not in likely]
    if unused:
        notes.append(f"not used as truths: {_some(unused)} and what is named alike")
    same: dict[tuple[str, str], list[Match]] = defaultdict(list)
    for each in (each for name in likely for each in kinds[name]):
        same[each.image, each.pattern].append(each)
    ordered = sorted(same, key=lambda place: (place[0], _numbers(place[1]), place[1]))
    return [preferred(same[place]) for place in ordered]


def _numbers(pattern: str) -> list[int]:
    return [int(digits) for digits in NUMBER.findall(pattern)]


def _overlap(kinds: Sequence[Sequence[Match]]) -> bool:
    """Whether two kinds hold a file of the same image."""
    images = [{each.image for each in files} for files in kinds]
    return sum(map(len, images)) > len(set().union(*images))


def _beside(
    folder: Path, images: Mapping[str, Path], notes: list[str]
) -> dict[str, tuple[Path, ...]]:
    """Truths in the folder of the images itself: arrays of an image's name, ``KEY_mask.png``."""
    stems, taken = set(images), set(images.values())
    files = []
    for path in files_below(folder):
        if path in taken or path.suffix.lower() not in LABEL_ENDINGS:
            continue
        if path.suffix.lower() == ".txt" and not any(path.stem.startswith(key) for key in stems):
            continue  # a text, not a table
        is_array = path.suffix.lower() in (".npy", ".npz", ".mat", ".csv", ".tsv")
        if (is_array and path.stem in stems) or _truth_of(path, stems):
            files.append(path)
        else:
            notes.append(f"{path.name} is neither an image nor the truth of one")
    matches, _ = match(files, folder, {key: key for key in images}, LABEL_ENDINGS)
    truths: dict[str, list[Path]] = defaultdict(list)
    for each in _one_kind(matches, notes) if matches else ():
        truths[each.image].append(each.path)
    return {key: tuple(paths) for key, paths in truths.items()}


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (" ..." if len(names) > _SHOWN else "")


def _some_names(paths: Sequence[Path]) -> str:
    return _some([path.name for path in paths])
