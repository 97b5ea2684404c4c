"""Writing of figures: PDF and PNG on white, SVG for the page, the data behind them as CSV."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.transforms import Bbox

from ssnbench.io.csv_cells import write_csv
from ssnbench.plots.styles import INK

STYLE = Path(__file__).with_name("ssnbench.mplstyle")

# The signs that figures need, of DejaVu Sans: to cut them out of the whole font anew for every PDF
# took a third of the time of a report. Other signs still come from the whole one.
fontManager.addfont(STYLE.with_name("fonts") / "DejaVuSansForFigures.ttf")

_DPI = 300


@dataclass(frozen=True)
class WrittenFigure:
    """A figure that was written: its caption, its files by kind, and the SVG for the page."""

    slug: str
    caption: str
    files: Mapping[str, str]
    svg: str = ""


def write_figure(figure: Figure, slug: str, data: pd.DataFrame, folder: Path) -> WrittenFigure:
    """Write a figure and the data behind it, without the white around it; it has no caption yet."""
    with mpl.rc_context(fname=STYLE):
        frame = tight_frame(figure)  # once: it costs as much as drawing
        files = save(figure, slug, folder, _DPI, frame)
        svg = inline(figure, slug, frame)
    write_csv(data, folder / f"{slug}.csv")
    return WrittenFigure(slug, "", files | {"csv": f"{slug}.csv"}, svg)


def save(
    figure: Figure, slug: str, folder: Path, dpi: float = _DPI, frame: Bbox | None = None
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


def tight_frame(figure: Figure) -> Bbox:
    """The part of a figure that holds everything, in inches."""
    return figure.get_tightbbox().padded(0.1)


def inline(figure: Figure, slug: str, frame: Bbox) -> str:
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
