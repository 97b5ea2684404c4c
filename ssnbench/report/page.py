"""The page: gathers what the other modules made of a store, and fills the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from ssnbench.analysis import inter_annotator, robustness, sections
from ssnbench.analysis.winners import HEADLINES
from ssnbench.contracts import UsageError
from ssnbench.plots import gallery
from ssnbench.plots.figure import Drawing
from ssnbench.plots.grids import draw_grids, preview_uri
from ssnbench.report import citations, image_browser, page_data, section_data, tables
from ssnbench.report.image_browser import Album
from ssnbench.report.page_data import Beside, Bundle, Within
from ssnbench.report.protocol_tables import yardsticks_tables
from ssnbench.report.section_report import Chapter, Desk, Filed, chapter, filed
from ssnbench.results.store import Store

FOLDER, PAGE, SINGLE = "index_files", "index.html", "report.html"
"""What the page loads, the page beside it, and the page that is one file."""

MOST_EMBEDDED, MOST_MAPS = 12, 200
"""Images and label maps of a dataset that a page of one file holds: such a file is to be sent."""


def write(folder: Path, *, single: bool = False, data_root: Path | None = None) -> Path:
    """Draw the report of a run folder; see :func:`ssnbench.report.draw`."""
    with Store(folder, create=False) as store:
        records = sections.distinct_labels(store.records())
        timings, runs = store.timings(), store.runs()
        if records.empty and timings.empty:
            raise UsageError(f"no results in {folder}: its store has no rows; run: ssnbench run")
        plain, perturbed = robustness.parted(sections.split(records))
        desk = Desk(
            sorted(records["label"].unique()),
            perturbed,
            timings,
            inter_annotator.read(folder),
            sections.undefined_by(runs),
            _made(folder / "figures"),
            _made(folder / "tables"),
        )
        chapters = [chapter(section, desk) for section in plain]
        grids = [
            drawing
            for shown in gallery.gather(store, records)
            for drawing in _grids(shown, desk.figures)
        ]
        store.write_csv()
        values: Beside | Within = Within() if single else Beside(_made(folder / FOLDER))
        indices = _add_values(chapters, store, records, values, data_root)
    if single:
        prints = {item.slug: desk.figures / item.files["png"] for item in grids}
        values.add("figures/prints", {s: preview_uri(p) for s, p in prints.items()})
    html = _template().render(
        _facts(chapters, records, timings, runs, desk),
        grids=grids,
        albums=[f"{index['data']}: {note}" for index in indices for note in index["notes"]],
        has_maps=bool(indices),
        single=single,
        files=FOLDER,
        blocks=values.blocks if isinstance(values, Within) else {},
        styles=page_data.STYLES,
        scripts=page_data.SCRIPTS,
    )
    if isinstance(values, Beside):
        values.finish()
    page = folder / (SINGLE if single else PAGE)
    page.write_text(html, encoding="utf-8")
    return page


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error}") from None
    return folder


def _template() -> jinja2.Template:
    here = Path(__file__).parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(here / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Our own styles, scripts and JSON: what they hold of others was made safe by `bundle.encoded`.
    environment.filters["web"] = lambda name: Markup((here / "web" / name).read_text("utf-8"))
    environment.filters["json"] = Markup
    return environment.get_template("page.html")


# ---------------------------------------------------------------------- what scripts draw


def _add_values(
    chapters: Sequence[Chapter],
    store: Store,
    records: pd.DataFrame,
    values: Bundle,
    data_root: Path | None,
) -> list[dict[str, Any]]:
    """Put into the bundle what the page's own scripts draw; return what there is of images."""
    values.add("report", {"sections": [dict(each.data) for each in chapters]})
    for each in chapters:
        slug = each.section.slug
        values.add(f"scores/{slug}", section_data.scores_data(each.section))
        for kind, drawings in (
            ("curves", each.curves),
            ("compared", each.compared),
            ("robust", each.robust),
        ):
            values.add(f"figures/{slug}-{kind}", {item.slug: item.svg for item in drawings})
    told = {each.section.dataset for each in chapters}
    found = [album for album in image_browser.gather(store, records) if album.dataset in told]
    if isinstance(values, Within):
        found = [_embedded(album, chapters) for album in found]
    indices = [image_browser.add(album, store, values, data_root) for album in found]
    values.add("albums", indices)
    return indices


def _embedded(album: Album, chapters: Sequence[Chapter]) -> Album:
    """Keep of an album what a page of one file has room for."""
    scores = next(
        section_data.scores_data(each.section)
        for each in chapters
        if (each.section.dataset, each.section.split) == (album.dataset, album.split)
    )
    ways = {name: sections.better(name) for name in HEADLINES}
    a_piece = len(album.maps) / len(album.images)
    most = min(max(int(MOST_MAPS / a_piece), 1), MOST_EMBEDDED)
    return image_browser.limited(
        album, image_browser.worst_images(scores, ways, album.images, most)
    )


# ---------------------------------------------------------------------- what the template tells


def _facts(
    chapters: Sequence[Chapter],
    records: pd.DataFrame,
    timings: pd.DataFrame,
    runs: Sequence[Mapping[str, Any]],
    desk: Desk,
) -> dict[str, Any]:
    troubles = sections.troubles(records)
    beside = yardsticks_tables((each.section, each.summary) for each in chapters)
    uses = citations.used(records)
    return {
        "chapters": chapters,
        "yardsticks": [filed(table, desk.sheets) for table in beside],
        "runtime": _runtime(timings, records, machine_line(timed_by(runs)), desk.sheets),
        "troubles": filed(tables.troubles_table(troubles), desk.sheets) if len(troubles) else None,
        "lost": int(troubles.loc[troubles["status"].isin(["failed", "missing"]), "images"].sum()),
        "runs": list(reversed(runs)),
        "n_rows": len(records),
        "statuses": records["status"].value_counts().to_dict(),
        "uses": uses,
        "bibtex": citations.bibtex(uses),
    }


def _grids(shown: gallery.Gallery, figures: Path) -> list[Drawing]:
    slug = sections.slugged(f"{shown.dataset}-{shown.split}-overlay")
    return draw_grids(shown, slug, figures)


def _runtime(
    timings: pd.DataFrame, records: pd.DataFrame, machine: str, sheets: Path
) -> Filed | None:
    current = _of_current_version(timings, records)
    if not (current["stage"] == "total").any():
        return None
    return filed(tables.runtime_table(current, machine), sheets)


def _of_current_version(timings: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Leave out times of a plug-in that was edited since, where the records tell its version."""
    known = records[["algorithm", "params", "code_version"]].drop_duplicates()
    joined = timings.merge(known, on=["algorithm", "params"], how="left", suffixes=("", "_now"))
    now = joined["code_version_now"]
    return joined[now.isna() | (now == joined["code_version"])]


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
