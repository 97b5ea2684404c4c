"""Which count was asked for: the number in the names of label maps that says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log
from pathlib import Path

import numpy as np

from ssnbench.contracts import Dataset, Labels, UsageError
from ssnbench.io.label_maps import read_label_maps, read_labels
from ssnbench.io.listing import beside
from ssnbench.io.name_matching import Match

EXPECTED = (
    "IMAGE.npy, .csv, .mat, .png, .pgm, .tif ...",
    "or, of several counts:",
    "200/IMAGE.npy",
    "slic_200/map_csv/IMAGE.csv",
    "IMAGE_200.png",
)
"""Where label maps are looked for, as lines."""

UNKNOWN_COUNT = 0
"""The count asked for when no name tells it."""

_PLAUSIBLE = 5.0  # a count asked for lies within this factor of the count made
_SHOWN = 3


@dataclass(frozen=True)
class LabelFile:
    """A label map that lies in a file.

    Attributes
    ----------
    n_asked : int
        The count that was asked for; `UNKNOWN_COUNT` when no name tells it.
    image : str
        Key of its image.
    path : Path
        The file.
    member : int or None
        Which of the maps of a file that holds several.
    """

    n_asked: int
    image: str
    path: Path
    member: int | None = None

    def read(self, shape: tuple[int, int] | None = None) -> Labels:
        """Read the map, int32 (H, W); see :func:`ssnbench.io.label_maps.read_labels`."""
        return read_labels(self.path, shape, member=self.member)


def with_counts(matches: Sequence[Match], folder: Path, dataset: Dataset) -> list[LabelFile]:
    """Tell the count of each file of one set: by its name, or of several maps in it by their sizes.

    Raises
    ------
    UsageError
        When several numbers vary among the names, and none is near the counts made.
    """
    place = _place_of_count(matches, folder)
    if place is not None:
        files = [LabelFile(m.numbers[place], m.image, m.path) for m in matches]
        if len({(each.n_asked, each.image) for each in files}) < len(files):
            raise _several(matches, folder, "more than one number varies among their names")
        return files
    first = matches[0]
    maps = read_quietly(first.path, image_shape(dataset, first.image))
    if len(maps) < 2:
        return [LabelFile(UNKNOWN_COUNT, m.image, m.path) for m in matches]
    counts = [int(np.unique(each).size) for each in maps]
    if len(set(counts)) < len(counts):
        raise UsageError(f"{first.path} holds {len(maps)} label maps, of {counts} superpixels")
    return [
        LabelFile(n, m.image, m.path, member) for m in matches for member, n in enumerate(counts)
    ]


def _place_of_count(matches: Sequence[Match], folder: Path) -> int | None:
    """Which number of the pattern is the count asked for; None when none is."""
    if len({m.template for m in matches}) > 1:
        return None
    columns = list(zip(*(m.numbers for m in matches), strict=True))
    varying = [place for place, column in enumerate(columns) if len(set(column)) > 1]
    if len(varying) == 1 and _stands_alone(matches[0], varying[0]):
        return varying[0]
    if not varying and len(columns) == 1 and _stands_alone(matches[0], 0):
        return 0
    places = varying or range(len(columns))
    distances = {place: _distance_to_made(matches, place) for place in places}
    plausible = {place: d for place, d in distances.items() if d <= log(_PLAUSIBLE)}
    if plausible:
        return min(plausible, key=lambda place: plausible[place])
    if varying:
        why = "no one number among their names is near the count of superpixels"
        raise _several(matches, folder, why)
    return None


def _several(matches: Sequence[Match], folder: Path, why: str) -> UsageError:
    patterns = sorted({m.pattern for m in matches}, key=lambda text: [len(text), text])
    shown = ", ".join(patterns[:_SHOWN])
    return refused(
        f"{folder} holds several sets of label maps ({shown}), and {why}: name the folder of one",
        folder,
    )


def _stands_alone(match_: Match, place: int) -> bool:
    """Whether the number is the whole name of a folder or file, as in ``200/IMAGE``."""
    parts = [part for part in match_.template.split("/") if "{n}" in part]
    before = 0
    for part in parts:
        if before <= place < before + part.count("{n}"):
            return part == "{n}"
        before += part.count("{n}")
    return False


def _distance_to_made(matches: Sequence[Match], place: int) -> float:
    """How far the number is from the count made, as a logarithm, in a map of each of its values."""
    firsts = {m.numbers[place]: m for m in reversed(matches)}
    distances = [0.0]
    for asked, each in list(firsts.items())[:_SHOWN]:
        for made in map(np.unique, read_quietly(each.path, None)[:1]):
            distances.append(abs(log(made.size / asked)) if asked else inf)
    return max(distances)


def image_shape(dataset: Dataset, image: str) -> tuple[int, int] | None:
    """Height and width of an image; None when it cannot be read, which its job will tell."""
    try:
        height, width = dataset[image].image.shape[:2]
    except UsageError:
        return None
    return height, width


def read_quietly(path: Path, shape: tuple[int, int] | None) -> list[Labels]:
    """The maps of a file; none when it cannot be read, which its job will tell."""
    try:
        return read_label_maps(path, shape)
    except UsageError:
        return []


def refused(what: str, folder: Path) -> UsageError:
    """An error that shows what lies in a folder beside what is expected."""
    return UsageError("\n".join([what, *beside(EXPECTED, folder)]))
