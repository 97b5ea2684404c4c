"""What the axes of all diagrams share: their room, their names, the axis of counts."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter, ScalarFormatter

from ssnbench.analysis.sections import Section, better, short_name
from ssnbench.metrics import METRICS
from ssnbench.plots.styles import INK, LINE

_WIDTH, _HEIGHT = 2.9, 2.25  # inches, of the axes' figure; names stand to the right of it
_WIDE_RANGE = 6  # counts that spread wider than this go on a logarithmic axis


def canvas(section: Section, n_curves: int, note: str = "") -> Axes:
    """Axes with room for the names of the curves; above them the data, and a note."""
    height = max(_HEIGHT, n_curves * LINE / 72 / 0.78)
    figure = Figure(figsize=(_WIDTH, height))
    axes = figure.subplots()
    figure.subplots_adjust(left=0.17, right=0.98, bottom=0.18, top=0.9)
    place = " ".join(part for part in (section.dataset, section.split, note) if part)
    axes.set_title(place, loc="left", color=INK, alpha=0.65, parse_math=False)
    return axes


def axis_name(metric: str, section: Section) -> str:
    """Name of an axis: what, in which unit, by which protocol, and which way is better."""
    unit = METRICS[metric].unit if metric in METRICS else ""
    arrow = {"higher": " ↑", "lower": " ↓"}.get(better(metric), "")
    named = f"{short_name(metric)} [{unit}]" if unit else short_name(metric)
    return f"{named} ({section.protocol}){arrow}"


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
