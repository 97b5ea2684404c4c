"""What the page shows of one section: its figures and tables, written, and its notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import get_args

from ssnbench.analysis.section_analysis import SectionAnalysis
from ssnbench.plots.figure import WrittenFigure
from ssnbench.plots.figures import figures_of
from ssnbench.plots.section_figure import Group
from ssnbench.plots.styles import Styles
from ssnbench.report import comparison_tables, notes, tables
from ssnbench.report.cells import asked
from ssnbench.report.robustness_table import robustness_table
from ssnbench.report.table_formats import Table, numeric_columns, write


@dataclass(frozen=True)
class ReportContext:
    """What all sections of a report are written with and to.

    Attributes
    ----------
    styles : Styles
        Of all methods of the report, so that one looks the same in every figure.
    figures, tables : Path
        Where figures and tables go.
    """

    styles: Styles
    figures: Path
    tables: Path

    def write(self, table: Table, shown: str = "") -> WrittenTable:
        """Write a table into its files."""
        return WrittenTable(table, write(table, self.tables), shown)


@dataclass(frozen=True)
class WrittenTable:
    """A table together with the names of its files by kind, and the group that is shown first."""

    table: Table
    files: Mapping[str, str]
    shown: str = ""

    @property
    def numeric(self) -> list[bool]:
        """Which columns are set flush right."""
        return numeric_columns(self.table)

    @property
    def choices(self) -> list[str]:
        """Groups that the reader may pick from, in order; none where there is but one."""
        groups = list(dict.fromkeys(self.table.groups))
        return groups if len(groups) > 1 else []


@dataclass(frozen=True, eq=False)
class SectionReport:
    """Figures, tables and notes of one section.

    Attributes
    ----------
    analysis : SectionAnalysis
        What they show.
    figures : mapping of str to list of WrittenFigure
        By group, see `ssnbench.plots.section_figure.Group`.
    scores, statistics : list of WrittenTable
        Tables: scores, and what is concluded from them.
    """

    analysis: SectionAnalysis
    figures: Mapping[Group, list[WrittenFigure]]
    scores: list[WrittenTable]
    statistics: list[WrittenTable]

    @cached_property
    def notes(self) -> list[str]:
        """What a reader of the numbers should know."""
        return notes.notes(self.analysis)

    @property
    def asked(self) -> list[str]:
        """Counts asked for, as they are printed."""
        return [asked(count).text for count in self.analysis.basis.asked]


def write_section(analysis: SectionAnalysis, context: ReportContext) -> SectionReport:
    """Draw the figures and write the tables of a section."""
    figures: dict[Group, list[WrittenFigure]] = {group: [] for group in get_args(Group)}
    for figure in figures_of(analysis):
        figures[figure.group].append(figure.write(context.styles, context.figures))
    statistics = [context.write(table) for table in _statistics(analysis)]
    return SectionReport(analysis, figures, list(_scores(analysis, context)), statistics)


def _scores(analysis: SectionAnalysis, context: ReportContext) -> Iterator[WrittenTable]:
    """Tables of the scores; of the many counts, one in the middle is shown first."""
    if len(analysis.at_equal_counts):
        yield context.write(tables.equal_counts_table(analysis), str(analysis.count or ""))
    if analysis.section.metrics:
        at_asked = tables.scores_table(analysis)
        groups = list(dict.fromkeys(at_asked.groups))
        yield context.write(at_asked, groups[len(groups) // 2] if groups else "")


def _statistics(analysis: SectionAnalysis) -> Iterator[Table]:
    if analysis.rankings:
        yield comparison_tables.ranks_table(analysis)
        yield comparison_tables.paired_table(analysis)
    if len(analysis.at_equal_regularity):
        yield comparison_tables.regularity_table(analysis)
    if len(analysis.robustness):
        yield robustness_table(analysis)
    if len(analysis.areas):
        yield tables.areas_table(analysis)
