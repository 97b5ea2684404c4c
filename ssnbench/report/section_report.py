"""What the page tells of one section: its winners, tables, figures and notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ssnbench.analysis import equal_counts, inter_annotator, sections
from ssnbench.analysis.inter_annotator import Band
from ssnbench.analysis.sections import Section
from ssnbench.analysis.summary import areas, summarise
from ssnbench.analysis.winners import Winner, winners
from ssnbench.plots.curves import draw_curve, draw_pair
from ssnbench.plots.figure import Drawing
from ssnbench.report import comparisons, notes, section_data, tables
from ssnbench.report.robustness import robustness
from ssnbench.report.table_formats import Table, numeric_columns, write


@dataclass(frozen=True)
class Filed:
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


@dataclass(frozen=True)
class Chapter:
    """What the page tells of one section.

    Attributes
    ----------
    section : Section
    summary : DataFrame
        What `stats.summarise` made of it.
    counts : mapping
        What `remarks.counted` made of it.
    winners : sequence of Winner
        The best methods.
    curves, compared, robust : sequence of Drawing
        Figures: metrics over the count made; the comparisons at one count; what is left of the
        scores when images are perturbed.
    scores, statistics : sequence of Filed
        Tables: scores, and what is concluded from them.
    notes : sequence of str
        What a reader of the numbers should know.
    data : dict
        What `payload.section_data` made of it.
    """

    section: Section
    summary: pd.DataFrame
    counts: Mapping[str, Any]
    winners: Sequence[Winner]
    curves: Sequence[Drawing]
    compared: Sequence[Drawing]
    robust: Sequence[Drawing]
    scores: Sequence[Filed]
    statistics: Sequence[Filed]
    notes: Sequence[str]
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Desk:
    """What all chapters are written from and to.

    Attributes
    ----------
    labels : sequence of str
        All methods of the report, so that one looks the same in every figure.
    perturbed : sequence of Section
        Sections of perturbed images: they have no chapters of their own.
    timings : DataFrame
        Rows of ``Store.timings()``.
    people : DataFrame
        What `ceiling.read` found.
    undefined : mapping
        What `sections.undefined_by` found.
    figures, sheets : Path
        Where figures and tables go.
    """

    labels: Sequence[str]
    perturbed: Sequence[Section]
    timings: pd.DataFrame
    people: pd.DataFrame
    undefined: Mapping[str, Mapping[str, str]]
    figures: Path
    sheets: Path


def chapter(section: Section, desk: Desk) -> Chapter:
    """Draw the figures and write the tables of a section."""
    summary = summarise(section)
    annotators = inter_annotator.bands(desk.people, section)
    counts = equal_counts.round_counts(section.scored["n_asked"]) if len(section.scored) else []
    level = equal_counts.at_equal_counts(section, counts) if counts and section.metrics else None
    if level is not None and level.empty:
        level = None
    beyond = robust = comparisons.Comparisons()
    if level is not None:
        beyond = comparisons.compare(
            section, summary, level, desk.timings, desk.labels, desk.figures
        )
        robust = robustness(section, level, desk.perturbed, desk.labels, desk.figures)
    heights = areas(summary)
    judged = [tables.areas_table(section, heights)] if len(heights) else []
    return Chapter(
        section,
        summary,
        notes.counted(section),
        winners(level) if level is not None else [],
        _curves(section, summary, annotators, desk),
        beyond.figures,
        robust.figures,
        _scores(section, summary, level, desk.sheets),
        [filed(table, desk.sheets) for table in (*beyond.tables, *robust.tables, *judged)],
        [
            *sections.not_defined(section, desk.undefined.get(section.dataset, {})),
            *notes.notes(section, summary, bool(counts)),
            *beyond.notes,
            *robust.notes,
            *notes.of_annotators(annotators),
        ],
        section_data.section_data(section, summary, level, annotators, desk.labels),
    )


def filed(table: Table, sheets: Path, shown: str = "") -> Filed:
    """Write a table into its files."""
    return Filed(table, write(table, sheets), shown)


def _scores(
    section: Section, summary: pd.DataFrame, level: pd.DataFrame | None, sheets: Path
) -> list[Filed]:
    """Tables of the scores; of the many counts, one in the middle is shown first."""
    if not section.metrics:
        return []
    asked = tables.scores_table(section, summary)
    groups = list(dict.fromkeys(asked.groups))
    made = [filed(asked, sheets, groups[len(groups) // 2] if groups else "")]
    if level is not None:
        count = equal_counts.fullest_count(level)
        table = tables.equal_counts_table(section, level)
        made.insert(0, filed(table, sheets, str(count or "")))
    return made


def _curves(
    section: Section, summary: pd.DataFrame, annotators: Mapping[str, Band], desk: Desk
) -> list[Drawing]:
    """Draw every metric that has a better end, and precision over recall."""
    metrics = [metric for metric in section.metrics if sections.better(metric)]
    drawn = [
        draw_curve(section, summary, metric, desk.labels, desk.figures, annotators.get(metric))
        for metric in metrics
    ]
    if {"br", "bp"} <= set(metrics):
        drawn.append(draw_pair(section, summary, ("br", "bp"), desk.labels, desk.figures))
    return drawn
