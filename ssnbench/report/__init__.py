"""Tables, figures and a page from what a run stored. Nothing here ever runs a method."""

from __future__ import annotations

from pathlib import Path


def draw(folder: Path) -> Path:
    """Draw the report of a run folder again; return the path of its page.

    Reads ``results.sqlite`` and writes ``index.html``, ``results.csv``, ``figures/`` (PDF, PNG and
    the data behind each) and ``tables/`` (CSV, LaTeX, Markdown) beside it.

    Raises
    ------
    UsageError
        When the folder holds no results, or cannot be written.
    """
    from ssnbench.report.page import write  # matplotlib is slow to import

    return write(folder)
