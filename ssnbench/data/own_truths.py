"""Which files are the truths of which image, where other tools keep them and by their names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ssnbench.contracts import UsageError
from ssnbench.data.layout import subfolders
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

_SHOWN = 3


def truth_of(path: Path, stems: set[str]) -> str | None:
    """The image to which a file beside it belongs by its name, such as ``KEY_mask-1.png``."""
    for cut in re.finditer(r"[-_. ]", path.stem):
        key, word = path.stem[: cut.start()], path.stem[cut.end() :]
        if key in stems and re.fullmatch(rf"{TRUTH_WORDS.pattern}[-_. ]?\d*", word, re.I):
            return key
    return None


def find_truths(
    base: Path, place: Path, split: str, images: Mapping[str, Path], labels: str, notes: list[str]
) -> dict[str, tuple[Path, ...]]:
    """Files with the truths of the images of one folder."""
    names = {key: key for key in images}
    unused = []
    chosen: dict[str, tuple[Path, ...]] = {}
    for folder in truth_places(base, place, split, labels):
        files = [path for path in files_below(folder, 3) if path not in set(images.values())]
        matches, others = match(files, folder, names, LABEL_ENDINGS)
        if not matches:
            matches, others = match(files, folder, _without_common_words(names), LABEL_ENDINGS)
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


def tell_beside(place: Path, images: Mapping[str, Path], notes: list[str]) -> None:
    """Say of files beside the images that might be truths that those in a folder are taken."""
    with suppress(UsageError):  # of what is not used nothing need be clear
        beside = [path.name for paths in _beside(place, images, notes).values() for path in paths]
        if beside:
            notes.append(
                f"{len(beside)} label maps beside the images are not used ({some(beside)})"
            )


def _without_common_words(keys: Iterable[str]) -> dict[str, str]:
    """Keys by what differs among them: ``image_001`` and its like by ``001``, for ``mask_001``."""
    listed = list(keys)
    if len(listed) < 2:
        return {}
    before = re.sub(r"[^-_. ]*$", "", _common_start(listed))
    after = re.sub(r"^[^-_. ]*", "", _common_start([key[::-1] for key in listed])[::-1])
    if not (before or after):
        return {}
    return {key.removeprefix(before).removesuffix(after): key for key in listed}


def _common_start(names: Sequence[str]) -> str:
    first, last = min(names), max(names)
    same = (n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b)
    return first[: next(same, len(first))]


def truth_places(base: Path, place: Path, split: str, labels: str) -> list[Path]:
    """Folders that may hold the truths of the images in `place`, the likeliest first."""
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
        notes.append(f"not used as truths: {some(unused)} and what is named alike")
    same: dict[tuple[str, str], list[Match]] = defaultdict(list)
    for each in (each for name in likely for each in kinds[name]):
        same[each.image, each.pattern].append(each)
    ordered = sorted(same, key=lambda place: (place[0], _numbers(place[1]), place[1]))

    def say_once(text: str) -> None:
        if text not in notes:
            notes.append(text)

    return [preferred(same[place], say_once) for place in ordered]


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
        if (is_array and path.stem in stems) or truth_of(path, stems):
            files.append(path)
        else:
            notes.append(f"{path.name} is neither an image nor the truth of one")
    matches, _ = match(files, folder, {key: key for key in images}, LABEL_ENDINGS)
    truths: dict[str, list[Path]] = defaultdict(list)
    for each in _one_kind(matches, notes) if matches else ():
        truths[each.image].append(each.path)
    return {key: tuple(paths) for key, paths in truths.items()}


def some(names: Sequence[str]) -> str:
    """The first few names, with dots where there are more."""
    return ", ".join(names[:_SHOWN]) + (" ..." if len(names) > _SHOWN else "")


def _some_names(paths: Sequence[Path]) -> str:
    return some([path.name for path in paths])
