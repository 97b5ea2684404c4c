"""The image browser's pictures, truths and label maps: from the store, and from the dataset.

A store keeps label maps, and the pictures of the few images that every run shows. Other pictures,
and all truths, are read from the dataset where it is at hand. What is missing is noted.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ssnbench.analysis.kept_maps import kept_maps
from ssnbench.contracts import Dataset, Image, Labels, UsageError
from ssnbench.io.packing import pack
from ssnbench.plots.gallery import decoded
from ssnbench.plots.grids import picture_uri
from ssnbench.plots.overlay import standing_out
from ssnbench.plugins.dataset_ref import dataset_ref
from ssnbench.report.page_data import PageData
from ssnbench.results.store import Store


@dataclass
class BrowserImages:
    """The images of one dataset and split that label maps were kept of.

    Attributes
    ----------
    dataset, split : str
        As in the records.
    maps : DataFrame
        One row per label map: ``image``, ``n_asked``, ``label``, ``n_made``, ``content``.
    n_images : int
        How many images the records have.
    notes : list of str
        What is not there, and why.
    """

    dataset: str
    split: str
    maps: pd.DataFrame
    n_images: int
    notes: list[str] = field(default_factory=list)

    @property
    def images(self) -> list[str]:
        """Images in a stable order."""
        return sorted(self.maps["image"].unique())


def gather(store: Store, records: pd.DataFrame) -> list[BrowserImages]:
    """List the label maps that a store kept, by dataset and split."""
    kept = kept_maps(store, records)
    n_images = records.groupby(["dataset", "split"])["image"].nunique()
    return [
        BrowserImages(dataset, split, maps, int(n_images[dataset, split]))
        for (dataset, split), maps in kept.groupby(["dataset", "split"])
    ]


def limited(kept: BrowserImages, images: Sequence[str]) -> BrowserImages:
    """Return those images alone, for a page that is one file."""
    maps = kept.maps[kept.maps["image"].isin(list(images))]
    if len(images) == len(kept.images):
        return BrowserImages(kept.dataset, kept.split, maps, kept.n_images)
    note = (
        f"This file holds {len(images)} of {len(kept.images)} images, the methods' worst; the page "
        "that ssnbench report writes as a folder holds all."
    )
    return BrowserImages(kept.dataset, kept.split, maps, kept.n_images, [note])


def add(
    kept: BrowserImages, store: Store, values: PageData, data_root: Path | None
) -> dict[str, Any]:
    """Add images to the values of a page; return what the page finds its way in them by.

    Names are digests of what stands behind them: what an earlier page added is not added again.

    Parameters
    ----------
    kept : BrowserImages
    store : Store
        Holds the label maps.
    values : PageData
        Gets ``pictures/...`` (JPEG, truths, colour for boundaries) for every image that is found,
        and ``maps/...`` (label maps by method) for every image and count.
    data_root : Path, optional
        Where the datasets lie.
    """
    pictures = _Pictures(kept, store, values, data_root)
    entries = []
    for image, maps in kept.maps.groupby("image", sort=True):
        names = {}
        for n_asked, group in maps.groupby("n_asked", sort=True):
            contents = group[["label", "n_made", "content"]].to_json(orient="values")
            name = f"maps/{_digest(contents)}"
            if not values.has(name):
                values.add(name, {row.label: _map(store, row) for row in group.itertuples()})
            names[str(n_asked)] = name
        entries.append({"key": image, "picture": pictures.add(str(image)), "maps": names})
    return {
        "data": " ".join(part for part in (kept.dataset, kept.split) if part),
        "images": entries,
        "labels": sorted(kept.maps["label"].unique()),
        "notes": [*kept.notes, *_notes(kept, pictures)],
    }


def _map(store: Store, row: Any) -> dict[str, Any]:
    """One label map as the store packed it: no time is lost on another format."""
    return {"made": int(row.n_made), "map": _base64(store.packed_map(row.content))}


def _notes(kept: BrowserImages, pictures: _Pictures) -> list[str]:
    notes = []
    images = kept.images
    if not kept.notes and len(images) < kept.n_images:
        notes.append(
            f"Label maps were kept of {len(images)} of {kept.n_images} images; a run with "
            "--keep-labels keeps them all."
        )
    if pictures.error:
        without = len(images) - len(pictures.added)
        notes.append(
            f"No truths, and no pictures of {without} images: {pictures.error}"
            if without
            else f"No truths: {pictures.error}"
        )
    return notes


class _Pictures:
    """Adds pictures with their truths to the values of a page.

    What the store knows of its runs, and the version of the image, are part of the names: a new run
    has images read anew, and so has one that goes back to truths of before.
    """

    def __init__(
        self, kept: BrowserImages, store: Store, values: PageData, data_root: Path | None
    ) -> None:
        self.error = ""
        self.added: list[str] = []
        self._images, self._values, self._root = kept, values, data_root
        self._pictures = store.pictures()
        self._shapes = {
            row.image: row.content for row in kept.maps.drop_duplicates("image").itertuples()
        }
        self._store = store
        self._opened: Dataset | None = None
        self._versions = store.data_versions()
        self._runs = json.dumps(store.runs(), sort_keys=True)

    def add(self, image: str) -> str | None:
        """Add one image; return the name of its data, None where there is no picture."""
        place = (self._images.dataset, self._images.split, image)
        name = f"pictures/{_digest(*place, self._versions.get(place, ''), self._runs)}"
        if not self._values.has(name):
            read = self._read(image)
            if read is None:
                return None
            picture, truths = read
            if not truths and self.error:
                name += "-bare"  # once the dataset is there, its truths are looked for again
            self._values.add(name, _picture_data(picture, truths))
        self.added.append(image)
        return name

    def _read(self, image: str) -> tuple[Image, tuple[Labels, ...]] | None:
        """Picture and truths; the picture that the run saw goes before the dataset's."""
        png = self._pictures.get((self._images.dataset, self._images.split, image))
        picture = decoded(png) if png is not None else None
        shape = self._store.label_map(self._shapes[image]).shape
        try:
            sample = self._dataset()[image]
            if sample.image.shape[:2] != shape:
                raise UsageError(f"{image} has another size than the label maps")
        except Exception as error:  # whatever a dataset's plug-in may raise
            self.error = self.error or _one_line(error)
            return None if picture is None else (picture, ())
        return (sample.image if picture is None else picture), sample.truths

    def _dataset(self) -> Dataset:
        if self._opened is None:
            if self.error:
                raise UsageError(self.error)
            self._opened = dataset_ref(self._images.dataset, self._images.split, self._root).open()
        return self._opened


def _one_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _picture_data(picture: Image, truths: Iterable[Labels]) -> dict[str, Any]:
    return {
        "jpeg": picture_uri(picture),
        "truths": [_base64(pack(np.ascontiguousarray(truth))) for truth in truths],
        "ink": "rgb({}, {}, {})".format(*standing_out([picture])),
    }


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def worst_images(
    scores: Mapping[str, Any], better: Mapping[str, str], images: Sequence[str], most: int
) -> list[str]:
    """Pick the images to embed: the methods in turn name their worst, by the first metric.

    Parameters
    ----------
    scores : mapping
        What `section_data.scores_data` returned.
    better : mapping of str to str
        ``higher`` or ``lower`` by metric, in the order of preference.
    images : sequence of str
        Images that have label maps.
    most : int
        How many to pick.
    """
    metric = next((name for name in better if name in scores["metrics"]), None)
    if metric is None:
        return list(images[:most])
    middle = scores["metrics"][metric][:, len(scores["asked"]) // 2]
    order = np.argsort(middle if better[metric] == "higher" else -middle, axis=1, kind="stable")
    ranked = [scores["images"][place] for place in order.T.reshape(-1)]
    return list(dict.fromkeys(image for image in ranked if image in set(images)))[:most]
