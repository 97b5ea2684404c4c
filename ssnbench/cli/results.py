"""``compare``, ``merge``, ``forget`` and ``annotators``: what is done with whole run folders."""

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
@click.argument("method")
@click.argument("folder", type=options.PATH, required=False)
@click.option("--dataset", help="Only on this dataset, as the report names it.")
@click.option("--split", help="Only on this split.")
@click.option("--segments", type=click.IntRange(min=0), help="Only where asked for so many.")
@click.option("--version", metavar="HEX", help="Only this version: results.csv, code_version.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
def forget(
    method: str,
    folder: Path | None,
    dataset: str | None,
    split: str | None,
    segments: int | None,
    version: str | None,
    dry_run: bool,
) -> int:
    """Remove a method's rows, label maps and times from a run folder.

    METHOD is called as in the report, such as slic(compactness=20), or is the folder of label maps
    that were scored. FOLDER may be left out where reports/ holds only one. There is no way back but
    to run the method again.
    """
    from ssnbench.report import draw, erase
    from ssnbench.results.forget import Choice
    from ssnbench.results.forget import forget as forgotten

    place = folder or _only_folder()
    gone = forgotten(place, Choice(method, dataset, split, version, segments), dry_run)
    click.echo(
        f"{'would remove' if dry_run else 'removed'} {', '.join(gone.labels)} from {place}: "
        f"{gone.n_rows} rows, {gone.n_maps} label maps, {gone.n_times} rows of times; "
        f"{gone.n_left} rows {'would stay' if dry_run else 'stay'}"
    )
    if dry_run:
        return 0
    if gone.n_left:
        click.echo(f"report: {draw(place)}")
    else:
        erase(place)
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


def _only_folder() -> Path:
    """The one run folder below ``reports``, where ``run`` puts them."""
    from ssnbench.contracts import UsageError
    from ssnbench.results.store import FILE

    folders = sorted(path.parent for path in Path("reports").glob(f"*/{FILE}"))
    if len(folders) != 1:
        held = f"reports/ holds {', '.join(map(str, folders)) or 'none'}"
        raise UsageError(f"say which run folder: ssnbench forget METHOD FOLDER; {held}")
    return folders[0]


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
    from ssnbench.io.csv_cells import write_csv

    try:
        write_csv(frame, path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error}") from None
