"""Figures 4, 5, 6 and 8: a metric over the count made, precision over recall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ssnbench.analysis.section_analysis import SectionAnalysis
from ssnbench.analysis.sections import judges_truth
from ssnbench.plots.curves import MetricCurve, MetricPair
from ssnbench.plots.figure import STYLE
from ssnbench.plots.styles import INK, Styles
from ssnbench.reproduce import figure as sheet
from ssnbench.reproduce.figure import RecipeResult
from ssnbench.reproduce.recipes import COUNT, STYLE_NUMBERS, Panel, Recipe
from ssnbench.reproduce.sources import ImageSet, ResolvedMethod, resolve
from ssnbench.reproduce.work import RecipeContext, score

_AXES, _HIGH = 2.3, 2.1  # inches: width and height of one diagram
_LEFT, _BELOW, _ABOVE = 0.55, 0.42, 0.25  # inches around it
_HANDLE, _LETTER = 0.42, 0.058  # inches: to the right of it a piece of curve, and each letter


@dataclass(frozen=True)
class PanelData:
    """A panel with its data: one row per method and count, ``x`` and ``y`` to be drawn."""

    panel: Panel
    analysis: SectionAnalysis
    data: pd.DataFrame


def make(
    recipe: Recipe,
    image_set: ImageSet,
    counts: Sequence[int],
    limit: int | None,
    context: RecipeContext,
) -> RecipeResult:
    """Run what is missing of a recipe of curves, and draw it."""
    methods, missing = resolve(recipe.methods)
    images = image_set.of(limit)
    panels = []
    for panel in recipe.panels:
        section = score(image_set, images, methods, counts, panel.protocol, context)
        if section is not None:
            analysis = SectionAnalysis(section)
            panels.append(PanelData(panel, analysis, points(panel, analysis)))
    protocols = tuple(dict.fromkeys(each.analysis.section.protocol for each in panels))
    what = f"{image_set.place}, {_counted(images, panels)}"
    result = RecipeResult(
        recipe, what, tuple(method.name for method in methods), protocols, tuple(counts),
        notes=(*image_set.notes(len(images)), *missing, *recipe.lacks), n_failed=_n_failed(panels),
    )  # fmt: skip
    with mpl.rc_context(fname=STYLE):
        figure = draw(panels, styles_of(methods), image_set.place)
        sheet.annotate(figure, result.notes)
        files = sheet.write_figure(figure, result, _joined(panels), context.store.folder)
    return replace(result, files=files)


def styles_of(methods: Sequence[ResolvedMethod]) -> Styles:
    """The paper's methods in their order, each as it looks in all figures."""
    return Styles({method.name: STYLE_NUMBERS[method.name] for method in methods})


def points(panel: Panel, analysis: SectionAnalysis) -> pd.DataFrame:
    """Means by method and count asked, with the numbers that a panel draws as ``x`` and ``y``."""
    summary = analysis.summary
    wide = summary.pivot(index=["label", "n_asked"], columns="metric", values="pair_mean")
    rows = summary.groupby(["label", "n_asked"])[["n_made", "n_images", "n_pairs"]].max()
    scores = [name for name in dict.fromkeys((panel.x, panel.y)) if name in wide]
    rows = rows.join(wide[[name for name in scores if name != COUNT]])
    for axis, name in (("x", panel.x), ("y", panel.y)):
        rows[axis] = rows[name] if name in rows else float("nan")
    return rows.dropna(subset=["x", "y"]).reset_index()


def draw(panels: Sequence[PanelData], styles: Styles, place: str) -> Figure:
    """Draw the panels side by side, each curve named at its end."""
    n = max(len(panels), 1)
    each = _LEFT + _AXES + _HANDLE + _LETTER * max(map(len, styles), default=0)
    width, height = n * each, _ABOVE + _HIGH + _BELOW
    figure = Figure(figsize=(width, height))
    for number, part in enumerate(panels):
        left = (number * each + _LEFT) / width
        axes = figure.add_axes((left, _BELOW / height, _AXES / width, _HIGH / height))
        _plot(axes, part, styles)
        axes.set_title(place, loc="left", color=INK, alpha=0.65, parse_math=False)
    return figure


def _plot(axes: Axes, part: PanelData, styles: Styles) -> None:
    panel = part.panel
    if panel.x == COUNT:
        MetricCurve(part.analysis, panel.y).plot(axes, styles)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5))
        MetricPair(part.analysis, panel.x, panel.y).plot(axes, styles)


def _joined(panels: Sequence[PanelData]) -> pd.DataFrame:
    """The data of all panels, one row per point."""
    parts = [
        part.data.assign(
            panel=number, x_axis=part.panel.x, y_axis=part.panel.y,
            dataset=part.analysis.section.dataset, split=part.analysis.section.split,
            protocol=part.analysis.section.protocol,
        )
        for number, part in enumerate(panels, 1)
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _counted(images: Sequence[str], panels: Sequence[PanelData]) -> str:
    """How much the panels rest on, in words; annotators count where the truth enters."""
    words = f"{len(images)} image{'' if len(images) == 1 else 's'}"
    judged = [part.analysis.section.rows for part in panels if judges_truth(part.panel.y)]
    if judged:
        pairs = judged[0][["image", "truth"]].drop_duplicates()
        words += f", {len(pairs)} (image, annotator) pairs"
    return words


def _n_failed(panels: Sequence[PanelData]) -> int:
    """Jobs that failed, in all panels."""
    return sum(
        len(rows[rows["status"] == "failed"].drop_duplicates(["label", "image", "n_asked"]))
        for rows in (part.analysis.section.rows for part in panels)
    )
