"""How a method looks in every figure: its colour, marker and dashes, and its name at the curve."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#17191c"
"""Colour of text and axes in the style file; the page replaces it by the reader's own."""

# Okabe & Ito (2008), without their yellow, which vanishes on white paper; then of Tol (2021).
_COLOURS = (
    *("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", INK),
    *("#882255", "#999933", "#7f7f7f"),
)
_MARKERS = "os^DvPX<>*hpd"
_DASHES: tuple[Any, ...] = ("-", (0, (4, 1.3)), (0, (1, 1)), (0, (5, 1, 1, 1)))

LINE = 9.5
"""Points from one name to the next."""

_LONGEST_NAME = 30

HOUSE = (
    *("ssn", "slic", "ssn(variant=pix)", "lsc", "seeds", "snic", "ers", "etps", "scalp"),
    *("ssn(variant=linear)", "mslic", "felzenszwalb", "watershed", "grid", "slico", "quickshift"),
    *("gslic", "slic-skimage", "slic-opencv", "lsc-opencv", "seeds-opencv", "mslic-opencv"),
)
"""Methods that look the same in every report, whatever else is in it."""


def look(label: str, labels: Sequence[str] | Mapping[str, int]) -> dict[str, Any]:
    """Colour, marker and dashes of a method: any two of the first 50 differ in black and white.

    Parameters
    ----------
    label : str
        The method.
    labels : sequence of str, or mapping of str to int
        All methods of the report; those that are not of the `HOUSE` take the looks that it leaves.
        Or the number of each one's look.
    """
    place = _place(label, labels)
    filled = place < len(_COLOURS)
    colour = _COLOURS[place % len(_COLOURS)]
    return {
        "color": colour,
        "marker": _MARKERS[place % len(_MARKERS)],
        "linestyle": _DASHES[place // len(_COLOURS) % len(_DASHES)],
        "markerfacecolor": colour if filled else "none",
    }


def _place(label: str, labels: Sequence[str] | Mapping[str, int]) -> int:
    """Number of a method's look."""
    if isinstance(labels, Mapping):
        return labels[label]
    if label in HOUSE:
        return HOUSE.index(label)
    guests = [name for name in labels if name not in HOUSE]
    return (len(HOUSE) if len(guests) < len(labels) else 0) + guests.index(label)


def gid(label: str, labels: Iterable[str]) -> str:
    """Identifier by which the page finds a curve and its name."""
    return f"method{list(labels).index(label)}"


def name_curves(
    figure: Figure,
    axes: Axes,
    curves: Mapping[str, pd.DataFrame],
    labels: Sequence[str] | Mapping[str, int],
) -> None:
    """Write each name to the right of the axes, as near to the end of its curve as space allows."""
    if not curves:
        return
    line = LINE / 72 / (figure.get_figheight() * axes.get_position().height)
    low, high = axes.get_ylim()
    ends = {
        name: (float(curve["y"].iloc[-1]) - low) / (high - low) for name, curve in curves.items()
    }
    places = spread(list(ends.values()), line)
    beside = axes.transAxes
    for name, place in zip(ends, places, strict=True):
        style, group = look(name, labels), gid(name, labels)
        axes.plot(
            [1.04, 1.085, 1.13], [place] * 3, transform=beside, clip_on=False,
            **style | {"marker": ""}, gid=f"{group}-line",
        )  # fmt: skip
        axes.plot([1.085], [place], transform=beside, clip_on=False, **style, gid=f"{group}-marker")
        axes.text(
            1.16, place, shortened(name), transform=beside, va="center_baseline", fontsize=7.5,
            parse_math=False, gid=f"{group}-name",
        )  # fmt: skip
    axes.set_ylim(low, high)


def shortened(name: str) -> str:
    """Cut a name that is too long for a figure."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Move heights as little as needed so that no two are nearer than ``gap``.

    Neighbours that collide form a block that is centred on the mean of where they wanted to be, as
    far as that keeps it between 0 and 1; what is too much for that stands on 0 and grows upwards.
    """
    order = np.argsort(wanted, kind="stable")
    blocks: list[list[float]] = []  # the wanted heights of each block, from below
    for place in order:
        blocks.append([float(wanted[place])])
        while len(blocks) > 1 and _foot(blocks[-1], gap) < _foot(blocks[-2], gap) + gap * len(
            blocks[-2]
        ):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    heights = [_foot(block, gap) + gap * step for block in blocks for step in range(len(block))]
    places = np.empty(len(order))
    places[order] = heights
    return [float(height) for height in places]


def _foot(block: Sequence[float], gap: float) -> float:
    """Height of the lowest name of a block."""
    span = gap * (len(block) - 1)
    return max(0.0, min(float(np.mean(block)) - span / 2, 1 - span))
