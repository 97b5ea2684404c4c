"""Table 1: run times, beside those that the paper prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from ssnbench.plots.figure import STYLE
from ssnbench.plots.styles import INK
from ssnbench.plugins.variant import parameters, parse
from ssnbench.report import table_formats
from ssnbench.report.cells import number
from ssnbench.report.table_formats import Cell, Table
from ssnbench.reproduce import figure as sheet
from ssnbench.reproduce.figure import RecipeResult
from ssnbench.reproduce.recipes import PRINTED, Printed, Recipe
from ssnbench.reproduce.sources import ImageSet, has_weights
from ssnbench.reproduce.work import RecipeContext
from ssnbench.results.schema import TIMED
from ssnbench.results.timings import counted
from ssnbench.run import benchmark, environment
from ssnbench.run.timing import TimingTask

PRINTED_GPU = "NVIDIA Tesla V100"
_WIDTH, _NAMES, _LINE, _BELOW, _ABOVE = 4.6, 1.35, 0.17, 0.42, 0.4  # inches
_MARKS: dict[str, dict[str, Any]] = {
    "printed, CPU or both": {"marker": "o", "color": INK, "markerfacecolor": "none"},
    f"printed, {PRINTED_GPU}": {"marker": "^", "color": INK, "markerfacecolor": "none"},
    "here, CPU, one thread": {"marker": "o", "color": "#0072b2"},
    "here, GPU": {"marker": "^", "color": "#0072b2"},
}
_STAGES = ("total", "network", "clustering", "connectivity")


def make(recipe: Recipe, image_set: ImageSet, n_asked: int, context: RecipeContext) -> RecipeResult:
    """Time what is not timed yet, on the processor and on a GPU where there is one."""
    variants = {row.algo: parse("algorithms", row.algo) for row in PRINTED if row.algo}
    variants = {algo: variant for algo, variant in variants.items() if has_weights(variant)}
    tasks = {
        (algo, device): TimingTask(
            variant, image_set.source, image_set.pictured, n_asked, device=device
        )
        for device in devices()
        for algo, variant in variants.items()
        if device == "cpu" or "device" in parameters("algorithms", variant.name)
    }
    benchmark.time_tasks(list(tasks.values()), context.store, context.listener)
    timings = context.store.timings()
    frame = joined(tasks, counted(timings))
    notes = image_set.notes(1) if image_set.builtin else []
    if len(devices()) == 1:
        notes.append("no GPU here: all on one thread of the processor")
    if len(counted(timings)) < len(timings):
        notes.append("what was timed while others used the machine is left out: run it once more")
    result = RecipeResult(
        recipe,
        f"{image_set.place} {image_set.pictured}",
        tuple(row.name for row in PRINTED if row.algo in variants),
        (), (n_asked,),
        notes=(*notes, *recipe.lacks),
        n_failed=len(tasks) - int(joined(tasks, timings)["total"].notna().sum()),
    )  # fmt: skip
    with mpl.rc_context(fname=STYLE):
        figure = draw(frame)
        sheet.annotate(figure, result.notes)
        drawn = sheet.save_figure(figure, result.recipe.name, context.store.folder)
    files = table_formats.write(times_table(result, frame), context.store.folder)
    return replace(
        result, files=(*drawn, *(context.store.folder / name for name in files.values()))
    )


def devices() -> tuple[str, ...]:
    """Where methods are timed: the processor and, where PyTorch has one, the GPU."""
    if not environment.gpu_name():
        return ("cpu",)
    import torch  # slow to import: only where there is a GPU

    return ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)


def joined(tasks: Mapping[tuple[str, str], TimingTask], timings: pd.DataFrame) -> pd.DataFrame:
    """Put the times beside the printed ones: one row per printed row and device, in seconds.

    Parameters
    ----------
    tasks : mapping of (algo, device) to Task
        What was to be timed.
    timings : DataFrame
        Rows of ``Store.timings()``.
    """
    rows = []
    for row in PRINTED:
        of_row: list[TimingTask | None] = [t for (algo, _), t in tasks.items() if algo == row.algo]
        for task in of_row or [None]:
            stages = {} if task is None else _stages(task, timings)
            rows.append(
                {
                    "label": row.name,
                    "printed_device": row.device,
                    "printed_ms": row.milliseconds,
                    "device": "" if task is None else task.device,
                    **{stage: stages.get(stage, float("nan")) for stage in _STAGES},
                }
            )
    return pd.DataFrame(rows)


def _stages(task: TimingTask, timings: pd.DataFrame) -> dict[str, float]:
    """Median seconds by stage of a task; nothing where it was not timed."""
    rows = timings[(timings[list(TIMED)] == pd.Series(task.key, TIMED)).all(axis=1)]
    return dict(zip(rows["stage"], rows["seconds"], strict=True))


def times_table(result: RecipeResult, frame: pd.DataFrame) -> Table:
    """Lay the times out; the two fastest of each device are marked."""
    places = frame.groupby("device")["total"].rank(method="dense").fillna(0)
    rows = [
        (
            Cell(row["label"], row["label"]),
            Cell(row["printed_device"], row["printed_device"]),
            number(row["printed_ms"], 0),
            Cell(row["device"] or "—", row["device"]),
            number(1e3 * row["total"], 1, int(place) if place <= 2 else 0),
            *(number(1e3 * row[stage], 1) for stage in _STAGES[1:]),
        )
        for row, place in zip(frame.to_dict("records"), places, strict=True)
    ]
    headings = ("Model", "Printed on", "printed [ms]", "Here on", "here [ms]")
    caption = (
        f"{result.caption} Printed: Jampani et al. 2018, Table 1; GPU is an {PRINTED_GPU}. Here: "
        f"median of repeats after a warm-up, one thread, {environment.machine()}; the total holds "
        "connectivity. The fastest here of a device in bold, the second underlined."
    )
    return Table(
        result.recipe.name,
        result.recipe.title,
        caption,
        (*headings, *(f"{stage} [ms]" for stage in _STAGES[1:])),
        tuple(rows),
        tuple(_kind(row) for row in PRINTED for _ in range(sum(frame["label"] == row.name))),
        frame,
    )


def draw(frame: pd.DataFrame) -> Figure:
    """Draw printed and measured times over one another, a line for each model, in milliseconds."""
    names = list(dict.fromkeys(frame["label"]))
    height = _LINE * len(names) + _BELOW + _ABOVE
    figure = Figure(figsize=(_WIDTH, height))
    room = (
        _NAMES / _WIDTH,
        _BELOW / height,
        0.97 - _NAMES / _WIDTH,
        1 - (_BELOW + _ABOVE) / height,
    )
    axes = figure.add_axes(room)
    places = frame["label"].map(names.index)
    for kind, chosen, milliseconds in _kinds(frame):
        if chosen.any():
            times, lines = milliseconds[chosen], places[chosen]
            axes.plot(times, lines, linestyle="", label=kind, **_MARKS[kind])
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.set_xlabel("time per image [ms] ↓")
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize=7)
    return figure


def _kinds(frame: pd.DataFrame) -> list[tuple[str, pd.Series[bool], pd.Series[float]]]:
    """Which rows each kind of marker stands for, and the times that it marks."""
    on_gpu = frame["printed_device"] == "GPU"
    printed, here = frame["printed_ms"], 1e3 * frame["total"]
    known = here.notna()
    return [
        ("printed, CPU or both", ~on_gpu, printed),
        (f"printed, {PRINTED_GPU}", on_gpu, printed),
        ("here, CPU, one thread", known & (frame["device"] == "cpu"), here),
        ("here, GPU", known & (frame["device"] == "cuda"), here),
    ]


def _kind(row: Printed) -> str:
    return "SSN" if row.name.startswith("SSN") else "others"
