"""The FIGURES table: what can be drawn of a section. A new figure is a class and a row here."""

from __future__ import annotations

from collections.abc import Iterator

from ssnbench.analysis.section_analysis import SectionAnalysis
from ssnbench.plots.critical_difference import CriticalDifference
from ssnbench.plots.curves import MetricCurve, MetricPair
from ssnbench.plots.robustness import RobustnessCurve
from ssnbench.plots.section_figure import SectionFigure
from ssnbench.plots.tradeoffs import QualityOverRegularity, QualityOverTime

_ALL: tuple[type[SectionFigure], ...] = (
    MetricCurve,
    MetricPair,
    CriticalDifference,
    QualityOverTime,
    QualityOverRegularity,
    RobustnessCurve,
)

FIGURES: dict[str, type[SectionFigure]] = {kind.name: kind for kind in _ALL}
"""Kinds of figures by name, in the order in which a report shows them."""


def figures_of(analysis: SectionAnalysis) -> Iterator[SectionFigure]:
    """Yield every figure that a section has, in the order of FIGURES."""
    for kind in FIGURES.values():
        if all(len(getattr(analysis, need)) for need in kind.needs):
            yield from kind.choices(analysis)
