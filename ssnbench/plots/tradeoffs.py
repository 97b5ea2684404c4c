"""What quality costs at one made count: quality over time, quality over regularity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FormatStrFormatter, LogLocator, MaxNLocator, NullFormatter

from ssnbench.analysis.section_analysis import SectionAnalysis
from ssnbench.analysis.sections import long_name, short_name
from ssnbench.analysis.tradeoffs import REGULARITY, families
from ssnbench.contracts import MOST_LOAD
from ssnbench.plots.axes import axis_name, canvas
from ssnbench.plots.section_figure import SectionFigure
from ssnbench.plots.styles import INK, Styles, name_curves


@dataclass(frozen=True)
class QualityOverTime(SectionFigure):
    """A metric over time, and the front that no method beats in both."""

    name = "over-time"
    title = "A metric over the time per image"
    group = "first"
    needs = ("quality_over_time",)

    device: str
    threads: int
    metric: str

    @classmethod
    def choices(cls, analysis: SectionAnalysis) -> Iterator[Self]:
        """Every device, number of threads and traded metric."""
        return (cls(analysis, *key) for key in analysis.quality_over_time)

    @property
    def slug(self) -> str:
        """Section, metric and where it was timed."""
        section = self.analysis.section.slug
        return f"{section}-{self.metric}-over-time-{self.device}-{self.threads}"

    @property
    def caption(self) -> str:
        """Metric, count, and on what it was timed."""
        data = self.data
        asked = ", ".join(str(n) for n in sorted(data["n_asked"].unique()))
        timed_on = ", ".join(sorted(data["timed_on"].unique()))
        busy = (data["load"].astype(float) > MOST_LOAD).any()
        return (
            f"{long_name(self.metric)} at {self.analysis.count} superpixels made, over the time "
            f"per image ({self._where}; {timed_on}, {asked} asked for"
            f"{'; UNDER LOAD' if busy else ''}). The line joins what no method beats in both."
        )

    @property
    def data(self) -> pd.DataFrame:
        """Time and scores of every method, and whether it is on the front."""
        return self.analysis.quality_over_time[self.device, self.threads, self.metric]

    @property
    def _where(self) -> str:
        return f"{self.device}, {self.threads} thread{'' if self.threads == 1 else 's'}"

    def canvas(self) -> Axes:
        """Axes with room for the names of the methods."""
        note = f"at {self.analysis.count} made · {self._where}"
        return canvas(self.analysis.section, len(self.data), note)

    def plot(self, axes: Axes, styles: Styles) -> None:
        """Draw the front, then a point per method with its name."""
        data = self.data.assign(x=1e3 * self.data["seconds"], y=self.data[self.metric])
        edge = data[data["on_front"]].sort_values("x")
        axes.plot(edge["x"], edge["y"], color=INK, alpha=0.4, linewidth=0.8, drawstyle="steps-post")
        points = styles.curves(data)
        _scatter(axes, points, styles)
        _set_time_axis(axes, data["x"])
        axes.set_xlabel("time per image [ms] ↓")
        axes.set_ylabel(axis_name(self.metric, self.analysis.section))
        name_curves(axes, points, styles)


@dataclass(frozen=True)
class QualityOverRegularity(SectionFigure):
    """A metric over compactness; a line joins variants of one algorithm."""

    name = "over-co"
    title = "A metric over compactness"
    group = "compared"
    needs = ("quality_over_regularity",)

    metric: str

    @classmethod
    def choices(cls, analysis: SectionAnalysis) -> Iterator[Self]:
        """Every traded metric."""
        return (cls(analysis, metric) for metric in analysis.quality_over_regularity)

    @property
    def slug(self) -> str:
        """Section and metric."""
        return f"{self.analysis.section.slug}-{self.metric}-over-{REGULARITY}"

    @property
    def caption(self) -> str:
        """Metric and count."""
        at_count = f"at {self.analysis.count} superpixels made"
        return f"{long_name(self.metric)} over compactness, {at_count}"

    @property
    def data(self) -> pd.DataFrame:
        """Compactness and score of every method."""
        return self.analysis.quality_over_regularity[self.metric]

    def canvas(self) -> Axes:
        """Axes with room for the names of the methods."""
        return canvas(self.analysis.section, len(self.data), f"at {self.analysis.count} made")

    def plot(self, axes: Axes, styles: Styles) -> None:
        """Draw a line per algorithm with several variants, then a point per method."""
        data = self.data
        for _, rows in families(data):
            axes.plot(rows[REGULARITY], rows[self.metric], color=INK, alpha=0.4, linewidth=0.8)
        points = styles.curves(data.assign(x=data[REGULARITY], y=data[self.metric]))
        _scatter(axes, points, styles)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel(f"{short_name(REGULARITY)} (more is more regular)")
        axes.set_ylabel(axis_name(self.metric, self.analysis.section))
        name_curves(axes, points, styles)


def _scatter(axes: Axes, points: Mapping[str, pd.DataFrame], styles: Styles) -> None:
    for label, point in points.items():
        style = styles[label]
        axes.plot(point["x"], point["y"], **style.line | {"linestyle": ""}, gid=style.gid)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.margins(0.08)


def _set_time_axis(axes: Axes, milliseconds: pd.Series[float]) -> None:
    axes.set_xscale("log")
    low, high = milliseconds.min() / 1.6, milliseconds.max() * 1.6
    axes.set_xlim(low, high)
    narrow = high < 30 * low
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if narrow else (1.0,)))
    axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.xaxis.set_minor_formatter(NullFormatter())
