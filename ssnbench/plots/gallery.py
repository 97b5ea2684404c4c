"""Which pictures are shown, with which details, and in which colour boundaries are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd

from ssnbench.contracts import Flow, Image, Labels
from ssnbench.flow import flow_picture, unpack_flow
from ssnbench.plots.detail import telling_box
from ssnbench.plots.overlay import standing_out
from ssnbench.results.schema import SEGMENTATION
from ssnbench.results.store import Store

MOST_IMAGES = 4
_MOTIONS = 4  # panels to a line, where flow is shown
_BEST_COUNT = 200  # superpixels are told apart best by eye at about this count


@dataclass(frozen=True)
class Cell:
    """One method on one image: its label map (H, W) and the count made."""

    label: str
    labels: Labels
    n_made: int


@dataclass(frozen=True)
class Row:
    """One image with the methods that ran on it, and where its detail lies.

    Attributes
    ----------
    image : str
        Its key.
    picture : uint8 (H, W, 3)
        sRGB.
    cells : tuple of Cell
        In the order of the methods.
    box : (int, int, int, int)
        Left, top, width, height of the detail in pixels.
    flow : float32 (H, W, 2) or None
        True motion to the second frame in pixels, where it is known.
    """

    image: str
    picture: Image
    cells: tuple[Cell, ...]
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
    rows: tuple[Row, ...]
    ink: tuple[int, int, int]

    @property
    def labels(self) -> list[str]:
        """Methods that appear, in a stable order."""
        return sorted({cell.label for row in self.rows for cell in row.cells})


def gather(store: Store, records: pd.DataFrame) -> list[Gallery]:
    """Collect what the store kept to be shown; nothing where it kept no label map or picture."""
    kept = kept_maps(store, records)
    pictures, flows = store.pictures(), store.flows()
    there = [
        key in pictures for key in zip(kept["dataset"], kept["split"], kept["image"], strict=True)
    ]
    galleries = []
    for (dataset, split), maps in kept[np.array(there, dtype=bool)].groupby(["dataset", "split"]):
        n_asked = _shown_count(maps)
        rows = _rows(store, maps[maps["n_asked"] == n_asked], pictures, flows)
        ink = standing_out([row.picture for row in rows])
        galleries.append(Gallery(dataset, split, n_asked, tuple(rows), ink))
    return galleries


def kept_maps(store: Store, records: pd.DataFrame) -> pd.DataFrame:
    """List the label maps that a store kept and the records know.

    Returns
    -------
    DataFrame
        One row per map: what made it, as in the records, with ``label`` and ``n_made``, and
        ``content``, by which the store has it.
    """
    names = list(SEGMENTATION)
    kept = pd.DataFrame([vars(item) for item in store.kept()], columns=[*names, "content"])
    kept = kept[kept["perturbation"] == ""]
    made = records.drop_duplicates(names)[[*names, "label", "n_made"]]
    return kept.merge(made, on=names)


def _shown_count(maps: pd.DataFrame) -> int:
    """Asked count at which most label maps are there; of several, the one that is seen best."""
    counts = maps.groupby("n_asked")["content"].count()
    fullest = counts[counts == counts.max()].index
    return int(min(fullest, key=lambda count: abs(np.log(max(count, 1) / _BEST_COUNT))))


def _rows(
    store: Store,
    maps: pd.DataFrame,
    pictures: Mapping[tuple[str, str, str], bytes],
    flows: Mapping[tuple[str, str, str], bytes],
) -> list[Row]:
    rows = []
    for key, group in list(maps.groupby(["dataset", "split", "image"], sort=True))[:MOST_IMAGES]:
        dataset, split, image = key
        picture = decoded(pictures[dataset, split, image])
        cells = tuple(
            Cell(item.label, store.label_map(item.content), int(item.n_made))
            for item in group.sort_values("label").itertuples()
        )
        box = telling_box(picture, [cell.labels for cell in cells])
        flow = flows.get((dataset, split, image))
        rows.append(Row(str(image), picture, cells, box, unpack_flow(flow) if flow else None))
    return rows


def decoded(png: bytes) -> Image:
    """Return the picture in PNG data, uint8 (H, W, 3)."""
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError("a picture in the store is no PNG")
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8)
