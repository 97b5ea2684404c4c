"""Which file belongs to which image, however the tools that wrote it name their output.

Somewhere in the path of a file is the name of its image, between characters that end a word:
``slic_200/im0.npy``, ``im0_leftImg8bit_labels.png``, ``im0/200.csv``. What stands around it, the
pattern, is the same for all images.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

IMAGE = "{image}"
NUMBER = re.compile(r"\d+(?!\d|bit|px)")
_SEPARATOR = re.compile(r"[^\w]|_")
_MOST_WORDS = 60  # of a path; longer ones are nobody's names

PICTURE_WORDS = re.compile(
    r"(?<![a-z])(viz|vis|visuali[sz]ations?|overlays?|boundar(y|ies)|bdry|contours?|edges?|borders?"
    r"|colou?rs?|colou?red|inputs?|rgb|photos?|polygons|spixel_viz|marked)(?![a-z])",
    re.IGNORECASE,
)
"""Words in a file's path that say: this is for the eye, not a label map."""


@dataclass(frozen=True)
class Match:
    """A file that belongs to an image.

    Attributes
    ----------
    image : str
        Key of the image.
    path : Path
        The file.
    pattern : str
        Its path below the folder, without ending, with ``{image}`` for the name of the image.
    """

    image: str
    path: Path
    pattern: str

    @cached_property
    def template(self) -> str:
        """The pattern with ``{n}`` for every number."""
        return NUMBER.sub("{n}", self.pattern)

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of the pattern, in order."""
        return tuple(int(digits) for digits in NUMBER.findall(self.pattern))

    @property
    def ending(self) -> str:
        """Ending of the file in small letters."""
        return self.path.suffix.lower()


def match(
    paths: Iterable[Path], folder: Path, names: Mapping[str, str], endings: Collection[str]
) -> tuple[list[Match], list[Path]]:
    """Find the image of each file.

    Parameters
    ----------
    paths : iterable of Path
        Files below `folder`.
    folder : Path
        From where patterns start.
    names : mapping from str to str
        Keys of images by the names they may go by, which may contain folders.
    endings : collection of str
        Those of files that count, in small letters.

    Returns
    -------
    matches : list of Match
        Where several names fit a file, the one that gives the pattern of the most images counts,
        then the longest.
    others : list of Path
        Files of another ending, or of no image.
    """
    candidates: dict[Path, list[tuple[str, Match]]] = {}
    images_of: dict[str, set[str]] = defaultdict(set)
    others = []
    for path in paths:
        fitting = list(_fitting(path, folder, names)) if path.suffix.lower() in endings else []
        if not fitting:
            others.append(path)
            continue
        candidates[path] = fitting
        for _, each in fitting:
            images_of[each.pattern].add(each.image)

    def weight(candidate: tuple[str, Match]) -> tuple[int, int]:
        name, each = candidate
        return len(images_of[each.pattern]), len(name)

    return [max(fitting, key=weight)[1] for fitting in candidates.values()], others


def _fitting(path: Path, folder: Path, names: Mapping[str, str]) -> Iterator[tuple[str, Match]]:
    whole = path.relative_to(folder).with_suffix("").as_posix()
    cuts = [cut.start() for cut in _SEPARATOR.finditer(whole)][-_MOST_WORDS:]
    for start in (0, *(cut + 1 for cut in cuts)):
        for end in (*cuts, len(whole)):
            key = names.get(whole[start:end]) if start < end else None
            if key is not None:
                before = _without_scene(whole[:start], key)
                yield whole[start:end], Match(key, path, f"{before}{IMAGE}{whole[end:]}")


def _without_scene(before: str, key: str) -> str:
    """Leave out a folder that repeats the beginning of the key, such as the city of Cityscapes."""
    folders, slash, rest = before.rpartition("/")
    kept = [
        part
        for part in folders.split("/")
        if part.isdigit() or not re.match(rf"{re.escape(part)}(?!\w)|{re.escape(part)}_", key)
    ]
    return f"{'/'.join(kept)}{'/' if kept and slash else ''}{rest}"


def for_the_eye(template: str) -> bool:
    """Whether the words of a pattern say that its files are pictures to look at."""
    return PICTURE_WORDS.search(template.replace("_", " ")) is not None
