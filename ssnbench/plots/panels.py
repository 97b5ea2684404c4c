"""Panels of pictures: axes at a place in inches, a framed part, a count in the corner."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle


def panel(figure: Figure, left: float, top: float, wide: float, high: float) -> Axes:
    """Axes without lines at a place in inches from the upper left corner."""
    width, height = figure.get_size_inches()
    axes = figure.add_axes((left / width, 1 - (top + high) / height, wide / width, high / height))
    axes.set_axis_off()
    return axes


def frame_box(
    axes: Axes,
    box: tuple[float, float, float, float],
    colour: str = "white",
    points: float = 0.7,
    edge: float = 0.7,
) -> None:
    """Frame a part (left, top, width, height) by a line of ``points``, edged in black."""
    left, top, across, down = box
    for shade, line in (("black", points + edge), (colour, points)):
        axes.add_patch(
            Rectangle((left, top), across, down, fill=False, edgecolor=shade, linewidth=line)
        )


def write_count(axes: Axes, n_made: int) -> None:
    """Write the number of superpixels into the corner of a panel."""
    axes.text(
        0.985, 0.03, str(n_made), transform=axes.transAxes, ha="right", va="bottom", fontsize=6,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )  # fmt: skip
