"""Tables: scores at each asked count, scores at equal made counts, run times, troubles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ssnbench.analysis import paired
from ssnbench.analysis.equal_counts import COVERAGE, image_scores
from ssnbench.analysis.ranks import ALPHA
from ssnbench.analysis.sections import Section, better, short_name
from ssnbench.report.table_formats import MARK, Cell, Table

MISSING = "—"
STAGES = ("segment", "colour", "network", "clustering", "joining", "other", "connectivity")
"""Stages of a run time in the order in which they happen; ``total`` = segment + connectivity."""

AREA_HEADINGS = {
    "area_asa": "ASA ↑",
    "area_br": "BR ↑",
    "amr": "AMR ↓",
    "aue": "AUE ↓",
    "auv": "AUV ↓",
}


def scores_table(section: Section, summary: pd.DataFrame) -> Table:
    """Table of the pair means at each asked count, with the counts that were made."""
    wide = summary.pivot(index=["n_asked", "label"], columns="metric", values="pair_mean")
    made = summary.groupby(["n_asked", "label"])["n_made"].first()
    images = summary.groupby(["n_asked", "label"])["n_images"].max()
    columns = {metric: _scored(wide[metric], metric, "n_asked") for metric in section.metrics}
    rows = [
        (
            Cell(str(label), str(label)),
            asked(n_asked),
            number(made[n_asked, label], 0),
            number(images[n_asked, label], 0),
            *(columns[metric][n_asked, label] for metric in section.metrics),
        )
        for n_asked, label in wide.index
    ]
    caption = (
        f"{section.title}: means over (image, annotator) pairs by the {section.yardstick} "
        "protocol. Best in bold, second best underlined, among the methods asked for the same "
        "count; since they make different counts, compare them at equal counts."
    )
    return Table(
        f"{section.slug}-scores",
        "Scores at each count asked for",
        caption,
        ("Method", "Asked", "Made", "Images", *map(_heading, section.metrics)),
        tuple(rows),
        tuple(asked(n_asked).text for n_asked, _ in wide.index),
        summary,
    )


def equal_counts_table(section: Section, interpolated: pd.DataFrame) -> Table:
    """Table of the scores that every method has at the same made counts."""
    keys = ["n_made", "label"]
    wide = interpolated.pivot(index=keys, columns="metric", values="image_mean")
    metrics = [metric for metric in section.metrics if metric in wide]
    columns = {metric: _scored(wide[metric], metric, "n_made") for metric in metrics}
    level = _level_with_best(section, metrics, sorted({int(count) for count, _ in wide.index}))
    rows = [
        (
            Cell(str(label), str(label)),
            number(count, 0),
            *(_marked(columns[m][count, label], label in level[count, m]) for m in metrics),
        )
        for count, label in wide.index
    ]
    caption = (
        f"{section.title}: each image's curve over the count made, straight over its logarithm; "
        f"mean over images by the {section.yardstick} protocol. Nothing is extrapolated: {MISSING} "
        f"where fewer than {COVERAGE:.0%} of a method's images reach the count. Best in bold, "
        "second best underlined."
    )
    if any(level.values()):
        caption += (
            f" {MARK}: not told apart from the best of its column and count (Wilcoxon's "
            f"signed-rank test over images, corrected by Holm for the methods, p >= {ALPHA:g})."
        )
    return Table(
        f"{section.slug}-equal-counts",
        "Scores at equal counts made",
        caption,
        ("Method", "Made", *map(_heading, metrics)),
        tuple(rows),
        tuple(str(count) for count, _ in wide.index),
        interpolated,
    )


def areas_table(section: Section, areas: pd.DataFrame) -> Table:
    """Table of one number for each curve: its mean height over a range of made counts."""
    wide = areas.pivot(index="label", columns="area", values="value")
    names = [name for name in AREA_HEADINGS if name in wide]
    best = {n: _places(wide[n], "higher" if n.startswith("area") else "lower") for n in names}
    rows = [
        (
            Cell(str(label), str(label)),
            *(number(wide[name][label], 4, int(best[name][label])) for name in names),
        )
        for label in wide.index
    ]
    low, high = areas["low"].iloc[0], areas["high"].iloc[0]
    caption = (
        f"{section.title}: mean over {low:.0f} to {high:.0f} superpixels made, which every method "
        f"here covers, by the {section.yardstick} protocol. AMR, AUE, AUV: average miss rate, "
        "undersegmentation error, unexplained variation. Best in bold, second best underlined."
    )
    return Table(
        f"{section.slug}-areas",
        "Over the counts made",
        caption,
        ("Method", *(AREA_HEADINGS[name] for name in names)),
        tuple(rows),
        tuple("" for _ in rows),
        areas,
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
    memory = ["peak_mb"] if frame["peak_mb"].notna().any() else []
    group = ["n_asked", "megapixels", "device", "threads"]
    total = frame.set_index([*group, "label"])["total"]
    places = total.groupby(level=group).transform(lambda s: _places(s.round(4), "lower"))
    rows = [
        (
            Cell(str(row["label"]), str(row["label"])),
            asked(row["n_asked"]),
            Cell(str(row["size"]), float(row["megapixels"])),
            Cell(f"{row['device']}, {_times(int(row['threads']), 'thread')}"),
            number(row["images"], 0),
            number(row["repeats"], 0),
            number(1e3 * row["total"], 1, int(place)),
            *(number(1e3 * row[stage], 1) for stage in stages),
            *(number(row[name], 0) for name in memory),
        )
        for (_, row), place in zip(frame.iterrows(), places, strict=True)
    ]
    caption = (
        "Median over images of the median over repeats, measured apart from the quality run, one "
        "job at a time after a warm-up. Total = segmentation (the whole call) + connectivity (the "
        f"gate). {machine}"
    )
    headings = ["Method", "Asked", "Size", "Device", "Images", "Repeats", "total [ms] ↓"]
    headings += [f"{stage} [ms]" for stage in stages] + ["peak [MB]" for _ in memory]
    groups = tuple(f"{asked(row['n_asked']).text}, {row['size']}" for _, row in frame.iterrows())
    return Table(
        "runtimes", "Milliseconds per image", caption, tuple(headings), tuple(rows), groups, frame
    )


def runtimes(timings: pd.DataFrame) -> pd.DataFrame:
    """Median seconds over images by method, count, size, device and threads; a column a stage."""
    images = list(zip(timings["dataset"], timings["split"], timings["image"], strict=True))
    megapixels = timings["height"] * timings["width"] / 1e6
    timings = timings.assign(megapixels=megapixels, image=images)
    keys = ["n_asked", "megapixels", "device", "threads", "label"]
    total = timings[timings["stage"] == "total"].groupby(keys)
    frame = total.agg(
        size=("width", lambda width: _size(timings.loc[width.index])),
        images=("image", "nunique"),
        repeats=("repeats", "min"),
        total=("seconds", "median"),
        fastest=("fastest", "min"),
        slowest=("slowest", "max"),
        peak_mb=("peak_mb", "max"),
    )
    stages = timings.pivot_table(index=keys, columns="stage", values="seconds", aggfunc="median")
    parts = [stage for stage in STAGES if stage in stages]
    frame = frame.join(stages[parts]).reset_index()
    return frame.sort_values([*keys[:-1], "total"], ignore_index=True)


def troubles_table(troubles: pd.DataFrame) -> Table:
    """Table of the jobs that did not end well, from `stats.troubles`."""
    rows = [
        (
            Cell(row.label, row.label),
            Cell(" ".join(filter(None, (row.dataset, row.split)))),
            asked(row.n_asked),
            Cell(row.status, row.status),
            number(row.images, 0),
            Cell(row.reason, row.reason),
            Cell(row.example, row.example),
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


# ---------------------------------------------------------------------- cells


def number(value: float, digits: int, place: int = 0) -> Cell:
    """Return a cell of fixed decimals; a dash for what is missing."""
    value = float(value)
    if not np.isfinite(value):
        return Cell(MISSING)
    return Cell(f"{value:.{digits}f}", value, place)


def asked(n_asked: int) -> Cell:
    """Return the cell of an asked count; maps made elsewhere were asked for nothing."""
    return Cell(str(n_asked), float(n_asked)) if n_asked else Cell(MISSING, 0.0)


def _scored(values: pd.Series[float], metric: str, level: str) -> Mapping[tuple[int, str], Cell]:
    """Cells of one metric: places are given within a count, on what is printed."""
    digits = 4 if values.abs().max() < 10 else 2
    printed = values.round(digits)
    places = printed.groupby(level=level).transform(lambda s: _places(s, better(metric)))
    cells = [number(v, digits, int(p)) for v, p in zip(values, places, strict=True)]
    return dict(zip(values.index, cells, strict=True))


def _level_with_best(
    section: Section, metrics: Sequence[str], counts: Sequence[int]
) -> dict[tuple[int, str], set[str]]:
    """Methods not told apart from the best, by count and metric."""
    scores = {count: image_scores(section, count) for count in counts}
    return {
        (count, metric): paired.level_with_best(scores[count], metric)
        for count in counts
        for metric in metrics
    }


def _marked(cell: Cell, mark: bool) -> Cell:
    return replace(cell, text=f"{cell.text}{MARK}") if mark and cell.value is not None else cell


def _places(values: pd.Series[float], way: str) -> pd.Series[float]:
    """1 for the best, 2 for the second best, 0 for the rest; equal values share a place."""
    if not way or values.notna().sum() < 2 or values.nunique() < 2:
        return pd.Series(0.0, index=values.index)
    ranks = values.rank(method="dense", ascending=way == "lower").fillna(0)
    return ranks.where(ranks <= 2, 0)


def _heading(metric: str) -> str:
    arrow = {"higher": " ↑", "lower": " ↓"}.get(better(metric), "")
    return f"{short_name(metric)}{arrow}"


def _size(rows: pd.DataFrame) -> str:
    """Width x height; landscape where an image set holds both."""
    sides = sorted((int(rows["height"].iloc[0]), int(rows["width"].iloc[0])), reverse=True)
    same = rows[["height", "width"]].drop_duplicates()
    if len(same) == 1:
        sides = [int(rows["width"].iloc[0]), int(rows["height"].iloc[0])]
    return f"{sides[0]} x {sides[1]}"


def _times(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
