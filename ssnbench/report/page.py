"""The page: gathers what the other modules made of a store, and fills the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from ssnbench.contracts import UsageError
from ssnbench.report import (
    ceiling,
    comparisons,
    equal,
    gallery,
    overlay,
    remarks,
    sections,
    stats,
    tables,
    typeset,
)
from ssnbench.report.ceiling import Band
from ssnbench.report.figures import Drawing, draw_curve, draw_pair
from ssnbench.report.gallery import Gallery
from ssnbench.report.sections import Section
from ssnbench.report.typeset import Table
from ssnbench.report.yardsticks import yardsticks_tables
from ssnbench.run.store import Store

FIRST = ("asa", "br", ("br", "bp"), "ev", "epe")
"""Curves in plain view, a pair being the second over the first; the others unfold."""

HEADLINES = ("asa", "br", "bp", "ev", "co")
"""Metrics, of higher-is-better, whose best methods are named at the top."""


@dataclass(frozen=True)
class Filed:
    """A table together with the names of its files by kind."""

    table: Table
    files: Mapping[str, str]

    @property
    def numeric(self) -> list[bool]:
        """Which columns are set flush right."""
        return typeset.numeric_columns(self.table)

    @property
    def choices(self) -> list[str]:
        """Groups that the reader may pick from, in order; none where there is but one."""
        groups = list(dict.fromkeys(self.table.groups))
        return groups if len(groups) > 1 else []


@dataclass(frozen=True)
class Chapter:
    """What the page tells of one section."""

    section: Section
    summary: pd.DataFrame
    counts: Mapping[str, Any]
    winners: Sequence[Mapping[str, str]]
    first: Sequence[Drawing]
    more: Sequence[Drawing]
    compared: Sequence[Drawing]
    tables: Sequence[Filed]
    notes: Sequence[str]


def write(folder: Path) -> Path:
    """Draw the report of a run folder; see :func:`ssnbench.report.draw`."""
    with Store(folder, create=False) as store:
        records = sections.distinct_labels(store.records())
        timings, runs = store.timings(), store.runs()
        if records.empty and timings.empty:
            raise UsageError(f"no results in {folder}: its store has no rows; run: ssnbench run")
        galleries = gallery.gather(store, records)
        figures, sheets = _made(folder / "figures"), _made(folder / "tables")
        store.write_csv()
    found = sections.split(records)
    labels = sorted(records["label"].unique())
    troubles = sections.troubles(records)
    undefined, people = sections.undefined_by(runs), ceiling.read(folder)
    chapters = [
        _chapter(
            section,
            timings,
            ceiling.bands(people, section),
            labels,
            figures,
            sheets,
            undefined.get(section.dataset, {}),
        )
        for section in found
    ]
    beside = yardsticks_tables((chapter.section, chapter.summary) for chapter in chapters)
    html = _template().render(
        chapters=chapters,
        yardsticks=[_filed(table, sheets) for table in beside],
        albums=[_Album(shown, _grids(shown, figures)) for shown in galleries],
        runtime=_runtime(timings, records, machine_line(timed_by(runs)), sheets),
        troubles=_filed(tables.troubles_table(troubles), sheets) if len(troubles) else None,
        lost=int(troubles.loc[troubles["status"].isin(["failed", "missing"]), "images"].sum()),
        runs=list(reversed(runs)),
        n_rows=len(records),
        statuses=records["status"].value_counts().to_dict(),
        picture_uri=overlay.picture_uri,
        boundary_uri=overlay.boundary_uri,
        columns=overlay.columns,
    )
    page = folder / "index.html"
    page.write_text(html, encoding="utf-8")
    return page


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error}") from None
    return folder


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["svg"] = Markup  # our own drawing: its texts were escaped by matplotlib
    return environment.get_template("page.html")


# ---------------------------------------------------------------------- one section


def _chapter(
    section: Section,
    timings: pd.DataFrame,
    annotators: Mapping[str, Band],
    labels: Sequence[str],
    figures: Path,
    sheets: Path,
    undefined: Mapping[str, str],
) -> Chapter:
    summary = stats.summarise(section)
    counts = equal.round_counts(section.scored["n_asked"]) if len(section.scored) else []
    level = equal.at_equal_counts(section, counts) if counts and section.metrics else None
    made: list[Table] = []
    if section.metrics:
        made.append(tables.scores_table(section, summary))
    if level is not None and len(level):
        made.append(tables.equal_counts_table(section, level))
    areas = stats.areas(summary)
    if len(areas):
        made.append(tables.areas_table(section, areas))
    beyond = comparisons.Comparisons()
    if level is not None:
        beyond = comparisons.compare(section, summary, level, timings, labels, figures)
    curves = _curves(section, summary, annotators, labels, figures)
    first = [name for name in FIRST if name in curves] or list(curves)[:2]
    return Chapter(
        section,
        summary,
        remarks.counted(section),
        _winners(level) if level is not None else [],
        [curves[name] for name in first],
        [curve for name, curve in curves.items() if name not in first],
        beyond.figures,
        [_filed(table, sheets) for table in (*beyond.tables[::-1], *made)],
        [
            *sections.not_defined(section, undefined),
            *remarks.notes(section, summary, bool(counts)),
            *beyond.notes,
            *remarks.of_annotators(annotators),
        ],
    )


def _curves(
    section: Section,
    summary: pd.DataFrame,
    annotators: Mapping[str, Band],
    labels: Sequence[str],
    folder: Path,
) -> dict[str | tuple[str, str], Drawing]:
    """Draw every metric that has a better end, and precision over recall."""
    drawn: dict[str | tuple[str, str], Drawing] = {
        metric: draw_curve(section, summary, metric, labels, folder, annotators.get(metric))
        for metric in section.metrics
        if sections.better(metric)
    }
    if {"br", "bp"} <= drawn.keys():
        pair = ("br", "bp")
        drawn[pair] = draw_pair(section, summary, pair, labels, folder)
    return drawn


def _winners(level: pd.DataFrame) -> list[dict[str, str]]:
    """Best two per metric, at the middle one of the equal counts that most methods reach."""
    count = equal.fullest_count(level)
    here = level[(level["n_segments"] == count) & level["image_mean"].notna()]
    winners = []
    for metric in HEADLINES:
        rows = here[here["metric"] == metric]
        if len(rows) < 2:
            continue
        best, second = rows.nlargest(2, "image_mean").to_dict("records")
        winners.append(
            {
                "name": sections.long_name(metric),
                "count": str(best["n_segments"]),
                "rivals": str(len(rows)),
                "label": str(best["label"]),
                "value": f"{best['image_mean']:.4f}",
                "second": f"{second['label']} {second['image_mean']:.4f}",
            }
        )
    return winners


def _filed(table: Table, sheets: Path) -> Filed:
    return Filed(table, typeset.write(table, sheets))


# ---------------------------------------------------------------------- the rest


@dataclass(frozen=True)
class _Album:
    """A gallery and the printed grids that were drawn of it."""

    gallery: Gallery
    grids: Sequence[Drawing]


def _grids(shown: Gallery, figures: Path) -> list[Drawing]:
    slug = sections.slugged(f"{shown.dataset}-{shown.split}-overlay")
    return overlay.draw_grids(shown, slug, figures)


def _runtime(
    timings: pd.DataFrame, records: pd.DataFrame, machine: str, sheets: Path
) -> Filed | None:
    current = _of_current_version(timings, records)
    if not (current["stage"] == "total").any():
        return None
    return _filed(tables.runtime_table(current, machine), sheets)


def _of_current_version(timings: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Leave out times of a plug-in that was edited since, where the records tell its version."""
    known = records[["algorithm", "params", "plugin_version"]].drop_duplicates()
    joined = timings.merge(known, on=["algorithm", "params"], how="left", suffixes=("", "_now"))
    now = joined["plugin_version_now"]
    return joined[now.isna() | (now == joined["plugin_version"])]


def timed_by(runs: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Facts of the run that most likely took the times: the last ``time``, else the last run."""
    known = [facts for facts in runs if facts.get("cpu")]
    timers = [facts for facts in known if str(facts.get("command")).startswith("ssnbench time")]
    return (timers or known or [{}])[-1]


def machine_line(facts: Mapping[str, Any]) -> str:
    """Name the machine in one line, from the facts of a run; whatever is missing is left out."""
    cores = facts.get("cores")
    parts = [
        facts.get("cpu"),
        f"{cores} cores" if cores else None,
        facts.get("gpu"),
        facts.get("platform"),
    ]
    named = ", ".join(str(part) for part in parts if part)
    return f"Machine: {named}." if named else "The machine was not recorded."
