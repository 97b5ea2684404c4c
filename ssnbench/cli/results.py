"""``compare``, ``merge`` and ``annotators``: what is done with whole run folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ssnbench.cli import options

if TYPE_CHECKING:
    import pandas as pd

    from ssnbench.results.compare import RunDiff

MOST_ROWS = 40
"""Rows of a printed table, the rest is counted; a CSV holds them all."""


@click.command()
@click.argument("before", type=options.PATH)
@click.argument("after", type=options.PATH)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    default=1e-4,
    show_default=True,
    help="A mean score may be worse by as much.",
)
@click.option(
    "--time-tolerance",
    type=click.FloatRange(min=0),
    metavar="SHARE",
    help="A time may be longer by this share, such as 0.2 [times are told, not judged].",
)
@click.option("--common", is_flag=True, help="Jobs that AFTER does not hold are no loss.")
@click.option("--csv", type=options.PATH, help="Write all scores that both hold to this file.")
def compare(
    before: Path,
    after: Path,
    tolerance: float,
    time_tolerance: float | None,
    common: bool,
    csv: Path | None,
) -> int:
    """Tell what changed between the run folders BEFORE and AFTER: versions, jobs, scores, times.

    Methods are matched by the name they go by, scores by image and truth. Exit code 0: the same or
    better; 1: something is worse beyond its tolerance, or a job no longer goes well; 2: wrong use.
    """
    from ssnbench.results.compare import compare as compared

    difference = compared(before, after, tolerance, time_tolerance, common)
    if csv is not None:
        _write(difference.scores, csv)
    _show(difference)
    verdict = "worse" if difference.is_worse else "same or better"
    click.echo(
        f"{len(difference.scores)} means compared, {difference.gained} jobs gained: {verdict}"
    )
    return int(difference.is_worse)


@click.command()
@click.argument("folders", type=options.PATH, nargs=-1, required=True)
@click.option("--out", type=options.PATH, required=True, help="Folder of the joined results.")
@click.option(
    "--prefer", type=click.Choice(["first", "last"]), help="Whose rows count where they disagree."
)
@click.option(
    "--times-of",
    type=options.PATH,
    metavar="FOLDER",
    help="Whose times to take, of several machines.",
)
def merge(folders: tuple[Path, ...], out: Path, prefer: Any, times_of: Path | None) -> int:
    """Join the results of several machines: the run folders FOLDERS, into --out.

    A job that several folders hold with the same rows is written once; where they disagree, the
    jobs are named and nothing is written, unless --prefer says whom to believe.
    """
    from ssnbench.report import draw
    from ssnbench.results.merge import MOST_TOLD
    from ssnbench.results.merge import merge as merged

    done = merged(folders, out, prefer, times_of)
    for line in done.conflicts[:MOST_TOLD]:
        click.echo(f"settled by --prefer {prefer}: {line}")
    if len(done.conflicts) > MOST_TOLD:
        click.echo(f"and {len(done.conflicts) - MOST_TOLD} more")
    click.echo(f"{done.rows} rows from {len(folders)} folders, {done.twice} jobs held twice")
    click.echo(f"report: {draw(done.folder)}")
    return 0


@click.command()
@click.argument("folder", type=options.PATH)
@options.data_root
@options.plugin
def annotators(folder: Path, data_root: Path | None, plugin_files: tuple[Path, ...]) -> int:
    """Score the annotators of FOLDER's images against one another, and draw them into its report.

    They are a band in the curves: what an annotator reaches who is scored as a method is.
    """
    from ssnbench.report import draw
    from ssnbench.run.annotators import score_annotators

    options.add_plugins(plugin_files)
    click.echo(f"scores of the annotators: {score_annotators(folder, data_root)}")
    click.echo(f"report: {draw(folder)}")
    return 0


def _show(found: RunDiff) -> None:
    _print("Versions", found.versions)
    _print("Jobs that no longer go well", _counted(found.lost))
    moved = found.scores[found.scores["change"] != 0]
    order = moved["change"].abs().sort_values(ascending=False, kind="stable").index
    moved = moved.loc[order].sort_values("worse", ascending=False, kind="stable")
    _print("Scores that moved, the worse first", _placed(moved))
    _print("Seconds", found.times)


def _counted(lost: pd.DataFrame) -> pd.DataFrame:
    """One row for all images that a method lost for one reason."""
    keys = ["data", "label", "n_asked", "status", "reason"]
    images = _placed(lost).groupby(keys, sort=True)["image"]
    return images.agg(images="nunique", example="min").reset_index()


def _placed(frame: pd.DataFrame) -> pd.DataFrame:
    """Put dataset, split, perturbation and protocol into one column, for which there is room."""
    columns = ["dataset", "split", "perturbation", "protocol"]
    place = [" ".join(filter(None, row)) for row in frame[columns].itertuples(index=False)]
    rest = frame.drop(columns=[*columns, "protocol_version"])
    rest.insert(0, "data", place)
    return rest


def _print(title: str, frame: pd.DataFrame) -> None:
    """Print a table, unless there is nothing in it."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    if frame.empty:
        return
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in frame.columns:
        table.add_column(str(name).replace("n_", ""), overflow="fold")
    for row in frame.head(MOST_ROWS).itertuples(index=False):
        table.add_row(*(escape(_text(value)) for value in row))
    console = Console()
    console.print(table)
    if len(frame) > MOST_ROWS:
        console.print(f"... and {len(frame) - MOST_ROWS} more")


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "worse" if value else ""
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _write(frame: pd.DataFrame, path: Path) -> None:
    from ssnbench.contracts import UsageError

    try:
        frame.to_csv(path, index=False)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error}") from None
