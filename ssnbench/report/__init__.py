"""Tables, figures and a page from what a run stored. Nothing here ever runs a method."""

from __future__ import annotations

from pathlib import Path


def draw(
    folder: Path,
    *,
    single: bool = False,
    data_root: Path | None = None,
    mine: str | None = None,
) -> Path:
    """Draw the report of a run folder again; return the path of its page.

    Reads ``results.sqlite`` and writes ``results.csv``, ``figures/`` (PDF, PNG and the data behind
    each), ``tables/`` (CSV, LaTeX, Markdown) and the page: ``index.html``, which needs the folder
    ``index_files`` beside it, and nothing from the network.

    Parameters
    ----------
    folder : Path
        Where the run wrote.
    single : bool
        Write ``report.html`` instead, one file that may be sent; it holds a choice of the images.
    data_root : Path, optional
        Where the datasets lie: pictures and truths that the store does not keep are read there. The
        page does without them where they are not found, and says so.
    mine : str, optional
        The method that the user calls theirs: others are compared with it, instead of the best.

    Raises
    ------
    UsageError
        When the folder holds no results or no such method, or cannot be written.
    """
    from ssnbench.report.manifest import renewed
    from ssnbench.report.page import write  # matplotlib is slow to import

    with renewed(folder):
        return write(folder, single=single, data_root=data_root, mine=mine)


def erase(folder: Path) -> None:
    """Remove the report of a folder of which no results are left; the user's own files stay."""
    import shutil

    from ssnbench.report.manifest import renewed

    with renewed(folder):
        for name in ("index.html", "report.html", "results.csv"):
            (folder / name).unlink(missing_ok=True)
        shutil.rmtree(folder / "index_files", ignore_errors=True)
