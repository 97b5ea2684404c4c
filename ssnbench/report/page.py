"""The page: gathers what the other modules made of a store, and fills the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ssnbench.analysis import inter_annotator, sections
from ssnbench.analysis.analyses import analyse
from ssnbench.analysis.runtimes import of_current_version
from ssnbench.contracts import UsageError
from ssnbench.metrics import with_role
from ssnbench.plots import gallery
from ssnbench.plots.figure import WrittenFigure
from ssnbench.plots.grids import draw_grids, preview_uri
from ssnbench.plots.styles import Styles
from ssnbench.report import citations, image_browser, page_data, section_data
from ssnbench.report.image_browser import BrowserImages
from ssnbench.report.page_data import JsonBlocks, PageData, ScriptFiles
from ssnbench.report.protocol_tables import by_data, protocol_tables
from ssnbench.report.run_tables import machine_line, runtime_table, timed_by, troubles_table
from ssnbench.report.section_report import (
    ReportContext,
    SectionReport,
    WrittenTable,
    write_section,
)
from ssnbench.report.templating import template
from ssnbench.results.store import Store
from ssnbench.results.timings import counted

FOLDER, PAGE, SINGLE = "index_files", "index.html", "report.html"
"""What the page loads, the page beside it, and the page that is one file."""

MOST_EMBEDDED, MOST_MAPS = 12, 200
"""Images and label maps of a dataset that a page of one file holds: such a file is to be sent."""


@dataclass(frozen=True)
class _StoreTables:
    """What a store holds: its records, with methods told apart, times, and runs."""

    records: pd.DataFrame
    timings: pd.DataFrame
    runs: Sequence[Mapping[str, Any]]


def write(
    folder: Path,
    *,
    single: bool = False,
    data_root: Path | None = None,
    mine: str | None = None,
) -> Path:
    """Draw the report of a run folder; see :func:`ssnbench.report.draw`."""
    with Store(folder, create=False) as store:
        stored = _read(store)
        context = ReportContext(
            Styles.of(sorted(stored.records["label"].unique())),
            _new_folder(folder / "figures"),
            _new_folder(folder / "tables"),
        )
        annotators = inter_annotator.read(folder)
        analyses = analyse(
            stored.records,
            counted(stored.timings),
            annotators,
            stored.runs,
            store.n_images(),
            _method(stored.records, mine) if mine else "",
        )
        reports = [write_section(analysis, context) for analysis in analyses]
        grids = [
            figure
            for pictures in gallery.gather(store, stored.records)
            for figure in _grids(pictures, context.figures)
        ]
        store.write_csv()
        values: ScriptFiles | JsonBlocks = (
            JsonBlocks() if single else ScriptFiles(_new_folder(folder / FOLDER))
        )
        _add_sections(reports, context.styles, values)
        images = image_browser.gather(store, stored.records)
        indices = _add_images(_chosen(images, reports, single), store, values, data_root)
    if single:
        prints = {item.slug: context.figures / item.files["png"] for item in grids}
        values.add("figures/prints", {s: preview_uri(p) for s, p in prints.items()})
    html = template("page.html").render(
        _values(reports, stored, context),
        grids=grids,
        browser_notes=[f"{index['data']}: {note}" for index in indices for note in index["notes"]],
        has_maps=bool(indices),
        single=single,
        files=FOLDER,
        blocks=values.blocks if isinstance(values, JsonBlocks) else {},
        styles=page_data.STYLES,
        scripts=page_data.SCRIPTS,
    )
    if isinstance(values, ScriptFiles):
        values.finish()
    page = folder / (SINGLE if single else PAGE)
    page.write_text(html, encoding="utf-8")
    return page


def _read(store: Store) -> _StoreTables:
    records = sections.distinct_labels(store.records())
    timings = of_current_version(store.timings(), records)
    if records.empty and timings.empty:
        raise UsageError(f"no results in {store.folder}: its store has no rows; run: ssnbench run")
    return _StoreTables(records, timings, store.runs())


def _method(records: pd.DataFrame, name: str) -> str:
    by_label = records.drop_duplicates("label").set_index("label")["algorithm"]
    return sections.method_called(by_label.to_dict(), name)


def _new_folder(folder: Path) -> Path:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error}") from None
    return folder


def _grids(pictures: gallery.Gallery, figures: Path) -> list[WrittenFigure]:
    slug = sections.slugged(f"{pictures.dataset}-{pictures.split}-overlay")
    return draw_grids(pictures, slug, figures)


# ---------------------------------------------------------------------- what scripts draw


def _add_sections(reports: Sequence[SectionReport], styles: Styles, values: PageData) -> None:
    """Add the curves, the scores of every image, and the figures of all sections."""
    data = [section_data.section_data(report.analysis, styles) for report in reports]
    values.add("report", {"sections": data})
    for report in reports:
        slug = report.analysis.section.slug
        values.add(f"scores/{slug}", section_data.scores_data(report.analysis))
        for group in ("curves", "compared", "robust"):
            figures = report.figures[group]  # of what is seen first the page itself holds the SVG
            values.add(f"figures/{slug}-{group}", {item.slug: item.svg for item in figures})


def _add_images(
    images: Sequence[BrowserImages], store: Store, values: PageData, data_root: Path | None
) -> list[dict[str, Any]]:
    """Add pictures, truths and label maps; return what the image browser finds them by."""
    indices = [image_browser.add(each, store, values, data_root) for each in images]
    values.add("browser", indices)
    return indices


def _chosen(
    images: Sequence[BrowserImages], reports: Sequence[SectionReport], single: bool
) -> list[BrowserImages]:
    """Images of the data that the page shows; of a page of one file, what it has room for."""
    analyses = by_data(report.analysis for report in reports)
    datasets = {dataset for dataset, _ in analyses}
    shown = [each for each in images if each.dataset in datasets]
    if not single:
        return shown
    ways = {name: sections.better(name) for name in with_role("headline")}
    chosen = []
    for each in shown:
        scores = section_data.scores_data(analyses[each.dataset, each.split][0])
        most = min(max(int(MOST_MAPS / (len(each.maps) / len(each.images))), 1), MOST_EMBEDDED)
        worst = image_browser.worst_images(scores, ways, each.images, most)
        chosen.append(image_browser.limited(each, worst))
    return chosen


# ---------------------------------------------------------------------- what the template shows


def _values(
    reports: Sequence[SectionReport], stored: _StoreTables, context: ReportContext
) -> dict[str, Any]:
    records = stored.records
    troubles = sections.troubles(records)
    lost = troubles["status"].isin(["failed", "missing"])
    uses = citations.used(records)
    by_protocol = protocol_tables(report.analysis for report in reports)
    return {
        "reports": reports,
        "protocols": [context.write(table) for table in by_protocol],
        "runtime": _runtime(stored, context),
        "under_load": _under_load(stored),
        "troubles": context.write(troubles_table(troubles)) if len(troubles) else None,
        "partial": [
            f"{basis.n_images} of the {basis.n_dataset} images of {section.dataset} {section.split}"
            for (basis, section) in ((r.analysis.basis, r.analysis.section) for r in reports)
            if basis.n_images < basis.n_dataset
        ],
        "lost": int(troubles.loc[lost, "images"].sum()),
        "runs": list(reversed(stored.runs)),
        "n_rows": len(records),
        "statuses": records["status"].value_counts().to_dict(),
        "uses": uses,
        "bibtex": citations.bibtex(uses),
    }


def _runtime(stored: _StoreTables, context: ReportContext) -> WrittenTable | None:
    timings = counted(stored.timings)
    if not (timings["stage"] == "total").any():
        return None
    return context.write(runtime_table(timings, machine_line(timed_by(stored.runs))))


def _under_load(stored: _StoreTables) -> list[str]:
    """Methods with times that are left out, since others used the machine meanwhile."""
    left_out = stored.timings.drop(counted(stored.timings).index)
    return sorted(left_out["label"].unique())
