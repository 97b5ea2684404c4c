"""Diagrams at one made count: critical differences, quality over time, quality over regularity."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ssnbench.analysis.ranks import ALPHA, Ranking
from ssnbench.analysis.sections import Section, short_name
from ssnbench.plots.figure import STYLE, Drawing, written
from ssnbench.plots.styles import INK, gid, look, shortened

_STEP = 0.17  # inches from one line of a critical-difference diagram to the next
_SCALE_WIDTH = 2.6  # inches


def draw_ranks(
    section: Section, ranking: Ranking, labels: Sequence[str], folder: Path
) -> Drawing | None:
    """Draw mean ranks on a scale; bars join methods that Nemenyi's test does not tell apart.

    Parameters
    ----------
    section : Section
        Gives dataset and protocol.
    ranking : Ranking
        What `ranks.rank` found.
    labels : sequence of str
        All methods of the report, so that one looks the same in every figure.
    folder : Path
        Where the files go.

    Returns
    -------
    Drawing or None
        None where Friedman's test could not be made: there is no critical difference to draw.
    """
    if not np.isfinite(ranking.critical):
        return None
    n = len(ranking.ranks)
    groups = ranking.groups
    lines = len(groups) * 0.5 + (n + 1) // 2 + 4.2
    with mpl.rc_context(fname=STYLE):
        figure = Figure(figsize=(_SCALE_WIDTH, lines * _STEP))
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_axis_off()
        axes.set_xlim(1, n)
        axes.set_ylim(lines, 0)
        _rank_scale(axes, n)
        _critical_bar(axes, ranking)
        for place, group in enumerate(groups):
            ends = ranking.ranks[[group[0], group[-1]]]
            axes.plot(ends, [3.4 + place * 0.5] * 2, color=INK, linewidth=2.2, clip_on=False)
        _rank_stems(axes, ranking, labels, 3.6 + len(groups) * 0.5)
        axes.text(
            1, 0.1, _rank_title(section, ranking), va="bottom", alpha=0.65, parse_math=False
        )  # fmt: skip
        title = f"Mean rank by {short_name(ranking.metric)} at {ranking.count} superpixels made"
        slug = f"{section.slug}-{ranking.metric}-ranks"
        return written(figure, slug, title, ranking.frame, folder)


def _rank_title(section: Section, ranking: Ranking) -> str:
    place = " ".join(part for part in (section.dataset, section.split) if part)
    what = f"{short_name(ranking.metric)} ({section.yardstick})"
    return f"{place}, {what} at {ranking.count}, {ranking.n_images} images"


def _rank_scale(axes: Axes, n: int) -> None:
    axes.plot([1, n], [2.8, 2.8], color=INK, linewidth=0.6, clip_on=False)
    for rank in range(1, n + 1):
        axes.plot([rank, rank], [2.6, 2.8], color=INK, linewidth=0.6, clip_on=False)
        axes.text(rank, 2.5, str(rank), ha="center", va="bottom", fontsize=7)


def _critical_bar(axes: Axes, ranking: Ranking) -> None:
    """The critical difference as a length, above the scale."""
    end = 1 + ranking.critical
    axes.plot([1, end], [1.1, 1.1], color=INK, linewidth=1.0, marker="|", clip_on=False)
    text = f"critical difference {ranking.critical:.2f} (Nemenyi, p = {ALPHA:g})"
    axes.text(1, 0.95, text, ha="left", va="bottom", fontsize=7)


def _rank_stems(axes: Axes, ranking: Ranking, labels: Sequence[str], top: float) -> None:
    """Name the better half to the left of the scale, the others to its right."""
    n = len(ranking.ranks)
    left = (n + 1) // 2
    margin = 0.04 * (n - 1)
    for place, (label, rank) in enumerate(ranking.ranks.items()):
        on_left = place < left
        height = top + (place if on_left else n - 1 - place) + 0.6
        side = 1 - margin if on_left else n + margin
        style = look(str(label), labels)
        group = gid(str(label), labels)
        axes.plot(
            [rank, rank, side], [2.8, height, height], color=style["color"], linewidth=0.8,
            clip_on=False, gid=f"{group}-line",
        )  # fmt: skip
        axes.plot([rank], [2.8], **style | {"linestyle": ""}, clip_on=False, gid=f"{group}-marker")
        text = (
            f"{shortened(str(label))}  {rank:.2f}"
            if on_left
            else f"{rank:.2f}  {shortened(str(label))}"
        )
        axes.text(
            side + (-margin if on_left else margin), height, text, fontsize=7.5,
            ha="right" if on_left else "left", va="center", parse_math=False, gid=f"{group}-name",
        )  # fmt: skip
