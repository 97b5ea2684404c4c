"""Middlebury optical flow (Baker et al., IJCV 2011): eight pairs of frames with public flow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ssnbench.contracts import Sample
from ssnbench.data.layout import Archive, Layout, check_size, check_split, data_root, subfolders
from ssnbench.flow import read_flow
from ssnbench.io.images import read_image


@dataclass(frozen=True)
class Middlebury:
    """Pairs of frames, photographed or rendered, with the flow from the first to the second.

    Parameters
    ----------
    root : Path or None
        Data root; the official folders ``other-data`` and ``other-gt-flow`` lie there, or in a
        folder ``middlebury``.
    split : {"train"}
        The eight pairs whose flow is public.
    """

    root: Path | None = None
    split: str = "train"

    SPLITS: ClassVar[tuple[str, ...]] = ("train",)
    HOMEPAGE: ClassVar[str] = "https://vision.middlebury.edu/flow/data/"
    LICENCE: ClassVar[str] = "for research, with the citation"
    CITATION: ClassVar[str] = (
        "S. Baker, D. Scharstein, J. P. Lewis, S. Roth, M. J. Black, R. Szeliski: A Database and "
        "Evaluation Methodology for Optical Flow. IJCV 92(1), 1-31, 2011"
    )
    SIZE: ClassVar[str] = "8 pairs of frames, 30 MB"
    N_IMAGES: ClassVar[Mapping[str, int]] = {"train": 8}
    LAYOUT: ClassVar[Layout] = Layout(
        "middlebury",
        ("middlebury", ""),
        """
middlebury/
  other-data/SCENE/frame10.png
  other-data/SCENE/frame11.png
  other-gt-flow/SCENE/flow10.flo
""",
        f"download other-color-twoframes.zip and other-gt-flow.zip from {HOMEPAGE} and hand them "
        "to: ssnbench data fetch middlebury --archive FILE",
        tops=("other-data", "other-gt-flow"),
        archives=tuple(
            Archive(
                f"{part}.zip",
                url="",
                known_hash="",
                packed=200_000_000,
                unpacked=500_000_000,
                tops=(top,),
            )
            for part, top in (
                ("other-color-twoframes", "other-data"),
                ("other-gt-flow", "other-gt-flow"),
            )
        ),
        into="middlebury",
    )

    def __post_init__(self) -> None:
        check_split("middlebury", self.split, self.SPLITS)

    def keys(self) -> list[str]:
        """List the scenes of which every file is there, sorted."""
        home = self._home()
        found = [
            scene
            for scene in subfolders(home / "other-gt-flow")
            if all(path.is_file() for path in _files(home, scene))
        ]
        if not found:
            raise self.LAYOUT.mismatch(home, "no complete scene")
        return found

    def __getitem__(self, key: str) -> Sample:
        """Read one pair of frames with its flow.

        Raises
        ------
        UsageError
            When a file is missing or broken, or the flow is of another size.
        """
        first, second, path = self.files_of(key)
        image = read_image(first)
        flow, valid = read_flow(path)
        check_size(path, "flow", valid, image)
        return Sample(key, image, (), flow, valid, read_image(second))

    def files_of(self, key: str) -> list[Path]:
        """Name the two frames and the flow."""
        return list(_files(self._home(), key))

    def _home(self) -> Path:
        return self.LAYOUT.find(data_root(self.root), "other-gt-flow")


def _files(home: Path, scene: str) -> tuple[Path, Path, Path]:
    frames = home / "other-data" / scene
    flow = home / "other-gt-flow" / scene / "flow10.flo"
    return frames / "frame10.png", frames / "frame11.png", flow


PLUGIN = Middlebury
