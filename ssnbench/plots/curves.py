"""Curves: a metric over the count made, one metric over another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ssnbench.analysis.inter_annotator import Band
from ssnbench.analysis.section_analysis import SectionAnalysis
from ssnbench.analysis.sections import better, long_name
from ssnbench.plots.axes import axis_name, canvas, lowered, set_count_axis
from ssnbench.plots.inset import draw_inset
from ssnbench.plots.section_figure import SectionFigure
from ssnbench.plots.styles import INK, Styles, name_curves


@dataclass(frozen=True)
class MetricCurve(SectionFigure):
    """One metric over the mean made count, a curve per method."""

    name = "curve"
    title = "A metric over the number of superpixels made"
    group = "curves"
    needs = ("summary",)

    metric: str

    @classmethod
    def choices(cls, analysis: SectionAnalysis) -> Iterator[Self]:
        """Every metric that has a better end."""
        return (cls(analysis, metric) for metric in analysis.section.metrics if better(metric))

    @property
    def slug(self) -> str:
        """Section and metric."""
        return f"{self.analysis.section.slug}-{self.metric}"

    @property
    def caption(self) -> str:
        """The metric in full."""
        return f"{long_name(self.metric)} over the number of superpixels made"

    @property
    def data(self) -> pd.DataFrame:
        """Rows of the summary."""
        return self.analysis.curve(self.metric)

    def canvas(self) -> Axes:
        """Axes with room for the names of the methods."""
        return canvas(self.analysis.section, self.data["label"].nunique())

    def plot(self, axes: Axes, styles: Styles) -> None:
        """Draw curves, the annotators behind them or an inset before them, and names."""
        curves = styles.curves(self.data.rename(columns={"n_made": "x", "image_mean": "y"}))
        _plot(axes, curves, styles)
        band = self.analysis.bands.get(self.metric)
        if band is not None:
            _shade(axes, band, curves.values())
        axes.set_xlabel("superpixels made (mean)")
        axes.set_ylabel(axis_name(self.metric, self.analysis.section))
        if curves:
            set_count_axis(axes, self.data["n_made"])
        if band is None:  # the annotators' numbers stand in the corner
            draw_inset(axes, curves, styles)
        name_curves(axes, curves, styles)


@dataclass(frozen=True)
class MetricPair(SectionFigure):
    """One metric over another, a curve per method along its counts."""

    name = "pair"
    title = "Boundary precision over boundary recall"
    group = "curves"
    needs = ("summary",)

    across: str = "br"
    up: str = "bp"

    @classmethod
    def choices(cls, analysis: SectionAnalysis) -> Iterator[Self]:
        """Precision over recall."""
        pair = cls(analysis)
        return iter([pair] if {pair.across, pair.up} <= set(analysis.section.metrics) else [])

    @property
    def slug(self) -> str:
        """Section and both metrics."""
        return f"{self.analysis.section.slug}-{self.up}-over-{self.across}"

    @property
    def caption(self) -> str:
        """Both metrics in full."""
        return f"{long_name(self.up)} over {lowered(long_name(self.across))}"

    @property
    def data(self) -> pd.DataFrame:
        """Both metrics side by side."""
        return self.analysis.metric_pair(self.across, self.up)

    def canvas(self) -> Axes:
        """Axes with room for the names of the methods."""
        return canvas(self.analysis.section, self.data["label"].nunique())

    def plot(self, axes: Axes, styles: Styles) -> None:
        """Draw curves and names."""
        data = self.data.rename(columns={self.across: "x", self.up: "y"})
        curves = styles.curves(data, along="n_made")
        _plot(axes, curves, styles)
        axes.set_xlabel(axis_name(self.across, self.analysis.section))
        axes.set_ylabel(axis_name(self.up, self.analysis.section))
        name_curves(axes, curves, styles)


def _plot(axes: Axes, curves: Mapping[str, pd.DataFrame], styles: Styles) -> None:
    for label, curve in curves.items():
        axes.plot(curve["x"], curve["y"], **styles[label].line, gid=styles[label].gid)
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
