"""Pictures with superpixel boundaries: images x methods, each with an enlarged detail."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from ssnbench.contracts import Image, Labels, Mask
from ssnbench.report.figures import STYLE, Drawing, save
from ssnbench.run.store import KEY, Store

MOST_IMAGES = 4
_MOST_COLUMNS = 6
_MOST_PRINTED = 3  # images; with their details they fill a page
_CELL = 480  # pixels across a cell of the printed figure
_PAGE, _WIDEST = 7.0, 2.2  # inches: the printed figure, and a cell of it
_GAP, _BREAK, _HEAD = 0.025, 0.08, 0.2  # inches: between cells, between images, for the names
_FINE = 2  # the page draws boundaries on a raster this much finer
_SHARE = 0.3  # width of the detail, as a share of the picture's
_FLATNESS = 0.7  # height of the detail over its width
_BEST_COUNT = 200  # superpixels are told apart best by eye at about this count

# Colours that photographs rarely hold; the one that stands out most from the pictures is taken.
_INKS = {
    "yellow": (255, 235, 0), "cyan": (0, 255, 255), "magenta": (255, 0, 255),
    "red": (255, 32, 32), "green": (0, 255, 64), "white": (255, 255, 255),
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One method on one image: its label map (H, W) and the count made."""

    label: str
    labels: Labels
    n_segments: int


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
    """

    image: str
    picture: Image
    cells: tuple[Cell, ...]
    box: tuple[int, int, int, int]


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
    names = [name for name in KEY if name != "protocol"]
    kept = pd.DataFrame([vars(item) for item in store.kept()], columns=[*names, "content"])
    made = records.drop_duplicates(names)[[*names, "label", "n_segments"]]
    kept = kept.merge(made, on=names)
    pictures = store.pictures()
    there = [
        key in pictures for key in zip(kept["dataset"], kept["split"], kept["image"], strict=True)
    ]
    galleries = []
    for (dataset, split), maps in kept[np.array(there, dtype=bool)].groupby(["dataset", "split"]):
        n_asked = _shown_count(maps)
        rows = _rows(store, maps[maps["n_asked"] == n_asked], pictures)
        ink = standing_out([row.picture for row in rows])
        galleries.append(Gallery(dataset, split, n_asked, tuple(rows), ink))
    return galleries


def _shown_count(maps: pd.DataFrame) -> int:
    """Asked count at which most label maps are there; of several, the one that is seen best."""
    counts = maps.groupby("n_asked")["content"].count()
    fullest = counts[counts == counts.max()].index
    return int(min(fullest, key=lambda count: abs(np.log(max(count, 1) / _BEST_COUNT))))


def _rows(
    store: Store, maps: pd.DataFrame, pictures: Mapping[tuple[str, str, str], bytes]
) -> list[Row]:
    rows = []
    for key, group in list(maps.groupby(["dataset", "split", "image"], sort=True))[:MOST_IMAGES]:
        dataset, split, image = key
        picture = decoded(pictures[dataset, split, image])
        cells = tuple(
            Cell(item.label, store.label_map(item.content), int(item.n_segments))
            for item in group.sort_values("label").itertuples()
        )
        box = telling_box(picture, [cell.labels for cell in cells])
        rows.append(Row(str(image), picture, cells, box))
    return rows


def decoded(png: bytes) -> Image:
    """Return the picture in PNG data, uint8 (H, W, 3)."""
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError("a picture in the store is no PNG")
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def boundaries(labels: Labels) -> Mask:
    """Return the pixels that differ from their right or their lower neighbour, bool (H, W)."""
    edge = np.zeros(labels.shape, dtype=np.bool_)
    edge[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    edge[:-1] |= labels[:-1] != labels[1:]
    return edge


def telling_box(picture: Image, maps: Sequence[Labels]) -> tuple[int, int, int, int]:
    """Return the detail that tells most: where an object ends and the methods disagree.

    Every pixel weighs its gradient at a coarse scale (outlines rather than texture), times the
    spread over the methods of "a boundary is near" (for a single method: the gradient alone),
    times a bell around the centre, where photographers put what matters. The first of the heaviest
    windows is taken.

    Returns
    -------
    (int, int, int, int)
        Left, top, width, height in pixels.
    """
    height, width = picture.shape[:2]
    wide = max(1, round(width * _SHARE))
    high = max(1, min(height, round(wide * _FLATNESS)))
    near = [cv2.blur(boundaries(labels).astype(np.float32), (5, 5)) for labels in maps]
    spread = np.std(near, axis=0) if len(maps) > 1 else 1.0
    weight = _coarse_gradient(picture) * spread * _bell(height)[:, None] * _bell(width)
    sums = cv2.integral(weight.astype(np.float32))
    windows = sums[high:, wide:] - sums[:-high, wide:] - sums[high:, :-wide] + sums[:-high, :-wide]
    top, left = np.unravel_index(int(np.argmax(windows)), windows.shape)
    return int(left), int(top), wide, high


def _coarse_gradient(picture: Image) -> NDArray[np.float32]:
    """Length of the Lab gradient after a blur that wipes texture out, float32 (H, W)."""
    lab = cv2.GaussianBlur(_lab(picture), (0, 0), max(picture.shape[1] / 80, 0.5))
    across, down = cv2.Sobel(lab, cv2.CV_32F, 1, 0), cv2.Sobel(lab, cv2.CV_32F, 0, 1)
    return np.asarray(np.sqrt((across**2 + down**2).sum(axis=-1)), np.float32)


def _bell(n: int) -> NDArray[np.float64]:
    place = (np.arange(n) + 0.5) / n - 0.5
    return np.exp(-((place / 0.28) ** 2) / 2)


def standing_out(pictures: Sequence[Image]) -> tuple[int, int, int]:
    """Return the boundary colour (sRGB) that is farthest, in Lab, from what the pictures hold.

    A colour is judged on the picture where it does worst, by the distance that 95 % of the pixels
    exceed.
    """
    samples = [_lab(picture[::4, ::4].reshape(1, -1, 3))[0] for picture in pictures]

    def contrast(ink: tuple[int, int, int]) -> float:
        point = _lab(np.array([[ink]], dtype=np.uint8))[0, 0]
        return min(float(np.quantile(np.linalg.norm(s - point, axis=1), 0.05)) for s in samples)

    return max(_INKS.values(), key=contrast)


def _lab(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)


def painted(
    picture: Image,
    labels: Labels,
    ink: tuple[int, int, int],
    size: tuple[int, int],
    thick: bool = False,
) -> Image:
    """Return the picture at ``size`` (width, height), boundaries one pixel wide, or two."""
    shrinks = size[0] < picture.shape[1]
    resized = cv2.resize(
        picture, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    )
    edge = boundaries(_resized(labels, size))
    if thick:
        edge[1:] |= edge[:-1]
        edge[:, 1:] |= edge[:, :-1]
    resized[edge] = ink
    return np.asarray(resized, dtype=np.uint8)


def _resized(labels: Labels, size: tuple[int, int]) -> Labels:
    """Return labels at ``size`` (width, height), each pixel that of the nearest."""
    nearest = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(nearest, dtype=np.int32)


# ---------------------------------------------------------------------- for print


def draw_grids(gallery: Gallery, slug: str, folder: Path) -> list[Drawing]:
    """Write the grid of images x methods; many methods are shared out over several figures."""
    labels = gallery.labels
    n_figures = -(-len(labels) // _MOST_COLUMNS)
    drawings = []
    for number, part in enumerate(np.array_split(np.array(labels, dtype=object), n_figures), 1):
        name = slug if n_figures == 1 else f"{slug}-{number}"
        wide = min(_PAGE / len(part), _WIDEST)
        with mpl.rc_context(fname=STYLE):
            files = save(_grid(gallery, list(part), wide), name, folder, dpi=_CELL / wide)
        title = f"Superpixels, {gallery.n_asked} asked for"
        drawings.append(Drawing(name, title, files, ""))
    return drawings


def _grid(gallery: Gallery, labels: list[str], wide: float) -> Figure:
    """Columns are methods, ``wide`` inches each; an image takes two lines."""
    rows = gallery.rows[:_MOST_PRINTED]
    tall = [wide * row.picture.shape[0] / row.picture.shape[1] for row in rows]
    below = [wide * row.box[3] / row.box[2] for row in rows]
    width = len(labels) * (wide + _GAP) - _GAP
    height = _HEAD + sum(tall) + sum(below) + len(rows) * (_GAP + _BREAK) - _BREAK
    figure = Figure(figsize=(width, height))

    def place(column: int, top: float, high: float) -> Axes:
        left = column * (wide + _GAP) / width
        return figure.add_axes((left, 1 - (top + high) / height, wide / width, high / height))

    top = _HEAD
    for row, whole, detail in zip(rows, tall, below, strict=True):
        cells = {cell.label: cell for cell in row.cells}
        for column, label in enumerate(labels):
            pair = place(column, top, whole), place(column, top + whole + _GAP, detail)
            _fill(pair, row, cells.get(label), gallery.ink)
            if top == _HEAD:
                pair[0].set_title(label, parse_math=False, pad=3)
        top += whole + _GAP + detail + _BREAK
    return figure


def _fill(pair: tuple[Axes, Axes], row: Row, cell: Cell | None, ink: tuple[int, int, int]) -> None:
    for axes in pair:
        axes.set_axis_off()
    if cell is None:
        pair[0].text(0.5, 0.5, "no result", ha="center", va="center", transform=pair[0].transAxes)
        return
    height, width = row.picture.shape[:2]
    left, top, wide, high = row.box
    inside = (slice(top, top + high), slice(left, left + wide))
    size = (_CELL, max(1, round(_CELL * height / width)))
    pair[0].imshow(
        painted(row.picture, cell.labels, ink, size), aspect="auto", interpolation="none"
    )
    size = (_CELL, max(1, round(_CELL * high / wide)))
    detail = painted(row.picture[inside], cell.labels[inside], ink, size, thick=True)
    pair[1].imshow(detail, aspect="auto", interpolation="none")
    scale = _CELL / width
    for colour, line in (("black", 1.4), ("white", 0.7)):
        pair[0].add_patch(
            Rectangle(
                (left * scale, top * scale), wide * scale, high * scale,
                fill=False, edgecolor=colour, linewidth=line,
            )
        )  # fmt: skip
    pair[1].text(
        0.985, 0.03, str(cell.n_segments), transform=pair[1].transAxes, ha="right", va="bottom",
        fontsize=6, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )  # fmt: skip


# ---------------------------------------------------------------------- for the page


def picture_uri(picture: Image) -> str:
    """Return the picture as a data URI (JPEG: the boundaries lie on a layer of their own)."""
    bgr = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), dtype=np.uint8)
    return _uri(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 90])


def boundary_uri(labels: Labels, ink: tuple[int, int, int]) -> str:
    """Return the boundaries alone, on a clear ground, as a data URI (PNG)."""
    height, width = labels.shape
    fine = _resized(labels, (width * _FINE, height * _FINE))
    layer = np.zeros((*fine.shape, 4), np.uint8)
    layer[boundaries(fine)] = (*ink[::-1], 255)
    return _uri(".png", layer, [cv2.IMWRITE_PNG_COMPRESSION, 6])


def _uri(extension: str, picture: NDArray[np.uint8], options: Sequence[int]) -> str:
    done, data = cv2.imencode(extension, picture, options)
    if not done:
        raise ValueError(f"cannot encode a picture of shape {picture.shape} as {extension}")
    kind = {".jpg": "jpeg", ".png": "png"}[extension]
    return f"data:image/{kind};base64,{base64.b64encode(bytes(data)).decode('ascii')}"
