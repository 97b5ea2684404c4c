"""Cityscapes (Cordts et al., CVPR 2016): street scenes of 1024 x 2048 pixels, 19 classes.

At half resolution, as in the SSN paper, unless asked otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np

from ssnbench.contracts import Image, Sample, UsageError
from ssnbench.data.layout import (
    Archive,
    Layout,
    check_size,
    check_split,
    data_root,
    stems,
    subfolders,
)
from ssnbench.io.images import read_image
from ssnbench.io.label_maps import read_labels
from ssnbench.labels import consecutive

_IMAGE, _TRUTH = "_leftImg8bit.png", "_gtFine_labelIds.png"

# Identifiers of the files whose classes are trained and judged on; the others are ignored.
_CLASSES = {
    7: "road", 8: "sidewalk", 11: "building", 12: "wall", 13: "fence", 17: "pole",
    19: "traffic light", 20: "traffic sign", 21: "vegetation", 22: "terrain", 23: "sky",
    24: "person", 25: "rider", 26: "car", 27: "truck", 28: "bus", 31: "train",
    32: "motorcycle", 33: "bicycle",
}  # fmt: skip


@dataclass(frozen=True)
class Cityscapes:
    """Street scenes with the classes of their pixels.

    Parameters
    ----------
    root : Path or None
        Data root; the official folders ``leftImg8bit`` and ``gtFine`` lie there, or in a folder
        ``cityscapes``.
    split : {"train", "val"}
        2975 and 500 images; the truths of the test images are not public.
    full : bool
        Full resolution. At half, images are averaged over 2 x 2 pixels, and of the truth every
        second row and column is taken.
    """

    root: Path | None = None
    split: str = "val"
    full: bool = False

    SPLITS: ClassVar[tuple[str, ...]] = ("train", "val")
    HOMEPAGE: ClassVar[str] = "https://www.cityscapes-dataset.com/"
    LICENCE: ClassVar[str] = "for non-commercial research; needs an account"
    CITATION: ClassVar[str] = (
        "M. Cordts, M. Omran, S. Ramos, T. Rehfeld, M. Enzweiler, R. Benenson, U. Franke, S. Roth, "
        "B. Schiele: The Cityscapes Dataset for Semantic Urban Scene Understanding. CVPR 2016"
    )
    SIZE: ClassVar[str] = "3475 images with truths, 12 GB"
    N_IMAGES: ClassVar[Mapping[str, int]] = {"train": 2975, "val": 500}
    TOLERANCES: ClassVar[Mapping[str, float]] = {"seal": 3.0}
    LAYOUT: ClassVar[Layout] = Layout(
        "cityscapes",
        ("cityscapes", "Cityscapes", ""),
        """
cityscapes/
  leftImg8bit/{train,val}/CITY/
    CITY_000000_000000_leftImg8bit.png
  gtFine/{train,val}/CITY/
    CITY_000000_000000_gtFine_labelIds.png
""",
        "download leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip with an account at "
        f"{HOMEPAGE} and hand them to: ssnbench data fetch cityscapes --archive FILE",
        tops=("leftImg8bit", "gtFine"),
        archives=tuple(
            Archive(
                f"{part}_trainvaltest.zip",
                url="",
                known_hash="",
                packed=20_000_000_000,
                unpacked=40_000_000_000,
                tops=(part,),
            )
            for part in ("leftImg8bit", "gtFine")
        ),
        into="cityscapes",
    )

    def __post_init__(self) -> None:
        check_split("cityscapes", self.split, self.SPLITS)

    def keys(self) -> list[str]:
        """List the images that are there with their truth, sorted."""
        home = self._home()
        images, truths = home / "leftImg8bit" / self.split, home / "gtFine" / self.split
        found = [
            name
            for city in subfolders(images)
            for name in stems(images / city, _IMAGE) & stems(truths / city, _TRUTH)
        ]
        if not found:
            raise self.LAYOUT.mismatch(home, f"no image with its truth ({self.split})")
        return sorted(found)

    def __getitem__(self, key: str) -> Sample:
        """Read one image and the classes of its pixels, renumbered; what is not judged is -1.

        Raises
        ------
        UsageError
            When a file is missing or broken, or the truth is of another size or no map of
            identifiers.
        """
        picture, path = self.files_of(key)
        image = read_image(picture)
        named = read_labels(path, colours=False)
        check_size(path, "a truth", named, image)
        if named.min() < 0 or named.max() > 255:
            raise UsageError(
                f"{path} holds {named.min()}..{named.max()}: no identifiers of classes"
            )
        ids = named.astype(np.uint8)
        if not self.full:
            image, ids = _halved(image, cv2.INTER_AREA), _halved(ids, cv2.INTER_NEAREST)
        judged = np.isin(ids, list(_CLASSES))
        truth = consecutive(np.where(judged, ids.astype(np.int32), np.int32(-1)))
        return Sample(key, image, (truth - np.int32(not judged.all()),))

    def files_of(self, key: str) -> list[Path]:
        """Name the image and its truth."""
        home, city = self._home(), key.partition("_")[0]
        return [
            home / "leftImg8bit" / self.split / city / f"{key}{_IMAGE}",
            home / "gtFine" / self.split / city / f"{key}{_TRUTH}",
        ]

    def _home(self) -> Path:
        return self.LAYOUT.find(data_root(self.root), f"leftImg8bit/{self.split}")


def _halved(array: Image, how: int) -> Image:
    height, width = array.shape[:2]
    size = (max(width // 2, 1), max(height // 2, 1))
    return np.asarray(cv2.resize(array, size, interpolation=how), np.uint8)


PLUGIN = Cityscapes
