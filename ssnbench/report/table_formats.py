"""A table as plain data, and the ways to write it: CSV, LaTeX, Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ssnbench.io.csv_cells import to_csv

MARK = "†"
"""Stands behind a score that is not told apart from the best; it is neither bold nor underlined."""


@dataclass(frozen=True)
class Cell:
    """What stands in a table, what it sorts by, and its place (1 best, 2 second, 0 neither)."""

    text: str
    value: float | str | None = None
    place: int = 0


@dataclass(frozen=True)
class Table:
    """A table ready to be written.

    Attributes
    ----------
    slug : str
        Name of its files, unique in the report.
    title, caption : str
        What it shows; the caption carries the protocol and how to read it.
    headings : tuple of str
        One per column; the first column names the method.
    rows : tuple of tuple of Cell
        As many cells as headings.
    groups : tuple of str
        One per row; a rule is drawn where it changes, and the page filters by it.
    frame : DataFrame
        The same in full precision, and more; this is what the CSV holds.
    """

    slug: str
    title: str
    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    groups: tuple[str, ...]
    frame: pd.DataFrame


def write(table: Table, folder: Path) -> dict[str, str]:
    """Write a table as CSV, LaTeX and Markdown; return the names of the files by kind."""
    kinds: dict[str, Callable[[Table], str]] = {
        "csv": lambda table: to_csv(table.frame),
        "tex": latex,
        "md": markdown,
    }
    for kind, render in kinds.items():
        (folder / f"{table.slug}.{kind}").write_text(render(table), encoding="utf-8")
    return {kind: f"{table.slug}.{kind}" for kind in kinds}


def latex(table: Table) -> str:
    """Return the table for LaTeX; it needs the package ``booktabs`` and nothing else."""
    dress = ("{}", r"\textbf{{{}}}", r"\underline{{{}}}")
    lines = []
    for row, group, before in zip(table.rows, table.groups, _shifted(table.groups), strict=True):
        if before is not None and group != before:
            lines.append(r"\midrule")
        cells = [_dressed(cell, dress, escape_latex, r"\rlap{$^\dagger$}") for cell in row]
        lines.append(" & ".join(cells) + r" \\")
    columns = "".join("r" if numeric else "l" for numeric in numeric_columns(table))
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escape_latex(table.caption)}}}",
            rf"\label{{tab:{table.slug}}}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            " & ".join(map(escape_latex, table.headings)) + r" \\",
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def markdown(table: Table) -> str:
    """Return the table for Markdown (GitHub's dialect); second best is in italics."""
    dress = ("{}", "**{}**", "*{}*")
    rules = ["---:" if numeric else ":---" for numeric in numeric_columns(table)]
    lines = [
        [escape_markdown(heading) for heading in table.headings],
        rules,
        *([_dressed(cell, dress, escape_markdown, MARK) for cell in row] for row in table.rows),
    ]
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    caption = table.caption.replace("underlined", "in italics")
    return f"{body}\n\n{escape_markdown(caption)}\n"


def _dressed(cell: Cell, dress: Sequence[str], escape: Callable[[str], str], mark: str) -> str:
    """Text of a cell as its place demands; a mark stands behind it, undressed."""
    text = cell.text.removesuffix(MARK)
    return dress[cell.place].format(escape(text)) + (mark if text != cell.text else "")


def numeric_columns(table: Table) -> list[bool]:
    """Which columns hold numbers: they are set flush right."""
    columns = zip(*table.rows, strict=True) if table.rows else ([] for _ in table.headings)
    return [
        not any(isinstance(cell.value, str) for cell in column)
        and any(isinstance(cell.value, float) for cell in column)
        for column in columns
    ]


_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "↑": r"$\uparrow$",
    "↓": r"$\downarrow$", "·": r"$\cdot$", "—": "---", "†": r"$^\dagger$", "…": r"\dots{}",
}  # fmt: skip


def escape_latex(text: str) -> str:
    """Return ``text`` so that LaTeX prints it as it is."""
    return "".join(_LATEX.get(letter, letter) for letter in " ".join(text.split()))


def escape_markdown(text: str) -> str:
    """Return ``text`` so that Markdown prints it as it is, also inside a table."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]|~#$])", r"\\\1", text)


def _shifted(groups: Sequence[str]) -> list[str | None]:
    return [None, *groups[:-1]]
