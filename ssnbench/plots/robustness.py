"""Robustness: curves over the strength of a perturbation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ssnbench.analysis.robustness import TO_ORIGINAL
from ssnbench.analysis.section_analysis import SectionAnalysis
from ssnbench.analysis.sections import long_name
from ssnbench.metrics import with_role
from ssnbench.perturb import KINDS
from ssnbench.plots.axes import axis_name, canvas
from ssnbench.plots.section_figure import SectionFigure
from ssnbench.plots.styles import Styles, name_curves


@dataclass(frozen=True)
class RobustnessCurve(SectionFigure):
    """One metric over the strength of one kind of perturbation, a curve per method."""

    name = "robustness"
    title = "A metric over the strength of a perturbation"
    group = "robust"
    needs = ("robustness",)

    kind: str
    metric: str

    @classmethod
    def choices(cls, analysis: SectionAnalysis) -> Iterator[Self]:
        """Every kind that has several strengths, with the followed metrics."""
        for kind in (kind for kind in KINDS if KINDS[kind].strengths):
            for metric in (*with_role("followed"), "vi_original"):
                figure = cls(analysis, kind, metric)
                if figure.data["strength"].nunique() > 1:
                    yield figure

    @property
    def slug(self) -> str:
        """Section, kind and metric."""
        return f"{self.analysis.section.slug}-{self.kind}-{self.metric}"

    @property
    def caption(self) -> str:
        """Metric and what the strength measures."""
        name = TO_ORIGINAL[self.metric][1] if self.metric in TO_ORIGINAL else long_name(self.metric)
        return f"{name} over {KINDS[self.kind].what.partition(' (')[0]}"

    @property
    def data(self) -> pd.DataFrame:
        """Mean scores by strength and method."""
        rows = self.analysis.robustness
        return rows[(rows["kind"] == self.kind) & (rows["metric"] == self.metric)]

    def canvas(self) -> Axes:
        """Axes with room for the names of the methods."""
        n_curves = self.data["label"].nunique()
        return canvas(self.analysis.section, n_curves, f"{self.analysis.count} superpixels")

    def plot(self, axes: Axes, styles: Styles) -> None:
        """Draw curves from the original image, on the left, to the strongest change."""
        kind, metric = KINDS[self.kind], self.metric
        curves = styles.curves(self.data.rename(columns={"strength": "x", "image_mean": "y"}))
        falling = kind.neutral == kind.high
        if falling:  # the original stands on the left, whatever its strength
            curves = {label: curve[::-1] for label, curve in curves.items()}
        for label, curve in curves.items():
            axes.plot(curve["x"], curve["y"], **styles[label].line, gid=styles[label].gid)
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel(kind.what)
        of_metric = axis_name(metric, self.analysis.section)
        axes.set_ylabel(TO_ORIGINAL[metric][0] if metric in TO_ORIGINAL else of_metric)
        if falling:
            axes.invert_xaxis()
        name_curves(axes, curves, styles)
