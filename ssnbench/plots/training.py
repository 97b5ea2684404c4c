"""How a training fares: its loss, and the scores of its validations, over the steps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ssnbench.plots.figure import STYLE, inline, tight_frame
from ssnbench.plots.styles import INK, Styles, name_curves

_WIDTH, _HEIGHT = 4.6, 1.75  # inches, of one panel
_MOST_POINTS = 300  # more cannot be told apart at that width
_LOSS, _SCORE = "#0072b2", "#d55e00"
_DPI = 200


@dataclass(frozen=True)
class TrainingCurves:
    """What is drawn of a training.

    Attributes
    ----------
    title : str
        What is trained, on what.
    log : DataFrame
        Rows of ``log.csv``: step, the loss that is made small, and others.
    validation : DataFrame
        Rows of ``validation.csv``: step, score by count, mean; it may be empty.
    measure : str
        What the scores are.
    """

    title: str
    log: pd.DataFrame
    validation: pd.DataFrame
    measure: str

    @property
    def counts(self) -> list[str]:
        """Columns of the counts that are validated."""
        return [name for name in self.validation.columns if name not in ("step", "mean")]


def draw_training(curves: TrainingCurves) -> Figure:
    """Loss; below it the mean validation score, and how each count came on."""
    panels = [_draw_loss]
    if len(curves.validation):
        panels.append(_draw_scores)
    if len(curves.validation) > 1 and len(curves.counts) > 1:
        panels.append(_draw_gains)
    figure = Figure(figsize=(_WIDTH, _HEIGHT * len(panels)), layout=None)
    columns = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    figure.subplots_adjust(left=0.15, right=0.98, hspace=0.16)
    for axes, draw in zip(columns, panels, strict=True):
        draw(axes, curves)
        axes.margins(x=0.02)
    columns[0].set_title(curves.title, loc="left", color=INK, alpha=0.65, parse_math=False)
    columns[-1].set_xlabel("step")
    columns[-1].xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
    figure.align_ylabels(list(columns))
    return figure


def write_training(curves: TrainingCurves, picture: Path | None = None) -> str:
    """Draw a training as SVG to stand inside a page, and as PNG into a file where one is named."""
    with mpl.rc_context(fname=STYLE):
        figure = draw_training(curves)
        frame = tight_frame(figure)
        if picture is not None:
            figure.savefig(picture, dpi=_DPI, facecolor="white", bbox_inches=frame)
        return inline(figure, "training", frame)


def binned(steps: pd.Series[float], values: pd.Series[float]) -> pd.DataFrame:
    """Mean step and mean value of so many runs of steps as a panel can show."""
    rows = pd.DataFrame({"step": steps.to_numpy(), "value": values.to_numpy()})
    group = np.arange(len(rows)) * min(_MOST_POINTS, len(rows)) // max(len(rows), 1)
    return rows.groupby(group).mean()


def smoothed(values: pd.Series[float]) -> pd.Series[float]:
    """Mean over a sliding window of a fifteenth of all points, narrower at both ends."""
    return values.rolling(max(len(values) // 15, 1), center=True, min_periods=1).mean()


def _draw_loss(axes: Axes, curves: TrainingCurves) -> None:
    """The loss, as finely as the panel shows it, behind its running mean."""
    name = str(curves.log.columns[1])
    points = binned(curves.log["step"], curves.log[name])
    axes.plot(points["step"], points["value"], color=_LOSS, alpha=0.35, linewidth=0.6)
    mean = smoothed(points["value"])
    axes.plot(points["step"], mean, color=_LOSS)
    axes.set_ylabel(name)
    if points["value"].min() > 0 and mean.min() * 10 < mean.max():
        axes.set_yscale("log")


def _draw_scores(axes: Axes, curves: TrainingCurves) -> None:
    """The mean over images and counts, by which the best network is chosen; the best is ringed."""
    tried = curves.validation
    axes.plot(tried["step"], tried["mean"], color=_SCORE, marker="o", markersize=2.5)
    best = tried.loc[tried["mean"].idxmax()]
    axes.plot(best["step"], best["mean"], "o", markersize=7, color=_SCORE, markerfacecolor="none")
    axes.annotate(
        f"{best['mean']:.4f}", (best["step"], best["mean"]), xytext=(0, 6),
        textcoords="offset points", ha="center", fontsize=6.5,
    )  # fmt: skip
    axes.margins(y=0.3)
    axes.set_ylabel(f"{curves.measure}, mean")
    axes.yaxis.set_major_locator(MaxNLocator(5))


def _draw_gains(axes: Axes, curves: TrainingCurves) -> None:
    """How much each count gained: their scores lie too far apart for one axis."""
    tried, names = curves.validation, [f"at {count}" for count in curves.counts]
    styles = Styles.of(names)
    gains = {
        f"at {count}": pd.DataFrame({"x": tried["step"], "y": tried[count] - tried[count].iloc[0]})
        for count in curves.counts
    }
    for name, curve in gains.items():
        axes.plot(curve["x"], curve["y"], **styles[name].line | {"markersize": 2.5})
    axes.set_ylabel(f"{curves.measure}, gained")
    axes.yaxis.set_major_locator(MaxNLocator(5))
    name_curves(axes, gains, styles)
