"""The motorcycle of scikit-image: a real stereo pair with its disparity as flow; needs no data.

Seen from the right camera everything has moved to the left, by 7 to 60 pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import skimage

from ssnbench.contracts import Sample, UsageError
from ssnbench.data.layout import check_split
from ssnbench.io.images import read_image


@dataclass(frozen=True)
class Motorcycle:
    """One pair of frames of 500 x 741 pixels.

    Parameters
    ----------
    root : Path or None
        Not used: the files come with scikit-image.
    split : {"test"}
        The one pair.
    """

    root: Path | None = None
    split: str = "test"

    SPLITS: ClassVar[tuple[str, ...]] = ("test",)
    HOMEPAGE: ClassVar[str] = "https://vision.middlebury.edu/stereo/data/scenes2014/"
    LICENCE: ClassVar[str] = "CC0, as given by its authors to scikit-image"
    CITATION: ClassVar[str] = (
        "D. Scharstein, H. Hirschmüller, Y. Kitajima, G. Krathwohl, N. Nesic, X. Wang, "
        "P. Westling: High-Resolution Stereo Datasets with Subpixel-Accurate Ground Truth. "
        "GCPR 2014"
    )
    SIZE: ClassVar[str] = "1 pair of frames, comes with scikit-image"
    N_IMAGES: ClassVar[Mapping[str, int]] = {"test": 1}

    def __post_init__(self) -> None:
        check_split("motorcycle", self.split, self.SPLITS)

    def keys(self) -> list[str]:
        """List the one pair."""
        return ["motorcycle"]

    def __getitem__(self, key: str) -> Sample:
        """Read the pair; where no disparity is known, nor is the flow."""
        if key != "motorcycle":
            raise UsageError(f"motorcycle has no pair {key!r}: there is motorcycle alone")
        *pair, path = self.files_of(key)
        left, right = map(read_image, pair)
        with np.load(path) as data:
            disparity = data["arr_0"]
        valid = np.isfinite(disparity)
        along = np.where(valid, -disparity, np.float32(np.nan))
        flow = np.stack([along, 0 * along], axis=-1).astype(np.float32)
        return Sample(key, left, (), flow, valid, right)

    def files_of(self, _key: str) -> list[Path]:
        """Name the two frames and the disparity."""
        folder = Path(skimage.__file__).parent / "data"
        names = ("motorcycle_left.png", "motorcycle_right.png", "motorcycle_disp.npz")
        return [folder / name for name in names]


PLUGIN = Motorcycle
