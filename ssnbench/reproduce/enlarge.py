"""A part of a diagram enlarged in its own corner, where curves run close to one another."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from ssnbench.report.figures import INK, look
from ssnbench.reproduce.recipes import LOOKS

_REACH = 1.22
"""Counts from the chosen one divided by this, to it times this, are enlarged."""

_CORNERS = ((0.5, 0.07), (0.5, 0.53))
"""Lower and upper right, in shares of the diagram; curves of scores leave one of them free."""

_WIDE, _HIGH, _MARGIN = 0.48, 0.42, 0.03
_FEWEST = 3
"""Curves, and points of each, from which on there is something to enlarge."""


def enlarge(axes: Axes, curves: Mapping[str, pd.DataFrame]) -> None:
    """Enlarge curves around one of the larger counts, in a corner that they leave free.

    Parameters
    ----------
    axes : Axes
        A diagram over the number of superpixels whose limits are set.
    curves : mapping of str to DataFrame
        Columns ``n_asked``, ``x`` and ``y``, in the order of ``x``.
    """
    asked = sorted({int(n) for curve in curves.values() for n in curve["n_asked"]})
    if min(len(asked), len(curves)) < _FEWEST:
        return
    centre = asked[-(-len(asked) // 2)]
    low, high = centre / _REACH, centre * _REACH
    traced = [_traced(axes, curve) for curve in curves.values()]
    corner = _free_corner(axes, np.concatenate(traced))
    if corner is None:
        return
    there = np.concatenate(traced)
    levels = there[(there[:, 0] > low) & (there[:, 0] < high), 1]
    if levels.size == 0:
        return
    detail = axes.inset_axes((*corner, _WIDE, _HIGH))
    for name, curve in curves.items():
        detail.plot(curve["x"], curve["y"], **look(name, LOOKS))
    span = float(np.ptp(levels))
    detail.set_xscale(axes.get_xscale())
    detail.set_xlim(low, high)
    detail.set_ylim(levels.min() - 0.04 * span, levels.max() + 0.04 * span)
    detail.minorticks_off()
    detail.set(xticks=[], yticks=[], facecolor="white")
    for spine in detail.spines.values():
        spine.set(visible=True, alpha=0.4)
    axes.add_patch(
        Rectangle(
            (low, levels.min()), high - low, span, fill=False, edgecolor=INK, alpha=0.4,
            linewidth=0.6,
        )
    )  # fmt: skip


def _traced(axes: Axes, curve: pd.DataFrame) -> NDArray[np.float64]:
    """Points along a curve as it is drawn, close to one another, float64 (n, 2)."""
    ends = curve["x"].iloc[[0, -1]].to_numpy(dtype=np.float64)
    spaced = np.geomspace if axes.get_xscale() == "log" else np.linspace
    along = spaced(ends[0], ends[1], 200)
    return np.column_stack([along, np.interp(along, curve["x"], curve["y"])])


def _free_corner(axes: Axes, points: NDArray[np.float64]) -> tuple[float, float] | None:
    """Corner that no point lies in or near; None when there is none."""
    axes.get_ylim()  # settles the limits, which are else found only when the figure is drawn
    shares = axes.transLimits.transform(axes.transScale.transform(points))
    for left, low in _CORNERS:
        across = (shares[:, 0] > left - _MARGIN) & (shares[:, 0] < left + _WIDE + _MARGIN)
        up = (shares[:, 1] > low - _MARGIN) & (shares[:, 1] < low + _HIGH + _MARGIN)
        if not (across & up).any():
            return left, low
    return None
