"""PASCAL VOC 2012, segmentation (Everingham et al., IJCV 2010): 2913 photographs, 21 classes.

The truth is the class of every pixel; the border between objects is a band of ignored pixels, so
that nothing can be said about boundaries: as in the SSN paper, overlap is scored alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from ssnbench.contracts import Sample, UsageError
from ssnbench.data.layout import Archive, Layout, check_size, check_split, data_root, stems
from ssnbench.io.images import read_image
from ssnbench.io.label_maps import read_labels
from ssnbench.io.limits import MOST_SETTINGS, one_line, read_at_most
from ssnbench.labels import consecutive

_IGNORED = 255
_LISTS = "ImageSets/Segmentation"
_BAND = "the truth's borders are ignored pixels"


@dataclass(frozen=True)
class PascalVOC:
    """Photographs with the classes of their pixels.

    Parameters
    ----------
    root : Path or None
        Data root; the official folders ``VOCdevkit/VOC2012`` lie there, or the last of them.
    split : {"train", "val", "trainval"}
        1464, 1449 and all images.
    """

    root: Path | None = None
    split: str = "val"

    SPLITS: ClassVar[tuple[str, ...]] = ("train", "val", "trainval")
    HOMEPAGE: ClassVar[str] = "http://host.robots.ox.ac.uk/pascal/VOC/voc2012/"
    LICENCE: ClassVar[str] = "photographs from Flickr, under Flickr's terms of use"
    CITATION: ClassVar[str] = (
        "M. Everingham, L. Van Gool, C. K. I. Williams, J. Winn, A. Zisserman: The PASCAL Visual "
        "Object Classes (VOC) Challenge. IJCV 88(2), 303-338, 2010"
    )
    SIZE: ClassVar[str] = "2913 images, 2.0 GB with those of other tasks"
    N_IMAGES: ClassVar[Mapping[str, int]] = {"train": 1464, "val": 1449, "trainval": 2913}
    UNDEFINED: ClassVar[Mapping[str, str]] = dict.fromkeys(
        (
            *("br", "bp", "f", "mde"),
            *("truth_matched", "truth_pixels", "labels_matched", "labels_pixels"),
        ),
        _BAND,
    )
    LAYOUT: ClassVar[Layout] = Layout(
        "pascalvoc",
        ("VOCdevkit/VOC2012", "VOC2012", ""),
        """
VOCdevkit/VOC2012/
  ImageSets/Segmentation/{train,val}.txt
  JPEGImages/*.jpg
  SegmentationClass/*.png
""",
        "get it by: ssnbench data fetch pascalvoc, or unpack VOCtrainval_11-May-2012.tar from "
        f"{HOMEPAGE}",
        tops=("JPEGImages", "ImageSets"),
        archives=(
            Archive(
                "VOCtrainval_11-May-2012.tar",
                "http://host.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar",
                "sha256:e14f763270cf193d0b5f74b169f44157a4b0c6efa708f4dd0ff78ee691763bcb",
                packed=1_999_639_040,
                unpacked=4_000_000_000,
                tops=("VOCdevkit",),
            ),
        ),
    )
    CHECKSUMS: ClassVar[Mapping[str, str]] = {
        "JPEGImages/2007_000042.jpg": (
            "sha256:ec16defce574c2f5c1113e09ea791cc339e777b47d76a4478f4b9412af8f59ec"
        ),
        "SegmentationClass/2007_000042.png": (
            "sha256:e4c85235966a8dcaa0e21061802b3552c1c461adadd7b4276ccc46a0733f546e"
        ),
    }

    def __post_init__(self) -> None:
        check_split("pascalvoc", self.split, self.SPLITS)

    def keys(self) -> list[str]:
        """List the images of the split that are there with their truth, sorted."""
        home = self._home()
        parts = ("train", "val") if self.split == "trainval" else (self.split,)
        listed = {name for part in parts for name in _listed(home / _LISTS / f"{part}.txt")}
        there = stems(home / "JPEGImages", ".jpg") & stems(home / "SegmentationClass", ".png")
        if not listed & there:
            raise self.LAYOUT.mismatch(home, f"none of the {len(listed)} listed images in {home}")
        return sorted(listed & there)

    def __getitem__(self, key: str) -> Sample:
        """Read one image and the classes of its pixels, renumbered; the border is -1.

        Raises
        ------
        UsageError
            When a file is missing or broken, or the truth is of another size or no palette picture.
        """
        picture, path = self.files_of(key)
        image = read_image(picture)
        classes = read_labels(path, colours=False)
        check_size(path, "a truth", classes, image)
        truth = consecutive(np.where(classes == _IGNORED, np.int32(-1), classes))
        return Sample(key, image, (truth - np.int32((classes == _IGNORED).any()),))

    def files_of(self, key: str) -> list[Path]:
        """Name the image and its truth."""
        home = self._home()
        return [home / "JPEGImages" / f"{key}.jpg", home / "SegmentationClass" / f"{key}.png"]

    def _home(self) -> Path:
        return self.LAYOUT.find(data_root(self.root), _LISTS)


def _listed(path: Path) -> list[str]:
    """Names in a list of images, one a line."""
    try:
        names = read_at_most(path, MOST_SETTINGS).decode("utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"no list of images at {path} ({one_line(error)})") from None
    for name in names:
        if "/" in name or "\\" in name or name.startswith("."):
            raise UsageError(f"{path} lists {name!r}, which is no name of an image")
    return names


PLUGIN = PascalVOC
