"""Any folder of images, with or without label maps: bring your own.

``--dataset "folder(path=photos)"`` takes the images in ``photos``. Truths are label maps of the
same names in ``photos/labels``; of several annotators, in one subfolder of it for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from ssnbench.contracts import Labels, Sample, UsageError
from ssnbench.data.layout import check_size, check_split, data_root, subfolders
from ssnbench.io.images import read_image
from ssnbench.io.label_maps import read_labels
from ssnbench.labels import consecutive

IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
MAPS = (".png", ".npy", ".csv", ".txt", ".mat")


@dataclass(frozen=True)
class Folder:
    """The images in one folder; those in its subfolders are not among them.

    Parameters
    ----------
    root : Path or None
        Data root: the folder of images, unless ``path`` says otherwise.
    split : {"all"}
        All images.
    path : str
        The folder of images, from where the program runs.
    labels : str
        The folder of label maps, in the folder of images or anywhere.
    ignore : int
        Label of pixels without opinion, such as 255; negative labels are so anyway.
    """

    root: Path | None = None
    split: str = "all"
    path: str = ""
    labels: str = "labels"
    ignore: int = -1

    SPLITS: ClassVar[tuple[str, ...]] = ("all",)
    LICENCE: ClassVar[str] = "yours"
    CITATION: ClassVar[str] = "yours"
    SIZE: ClassVar[str] = "as many images as there are"

    def __post_init__(self) -> None:
        check_split("folder", self.split, self.SPLITS)

    def keys(self) -> list[str]:
        """List the images by their names without endings, sorted."""
        return sorted(self._images())

    def __getitem__(self, key: str) -> Sample:
        """Read one image and its label maps.

        Raises
        ------
        UsageError
            When the image is missing or broken, or a label map is broken or of another size.
        """
        path, *files = self.files_of(key)
        image = read_image(path)
        truths = [(file, self._truth(read_labels(file))) for file in files]
        for file, truth in truths:
            check_size(file, "a label map", truth, image)
        return Sample(key, image, tuple(truth for _, truth in truths))

    def files_of(self, key: str) -> list[Path]:
        """Name the image and the label maps that are there."""
        named = [
            self._folder() / f"{key}{e}" for ending in IMAGES for e in (ending, ending.upper())
        ]
        path = next((path for path in named if path.is_file()), named[0])
        maps = self._folder() / Path(self.labels).expanduser()
        places = [maps, *(maps / name for name in subfolders(maps))]
        files = [place / f"{key}{ending}" for place in places for ending in MAPS]
        return [path, *(file for file in files if file.is_file())]

    def _truth(self, labels: Labels) -> Labels:
        """Renumber; -1 where there is no opinion."""
        nowhere = (labels == self.ignore) | (labels < 0)
        ranks = consecutive(np.where(nowhere, np.int32(-1), labels))
        return ranks - np.int32(nowhere.any())

    def _folder(self) -> Path:
        return Path(self.path).expanduser() if self.path else data_root(self.root)

    def _images(self) -> dict[str, Path]:
        folder = self._folder()
        if not folder.is_dir():
            raise UsageError(f'no folder at {folder}; name one: --dataset "folder(path=FOLDER)"')
        found: dict[str, Path] = {}
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() not in IMAGES:
                continue
            if path.stem in found:
                raise UsageError(f"{path} and {found[path.stem].name} go by one name: rename one")
            found[path.stem] = path
        if not found:
            raise UsageError(f"no image in {folder}; it should hold {', '.join(IMAGES)}")
        return found


PLUGIN = Folder
