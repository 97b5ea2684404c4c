"""Pictures with superpixel boundaries: images x methods, each with an enlarged detail."""

from __future__ import annotations

import base64
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ssnbench.contracts import Image
from ssnbench.io.images import read_image, write_image
from ssnbench.plots.figure import STYLE, WrittenFigure, save
from ssnbench.plots.gallery import Gallery, GalleryCell, GalleryRow
from ssnbench.plots.overlay import painted
from ssnbench.plots.panels import frame_box, panel, write_count

_MOST_COLUMNS = 6
_MOST_PRINTED = 3  # images; with their details they fill a page
_CELL = 400  # pixels across a cell of the printed figure
_PAGE, _WIDEST = 7.0, 2.2  # inches: the printed figure, and a cell of it
_GAP, _BREAK, _HEAD = 0.025, 0.08, 0.2  # inches: between cells, between images, for the names


# ---------------------------------------------------------------------- for print


def draw_grids(gallery: Gallery, slug: str, folder: Path) -> list[WrittenFigure]:
    """Write the grid of images x methods; many methods are shared out over several figures.

    Images whose flow is known are followed by a figure each of the flow by superpixels.
    """
    labels = gallery.labels
    n_figures = -(-len(labels) // _MOST_COLUMNS)
    wide = min(_PAGE / columns(len(labels)), _WIDEST)
    written = []
    for number, part in enumerate(np.array_split(np.array(labels, dtype=object), n_figures), 1):
        name = slug if n_figures == 1 else f"{slug}-{number}"
        with mpl.rc_context(fname=STYLE):
            files = save(_grid(gallery, list(part), wide), name, folder, dpi=_CELL / wide)
        asked = f", {gallery.n_asked} superpixels asked for" if gallery.n_asked else ""
        caption = (
            f"{gallery.dataset} {gallery.split}{asked}; below each picture its framed detail, with "
            "the count made, where image edges are strong and the methods disagree."
        )
        written.append(WrittenFigure(name, caption, files))
    return written + _motions(gallery, slug, folder)


def _motions(gallery: Gallery, slug: str, folder: Path) -> list[WrittenFigure]:
    """Write, of every image with flow, how the superpixels of each method tell it."""
    written = []
    for number, row in enumerate(gallery.rows, 1):
        picture = row.motion()
        if picture is not None:
            name = f"{slug}-flow-{number}"
            write_image(folder / f"{name}.png", picture)
            methods = ", ".join(cell.label for cell in row.cells)
            caption = (
                f"Flow of {row.image}: the image, its true flow, and the mean flow in the "
                f"superpixels of {methods}. Hue tells the direction, saturation the length; black: "
                "unknown."
            )
            written.append(WrittenFigure(name, caption, {"png": f"{name}.png"}))
    return written


def columns(n_methods: int) -> int:
    """How many methods stand side by side, when the lines are as even as can be."""
    n_lines = -(-n_methods // _MOST_COLUMNS)
    return -(-n_methods // max(n_lines, 1))


def _grid(gallery: Gallery, labels: list[str], wide: float) -> Figure:
    """Columns are methods, ``wide`` inches each; an image takes two lines."""
    rows = gallery.rows[:_MOST_PRINTED]
    tall = [wide * row.picture.shape[0] / row.picture.shape[1] for row in rows]
    below = [wide * row.box[3] / row.box[2] for row in rows]
    width = len(labels) * (wide + _GAP) - _GAP
    height = _HEAD + sum(tall) + sum(below) + len(rows) * (_GAP + _BREAK) - _BREAK
    figure = Figure(figsize=(width, height))

    top = _HEAD
    for row, whole, detail in zip(rows, tall, below, strict=True):
        cells = {cell.label: cell for cell in row.cells}
        for column, label in enumerate(labels):
            left = column * (wide + _GAP)
            pair = (
                panel(figure, left, top, wide, whole),
                panel(figure, left, top + whole + _GAP, wide, detail),
            )
            _fill(pair, row, cells.get(label), gallery.ink)
            if top == _HEAD:
                pair[0].set_title(label, parse_math=False, pad=3)
        top += whole + _GAP + detail + _BREAK
    return figure


def _fill(
    pair: tuple[Axes, Axes], row: GalleryRow, cell: GalleryCell | None, ink: tuple[int, int, int]
) -> None:
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
    detail = painted(row.picture[inside], cell.labels[inside], ink, size, across=2)
    pair[1].imshow(detail, aspect="auto", interpolation="none")
    scale = _CELL / width
    frame_box(pair[0], (left * scale, top * scale, wide * scale, high * scale), points=0.7)
    write_count(pair[1], cell.n_made)


# ---------------------------------------------------------------------- for the page


def picture_uri(picture: Image) -> str:
    """Return the picture as a data URI (JPEG: the boundaries lie on a layer of their own)."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 90])
    if not done:
        raise ValueError(f"cannot encode a picture of shape {picture.shape} as JPEG")
    return f"data:image/jpeg;base64,{base64.b64encode(bytes(data)).decode('ascii')}"


def preview_uri(path: Path, widest: int = 1200) -> str:
    """Return a picture that was written for print, shrunk for the page, as a data URI."""
    picture = read_image(path)
    height, width = picture.shape[:2]
    if width > widest:
        size = (widest, max(1, round(height * widest / width)))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    return picture_uri(picture)
