"""Critical differences: mean ranks on a scale, and which of them are not told apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ssnbench.analysis.ranks import ALPHA, STRICTER, Ranking
from ssnbench.analysis.section_analysis import SectionAnalysis
from ssnbench.analysis.sections import short_name
from ssnbench.plots.section_figure import SectionFigure
from ssnbench.plots.styles import INK, Styles

_STEP = 0.17  # inches from one line to the next
_SCALE_WIDTH = 2.6  # inches


@dataclass(frozen=True)
class CriticalDifference(SectionFigure):
    """Mean ranks on a scale; bars join methods that Nemenyi's test does not tell apart."""

    name = "ranks"
    title = "Mean ranks with Nemenyi's critical difference"
    group = "compared"
    needs = ("rankings",)

    ranking: Ranking

    @classmethod
    def choices(cls, analysis: SectionAnalysis) -> Iterator[Self]:
        """Every traded metric by which Friedman's test could be made: else nothing is critical."""
        drawn = analysis.metrics_for("traded")
        rankings = (each for each in analysis.rankings if each.metric in drawn)
        return (cls(analysis, each) for each in rankings if np.isfinite(each.critical))

    @property
    def slug(self) -> str:
        """Section and metric."""
        return f"{self.analysis.section.slug}-{self.ranking.metric}-ranks"

    @property
    def caption(self) -> str:
        """Metric, count, and what the bars mean beside the marks of the tables."""
        ranking = self.ranking
        return (
            f"Mean rank by {short_name(ranking.metric)} at {ranking.count} superpixels made; bars "
            f"join what Nemenyi's test does not tell apart. {STRICTER}"
        )

    @property
    def data(self) -> pd.DataFrame:
        """Mean rank of every method, and the test."""
        return self.ranking.frame

    @property
    def _n_lines(self) -> float:
        return len(self.ranking.groups) * 0.5 + (len(self.ranking.ranks) + 1) // 2 + 4.2

    def canvas(self) -> Axes:
        """Axes without lines, as high as there are methods."""
        axes = Figure(figsize=(_SCALE_WIDTH, self._n_lines * _STEP)).add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_axis_off()
        return axes

    def plot(self, axes: Axes, styles: Styles) -> None:
        """Draw scale, critical difference, bars of methods not told apart, and names."""
        ranking = self.ranking
        n = len(ranking.ranks)
        axes.set_xlim(1, n)
        axes.set_ylim(self._n_lines, 0)
        _rank_scale(axes, n)
        _critical_bar(axes, ranking)
        groups = ranking.groups
        for place, group in enumerate(groups):
            ends = ranking.ranks[[group[0], group[-1]]]
            axes.plot(ends, [3.4 + place * 0.5] * 2, color=INK, linewidth=2.2, clip_on=False)
        _rank_stems(axes, ranking, styles, 3.6 + len(groups) * 0.5)
        axes.text(1, 0.1, self._heading, va="bottom", alpha=0.65, parse_math=False)

    @property
    def _heading(self) -> str:
        section, ranking = self.analysis.section, self.ranking
        place = " ".join(part for part in (section.dataset, section.split) if part)
        what = f"{short_name(ranking.metric)} ({section.protocol})"
        return f"{place}, {what} at {ranking.count}, {ranking.n_images} images"


def _rank_scale(axes: Axes, n: int) -> None:
    axes.plot([1, n], [2.8, 2.8], color=INK, linewidth=0.6, clip_on=False)
    for rank in range(1, n + 1):
        axes.plot([rank, rank], [2.6, 2.8], color=INK, linewidth=0.6, clip_on=False)
        axes.text(rank, 2.5, str(rank), ha="center", va="bottom", fontsize=7)


def _critical_bar(axes: Axes, ranking: Ranking) -> None:
    """The critical difference as a length, above the scale."""
    end = 1 + ranking.critical
    axes.plot([1, end], [1.1, 1.1], color=INK, linewidth=1.0, marker="|", clip_on=False)
    test = f"Nemenyi, p = {ALPHA:g}; stricter than the tables"
    text = f"critical difference {ranking.critical:.2f} ({test})"
    axes.text(1, 0.95, text, ha="left", va="bottom", fontsize=7)


def _rank_stems(axes: Axes, ranking: Ranking, styles: Styles, top: float) -> None:
    """Name the better half to the left of the scale, the others to its right."""
    n = len(ranking.ranks)
    left = (n + 1) // 2
    margin = 0.04 * (n - 1)
    for place, (label, rank) in enumerate(ranking.ranks.items()):
        style = styles[str(label)]
        on_left = place < left
        height = top + (place if on_left else n - 1 - place) + 0.6
        side = 1 - margin if on_left else n + margin
        axes.plot(
            [rank, rank, side], [2.8, height, height], color=style.colour, linewidth=0.8,
            clip_on=False, gid=f"{style.gid}-line",
        )  # fmt: skip
        marker = style.line | {"linestyle": ""}
        axes.plot([rank], [2.8], **marker, clip_on=False, gid=f"{style.gid}-marker")
        text = f"{style.name}  {rank:.2f}" if on_left else f"{rank:.2f}  {style.name}"
        axes.text(
            side + (-margin if on_left else margin), height, text, fontsize=7.5,
            ha="right" if on_left else "left", va="center", parse_math=False,
            gid=f"{style.gid}-name",
        )  # fmt: skip
