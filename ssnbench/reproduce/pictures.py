"""Figures 2, 7 and 9: superpixels of single images, looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from ssnbench.contracts import Image, Labels, Sample
from ssnbench.flow import colour_wheel, colours, known, residuals, segmented_flow
from ssnbench.plots.detail import telling_box
from ssnbench.plots.figure import STYLE
from ssnbench.plots.overlay import painted, standing_out
from ssnbench.plots.panels import frame_box, panel, write_count
from ssnbench.reproduce import figure as sheet
from ssnbench.reproduce.figure import RecipeResult
from ssnbench.reproduce.recipes import Recipe
from ssnbench.reproduce.sources import ImageSet, resolve
from ssnbench.reproduce.work import RecipeContext, label_maps

_PAGE = 7.0  # inches
_GAP, _HEAD, _BREAK = 0.03, 0.17, 0.1  # inches: between panels, above one, between lines
_DPI = 300  # of the panels, at least: boundaries keep their width in print
_EDGE = 1.0  # points of black around a frame
_THIN, _THICK = 0.35, 0.6  # points: boundaries in a whole picture, and in a detail
_OWN, _AROUND = "#00e05a", "#ff2020"
"""Colours of the paper's figure 2: the cell of a pixel, and the nine cells that it looks at."""


@dataclass(frozen=True)
class Line:
    """One image with the number asked for, and the label maps (H, W) by method."""

    image_set: ImageSet
    sample: Sample
    n_asked: int
    maps: Mapping[str, Labels]


def make(
    recipe: Recipe, image_sets: Sequence[ImageSet], counts: Sequence[int], context: RecipeContext
) -> RecipeResult:
    """Segment what is missing of a recipe of pictures, and draw it."""
    methods, missing = resolve(recipe.methods)
    n_asked = counts[0]
    lines = []
    for image_set in image_sets:
        maps = label_maps(image_set, image_set.pictured, methods, n_asked, context)
        lines.append(Line(image_set, image_set.source.open()[image_set.pictured], n_asked, maps))
    stand_ins = [f"built-in collage, not {f.scene.name}" for f in image_sets if f.builtin]
    result = RecipeResult(
        recipe,
        ", ".join(f"{line.image_set.place} {line.sample.key}" for line in lines),
        tuple(method.name for method in methods), (), (n_asked,),
        notes=(*stand_ins, *missing, *recipe.lacks),
        n_failed=len(lines) * len(methods) - sum(len(line.maps) for line in lines),
    )  # fmt: skip
    names = [method.name for method in methods]
    with mpl.rc_context(fname=STYLE):
        figure = _DRAWINGS[recipe.drawing](lines, names)
        sheet.annotate(figure, result.notes)
        files = sheet.write_figure(figure, result, _counted(lines), context.store.folder)
    return replace(result, files=files)


def _counted(lines: Sequence[Line]) -> pd.DataFrame:
    """What is made, and the error of the flow where it is known: the data behind the pictures."""
    rows = [
        (
            line.image_set.source.label, line.image_set.source.split, line.sample.key, name,
            int(labels.max()) + 1, _error(line.sample, labels),
        )
        for line in lines
        for name, labels in line.maps.items()
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["dataset", "split", "image", "label", "n_made", "epe"])


def _error(sample: Sample, labels: Labels) -> float:
    """Mean end-point error in pixels; NaN where no flow is known."""
    if sample.flow is None:
        return float("nan")
    return float(residuals(labels, sample.flow, sample.valid).mean())


# ---------------------------------------------------------------------- figure 2


def stages(lines: Sequence[Line], names: Sequence[str]) -> Figure:
    """Initial grid, then the superpixels of each method; one cell and its neighbourhood marked."""
    line = lines[0]
    cells, shape = _initial_grid(line.sample.image.shape[:2], line.n_asked)
    panels = {"initial grid": cells} | {
        name: line.maps[name] for name in names if name in line.maps
    }
    ink = standing_out([line.sample.image])
    wide = (_PAGE - (len(panels) - 1) * _GAP) / len(panels)
    high = wide * line.sample.image.shape[0] / line.sample.image.shape[1]
    figure = Figure(figsize=(_PAGE, high + _HEAD))
    for column, (name, labels) in enumerate(panels.items()):
        axes = panel(figure, column * (wide + _GAP), _HEAD, wide, high)
        _show(axes, line.sample.image, labels, ink, wide)
        axes.set_title(f"{name}: {int(labels.max()) + 1}", parse_math=False, pad=3)
        if labels is cells:
            _mark(axes, cells, shape)
    return figure


def _initial_grid(shape: tuple[int, ...], n_asked: int) -> tuple[Labels, tuple[int, int]]:
    """Cells that SSN starts from, int32 (H, W), and their rows and columns."""
    from ssnbench.ssn.kernels.grid import Grid  # torch: only for those who draw this

    grid = Grid.of(shape[0], shape[1], n_asked)
    row = np.arange(grid.height) * grid.rows // grid.height
    column = np.arange(grid.width) * grid.cols // grid.width
    return (row[:, None] * grid.cols + column).astype(np.int32), (grid.rows, grid.cols)


def _mark(axes: Axes, cells: Labels, shape: tuple[int, int]) -> None:
    """Box one cell near the middle, and the nine cells around it."""
    row, column = shape[0] // 2, shape[1] // 2
    for colour, reach in ((_AROUND, 1), (_OWN, 0)):
        inside = np.isin(cells // shape[1], range(row - reach, row + reach + 1))
        inside &= np.isin(cells % shape[1], range(column - reach, column + reach + 1))
        rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        part = (columns[0], rows[0], len(columns), len(rows))
        frame_box(axes, part, colour, 1.4, _EDGE)


# ---------------------------------------------------------------------- figure 7


def details(lines: Sequence[Line], names: Sequence[str]) -> Figure:
    """One line per image: the truth, then each method; below each panel a part enlarged."""
    wide = (_PAGE - len(names) * _GAP) / (len(names) + 1)
    boxes = [telling_box(line.sample.image, list(line.maps.values())) for line in lines]
    tall = [wide * line.sample.image.shape[0] / line.sample.image.shape[1] for line in lines]
    below = [wide * box[3] / box[2] for box in boxes]
    height = sum(tall) + sum(below) + len(lines) * (_HEAD + _GAP + _BREAK) - _BREAK
    figure = Figure(figsize=(_PAGE, height))
    top = 0.0
    for line, box, whole, part in zip(lines, boxes, tall, below, strict=True):
        truth = {"truth": line.sample.truths[0]} if line.sample.truths else {}
        ink = standing_out([line.sample.image])
        for column, name in enumerate(["truth", *names]):
            labels = (truth | dict(line.maps)).get(name)
            left = column * (wide + _GAP)
            axes = panel(figure, left, top + _HEAD, wide, whole)
            zoom = panel(figure, left, top + _HEAD + whole + _GAP, wide, part)
            shown = line.image_set.place if name == "truth" else name
            axes.set_title(shown, parse_math=False, pad=3, loc="left", fontsize=7)
            if labels is None:
                axes.text(0.5, 0.5, "no result", ha="center", transform=axes.transAxes)
                continue
            _zoomed(axes, zoom, line.sample.image, labels, box, ink, wide)
            if name != "truth":
                write_count(zoom, int(labels.max()) + 1)
        top += _HEAD + whole + _GAP + part + _BREAK
    return figure


def _zoomed(
    axes: Axes,
    zoom: Axes,
    image: Image,
    labels: Labels,
    box: tuple[int, int, int, int],
    ink: tuple[int, int, int],
    wide: float,
) -> None:
    """Show the image, with the part boxed that is enlarged below it."""
    left, top, across, down = box
    inside = (slice(top, top + down), slice(left, left + across))
    _show(axes, image, labels, ink, wide)
    _show(zoom, np.ascontiguousarray(image[inside]), labels[inside], ink, wide, _THICK)
    frame_box(axes, box, "white", 0.9, _EDGE)


# ---------------------------------------------------------------------- figure 9


def flows(lines: Sequence[Line], names: Sequence[str]) -> Figure:
    """First frame, true flow with its key, then the mean flow of each method's superpixels."""
    line = lines[0]
    flow, valid = line.sample.flow, line.sample.valid
    if flow is None:
        raise ValueError(f"{line.sample.key} has no flow to draw")
    counted = known(flow) if valid is None else known(flow) & valid
    longest = float(np.hypot(flow[counted][:, 0], flow[counted][:, 1]).max(initial=0.0))
    true = np.where(counted[..., None], flow, np.float32(np.nan))
    panels = {"first frame": line.sample.image, "true flow": colours(true, longest)}
    for name in (name for name in names if name in line.maps):
        labels = line.maps[name]
        picture = colours(segmented_flow(labels, flow, valid), longest)
        title = f"{name}: EPE {_error(line.sample, labels):.3f} px, {int(labels.max()) + 1}"
        panels[title] = picture
    return _sheet(panels, longest)


def _sheet(panels: Mapping[str, Image], longest: float) -> Figure:
    """Lay panels of one size out two to a line; the wheel of colours stands in the second."""
    n_columns = 2
    shape = next(iter(panels.values())).shape
    wide = (_PAGE - (n_columns - 1) * _GAP) / n_columns
    high = wide * shape[0] / shape[1]
    n_lines = -(-len(panels) // n_columns)
    figure = Figure(figsize=(_PAGE, n_lines * (high + _HEAD)))
    for number, (title, picture) in enumerate(panels.items()):
        line, column = divmod(number, n_columns)
        top = line * (high + _HEAD) + _HEAD
        axes = panel(figure, column * (wide + _GAP), top, wide, high)
        axes.imshow(picture, aspect="auto", interpolation="none")
        axes.set_title(title, parse_math=False, pad=3, loc="left")
        if title == "true flow":
            side = 0.28 * high
            wheel = panel(figure, column * (wide + _GAP) + wide - side, top, side, side)
            disc = wheel.imshow(colour_wheel(), interpolation="none")
            disc.set_clip_path(Circle((75, 75), 75, transform=wheel.transData))
            axes.set_title(f"rim: {longest:.0f} px", pad=3, loc="right", fontsize=7)
    return figure


# ---------------------------------------------------------------------- panels


def _show(
    axes: Axes,
    image: Image,
    labels: Labels,
    ink: tuple[int, int, int],
    wide: float,
    points: float = _THIN,
) -> None:
    """Draw a picture with boundaries of ``points`` into axes ``wide`` inches wide."""
    height, width = labels.shape
    times = max(1, -(-round(_DPI * wide) // width))
    size = (times * width, times * height)
    across = max(2, round(points / 72 * size[0] / wide))
    picture = painted(image, labels, ink, size, across)
    axes.imshow(picture, aspect="auto", interpolation="none", extent=(0, width, height, 0))


_DRAWINGS = {"stages": stages, "details": details, "flows": flows}
