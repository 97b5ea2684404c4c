"""What a figure of a section is: the base of all rows of the FIGURES table."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal, Self, cast

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ssnbench.analysis.section_analysis import SectionAnalysis
from ssnbench.plots.figure import STYLE, WrittenFigure, write_figure
from ssnbench.plots.styles import Styles

Group = Literal["first", "curves", "compared", "robust"]
"""Where figures stand in a report: what a reader sees first; metrics over the count made;
comparisons at one count; what is left of the scores when images are perturbed."""


@dataclass(frozen=True)
class SectionFigure(ABC):
    """A figure of a section. A subclass is a kind of figure, an instance one that can be drawn.

    Everything that it shows was computed by the analysis; ``data`` only chooses.

    Attributes
    ----------
    name, title : str, of the class
        By which the kind is known, and what it shows in a line.
    group : str, of the class
        Where it stands in a report.
    needs : tuple of str, of the class
        Properties of the analysis without which there is nothing to draw.
    analysis : SectionAnalysis
        What it reads.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    group: ClassVar[Group]
    needs: ClassVar[tuple[str, ...]]

    analysis: SectionAnalysis

    @classmethod
    @abstractmethod
    def choices(cls, analysis: SectionAnalysis) -> Iterator[Self]:
        """Yield the figures of this kind that a section has, in order."""

    @property
    @abstractmethod
    def slug(self) -> str:
        """Name of its files, unique in the report."""

    @property
    @abstractmethod
    def caption(self) -> str:
        """What it shows, in a line."""

    @property
    @abstractmethod
    def data(self) -> pd.DataFrame:
        """The data behind it, as its CSV holds them."""

    @abstractmethod
    def canvas(self) -> Axes:
        """Empty axes of a new figure, with room for all that `plot` draws."""

    @abstractmethod
    def plot(self, axes: Axes, styles: Styles) -> None:
        """Draw into axes."""

    def draw(self, styles: Styles) -> Figure:
        """Return the figure drawn."""
        with mpl.rc_context(fname=STYLE):
            axes = self.canvas()
            self.plot(axes, styles)
        return cast(Figure, axes.figure)

    def write(self, styles: Styles, folder: Path) -> WrittenFigure:
        """Draw the figure and write its files."""
        written = write_figure(self.draw(styles), self.slug, self.data, folder)
        return replace(written, caption=self.caption)
