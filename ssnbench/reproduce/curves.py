"""Figures 4, 5, 6 and 8: a metric over the count made, precision over recall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ssnbench.analysis.sections import Section, judges_truth
from ssnbench.analysis.summary import summarise
from ssnbench.plots.figure import STYLE, axis_name, set_count_axis
from ssnbench.plots.inset import enlarge
from ssnbench.plots.styles import INK, look, name_curves
from ssnbench.reproduce import figure as sheet
from ssnbench.reproduce.figure import Made
from ssnbench.reproduce.recipes import COUNT, LOOKS, Panel, Recipe
from ssnbench.reproduce.sources import Found, choose
from ssnbench.reproduce.work import Bench, score

_AXES, _HIGH = 2.3, 2.1  # inches: width and height of one diagram
_LEFT, _BELOW, _ABOVE = 0.55, 0.42, 0.25  # inches around it
_HANDLE, _LETTER = 0.42, 0.058  # inches: to the right of it a piece of curve, and each letter


@dataclass(frozen=True)
class Drawn:
    """A panel with its data: one row per method and count, ``x`` and ``y`` to be drawn."""

    panel: Panel
    section: Section
    data: pd.DataFrame


def make(
    recipe: Recipe, found: Found, counts: Sequence[int], limit: int | None, bench: Bench
) -> Made:
    """Run what is missing of a recipe of curves, and draw it."""
    methods, missing = choose(recipe.methods)
    images = found.of(limit)
    drawn = []
    for panel in recipe.panels:
        section = score(found, images, methods, counts, panel.protocol, bench)
        if section is not None:
            drawn.append(Drawn(panel, section, points(panel, section)))
    yardsticks = tuple(dict.fromkeys(each.section.yardstick for each in drawn))
    what = f"{found.place}, {_counted(images, drawn)}"
    made = Made(
        recipe, what, tuple(method.name for method in methods), yardsticks, tuple(counts),
        notes=(*found.notes(len(images)), *missing, *recipe.lacks), n_failed=_n_failed(drawn),
    )  # fmt: skip
    order = [method.name for method in methods]
    with mpl.rc_context(fname=STYLE):
        figure = draw(drawn, order, found.place)
        sheet.annotate(figure, made.notes)
        files = sheet.write_figure(figure, made, _joined(drawn), bench.store.folder)
    return replace(made, files=files)


def points(panel: Panel, section: Section) -> pd.DataFrame:
    """Means by method and count asked, with the numbers that a panel draws as ``x`` and ``y``."""
    summary = summarise(section)
    wide = summary.pivot(index=["label", "n_asked"], columns="metric", values="pair_mean")
    made = summary.groupby(["label", "n_asked"])[["n_made", "n_images", "n_pairs"]].max()
    scores = [name for name in dict.fromkeys((panel.x, panel.y)) if name in wide]
    there = made.join(wide[[name for name in scores if name != COUNT]])
    for axis, name in (("x", panel.x), ("y", panel.y)):
        there[axis] = there[name] if name in there else float("nan")
    limits = summary[summary["metric"] == panel.y].set_index(["label", "n_asked"])
    there = there.join(limits[["low", "high"]])
    return there.dropna(subset=["x", "y"]).reset_index()


def draw(drawn: Sequence[Drawn], order: Sequence[str], place: str) -> Figure:
    """Draw the panels side by side, each curve named at its end."""
    n = max(len(drawn), 1)
    each = _LEFT + _AXES + _HANDLE + _LETTER * max(map(len, order), default=0)
    width, height = n * each, _ABOVE + _HIGH + _BELOW
    figure = Figure(figsize=(width, height))
    for number, part in enumerate(drawn):
        left = (number * each + _LEFT) / width
        axes = figure.add_axes((left, _BELOW / height, _AXES / width, _HIGH / height))
        _panel(figure, axes, part, order)
        axes.set_title(place, loc="left", color=INK, alpha=0.65, parse_math=False)
    return figure


def _panel(figure: Figure, axes: Axes, part: Drawn, order: Sequence[str]) -> None:
    panel, data = part.panel, part.data
    along = "n_made"
    curves = {name: data[data["label"] == name].sort_values(along) for name in order}
    curves = {name: curve for name, curve in curves.items() if len(curve)}
    for name, curve in curves.items():
        axes.plot(curve["x"], curve["y"], **look(name, LOOKS))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.set_ylabel(axis_name(panel.y, part.section))
    if panel.x == COUNT:
        axes.set_xlabel("superpixels made (mean)")
        if len(data):
            set_count_axis(axes, data["n_made"])
            enlarge(axes, curves, LOOKS)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel(axis_name(panel.x, part.section))
    name_curves(figure, axes, curves, LOOKS)


def _joined(drawn: Sequence[Drawn]) -> pd.DataFrame:
    """The data of all panels, one row per point."""
    parts = [
        part.data.assign(
            panel=number, x_axis=part.panel.x, y_axis=part.panel.y,
            dataset=part.section.dataset, split=part.section.split, protocol=part.section.protocol,
        )
        for number, part in enumerate(drawn, 1)
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _counted(images: Sequence[str], drawn: Sequence[Drawn]) -> str:
    """How much the panels rest on, in words; annotators count where the truth enters."""
    told = f"{len(images)} image{'' if len(images) == 1 else 's'}"
    judged = [part.section.rows for part in drawn if judges_truth(part.panel.y)]
    if judged:
        pairs = judged[0][["image", "truth"]].drop_duplicates()
        told += f", {len(pairs)} (image, annotator) pairs"
    return told


def _n_failed(drawn: Sequence[Drawn]) -> int:
    """Jobs that failed, in all panels."""
    return sum(
        len(rows[rows["status"] == "failed"].drop_duplicates(["label", "image", "n_asked"]))
        for rows in (part.section.rows for part in drawn)
    )
