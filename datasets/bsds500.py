"""BSDS500, the Berkeley Segmentation Data Set (Arbelaez, Maire, Fowlkes, Malik, PAMI 2011).

500 photographs of 481 x 321 or 321 x 481 pixels, each cut into regions by four to nine people
whose maps are all given as truths.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from scipy.io import loadmat

from ssnbench.contracts import Labels, Sample, UsageError
from ssnbench.dataroot import data_root, find_folder
from ssnbench.images import read_image
from ssnbench.labels import consecutive


@dataclass(frozen=True)
class BSDS500:
    """Photographs with the segmentations of several people.

    Parameters
    ----------
    root : Path or None
        Data root; the official folders ``BSR/BSDS500/data`` lie there, or any later part of them.
    split : {"train", "val", "test"}
        200, 100 and 200 images.
    """

    root: Path | None = None
    split: str = "test"

    SPLITS: ClassVar[tuple[str, ...]] = ("train", "val", "test")
    HOMEPAGE: ClassVar[str] = (
        "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/resources.html"
    )
    LICENCE: ClassVar[str] = "for non-commercial research and education"
    CITATION: ClassVar[str] = (
        "P. Arbelaez, M. Maire, C. Fowlkes, J. Malik: Contour Detection and Hierarchical Image "
        "Segmentation. IEEE TPAMI 33(5), 898-916, 2011"
    )

    def __post_init__(self) -> None:
        if self.split not in self.SPLITS:
            raise UsageError(f"bsds500 has no split {self.split!r}: {', '.join(self.SPLITS)}")

    def keys(self) -> list[str]:
        """List the images, sorted as strings."""
        folder = self._data() / "images" / self.split
        found = sorted(path.stem for path in folder.glob("*.jpg"))
        if not found:
            raise UsageError(f"no *.jpg in {folder}: is the data set complete?")
        return found

    def __getitem__(self, key: str) -> Sample:
        """Read one image and the segmentations of all its annotators.

        Raises
        ------
        UsageError
            When a file is missing or broken, holds no truth, or one of another size.
        """
        data = self._data()
        image = read_image(data / "images" / self.split / f"{key}.jpg")
        path = data / "groundTruth" / self.split / f"{key}.mat"
        truths = _truths(path)
        for truth in truths:
            if truth.shape != image.shape[:2]:
                raise UsageError(
                    f"{path} has a truth of shape {truth.shape}, its image {image.shape[:2]}"
                )
        return Sample(key, image, truths)

    def _data(self) -> Path:
        marker = f"groundTruth/{self.split}"
        found = find_folder(
            data_root(self.root),
            [f"{above}{marker}" for above in ("BSR/BSDS500/data/", "BSDS500/data/", "data/", "")],
            dataset="bsds500",
            expects=f"the official layout, images/{self.split}/*.jpg and {marker}/*.mat",
            obtain=f"unpack BSR_bsds500.tgz from {self.HOMEPAGE}",
        )
        return found.parents[1]


def _truths(path: Path) -> tuple[Labels, ...]:
    """Segmentations of all annotators: a cell of structs, each with field ``Segmentation``."""
    if not path.is_file():
        raise UsageError(f"no truth at {path}")
    try:
        cells = loadmat(path, variable_names=["groundTruth"])["groundTruth"]
        truths = tuple(_segmentation(cell) for cell in cells.ravel())
    except Exception as error:  # scipy raises whatever a broken file makes it stumble over
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise UsageError(f"{path} holds no readable truths ({reason})") from error
    if not truths:
        raise UsageError(f"{path} holds no truths: its cell groundTruth is empty")
    return truths


def _segmentation(cell: Any) -> Labels:
    labels = cell["Segmentation"][0, 0]
    if labels.ndim != 2 or labels.dtype.kind not in "iu":
        raise ValueError(f"a segmentation is {labels.dtype} of shape {labels.shape}")
    return consecutive(np.ascontiguousarray(labels, dtype=np.int32))


PLUGIN = BSDS500
