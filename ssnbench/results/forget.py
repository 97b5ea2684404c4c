"""Remove what a run folder holds of a method: rows, label maps, times, and what only they needed.

Of a store that another program has open nothing is removed: a run would write on meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ssnbench.contracts import UsageError
from ssnbench.plugins import unknown
from ssnbench.results.connection import connect, is_writable
from ssnbench.results.schema import ASKED_METHODS, METHOD, SEGMENTATION, listed
from ssnbench.results.store import FILE, Store


@dataclass(frozen=True)
class Choice:
    """What is to be forgotten: a method, wholly or in part.

    Attributes
    ----------
    method : str
        As reports name it, such as ``slic(compactness=20)``; or the folder of label maps.
    dataset, split, version : str, optional
        Only on this dataset or split, or of this version of its code, as ``results.csv`` has it.
    n_asked : int, optional
        Only at this count.
    """

    method: str
    dataset: str | None = None
    split: str | None = None
    version: str | None = None
    n_asked: int | None = None

    @property
    def parts(self) -> Mapping[str, str | int]:
        """Columns of the results by which it is narrowed down."""
        named = {
            "dataset": self.dataset,
            "split": self.split,
            "code_version": self.version,
            "n_asked": self.n_asked,
        }
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True)
class Forgotten:
    """What was removed, or would be.

    Attributes
    ----------
    labels : tuple of str
        The methods, as reports name them.
    n_rows, n_maps, n_times : int
        Rows of scores, label maps, rows of times.
    n_left : int
        Rows of scores that stay.
    """

    labels: tuple[str, ...]
    n_rows: int
    n_maps: int
    n_times: int
    n_left: int


def forget(folder: Path, choice: Choice, dry_run: bool = False) -> Forgotten:
    """Remove what a folder holds of a method, of whatever version.

    Parameters
    ----------
    folder : Path
        Run folder.
    choice : Choice
        What is to go.
    dry_run : bool
        Only count.

    Raises
    ------
    UsageError
        When the folder holds no results, or none of these (what it holds is named), or another
        program has it open.
    """
    Store(folder, create=False).close()  # refuses what is no store
    path = folder / FILE
    if not is_writable(path):
        raise UsageError(f"cannot write {path}")
    connection = connect(path, read_only=False)
    try:
        if not dry_run:
            _take_alone(connection, path)
        connection.execute("BEGIN IMMEDIATE")
        forgotten = _removed(connection, choice, folder)
        connection.execute("ROLLBACK" if dry_run else "COMMIT")
        if not dry_run:
            connection.execute("VACUUM")  # label maps are most of the file
    finally:
        connection.close()
    return forgotten


def _take_alone(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse while another program has the file open; keep others out from now on."""
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = DELETE")  # fails while anybody else has it open
    except sqlite3.OperationalError:
        raise UsageError(
            f"{path} is open in another program: wait for the run that writes there, or stop it"
        ) from None


def _removed(connection: sqlite3.Connection, choice: Choice, folder: Path) -> Forgotten:
    """Delete, in a transaction that is open, and count."""
    labels = _labels(connection, choice, folder)
    wanted, values = _condition(labels, choice)
    names = listed(SEGMENTATION)
    connection.execute(
        f"CREATE TEMP TABLE gone AS SELECT DISTINCT {names} FROM records WHERE {wanted}", values
    )
    n_rows = connection.execute(f"DELETE FROM records WHERE {wanted}", values).rowcount
    n_times = connection.execute(f"DELETE FROM timings WHERE {wanted}", values).rowcount
    n_maps = connection.execute(
        f"DELETE FROM kept WHERE ({names}) IN (SELECT {names} FROM gone) "
        f"AND ({names}) NOT IN (SELECT {names} FROM records)"
    ).rowcount
    if not n_rows + n_times:
        parts = ", ".join(f"{name} {value}" for name, value in choice.parts.items())
        raise UsageError(f"{folder} holds nothing of {', '.join(labels)} with {parts}")
    _ask_for_what_is_left(connection, labels)
    _drop_unneeded(connection)
    (n_left,) = connection.execute("SELECT count(*) FROM records").fetchone()
    return Forgotten(tuple(labels), n_rows, n_maps, n_times, int(n_left))


def _labels(connection: sqlite3.Connection, choice: Choice, folder: Path) -> list[str]:
    """Labels of the method: the one that is called so, else those of the folder of label maps."""
    methods = connection.execute(
        "SELECT label, algorithm FROM records UNION SELECT label, algorithm FROM timings"
    ).fetchall()
    place = Path(choice.method).resolve().as_posix()
    for of_method in (
        [label for label, _ in methods if label == choice.method],
        [label for label, algorithm in methods if algorithm == place],
    ):
        if of_method:
            return sorted(set(of_method))
    known = {label for label, _ in methods}
    raise unknown(
        f"method in {folder}",
        choice.method,
        known,
        f"it holds {', '.join(sorted(known)) or 'none'}",
    )


def _condition(labels: Sequence[str], choice: Choice) -> tuple[str, list[str | int]]:
    """SQL condition with its values for the rows that go, of scores and of times."""
    marks = ", ".join("?" * len(labels))
    narrowed = "".join(f" AND {name} = ?" for name in choice.parts)
    return f"label IN ({marks}){narrowed}", [*labels, *choice.parts.values()]


def _ask_for_what_is_left(connection: sqlite3.Connection, labels: Sequence[str]) -> None:
    """Where the version that counted is gone, the one that was written last counts again."""
    asked, method = listed(ASKED_METHODS.columns), listed(METHOD)
    marks = ", ".join("?" * len(labels))
    connection.execute(
        f"DELETE FROM asked_methods WHERE label IN ({marks}) "
        f"AND ({asked}) NOT IN (SELECT {asked} FROM records)",
        labels,
    )
    connection.execute(  # beside max(), SQLite takes bare columns from the row of the maximum
        f"INSERT INTO asked_methods ({asked}) SELECT {asked} FROM (SELECT {asked}, max(rowid) "
        f"FROM records WHERE label IN ({marks}) AND ({method}) NOT IN "
        f"(SELECT {method} FROM asked_methods) GROUP BY {method})",
        labels,
    )


def _drop_unneeded(connection: sqlite3.Connection) -> None:
    """Delete label maps, pictures and notes on images that no row needs any more."""
    for table, key, needed_by in (
        ("label_maps", "content", "kept"),
        ("pictures", "dataset, split, image, data_version", "records"),
        ("flows", "dataset, split, image, data_version", "records"),
        ("asked_images", "dataset, split, image", "records"),
        ("asked_datasets", "dataset, split", "records"),
    ):
        connection.execute(
            f"DELETE FROM {table} WHERE ({key}) NOT IN (SELECT {key} FROM {needed_by})"
        )
