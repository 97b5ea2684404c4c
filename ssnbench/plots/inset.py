"""A part of a diagram enlarged in its own corner, where curves run close to one another."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from ssnbench.plots.styles import INK, Styles

_REACH = 1.22
"""Counts from the chosen one divided by this, to it times this, are enlarged."""

_SIZES = ((0.48, 0.42), (0.38, 0.34))
"""Width and height, in shares of the diagram; the largest that fits is taken."""

_EDGES, _MARGIN = (0.98, 0.07, 0.95), 0.02
"""Right, lower and upper edge in shares of the diagram, and what is kept clear of curves."""

_FEWEST = 3
"""Curves, and points of each, from which on an inset shows something."""


def draw_inset(axes: Axes, curves: Mapping[str, pd.DataFrame], styles: Styles) -> None:
    """Enlarge curves around one of the larger counts, in a corner that they leave free.

    Parameters
    ----------
    axes : Axes
        A diagram over the number of superpixels whose limits are set.
    curves : mapping of str to DataFrame
        Columns ``n_asked``, ``x`` and ``y``, in the order of ``x``.
    styles : Styles
        How the methods look.
    """
    asked = sorted({int(n) for curve in curves.values() for n in curve["n_asked"]})
    if min(len(asked), len(curves)) < _FEWEST:
        return
    centre = asked[-(-len(asked) // 2)]
    low, high = centre / _REACH, centre * _REACH
    points = np.concatenate([_traced(axes, curve) for curve in curves.values()])
    place = _free_corner(axes, points)
    levels = points[(points[:, 0] > low) & (points[:, 0] < high), 1]
    span = float(np.ptp(levels)) if levels.size else 0.0
    if place is None or span == 0:  # curves that are one line tell no more when enlarged
        return
    detail = axes.inset_axes(place)
    for name, curve in curves.items():
        detail.plot(curve["x"], curve["y"], **styles[name].line)
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


def _free_corner(
    axes: Axes, points: NDArray[np.float64]
) -> tuple[float, float, float, float] | None:
    """Lower or upper right corner (left, low, width, height) without a point in or near it."""
    axes.get_ylim()  # settles the limits, which are else found only when the figure is drawn
    across, up = axes.transLimits.transform(axes.transScale.transform(points)).T
    right, bottom, top = _EDGES
    for wide, high in _SIZES:
        left = right - wide
        beside = across > left - _MARGIN
        for low in (bottom, top - high):
            between = (up > low - _MARGIN) & (up < low + high + _MARGIN)
            if not (beside & between).any():
                return left, low, wide, high
    return None
