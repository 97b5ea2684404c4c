"""Diagrams at one made count: quality over time, quality over regularity."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, ScalarFormatter

from ssnbench.analysis.sections import Section, better, long_name, short_name
from ssnbench.analysis.tradeoffs import REGULARITY, families, front
from ssnbench.plots.figure import STYLE, Drawing, axis_name, canvas, curves_of, written
from ssnbench.plots.styles import INK, gid, look, name_curves


def draw_front(
    section: Section, found: pd.DataFrame, metric: str, count: int, labels: Sequence[str],
    folder: Path,
) -> Drawing | None:  # fmt: skip
    """Draw a metric over time, and the front that no method beats in both.

    Parameters
    ----------
    section, labels, folder
        As in `draw_ranks`.
    found : DataFrame
        Rows of `tradeoffs.quality_and_time` of one device and number of threads.
    metric : str
        One of its columns.
    count : int
        The made count that the scores belong to.

    Returns
    -------
    Drawing or None
        None where no method has both a score and a time.
    """
    data = found.dropna(subset=[metric, "seconds"]).reset_index(drop=True)
    if data.empty:
        return None
    best = front(data["seconds"].to_numpy(float), data[metric].to_numpy(float), better(metric))
    data = data.assign(x=1e3 * data["seconds"], y=data[metric], on_front=best)
    device, threads = data["device"].iloc[0], int(data["threads"].iloc[0])
    where = f"{device}, {threads} thread{'' if threads == 1 else 's'}"
    with mpl.rc_context(fname=STYLE):
        figure, axes = canvas(section, len(data), f"at {count} made · {where}")
        edge = data[best].sort_values("x")
        axes.plot(edge["x"], edge["y"], color=INK, alpha=0.4, linewidth=0.8, drawstyle="steps-post")
        points = curves_of(data)
        _scatter(axes, points, labels)
        _set_time_axis(axes, data["x"])
        axes.set_xlabel("time per image [ms] ↓")
        axes.set_ylabel(axis_name(metric, section))
        name_curves(figure, axes, points, labels)
        title = f"{long_name(metric)} over time, at {count} superpixels made ({where})"
        slug = f"{section.slug}-{metric}-over-time-{device}-{threads}"
        return written(figure, slug, title, data.drop(columns=["x", "y"]), folder)


def draw_regularity(
    section: Section, found: pd.DataFrame, metric: str, count: int, labels: Sequence[str],
    folder: Path,
) -> Drawing | None:  # fmt: skip
    """Draw a metric over compactness at one made count; a line joins variants of one algorithm.

    Parameters
    ----------
    section, labels, folder
        As in `draw_ranks`.
    found : DataFrame
        What `tradeoffs.regularity` returned.
    metric : str
        Its last column.
    count : int
        The made count.

    Returns
    -------
    Drawing or None
        None where no method reaches the count.
    """
    if found.empty:
        return None
    with mpl.rc_context(fname=STYLE):
        figure, axes = canvas(section, len(found), f"at {count} made")
        for _, rows in families(found):
            axes.plot(rows[REGULARITY], rows[metric], color=INK, alpha=0.4, linewidth=0.8)
        points = curves_of(found.assign(x=found[REGULARITY], y=found[metric]))
        _scatter(axes, points, labels)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel(f"{short_name(REGULARITY)} (more is more regular)")
        axes.set_ylabel(axis_name(metric, section))
        name_curves(figure, axes, points, labels)
        title = f"{long_name(metric)} over compactness, at {count} superpixels made"
        slug = f"{section.slug}-{metric}-over-{REGULARITY}"
        return written(figure, slug, title, found, folder)


def _scatter(axes: Axes, points: dict[str, pd.DataFrame], labels: Sequence[str]) -> None:
    for label, point in points.items():
        style = look(label, labels) | {"linestyle": ""}
        axes.plot(point["x"], point["y"], **style, gid=gid(label, labels))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.margins(0.08)


def _set_time_axis(axes: Axes, milliseconds: pd.Series[float]) -> None:
    axes.set_xscale("log")
    low, high = milliseconds.min() / 1.6, milliseconds.max() * 1.6
    axes.set_xlim(low, high)
    narrow = high < 30 * low
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if narrow else (1.0,)))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
