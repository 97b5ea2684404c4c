"""Curves: a metric over the count made, one metric over another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ssnbench.analysis.inter_annotator import Band
from ssnbench.analysis.sections import Section, long_name
from ssnbench.plots.figure import (
    STYLE,
    Drawing,
    axis_name,
    canvas,
    curves_of,
    lowered,
    set_count_axis,
    written,
)
from ssnbench.plots.inset import enlarge
from ssnbench.plots.styles import INK, gid, name_curves
from ssnbench.plots.styles import look as look


def draw_curve(
    section: Section,
    summary: pd.DataFrame,
    metric: str,
    labels: Sequence[str],
    folder: Path,
    annotators: Band | None = None,
) -> Drawing:
    """Draw one metric over the mean made count, a curve per method.

    Parameters
    ----------
    section : Section
        Gives dataset and protocol.
    summary : DataFrame
        What `stats.summarise` made of the section.
    metric : str
        Column of the scores.
    labels : sequence of str
        All methods of the report, so that one looks the same in every figure.
    folder : Path
        Where the files go.
    annotators : Band, optional
        How well the annotators agree; drawn behind the curves.
    """
    data = summary[(summary["metric"] == metric) & summary["pair_mean"].notna()]
    curves = curves_of(data.rename(columns={"n_made": "x", "pair_mean": "y"}))
    with mpl.rc_context(fname=STYLE):
        figure, axes = canvas(section, len(curves))
        _plot(axes, curves, labels)
        if annotators is not None:
            _shade(axes, annotators, curves.values())
        axes.set_xlabel("superpixels made (mean)")
        axes.set_ylabel(axis_name(metric, section))
        set_count_axis(axes, data["n_made"])
        if annotators is None:  # their numbers stand in the corner
            enlarge(axes, curves, labels)
        name_curves(figure, axes, curves, labels)
        title = f"{long_name(metric)} over the number of superpixels made"
        return written(figure, f"{section.slug}-{metric}", title, data, folder)


def draw_pair(
    section: Section,
    summary: pd.DataFrame,
    metrics: tuple[str, str],
    labels: Sequence[str],
    folder: Path,
) -> Drawing:
    """Draw the second metric over the first, a curve per method along its counts."""
    across, up = (
        summary[summary["metric"] == metric].set_index(["label", "n_asked"])["pair_mean"]
        for metric in metrics
    )
    counts = summary.groupby(["label", "n_asked"])["n_made"].first()
    data = pd.DataFrame({"n_made": counts, metrics[0]: across, metrics[1]: up})
    data = data.dropna().reset_index()
    curves = curves_of(data.rename(columns={metrics[0]: "x", metrics[1]: "y"}), along="n_made")
    with mpl.rc_context(fname=STYLE):
        figure, axes = canvas(section, len(curves))
        _plot(axes, curves, labels)
        axes.set_xlabel(axis_name(metrics[0], section))
        axes.set_ylabel(axis_name(metrics[1], section))
        name_curves(figure, axes, curves, labels)
        title = f"{long_name(metrics[1])} over {lowered(long_name(metrics[0]))}"
        return written(
            figure, f"{section.slug}-{metrics[1]}-over-{metrics[0]}", title, data, folder
        )


def _plot(axes: Axes, curves: Mapping[str, pd.DataFrame], labels: Sequence[str]) -> None:
    for label, curve in curves.items():
        axes.plot(curve["x"], curve["y"], **look(label, labels), gid=gid(label, labels))
    axes.yaxis.set_major_locator(MaxNLocator(5))


def _shade(axes: Axes, band: Band, curves: Iterable[pd.DataFrame]) -> None:
    """Draw the annotators behind the curves, which alone set the range of the axis.

    The numbers stand in the corner that curves leave free: above the end of those that fall.
    """
    falls = sum(curve["y"].iloc[-1] - curve["y"].iloc[0] for curve in curves) < 0
    limits = axes.get_ylim()
    axes.axhspan(band.low, band.high, color=INK, alpha=0.08, linewidth=0, zorder=0.5)
    axes.axhline(band.mean, color=INK, alpha=0.5, linewidth=0.6, linestyle=(0, (6, 3)))
    axes.set_ylim(limits)
    axes.text(
        0.99, 0.97 if falls else 0.03,
        f"annotators {band.mean:.3f}\n({band.low:.3f} to {band.high:.3f})",
        transform=axes.transAxes, ha="right", va="top" if falls else "bottom",
        fontsize=6.5, alpha=0.65,
    )  # fmt: skip
