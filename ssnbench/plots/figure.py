"""Curves: a metric over the count made, one metric over another; as PDF, PNG, SVG and CSV."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.ticker import MaxNLocator, NullFormatter, ScalarFormatter
from matplotlib.transforms import Bbox

from ssnbench.analysis.sections import Section, better, short_name
from ssnbench.metrics import METRICS
from ssnbench.plots.styles import INK, LINE
from ssnbench.plots.styles import look as look  # the page takes it from here

STYLE = Path(__file__).with_name("ssnbench.mplstyle")

# The signs that figures need, of DejaVu Sans: to cut them out of the whole font anew for every PDF
# took a third of the time of a report. Other signs still come from the whole one.
fontManager.addfont(STYLE.with_name("fonts") / "DejaVuSansForFigures.ttf")

_WIDTH, _HEIGHT = 2.9, 2.25  # inches, of the axes' figure; names stand to the right of it
_DPI = 300
_WIDE_RANGE = 6  # counts that spread wider than this go on a logarithmic axis


@dataclass(frozen=True)
class Drawing:
    """A figure that was written: its title, its files by kind, and the SVG for the page."""

    slug: str
    title: str
    files: Mapping[str, str]
    svg: str


def curves_of(data: pd.DataFrame, along: str = "x") -> dict[str, pd.DataFrame]:
    """Curves by label, each in the order of ``along``."""
    return {str(name): rows.sort_values(along) for name, rows in data.groupby("label", sort=True)}


def canvas(section: Section, n_curves: int, note: str = "") -> tuple[Figure, Axes]:
    """Axes with room for the names of the curves; above them the data, and a note."""
    height = max(_HEIGHT, n_curves * LINE / 72 / 0.78)
    figure = Figure(figsize=(_WIDTH, height))
    axes = figure.subplots()
    figure.subplots_adjust(left=0.17, right=0.98, bottom=0.18, top=0.9)
    place = " ".join(part for part in (section.dataset, section.split, note) if part)
    axes.set_title(place, loc="left", color=INK, alpha=0.65, parse_math=False)
    return figure, axes


def axis_name(metric: str, section: Section) -> str:
    """Name of an axis: what, in which unit, by which yard-stick, and which way is better."""
    unit = METRICS[metric].unit if metric in METRICS else ""
    arrow = {"higher": " ↑", "lower": " ↓"}.get(better(metric), "")
    named = f"{short_name(metric)} [{unit}]" if unit else short_name(metric)
    return f"{named} ({section.yardstick}){arrow}"


def set_count_axis(axes: Axes, counts: pd.Series[float]) -> None:
    """Mark round counts; a wide range goes on a logarithmic axis."""
    if counts.max() <= _WIDE_RANGE * counts.min():
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        return
    axes.set_xscale("log")
    low, high = counts.min() * 0.9, counts.max() * 1.1
    steps = [step * 10**power for power in range(7) for step in (1, 2, 5)]
    axes.set_xticks([step for step in steps if low <= step <= high])
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="x", which="minor", length=0)
    axes.set_xlim(low, high)


def lowered(text: str) -> str:
    """Lower the first letter, unless the word is an abbreviation."""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def written(figure: Figure, slug: str, title: str, data: pd.DataFrame, folder: Path) -> Drawing:
    """Write a figure and the data behind it; return it as the page shows it."""
    frame = figure.get_tightbbox().padded(0.1)  # once: it costs as much as drawing
    files = save(figure, slug, folder, _DPI, frame)
    data.to_csv(folder / f"{slug}.csv", index=False)
    return Drawing(slug, title, files | {"csv": f"{slug}.csv"}, _inline(figure, slug, frame))


def save(
    figure: Figure, slug: str, folder: Path, dpi: float, frame: Bbox | None = None
) -> dict[str, str]:
    """Write a figure as PDF and PNG on white; return the names of the files by kind.

    Parameters
    ----------
    figure : Figure
        What to write.
    slug : str
        Name of the files.
    folder : Path
        Where they go.
    dpi : float
        Pixels per inch of the PNG.
    frame : Bbox, optional
        The part to write, in inches; by default all of the figure.
    """
    kinds: dict[str, dict[str, Any]] = {
        "pdf": {"metadata": {"CreationDate": None}},  # the same bytes every time
        "png": {"pil_kwargs": {"compress_level": 1}},  # photographs gain nothing from more
    }
    for kind, options in kinds.items():
        path = folder / f"{slug}.{kind}"
        figure.savefig(path, dpi=dpi, facecolor="white", bbox_inches=frame, **options)
    return {kind: f"{slug}.{kind}" for kind in kinds}


def _inline(figure: Figure, slug: str, frame: Bbox) -> str:
    """Return the figure as SVG to stand inside a page: own identifiers, the page's ink and font."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", bbox_inches=frame, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg)  # a page knows them, and they look like links
    svg = re.sub(r'\bid="', f'id="{slug}-', svg)
    svg = re.sub(r'(url\(|href=")#', rf"\1#{slug}-", svg)
    svg = re.sub(r'(<svg[^>]*?)\swidth="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?)\sheight="[^"]*"', r"\1", svg, count=1)
    return svg.replace(INK, "currentColor")
