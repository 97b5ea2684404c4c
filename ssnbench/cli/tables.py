"""What the command line shows: tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from ssnbench import plugins
from ssnbench.cli.console import console

if TYPE_CHECKING:
    import pandas as pd

    from ssnbench.data.state import State
    from ssnbench.learning.settings import FieldText
    from ssnbench.run.timing import TimingResult

_STAGES = ("total", "colour", "network", "clustering", "other", "connectivity")
_MOST_ROWS = 20


def show_summary(folder: Path) -> int:
    """Print mean scores per algorithm and count, and what failed; return the failed jobs.

    Of perturbed images only how many sets there are: the page sets them beside the originals.
    """
    from ssnbench.analysis.sections import distinct_labels
    from ssnbench.results.store import Store

    with Store(folder, create=False) as store:
        records, n_images = store.records(), store.n_images()
    records = distinct_labels(records)
    plain = records[records.perturbation == ""]
    for place, part in plain.groupby(["dataset", "split", "protocol", "protocol_version"]):
        scored = part[part.status == "ok"]
        if len(scored):
            n = max(n_images.get((str(place[0]), str(place[1])), 0), part.image.nunique())
            console.print(_scores(scored, n, "{} {}, {}".format(*place)))
    perturbed = records[records.perturbation != ""]
    n_perturbed = len(perturbed[["dataset", "perturbation"]].drop_duplicates())
    if n_perturbed:
        console.print(f"and {n_perturbed} perturbed sets of images: the report follows the scores")
    return _show_failures(records)


def _scores(scored: pd.DataFrame, n_images: int, title: str) -> Table:
    """Means over images by algorithm and count, with how many images of how many they are of."""
    from ssnbench.analysis.summary import image_means
    from ssnbench.metrics import with_role

    shown = with_role("summary")
    metrics = [name for name in shown if name in scored and scored[name].notna().any()]
    table = _table("algorithm", *("asked", "made", "images", *metrics), title=title)
    table.padding = (0, 1, 0, 0)  # so that a name of usual length fits into 80 columns
    of_images = image_means(scored, ["n_made", *metrics], ["label", "n_asked", "image"])
    for (label, n_asked), rows in of_images.groupby(["label", "n_asked"]):
        n = len(rows)
        row = [f"{rows.n_made.mean():.1f}", str(n) if n == n_images else f"{n}/{n_images}"]
        row += [f"{rows[name].mean():.4f}" for name in metrics]
        table.add_row(escape(str(label)), str(n_asked or "?"), *row)
    return table


def _show_failures(records: pd.DataFrame) -> int:
    jobs = records[records.status != "ok"].drop_duplicates(["label", "params", "image", "n_asked"])
    if len(jobs):
        table = _table("algorithm", "status", "jobs", "reason", title="jobs without a result")
        for (label, status, why), rows in jobs.groupby(["label", "status", "reason"]):
            table.add_row(escape(label), status, str(len(rows)), escape(why))
        console.print(table)
    return int((jobs.status == "failed").sum())


def show_certificates(records: pd.DataFrame) -> None:
    """Print what is to be known of label maps that were scored as they are."""
    if "unlabelled" not in records:
        return
    maps = records[records.unlabelled.notna()].drop_duplicates(["label", "image", "n_asked"])
    maps = maps.astype({"n_raw": int, "n_components": int})  # failed jobs make them floats
    table = _table(
        "map", "labels", "components", "connected", "smallest", "unlabelled", title="certificates"
    )
    for row in maps.head(_MOST_ROWS).itertuples():
        table.add_row(
            escape(f"{row.label} {row.n_asked or ''} {row.image}"),
            str(row.n_raw),
            str(row.n_components),
            "yes" if row.n_raw == row.n_components else "no",
            f"{row.smallest:.0f} px",
            f"{row.unlabelled:.0f} px" if row.unlabelled else "none",
        )
    console.print(table)
    if len(maps) > _MOST_ROWS:
        console.print(f"and {len(maps) - _MOST_ROWS} more: see results.csv")


def show_times(results: Iterable[TimingResult], machine: str) -> None:
    """Print the times, stage by stage, in milliseconds."""
    columns = ("spread", "repeats", "MB", "bare", "load")
    table = _table("algorithm", "segments", *_STAGES, *columns, title="ms, median")
    for result in results:
        task, name = result.task, escape(result.task.variant.label)
        if result.reason:
            table.add_row(name, str(task.n_asked), f"[red]{escape(result.reason)}[/red]")
            continue
        by_stage = {timing.stage: timing for timing in result.timings}
        total = by_stage["total"]
        ms = (f"{1e3 * by_stage[s].seconds:.1f}" if s in by_stage else "" for s in _STAGES)
        spread = f"{1e3 * total.fastest:.1f} to {1e3 * total.slowest:.1f}"
        memory = ("" if mb is None else f"{mb:.0f}" for mb in (total.peak_mb, total.bare_mb))
        load = f"[red]{result.load:.0%}[/red]" if result.is_under_load else ""
        table.add_row(name, str(task.n_asked), *ms, spread, str(total.repeats), *memory, load)
        where = f"{total.dataset}, {total.height} x {total.width}, {total.threads} thread(s)"
        table.caption = (
            f"{escape(where)}; {machine}; MB: peak of the whole process; bare: before the method; "
            "load: what others used of the machine meanwhile, where it was too much to believe the "
            "time"
        )
    console.print(table)


def list_algos() -> None:
    """Print the algorithms with their parameters."""
    _list_plugins("algorithms", "algorithm")


def list_datasets() -> None:
    """Print the datasets with their parameters, sizes and licences, and how to cite them."""
    _list_plugins("datasets", "dataset", size="SIZE", licence="LICENCE")
    table = _table("dataset", "cite", title="")
    for entry in plugins.entries("datasets").values():
        if entry.fact("CITATION"):
            table.add_row(escape(entry.name), escape(entry.fact("CITATION")))
    console.print(table)


def list_settings(parts: Mapping[str, Sequence[FieldText]]) -> None:
    """Print the fields of a training, by whose they are, in columns as wide as the terminal."""
    fields = [field for part in parts.values() for field in part]
    wide = max(len(field.setting) for field in fields) + 2
    for whose, part in parts.items():
        console.print(f"{f'FIELD=DEFAULT, {whose}':{wide + 8}}MEANING", style="bold")
        for field in part:
            first = f"{field.setting:{wide}}{field.kind:8}"
            indent = " " * len(first)
            lines = wrap(first + field.meaning, console.width, subsequent_indent=indent)
            console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def list_metrics() -> None:
    """Print the metrics, and those plug-ins that cannot be used."""
    from ssnbench.metrics import METRICS

    entries = plugins.entries("metrics")
    table = _table("metric", "name", "better", "needs", "unit", "from")
    for metric in METRICS.values():
        source = entries[metric.name].source if metric.name in entries else "built-in"
        row = (escape(metric.label), metric.better, metric.needs, metric.unit, escape(source))
        table.add_row(metric.name, *row)
    for entry in entries.values():
        if entry.missing:
            about = f"[red]unavailable: needs {', '.join(entry.missing)}[/red]"
            table.add_row(
                f"[dim]{escape(entry.name)}[/dim]", about, "", "", "", escape(entry.source)
            )
    console.print(table)


def list_protocols() -> None:
    """Print the protocols and what they score."""
    from ssnbench.metrics import PROTOCOLS

    table = _table("protocol", "title", "metrics")
    for protocol in PROTOCOLS.values():
        table.add_row(protocol.key, protocol.title, ", ".join(protocol.metrics))
    console.print(table)


def _list_plugins(kind: plugins.Kind, title: str, **facts: str) -> None:
    """Print a table of plug-ins; ``facts`` are further columns with the attributes they show."""
    table = _table(title, "what it is", "parameters", *facts, "from")
    for entry in plugins.entries(kind).values():
        missing = entry.missing
        name = f"[dim]{escape(entry.name)}[/dim]" if missing else escape(entry.name)
        about = f"[red]unavailable: needs {', '.join(missing)}[/red]" if missing else ""
        texts = (escape(entry.fact(fact)) for fact in facts.values())
        row = (
            about or escape(entry.summary),
            escape(entry.signature),
            *texts,
            escape(entry.source),
        )
        table.add_row(name, *row)
    console.print(table)


def _table(*columns: str, title: str | None = None) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def show_states(rows: Iterable[tuple[State, Path | None, int]]) -> None:
    """Print the states of splits, with the folders that hold the data sets and their bytes."""
    columns = ("dataset", "split", "images", "of", "state", "MB", "where")
    table = Table(*columns, header_style="bold", box=None, pad_edge=False)
    for state, home, n_bytes in rows:
        counts = (str(state.found), str(state.complete), state.text)
        place = (f"{n_bytes / 1e6:.1f}", escape(str(home))) if home else ("", "")
        table.add_row(escape(state.dataset), state.split, *counts, *place)
    console.print(table)
