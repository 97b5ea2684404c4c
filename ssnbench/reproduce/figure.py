"""What all figures of a reproduction share: notes on the sheet, files, captions."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from ssnbench.io.csv_cells import write_csv
from ssnbench.plots.figure import save, tight_frame
from ssnbench.report.table_formats import escape_latex, escape_markdown
from ssnbench.reproduce.recipes import Recipe

ALARM = "#a3271f"
"""Colour of what differs from the paper."""

_LETTER = 0.062  # inches that a letter of a note takes, on average
_LINE = 0.13  # inches from line to line of the notes


@dataclass(frozen=True)
class RecipeResult:
    """A figure or table that was made.

    Attributes
    ----------
    recipe : Recipe
        What was to be made.
    images : str
        What images it shows, in words.
    methods : tuple of str
        What methods.
    protocols : tuple of str
        By which protocols.
    counts : tuple of int
        Superpixels asked for.
    notes : tuple of str
        Where it differs from the paper; they stand on the figure, too.
    n_failed : int
        Jobs that failed.
    files : tuple of Path
        What was written.
    """

    recipe: Recipe
    images: str
    methods: tuple[str, ...]
    protocols: tuple[str, ...]
    counts: tuple[int, ...]
    notes: tuple[str, ...] = ()
    n_failed: int = 0
    files: tuple[Path, ...] = field(default=())

    @property
    def caption(self) -> str:
        """Everything that a reader must know to judge the numbers."""
        recipe = self.recipe
        asked = ", ".join(map(str, self.counts))
        parts = [
            recipe.title,
            f"Images: {self.images}",
            f"Methods: {', '.join(self.methods)}",
            f"Superpixels asked for: {asked}",
        ]
        if self.protocols:
            parts.append(f"Protocol: {'; '.join(self.protocols)}")
        if recipe.claim:
            parts.append(f"The paper says: {recipe.claim}")
        if self.notes:
            parts.append(f"Other than in the paper: {'; '.join(self.notes)}")
        return ". ".join(parts) + "."


def annotate(figure: Figure, notes: Sequence[str]) -> None:
    """Write the notes below a figure, which grows by the lines that they take.

    The axes keep their size in inches; whatever is drawn later must not move them.
    """
    if not notes:
        return
    width, height = figure.get_size_inches()
    text = "! " + " · ".join(notes)
    lines = textwrap.wrap(text, max(int(width / _LETTER), 20), subsequent_indent="  ")
    more = _LINE * len(lines) + 0.06
    for axes in figure.axes:
        box = axes.get_position()
        low = (box.y0 * height + more) / (height + more)
        axes.set_position((box.x0, low, box.width, box.height * height / (height + more)))
    figure.set_size_inches(width, height + more)
    figure.text(
        0.01, 0.0, "\n".join(lines), color=ALARM, fontsize=7, va="bottom", parse_math=False,
        fontfamily="DejaVu Sans", fontweight="bold", linespacing=1.15,
    )  # fmt: skip


def write_figure(
    figure: Figure, result: RecipeResult, data: pd.DataFrame, folder: Path
) -> tuple[Path, ...]:
    """Write a figure as PDF and PNG, its data as CSV, its caption for LaTeX and Markdown."""
    name = result.recipe.name
    files = save_figure(figure, name, folder)
    write_csv(data, folder / f"{name}.csv")
    latex = "\n".join(
        [
            r"\begin{figure}",
            r"\centering",
            rf"\includegraphics[width=\linewidth]{{{name}.pdf}}",
            rf"\caption{{{escape_latex(result.caption)}}}",
            rf"\label{{fig:{name}}}",
            r"\end{figure}",
            "",
        ]
    )
    (folder / f"{name}.tex").write_text(latex, encoding="utf-8")
    plain = f"![{name}]({name}.png)\n\n{escape_markdown(result.caption)}\n"
    (folder / f"{name}.md").write_text(plain, encoding="utf-8")
    return (*files, *(folder / f"{name}.{kind}" for kind in ("csv", "tex", "md")))


def save_figure(figure: Figure, name: str, folder: Path) -> tuple[Path, ...]:
    """Write a figure as PDF and PNG, without the white around it."""
    files = save(figure, name, folder, frame=tight_frame(figure))
    return tuple(folder / file for file in files.values())
