"""Tables of a whole run: run times, failures; and the machine that took the times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ssnbench.analysis.runtimes import STAGES, runtimes
from ssnbench.contracts import MOST_LOAD
from ssnbench.report.cells import asked, named, number, places
from ssnbench.report.table_formats import Cell, Table

_MEMORY = {"peak_mb": "peak [MB]", "bare_mb": "bare [MB]"}
_BUSY = (
    "Taken under load, as was asked for (--even-if-busy): others used so much of the machine "
    "meanwhile, in percent of its cores; such times tell little."
)


def runtime_table(timings: pd.DataFrame, machine: str) -> Table:
    """Table of measured times: the median over images of the median over repeats.

    Parameters
    ----------
    timings : DataFrame
        Rows of ``Store.timings()``.
    machine : str
        One line that names the machine; goes into the caption.
    """
    frame = runtimes(timings)
    stages = [stage for stage in STAGES if stage in frame]
    memory = [name for name in _MEMORY if frame[name].notna().any()]
    busy = (frame["load"].astype(float) > MOST_LOAD).any()
    group = ["n_asked", "megapixels", "device", "threads"]
    total = frame.set_index([*group, "label"])["total"]
    ranked = total.groupby(level=group).transform(lambda s: places(s.round(4), "lower"))
    rows = [
        (
            named(row["label"]),
            asked(row["n_asked"]),
            Cell(str(row["size"]), float(row["megapixels"])),
            Cell(f"{row['device']}, {_times(int(row['threads']), 'thread')}"),
            Cell(str(row["image"]) if row["images"] == 1 else _times(int(row["images"]), "image")),
            number(row["repeats"], 0),
            number(1e3 * row["total"], 1, int(place)),
            Cell(f"{1e3 * row['fastest']:.1f} to {1e3 * row['slowest']:.1f}"),
            *(number(1e3 * row[stage], 1) for stage in stages),
            *(number(row[name], 0) for name in memory),
            *([number(100 * row["load"], 0)] if busy else []),
        )
        for (_, row), place in zip(frame.iterrows(), ranked, strict=True)
    ]
    caption = (
        "Median over images of the median over repeats, measured apart from the quality run, one "
        "job at a time after a warm-up; beside it the fastest and the slowest repeat. Total = "
        "segmentation (the whole call) + connectivity (the step that every method passes). Peak: "
        "memory of the whole process; bare: of that before it held the method. "
        f"{_BUSY if busy else 'The machine was idle else, where the system tells.'} {machine}"
    )
    headings = ["Method", "Asked", "Size", "Device", "Image", "Repeats", "total [ms] ↓", "spread"]
    headings += [f"{stage} [ms]" for stage in stages] + [_MEMORY[name] for name in memory]
    headings += ["others [%]"] if busy else []
    groups = tuple(f"{asked(row['n_asked']).text}, {row['size']}" for _, row in frame.iterrows())
    return Table(
        "runtimes", "Milliseconds per image", caption, tuple(headings), tuple(rows), groups, frame
    )


def troubles_table(troubles: pd.DataFrame) -> Table:
    """Table of the jobs that did not end well, from `sections.troubles`."""
    rows = [
        (
            named(row.label),
            Cell(" ".join(filter(None, (row.dataset, row.split)))),
            asked(row.n_asked),
            named(row.status),
            number(row.images, 0),
            named(row.reason),
            named(row.example),
        )
        for row in troubles.itertuples()
    ]
    headings = ("Method", "Data", "Asked", "Status", "Images", "Reason", "For example")
    return Table(
        "failures",
        "Failed, skipped and missing jobs, and warnings",
        "Jobs that failed, were skipped, warned, or have no row where other methods have one.",
        headings,
        tuple(rows),
        tuple(troubles["status"]),
        troubles,
    )


def timed_by(runs: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Environment that most likely took the times: of the last ``time``, else of the last run."""
    known = [environment for environment in runs if environment.get("cpu")]
    timers = [each for each in known if str(each.get("command")).startswith("ssnbench time")]
    return (timers or known or [{}])[-1]


def machine_line(environment: Mapping[str, Any]) -> str:
    """Name the machine of a run in one line; whatever is missing is left out."""
    cores = environment.get("cores")
    parts = [
        environment.get("cpu"),
        f"{cores} cores" if cores else None,
        environment.get("gpu"),
        environment.get("platform"),
    ]
    line = ", ".join(str(part) for part in parts if part)
    return f"Machine: {line}." if line else "The machine was not recorded."


def _times(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
