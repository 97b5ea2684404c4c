"""Label maps in a folder, as the tool that made them left it: which map, which image, which count.

The files of one method have one pattern (see :mod:`ssnbench.io.name_matching`), in which one number
may vary: the count asked for. What is ambiguous is refused, showing what lies there.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ssnbench.contracts import Dataset, UsageError
from ssnbench.io.label_counts import (
    UNKNOWN_COUNT,
    LabelFile,
    image_shape,
    read_quietly,
    refused,
    with_counts,
)
from ssnbench.io.label_maps import LABEL_ENDINGS, not_read, read_label_maps
from ssnbench.io.listing import files_below
from ssnbench.io.name_matching import Match, for_the_eye, match
from ssnbench.io.notes import note

_DEPTH = 6
_SHOWN = 3
_DOCUMENTS = (".md", ".rst", ".log", ".json", ".yaml", ".yml", ".xml")
"""Endings of what tools note beside their label maps."""
_PICTURES = (".png", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pnm", ".pbm")


def find_label_files(folder: Path, dataset: Dataset, label: str) -> list[LabelFile]:
    """Find the label maps of a dataset's images in a folder and in the folders below it.

    Parameters
    ----------
    folder : Path
        The folder, as a tool left it.
    dataset : Dataset
        The dataset whose images they belong to.
    label : str
        Its name, for messages.

    Returns
    -------
    list of LabelFile
        By count, then by image.

    Raises
    ------
    UsageError
        When there is none, or several sets of which none is the likeliest, or when maps and images
        differ in size; what lies there is shown beside what is expected.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder; give a folder of label maps or of a run")
    keys = dataset.keys()
    matches, others = match(
        files_below(folder, _DEPTH), folder, _names(dataset, keys), LABEL_ENDINGS
    )
    matches = _of_split(matches, dataset)
    if not matches:
        raise _nothing_fits(folder, dataset, label, keys)
    chosen = _one_set(matches, folder)
    files = sorted(
        with_counts(chosen, folder, dataset), key=lambda each: (each.n_asked, each.image)
    )
    _check_sizes(files, dataset, label)
    _tell_unused(folder, matches, chosen, others, dataset)
    return files


def _names(dataset: Dataset, keys: Iterable[str]) -> dict[str, str]:
    """Keys by the names that tools may use: the key itself, and what the dataset adds."""
    names = {key: key for key in keys}
    more = getattr(dataset, "names", None)
    if callable(more):
        names |= {name: key for key in keys for name in more(key)}
    return names


def _of_split(matches: list[Match], dataset: Dataset) -> list[Match]:
    """Leave out what lies in a folder that is called like another split."""
    own = getattr(dataset, "split", None)
    others = {split for split in dataset.SPLITS if split != own}
    inside = [m for m in matches if not others & set(m.pattern.split("/")[:-1])]
    return inside or matches


# ------------------------------------------------------------------ which set of maps


def _one_set(matches: Sequence[Match], folder: Path) -> list[Match]:
    """The files of one pattern, one for each image and numbers."""
    sets: dict[str, list[Match]] = defaultdict(list)
    for each in matches:
        sets[each.template].append(each)
    likely = likeliest({name: [each.path for each in files] for name, files in sets.items()})
    chosen = [each for name in likely for each in sets[name]]
    if len(likely) > 1 and len({m.image for m in chosen}) < sum(
        len({m.image for m in sets[name]}) for name in likely
    ):
        shown = ", ".join(f"{name} ({len(sets[name])} files)" for name in likely[:_SHOWN])
        raise refused(f"{folder} holds several sets of label maps: {shown}: name one", folder)
    return _one_of_each(chosen)


def likeliest(sets: Mapping[str, Sequence[Path]]) -> list[str]:
    """Choose the patterns whose files are label maps, when others are pictures to look at.

    Parameters
    ----------
    sets : mapping from str to sequence of Path
        Files by their pattern.

    Returns
    -------
    list of str
        Those patterns that words do not call pictures; of these, arrays before pictures, and the
        name of the image alone before longer names. Never empty.
    """
    names = list(sets)
    rules: tuple[Callable[[str], bool], ...] = (
        lambda name: not for_the_eye(name),
        lambda name: any(path.suffix.lower() not in _PICTURES for path in sets[name]),
        lambda name: _is_label_map(sets[name][0]),
    )
    for is_better in rules:
        better = [name for name in names if is_better(name)] if len(names) > 1 else names
        names = better or names
    return names


def _is_label_map(path: Path) -> bool:
    try:
        return bool(read_label_maps(path))
    except UsageError:
        return False


def _one_of_each(matches: Iterable[Match]) -> list[Match]:
    """Of files of one name and several endings the first by `LABEL_ENDINGS`, arrays first."""
    same: dict[tuple[str, str], list[Match]] = defaultdict(list)
    for each in matches:
        same[each.image, each.pattern].append(each)
    return [preferred(files, note) for files in same.values()]


def preferred(matches: Sequence[Match], say: Callable[[str], None]) -> Match:
    """Of files that differ in their endings the likeliest label map: arrays before pictures.

    What is not taken is said to `say`.

    Raises
    ------
    UsageError
        When two have the same ending in other letters.
    """
    by_ending = {each.ending: each for each in matches}
    if len(by_ending) < len(matches):
        names = " and ".join(str(each.path) for each in matches)
        raise UsageError(f"{names} go by one name: rename one")
    first = min(matches, key=lambda m: (m.ending in _PICTURES, LABEL_ENDINGS.index(m.ending)))
    if len(matches) > 1:
        rest = ", ".join(sorted(each.ending for each in matches if each is not first))
        say(f"{first.path.parent}: the {first.ending} are taken, {rest} of the same names are not")
    return first


# ------------------------------------------------------------------ sizes


def _check_sizes(files: Sequence[LabelFile], dataset: Dataset, label: str) -> None:
    """Refuse maps of which the first, the middle and the last differ in size from their images."""
    hint = ""
    for each in {0: files[0], 1: files[len(files) // 2], 2: files[-1]}.values():
        shape = image_shape(dataset, each.image)
        maps = read_quietly(each.path, shape)
        if shape is None or not maps or maps[each.member or 0].shape == shape:
            return
        size = maps[each.member or 0].shape
        hint = hint or (
            f"{each.path} is {size[0]} x {size[1]}, its image in {label} is {shape[0]} x {shape[1]}"
            f"{_mend(dataset, each.image, size, shape)}"
        )
    raise UsageError(hint)


def _mend(dataset: Dataset, image: str, size: tuple[int, ...], shape: tuple[int, int]) -> str:
    """What could be done about a map of another size."""
    if size == shape[::-1]:
        return ": rows and columns are exchanged, transpose the map"
    if 1 in size and max(size) == shape[0] * shape[1]:
        return f": its labels stand in one line, reshape them to {shape[0]} x {shape[1]}"
    name = type(dataset).__name__.lower()
    form: Any = dataset
    for field in dataclasses.fields(form) if dataclasses.is_dataclass(form) else ():
        value: Any = getattr(dataset, field.name)
        if not isinstance(value, bool):
            continue
        other = dataclasses.replace(form, **{field.name: not value})
        if image_shape(other, image) == size:
            given = str(not value).lower()
            return f": maps of this size belong to --dataset '{name}({field.name}={given})'"
    return ": a label map has the size of the image as the dataset gives it"


# ------------------------------------------------------------------ what is said


def without_map(
    files: Iterable[LabelFile], images: Sequence[str], folder: Path
) -> dict[int, list[str]]:
    """Images without a map, by the count asked for; says so where there are any.

    Parameters
    ----------
    files : iterable of LabelFile
        The maps of these images.
    images : sequence of str
        Keys of all images that are wanted.
    folder : Path
        Where the maps lie, for the note.
    """
    present: dict[int, set[str]] = defaultdict(set)
    for each in files:
        present[each.n_asked].add(each.image)
    missing = {
        n_asked: [image for image in images if image not in those]
        for n_asked, those in present.items()
    }
    parts = []
    for n_asked, those in missing.items():
        if those:
            at = f"at {n_asked} superpixels " if n_asked != UNKNOWN_COUNT else ""
            shown = ", ".join(those[:_SHOWN]) + (" ..." if len(those) > _SHOWN else "")
            parts.append(
                f"{at}for {len(images) - len(those)} of {len(images)} images (none for {shown})"
            )
    if parts:
        note(f"{folder} has label maps {'; '.join(parts)}")
    return missing


def _tell_unused(
    folder: Path,
    matches: Sequence[Match],
    chosen: Sequence[Match],
    others: Sequence[Path],
    dataset: Dataset,
) -> None:
    """Say what lies there and is not scored."""
    used = {each.template for each in chosen}
    names = [each.template for each in matches if each.template not in used]
    parts = [f"{name} ({n} files)" for name, n in Counter(names).items()]
    loose = [path for path in others if path.suffix.lower() in LABEL_ENDINGS]
    if loose:
        splits = _splits_of(loose, folder, dataset)
        why = f"of split {splits[0]}" if splits else "of no image"
        parts.append(f"{len(loose)} files {why} (such as {loose[0].relative_to(folder)})")
    kinds = Counter(
        path.suffix.lower() or path.name
        for path in others
        if path.suffix.lower() not in (*LABEL_ENDINGS, *_DOCUMENTS) and not for_the_eye(path.stem)
    )
    if kinds:
        counted = ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items()))
        parts.append(f"no label maps of a kind that is read: {counted}")
    if parts:
        note(f"{folder}: not scored: {'; '.join(parts)}")


def _nothing_fits(folder: Path, dataset: Dataset, label: str, keys: Sequence[str]) -> UsageError:
    files = list(files_below(folder, _DEPTH))
    splits = _splits_of(files, folder, dataset)
    split = getattr(dataset, "split", "")
    example = f" (such as {keys[0]}.npy)" if keys else ""
    what = f"no label map in {folder} is named after an image of {label} {split}{example}"
    if splits:
        what += f"; {files[0].stem} and its like are of another split: --split {splits[0]}"
    endings = {path.suffix.lower() for path in files} - set(LABEL_ENDINGS)
    of_other_kinds, _ = match(files, folder, _names(dataset, keys), endings)
    if of_other_kinds:
        what = f"no label map in {folder}: {not_read(of_other_kinds[0].path)}"
    return refused(what, folder)


def _splits_of(paths: Sequence[Path], folder: Path, dataset: Dataset) -> list[str]:
    """Splits of the dataset to which such files belong, beside the one that is open.

    The smallest come first: a split of everything says least.
    """
    own = getattr(dataset, "split", None)
    others = {split: _keys_of(dataset, split) for split in dataset.SPLITS if split != own}
    fitting = [s for s in others if paths and match(paths, folder, others[s], LABEL_ENDINGS)[0]]
    return sorted(fitting, key=lambda split: len(others[split]))


def _keys_of(dataset: Dataset, split: str) -> dict[str, str]:
    form: Any = dataset
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            other = dataclasses.replace(form, split=split)
            return _names(other, other.keys())
        except (UsageError, TypeError):
            return {}
