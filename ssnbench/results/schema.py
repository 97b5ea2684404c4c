"""The schema of results: tables, columns, keys, versions, and how older files become new ones.

Nobody else spells a table out: whoever writes, reads, copies or merges walks over ``TABLES``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import get_type_hints

from ssnbench.contracts import MOST_LOAD, JobKey, Record, Timing

VERSION = 4
APPLICATION = 0x53534E42  # "SSNB": tells our files from other SQLite files

KEY = tuple(field.name for field in fields(JobKey) if field.name != "metrics")
"""Columns that make a row the same row: a job that is scored by other metrics takes its place."""

SEGMENTATION = tuple(name for name in KEY if name not in ("protocol", "protocol_version"))
"""Columns that make a label map the same label map: all but what judges it."""

CERTIFICATE = ("smallest", "unlabelled")
"""Columns that certify label maps made elsewhere; no scores."""

_SQL = {int: "INTEGER", float: "REAL", str: "TEXT"}


@dataclass(frozen=True)
class StoreTable:
    """One table of a results file.

    Attributes
    ----------
    name : str
    columns : mapping of str to str
        SQL type by column, in order.
    key : tuple of str
        Columns of the primary key.
    grows : bool
        Whether columns of scores are added as they come.
    """

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    grows: bool = False

    def create(self, name: str = "") -> str:
        """SQL that makes the table, under another name where one is given."""
        columns = ", ".join(f"{column} {kind}" for column, kind in self.columns.items())
        return f"CREATE TABLE {name or self.name} ({columns}, PRIMARY KEY ({listed(self.key)}))"


def listed(columns: tuple[str, ...] | list[str] | Mapping[str, str]) -> str:
    """Columns for an SQL statement, quoted."""
    return ", ".join(quoted(name) for name in columns)


def quoted(name: str) -> str:
    """The name of a column as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def _columns(cls: type, *left_out: str) -> dict[str, str]:
    """SQL types of a contract's fields."""
    hints = get_type_hints(cls)
    kinds = {field.name: hints[field.name] for field in fields(cls) if field.name not in left_out}
    return {name: _SQL.get(kind) or _optional(kind) for name, kind in kinds.items()}


def _optional(kind: object) -> str:
    """Type of a column that may be empty; a choice of texts is text."""
    return next((_SQL[each] for each in getattr(kind, "__args__", ()) if each in _SQL), "TEXT")


_KEY_COLUMNS = _columns(JobKey)
_IMAGE = ("dataset", "split", "image", "data_version")
METHOD = ("algorithm", "label", "dataset", "split")


def _of(*names: str, **more: str) -> dict[str, str]:
    """Columns of a job's key by name, then others."""
    return {name: _KEY_COLUMNS[name] for name in names} | more


RUNS = StoreTable("runs", {"id": "INTEGER", "environment": "TEXT NOT NULL"}, ("id",))
RECORDS = StoreTable(
    "records",
    _KEY_COLUMNS | _columns(Record, "key", "scores") | {"run": "INTEGER"},
    (*KEY, "truth"),
    grows=True,
)
TIMINGS = StoreTable(
    "timings",
    _columns(Timing),
    (
        *("algorithm", "params", "code_version", "dataset", "split", "image"),
        *("n_asked", "device", "threads", "stage"),
    ),
)
LABEL_MAPS = StoreTable("label_maps", {"content": "TEXT", "map": "BLOB NOT NULL"}, ("content",))
KEPT = StoreTable("kept", _of(*SEGMENTATION, content="TEXT"), SEGMENTATION)
PICTURES = StoreTable("pictures", _of(*_IMAGE, png="BLOB NOT NULL"), _IMAGE)
FLOWS = StoreTable("flows", _of(*_IMAGE, png="BLOB NOT NULL"), _IMAGE)
ASKED_METHODS = StoreTable(
    "asked_methods",
    {"algorithm": "TEXT", "label": "TEXT"} | _of("dataset", "split", "params", "code_version"),
    METHOD,
)
ASKED_IMAGES = StoreTable("asked_images", _of(*_IMAGE, dataset_version="TEXT"), _IMAGE[:3])
ASKED_DATASETS = StoreTable(
    "asked_datasets", _of("dataset", "split", n_images="INTEGER"), _IMAGE[:2]
)

TABLES: Mapping[str, StoreTable] = {
    table.name: table
    for table in (
        *(RUNS, RECORDS, TIMINGS, LABEL_MAPS, KEPT, PICTURES, FLOWS),
        *(ASKED_METHODS, ASKED_IMAGES, ASKED_DATASETS),
    )
}
"""All tables by name.

``asked_methods`` and ``asked_images`` hold what the last command that dealt with a method on a
split, or with an image, asked for: the version of the code, and of the data. Rows of other
versions stay, and count again when their version is asked for again. ``asked_datasets`` holds how
many images a split has, of which a command may ask for some.
"""

TIMED = tuple(name for name in TIMINGS.key if name != "stage")
"""Columns that make a measurement of time the same one."""

UNDER_LOAD = f"(load > {MOST_LOAD} AND even_if_busy IS NOT 1)"
"""SQL condition: the time was taken while others used the machine, and nobody wanted it so."""

_ASKED_CODE = ("algorithm", "dataset", "split", "params", "code_version")


def asked_code(label: bool = True, schema: str = "main") -> str:
    """SQL condition: the method is of the version that was asked for."""
    names = listed((*_ASKED_CODE, "label") if label else _ASKED_CODE)
    return f"({names}) IN (SELECT {names} FROM {schema}.asked_methods)"


def asked_data(schema: str = "main") -> str:
    """SQL condition: image and truths are of the version asked for, or nobody knows of which."""
    names = listed(_IMAGE)
    return f"(data_version = '' OR ({names}) IN (SELECT {names} FROM {schema}.asked_images))"


def columns_of(
    connection: sqlite3.Connection, table: str = "records", schema: str = "main"
) -> list[str]:
    """Columns that a table has in a file."""
    return [row[1] for row in connection.execute(f"PRAGMA {schema}.table_info({table})")]


def version_of(connection: sqlite3.Connection) -> int:
    """Version of a file's format; 0 for an empty file.

    Raises
    ------
    sqlite3.DatabaseError
        When it is no results file of ours.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if version == 0 and connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        raise sqlite3.DatabaseError("it holds other tables")
    if version and application != APPLICATION:
        raise sqlite3.DatabaseError("it was made by another program")
    return int(version)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write all or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
