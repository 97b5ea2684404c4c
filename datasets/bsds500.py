"""BSDS500, the Berkeley Segmentation Data Set (Arbelaez, Maire, Fowlkes, Malik, PAMI 2011).

500 photographs of 481 x 321 or 321 x 481 pixels, each cut into regions by four to nine people
whose maps are all given as truths.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat

from ssnbench.contracts import Labels, Sample, UsageError
from ssnbench.data.layout import Archive, Layout, check_size, check_split, data_root, stems
from ssnbench.io.images import read_image
from ssnbench.io.matlab import from_mat, is_hdf5
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
    SIZE: ClassVar[str] = "500 images, 71 MB"
    N_IMAGES: ClassVar[Mapping[str, int]] = {"train": 200, "val": 100, "test": 200}
    LAYOUT: ClassVar[Layout] = Layout(
        "bsds500",
        ("BSR/BSDS500/data", "BSDS500/data", "data", ""),
        """
BSR/BSDS500/data/
  images/{train,val,test}/*.jpg
  groundTruth/{train,val,test}/*.mat
""",
        f"get it by: ssnbench data fetch bsds500, or unpack BSR_bsds500.tgz from {HOMEPAGE}",
        tops=("groundTruth", "images"),
        archives=(
            Archive(
                "BSR_bsds500.tgz",
                "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/BSR/"
                "BSR_bsds500.tgz",
                "md5:0b17383ff0b21fe43d2f28e624203169",
                packed=200_000_000,
                unpacked=2_000_000_000,
                tops=("BSR",),
            ),
        ),
    )
    CHECKSUMS: ClassVar[Mapping[str, str]] = {
        "images/test/100007.jpg": (
            "sha256:464449ecba30a5a5c229c0133059c83b034e9000bd1d7752a189a8cf21182bf9"
        ),
        "groundTruth/test/100007.mat": (
            "sha256:2868fa6eba02fa633865fc4e907a84d30fe30984656417a93f74b428fc746e27"
        ),
    }

    def __post_init__(self) -> None:
        check_split("bsds500", self.split, self.SPLITS)

    def keys(self) -> list[str]:
        """List the images, sorted as strings."""
        folder = self._data() / "images" / self.split
        found = sorted(stems(folder, ".jpg"))
        if not found:
            raise self.LAYOUT.mismatch(folder, f"no *.jpg in {folder}")
        return found

    def __getitem__(self, key: str) -> Sample:
        """Read one image and the segmentations of all its annotators.

        Raises
        ------
        UsageError
            When a file is missing or broken, holds no truth, or one of another size.
        """
        picture, path = self.files_of(key)
        image = read_image(picture)
        truths = _truths(path)
        for truth in truths:
            check_size(path, "a truth", truth, image)
        return Sample(key, image, truths)

    def files_of(self, key: str) -> list[Path]:
        """Name the image and the file of its truths."""
        data = self._data()
        return [
            data / "images" / self.split / f"{key}.jpg",
            data / "groundTruth" / self.split / f"{key}.mat",
        ]

    def _data(self) -> Path:
        return self.LAYOUT.find(data_root(self.root), f"groundTruth/{self.split}")


def _truths(path: Path) -> tuple[Labels, ...]:
    """Segmentations of all annotators: a cell of structs, each with field ``Segmentation``."""
    if not path.is_file():
        raise UsageError(f"no truth at {path}")
    try:
        if is_hdf5(path):
            maps = from_mat(path, None)
        else:
            cells = loadmat(path, variable_names=["groundTruth"])["groundTruth"]
            maps = [cell["Segmentation"][0, 0] for cell in cells.ravel()]
        truths = tuple(map(_segmentation, maps))
    except Exception as error:  # scipy raises whatever a broken file makes it stumble over
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise UsageError(f"{path} holds no readable truths ({reason})") from error
    if not truths:
        raise UsageError(f"{path} holds no truths: its cell groundTruth is empty")
    return truths


def _segmentation(labels: NDArray[Any]) -> Labels:
    is_whole = labels.dtype.kind in "iub" or (labels.dtype.kind == "f" and (labels % 1 == 0).all())
    if labels.ndim != 2 or not is_whole:
        raise ValueError(f"a segmentation is {labels.dtype} of shape {labels.shape}")
    return consecutive(np.ascontiguousarray(labels, dtype=np.int32))


PLUGIN = BSDS500
