"""Any folder of images, with or without label maps: bring your own.

``--dataset "folder(path=photos)"`` takes the images in ``photos``. Truths are label maps of the
same names in ``photos/labels`` (or ``masks``, ``gt`` ...), or beside the images, ``KEY_mask.png``;
of several annotators, in one subfolder for each, or numbered, ``KEY-0.csv``. Of two files of one
name arrays come before pictures. Subfolders ``train``, ``val`` and ``test`` are its splits; without
them every fifth image is held out for validation. What lies there unused is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from ssnbench.contracts import Image, Labels, Sample, UsageError
from ssnbench.data.layout import check_size, check_split, data_root
from ssnbench.data.own_folder import OwnFiles, scan
from ssnbench.io.images import orientation, read_image
from ssnbench.io.label_maps import read_label_maps
from ssnbench.io.notes import note
from ssnbench.labels import consecutive

_VOID = 255  # what VOC and Cityscapes call a pixel without class


@dataclass(frozen=True)
class Folder:
    """The images in one folder; those in its subfolders are its splits, or not among them.

    Parameters
    ----------
    root : Path or None
        Data root: the folder of images, unless ``path`` says otherwise.
    split : {"all", "train", "val", "test"}
        All images, or those of a subfolder.
    path : str
        The folder of images, from where the program runs.
    labels : str
        The folder of label maps, in the folder of images or anywhere.
    ignore : int
        Label of pixels without opinion, such as 255; negative labels are so anyway.
    colours : bool
        Each colour of a truth is a label; without it, only where a picture can be nothing else.
    """

    root: Path | None = None
    split: str = "all"
    path: str = ""
    labels: str = "labels"
    ignore: int = -1
    colours: bool = False

    SPLITS: ClassVar[tuple[str, ...]] = ("all", "train", "val", "test")
    LICENCE: ClassVar[str] = "yours"
    CITATION: ClassVar[str] = "yours"
    SIZE: ClassVar[str] = "as many images as there are"

    def __post_init__(self) -> None:
        check_split("folder", self.split, self.SPLITS)

    def keys(self) -> list[str]:
        """List the images by their names without endings, sorted; say what lies there unused."""
        files = self._files()
        if files.notes:
            note(f"{self._folder()}: {'; '.join(files.notes)}")
        return list(files.images)

    def __getitem__(self, key: str) -> Sample:
        """Read one image and its label maps.

        An image that EXIF data say to turn is turned, unless its label maps are not.

        Raises
        ------
        UsageError
            When the image is missing or broken, or a label map is broken or of another size.
        """
        files = self._files()
        if key not in files.images:
            raise UsageError(f"no image at {self._folder() / key}: there are {len(files.images)}")
        path = files.images[key]
        image = read_image(path, upright=True)
        truths = [
            (file, truth)
            for file in files.truths.get(key, ())
            for truth in read_label_maps(file, image.shape[:2], colours=self.colours or None)
        ]
        if orientation(path) > 1:
            image = self._as_its_truths_are(path, image, [truth for _, truth in truths])
        for file, truth in truths:
            check_size(file, "a label map", truth, image)
            self._tell_void(truth)
        return Sample(key, image, tuple(self._truth(truth) for _, truth in truths))

    def files_of(self, key: str) -> list[Path]:
        """Name the image and the label maps that are there."""
        files = self._files()
        return [files.images[key], *files.truths.get(key, ())]

    def _as_its_truths_are(self, path: Path, image: Image, truths: list[Labels]) -> Image:
        """The image upright, or as it is stored where its truths have that size."""
        stored = read_image(path)
        if truths and all(t.shape == stored.shape[:2] != image.shape[:2] for t in truths):
            note("EXIF data say that images be turned, their label maps are not: left as stored")
            return stored
        note("images are turned upright, as their EXIF orientation says")
        return image

    def _tell_void(self, labels: Labels) -> None:
        """Hint at a label that often means: no opinion."""
        if self.ignore == -1 and labels.max() == _VOID and not (labels == _VOID - 1).any():
            others = np.unique(labels).size - 1
            if others > 1:
                note("a truth has label 255: if that means no opinion, say folder(ignore=255)")

    def _truth(self, labels: Labels) -> Labels:
        """Renumber; -1 where there is no opinion."""
        nowhere = (labels == self.ignore) | (labels < 0)
        ranks = consecutive(np.where(nowhere, np.int32(-1), labels))
        return ranks - np.int32(nowhere.any())

    def _folder(self) -> Path:
        return Path(self.path).expanduser() if self.path else data_root(self.root)

    def _files(self) -> OwnFiles:
        return scan(self._folder(), self.split, self.labels)


PLUGIN = Folder
