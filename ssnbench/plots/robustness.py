"""Robustness: curves over the strength of a perturbation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.ticker import MaxNLocator

from ssnbench.analysis.robustness import ALIKE
from ssnbench.analysis.sections import Section, long_name
from ssnbench.perturb import KINDS
from ssnbench.plots.figure import STYLE, Drawing, axis_name, canvas, curves_of, written
from ssnbench.plots.styles import gid, look, name_curves


def draw_robustness(
    section: Section, data: pd.DataFrame, labels: Sequence[str], folder: Path
) -> Drawing:
    """Draw one metric over the strength of one kind of perturbation, a curve per method.

    Parameters
    ----------
    section : Section
        Gives dataset and protocol.
    data : DataFrame
        Rows of `followed` of one kind and one metric.
    labels : sequence of str
        All methods of the report, so that one looks the same in every figure.
    folder : Path
        Where the files go.
    """
    name, metric = str(data["kind"].iloc[0]), str(data["metric"].iloc[0])
    kind = KINDS[name]
    curves = curves_of(data.rename(columns={"strength": "x", "image_mean": "y"}))
    falling = kind.neutral == kind.high
    if falling:  # the original stands on the left, whatever its strength
        curves = {label: curve[::-1] for label, curve in curves.items()}
    with mpl.rc_context(fname=STYLE):
        figure, axes = canvas(section, len(curves), f"{data['n_made'].iloc[0]} superpixels")
        for label, curve in curves.items():
            axes.plot(curve["x"], curve["y"], **look(label, labels), gid=gid(label, labels))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel(kind.what)
        axes.set_ylabel(ALIKE[metric][0] if metric in ALIKE else axis_name(metric, section))
        if falling:
            axes.invert_xaxis()
        name_curves(figure, axes, curves, labels)
        titled = ALIKE[metric][1] if metric in ALIKE else long_name(metric)
        title = f"{titled} over {kind.what.partition(' (')[0]}"
        return written(figure, f"{section.slug}-{name}-{metric}", title, data, folder)
