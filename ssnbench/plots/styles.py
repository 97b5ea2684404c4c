"""How a method looks in every figure: its colour, marker and dashes, and its name at the curve."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

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


@dataclass(frozen=True)
class MethodStyle:
    """How one method is drawn.

    Attributes
    ----------
    name : str
        What is written at its curve; long names are cut.
    gid : str
        Identifier by which the page finds its curve and its name.
    colour, marker : str
        As matplotlib takes them.
    dashes : str or tuple
        A full line, or offset and lengths in points.
    filled : bool
        Whether the marker is filled.
    """

    name: str
    gid: str
    colour: str
    marker: str
    dashes: Any
    filled: bool

    @property
    def line(self) -> dict[str, Any]:
        """Colour, marker and dashes as arguments of ``Axes.plot``."""
        return {
            "color": self.colour,
            "marker": self.marker,
            "linestyle": self.dashes,
            "markerfacecolor": self.colour if self.filled else "none",
        }


class Styles(Mapping[str, MethodStyle]):
    """The style of every method of a report, by label, in the order in which they are drawn.

    Parameters
    ----------
    places : mapping of str to int
        Number of each method's style; any two of the first 50 differ in black and white.
    """

    def __init__(self, places: Mapping[str, int]) -> None:
        self._styles = {
            label: _style(label, place, number)
            for number, (label, place) in enumerate(places.items())
        }

    @classmethod
    def of(cls, labels: Sequence[str]) -> Styles:
        """Style methods by name; those that are not of the `HOUSE` take the styles it leaves."""
        guests = [label for label in labels if label not in HOUSE]
        first = len(HOUSE) if len(guests) < len(labels) else 0
        return cls(
            {
                label: HOUSE.index(label) if label in HOUSE else first + guests.index(label)
                for label in labels
            }
        )

    def __getitem__(self, label: str) -> MethodStyle:
        return self._styles[label]

    def __iter__(self) -> Iterator[str]:
        return iter(self._styles)

    def __len__(self) -> int:
        return len(self._styles)

    def curves(self, data: pd.DataFrame, along: str = "x") -> dict[str, pd.DataFrame]:
        """Part a table by its column ``label``, in the order of the styles, sorted by ``along``."""
        parts = {str(name): rows.sort_values(along) for name, rows in data.groupby("label")}
        return {label: parts[label] for label in self if label in parts}


def _style(label: str, place: int, number: int) -> MethodStyle:
    return MethodStyle(
        label if len(label) <= _LONGEST_NAME else f"{label[: _LONGEST_NAME - 1]}…",
        f"method{number}",
        _COLOURS[place % len(_COLOURS)],
        _MARKERS[place % len(_MARKERS)],
        _DASHES[place // len(_COLOURS) % len(_DASHES)],
        place < len(_COLOURS),
    )


def name_curves(axes: Axes, curves: Mapping[str, pd.DataFrame], styles: Styles) -> None:
    """Write each name to the right of the axes, as near to the end of its curve as space allows."""
    if not curves:
        return
    line = LINE / 72 / (cast(Figure, axes.figure).get_figheight() * axes.get_position().height)
    low, high = axes.get_ylim()
    ends = {
        name: (float(curve["y"].iloc[-1]) - low) / (high - low) for name, curve in curves.items()
    }
    places = spread(list(ends.values()), line)
    beside = axes.transAxes
    for label, place in zip(ends, places, strict=True):
        style = styles[label]
        axes.plot(
            [1.04, 1.085, 1.13], [place] * 3, transform=beside, clip_on=False,
            **style.line | {"marker": ""}, gid=f"{style.gid}-line",
        )  # fmt: skip
        axes.plot(
            [1.085], [place], transform=beside, clip_on=False, **style.line,
            gid=f"{style.gid}-marker",
        )  # fmt: skip
        axes.text(
            1.16, place, style.name, transform=beside, va="center_baseline", fontsize=7.5,
            parse_math=False, gid=f"{style.gid}-name",
        )  # fmt: skip
    axes.set_ylim(low, high)


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
