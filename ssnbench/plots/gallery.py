"""Which pictures are shown, with which details, and in which colour boundaries are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd

from ssnbench.analysis.kept_maps import kept_maps, shown_count
from ssnbench.contracts import Flow, Image, Labels
from ssnbench.flow import flow_picture, unpack_flow
from ssnbench.plots.detail import telling_box
from ssnbench.plots.overlay import standing_out
from ssnbench.results.store import Store

MOST_IMAGES = 4
_MOTIONS = 4  # panels to a line, where flow is shown


@dataclass(frozen=True)
class GalleryCell:
    """One method on one image: its label map (H, W) and the count made."""

    label: str
    labels: Labels
    n_made: int


@dataclass(frozen=True)
class GalleryRow:
    """One image with the methods that ran on it, and where its detail lies.

    Attributes
    ----------
    image : str
        Its key.
    picture : uint8 (H, W, 3)
        sRGB.
    cells : tuple of GalleryCell
        In the order of the methods.
    box : (int, int, int, int)
        Left, top, width, height of the detail in pixels.
    flow : float32 (H, W, 2) or None
        True motion to the second frame in pixels, where it is known.
    """

    image: str
    picture: Image
    cells: tuple[GalleryCell, ...]
    box: tuple[int, int, int, int]
    flow: Flow | None = None

    def motion(self) -> Image | None:
        """Image, true flow, and the flow by the superpixels of each method, in lines of four.

        None where no flow is known.
        """
        if self.flow is None:
            return None
        maps = [cell.labels for cell in self.cells]
        return flow_picture(self.picture, self.flow, maps, columns=_MOTIONS)


@dataclass(frozen=True)
class Gallery:
    """The pictures of one dataset and split, all at one asked count."""

    dataset: str
    split: str
    n_asked: int
    rows: tuple[GalleryRow, ...]
    ink: tuple[int, int, int]

    @property
    def labels(self) -> list[str]:
        """Methods that appear, in a stable order."""
        return sorted({cell.label for row in self.rows for cell in row.cells})


def gather(store: Store, records: pd.DataFrame) -> list[Gallery]:
    """Collect what the store kept to be shown; nothing where it kept no label map or picture."""
    kept = kept_maps(store, records)
    pictures, flows = store.pictures(), store.flows()
    keys = zip(kept["dataset"], kept["split"], kept["image"], strict=True)
    has_picture = np.array([key in pictures for key in keys], dtype=bool)
    galleries = []
    for (dataset, split), maps in kept[has_picture].groupby(["dataset", "split"]):
        n_asked = shown_count(maps)
        rows = _rows(store, maps[maps["n_asked"] == n_asked], pictures, flows)
        ink = standing_out([row.picture for row in rows])
        galleries.append(Gallery(dataset, split, n_asked, tuple(rows), ink))
    return galleries


def _rows(
    store: Store,
    maps: pd.DataFrame,
    pictures: Mapping[tuple[str, str, str], bytes],
    flows: Mapping[tuple[str, str, str], bytes],
) -> list[GalleryRow]:
    rows = []
    for key, group in list(maps.groupby(["dataset", "split", "image"], sort=True))[:MOST_IMAGES]:
        dataset, split, image = key
        picture = decoded(pictures[dataset, split, image])
        cells = tuple(
            GalleryCell(item.label, store.label_map(item.content), int(item.n_made))
            for item in group.sort_values("label").itertuples()
        )
        box = telling_box(picture, [cell.labels for cell in cells])
        flow = flows.get((dataset, split, image))
        rows.append(
            GalleryRow(str(image), picture, cells, box, unpack_flow(flow) if flow else None)
        )
    return rows


def decoded(png: bytes) -> Image:
    """Return the picture in PNG data, uint8 (H, W, 3)."""
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError("a picture in the store is no PNG")
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8)
