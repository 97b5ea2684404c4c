"""MPI Sintel (Butler, Wulff, Stanley, Black, ECCV 2012): frames of a film with their true flow.

1041 pairs of frames of 436 x 1024 pixels from 23 scenes. The SSN paper takes 18 scenes (836 pairs)
to train and 5 (205 pairs) to validate, without naming them. Ours, with their pairs:

    ======== =====
    alley_1     49
    ambush_6    19
    cave_2      49
    market_6    39
    temple_3    49
    ======== =====

Every five scenes that give 205 pairs hold ambush_6 and market_6; the other three are from places
that differ in light and speed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from ssnbench.contracts import Flow, Mask, Sample, UsageError
from ssnbench.data.layout import (
    Archive,
    Layout,
    check_size,
    check_split,
    data_root,
    stems,
    subfolders,
)
from ssnbench.flow import read_flow
from ssnbench.io.images import read_image
from ssnbench.io.label_maps import read_labels
from ssnbench.io.notes import note

VALIDATION = ("alley_1", "ambush_6", "cave_2", "market_6", "temple_3")


@dataclass(frozen=True)
class Sintel:
    """Pairs of frames with the flow from the first to the second.

    Parameters
    ----------
    root : Path or None
        Data root; the official folders ``MPI-Sintel/training`` lie there, or the last of them.
    split : {"train", "val", "all"}
        836, 205 and all pairs.
    rendering : {"final", "clean"}
        With or without motion blur and mist.
    occluded : bool
        Count pixels that are hidden in the second frame, too, as the paper does.
    """

    root: Path | None = None
    split: str = "val"
    rendering: Literal["final", "clean"] = "final"
    occluded: bool = True

    SPLITS: ClassVar[tuple[str, ...]] = ("train", "val", "all")
    HOMEPAGE: ClassVar[str] = "http://sintel.is.tue.mpg.de/"
    LICENCE: ClassVar[str] = "film CC BY 3.0, Blender Foundation; the data set for research"
    CITATION: ClassVar[str] = (
        "D. J. Butler, J. Wulff, G. B. Stanley, M. J. Black: A Naturalistic Open Source Movie for "
        "Optical Flow Evaluation. ECCV 2012"
    )
    SIZE: ClassVar[str] = "1041 pairs of frames, 5.3 GB"
    N_IMAGES: ClassVar[Mapping[str, int]] = {"train": 836, "val": 205, "all": 1041}
    LAYOUT: ClassVar[Layout] = Layout(
        "sintel",
        (
            *("MPI-Sintel/training", "MPI-Sintel-complete/training"),
            *("Sintel/training", "sintel/training", "training", ""),
        ),
        """
MPI-Sintel/training/
  {final,clean}/SCENE/frame_0001.png
  flow/SCENE/frame_0001.flo
  invalid/SCENE/frame_0001.png
  occlusions/SCENE/frame_0001.png
""",
        "get it by: ssnbench data fetch sintel, or unpack MPI-Sintel-complete.zip from "
        f"{HOMEPAGE} in a folder MPI-Sintel",
        tops=("flow",),
        archives=(
            Archive(
                "MPI-Sintel-complete.zip",
                "http://files.is.tue.mpg.de/sintel/MPI-Sintel-complete.zip",
                "sha256:bdc80abbe6ae13f96f6aa02e04d98a251c017c025408066a00204cd2c7104c5f",
                packed=8_000_000_000,
                unpacked=20_000_000_000,
                tops=("training", "test"),
            ),
        ),
        into="MPI-Sintel",
    )
    CHECKSUMS: ClassVar[Mapping[str, str]] = {
        "flow/alley_1/frame_0002.flo": (
            "sha256:1e17b0eecf04903df0437c2987c9de379754cb33a429c12ace2da04ee1351266"
        ),
        "final/alley_1/frame_0002.png": (
            "sha256:74f0b42bb0d8e6330ead4a3251d4a51856f0378671bbbec1bf3c67c8184438fd"
        ),
        "invalid/alley_1/frame_0002.png": (
            "sha256:9a002f5b66a24d36ae83f5ee544f3247ea7ecdfb4aee02f28bafae8daefdcfb7"
        ),
    }

    def __post_init__(self) -> None:
        check_split("sintel", self.split, self.SPLITS)

    def keys(self) -> list[str]:
        """List the pairs of which every file is there, as ``alley_1_0001``, sorted."""
        home = self._home()
        if not (home / "invalid").is_dir():
            note(f"sintel has no folder {home / 'invalid'}: flow counts at every pixel")
        found = []
        for scene in subfolders(home / "flow"):
            if self.split == "all" or (scene in VALIDATION) == (self.split == "val"):
                found += [f"{scene}_{number}" for number in self._pairs(home, scene)]
        if not found:
            raise self.LAYOUT.mismatch(home, f"no complete pair of frames ({self.split})")
        return sorted(found)

    def _pairs(self, home: Path, scene: str) -> set[str]:
        """Numbers of the frames with flow, masks, and a frame that follows."""
        frames = stems(home / self.rendering / scene, ".png")
        complete = stems(home / "flow" / scene, ".flo") & frames
        for kind in self._masks(home):
            complete &= stems(home / kind / scene, ".png")
        numbers = {name.removeprefix("frame_") for name in complete}
        return {n for n in numbers if n.isdecimal() and f"frame_{_next(n)}" in frames}

    def __getitem__(self, key: str) -> Sample:
        """Read one pair of frames with the flow and where it counts.

        Raises
        ------
        UsageError
            When a file is missing or broken, or of another size than the image.
        """
        first, following, *files = self.files_of(key)
        image, second = read_image(first), read_image(following)
        flow, valid = _flow(*files)
        check_size(first, "flow", valid, image)
        return Sample(key, image, (), flow, valid, second)

    def files_of(self, key: str) -> list[Path]:
        """Name the two frames, the flow, and the masks of where it does not count.

        Raises
        ------
        UsageError
            When the key is no scene and number.
        """
        home = self._home()
        scene, _, number = key.rpartition("_")
        if not number.isdecimal():
            raise UsageError(f"sintel has no pair {key!r}: write scene and number, alley_1_0001")
        frames = home / self.rendering / scene
        return [
            *(frames / f"frame_{n}.png" for n in (number, _next(number))),
            home / "flow" / scene / f"frame_{number}.flo",
            *(home / kind / scene / f"frame_{number}.png" for kind in self._masks(home)),
        ]

    def _masks(self, home: Path) -> list[str]:
        """Folders of the masks that count; of invalid pixels where there are any."""
        invalid = ["invalid"] if (home / "invalid").is_dir() else []
        return invalid if self.occluded else [*invalid, "occlusions"]

    def names(self, key: str) -> list[str]:
        """Other names of an image, for label maps that tools named after its file."""
        scene, _, number = key.rpartition("_")
        return [f"{scene}/frame_{number}", f"{scene}_frame_{number}"]

    def _home(self) -> Path:
        return self.LAYOUT.find(data_root(self.root), "flow")


def _flow(path: Path, *masks: Path) -> tuple[Flow, Mask]:
    """Read the flow and where it counts."""
    flow, valid = read_flow(path)
    for mask in masks:
        marked = read_labels(mask, colours=False) > 0
        if marked.shape != valid.shape:
            raise UsageError(f"{mask} is of shape {marked.shape}, the flow {valid.shape}")
        valid = valid & ~marked
    return flow, np.ascontiguousarray(valid)


def _next(number: str) -> str:
    """Number of the frame that follows, with as many digits."""
    return f"{int(number) + 1:0{len(number)}}"


PLUGIN = Sintel
