"""The schema of results: tables, columns, keys, versions, and how older files become new ones.

Nobody else spells a table out: whoever writes, reads, copies or merges walks over ``TABLES``.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import get_type_hints

from ssnbench.contracts import JobKey, Record, Timing

VERSION = 3
APPLICATION = 0x53534E42  # "SSNB": tells our files from other SQLite files

KEY = tuple(field.name for field in fields(JobKey) if field.name != "metrics")
"""Columns that make a row the same row: a job that is scored by other metrics takes its place."""

SEGMENTATION = tuple(name for name in KEY if name not in ("protocol", "protocol_version"))
"""Columns that make a label map the same label map: all but what judges it."""

CERTIFICATE = ("smallest", "unlabelled")
"""Columns that certify label maps made elsewhere; no scores."""

_SQL = {int: "INTEGER", float: "REAL", str: "TEXT"}


@dataclass(frozen=True)
class Table:
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
_METHOD = ("algorithm", "label", "dataset", "split")


def _of(*names: str, **more: str) -> dict[str, str]:
    """Columns of a job's key by name, then others."""
    return {name: _KEY_COLUMNS[name] for name in names} | more


RUNS = Table("runs", {"id": "INTEGER", "environment": "TEXT NOT NULL"}, ("id",))
RECORDS = Table(
    "records",
    _KEY_COLUMNS | _columns(Record, "key", "scores") | {"run": "INTEGER"},
    (*KEY, "truth"),
    grows=True,
)
TIMINGS = Table(
    "timings",
    _columns(Timing),
    (
        *("algorithm", "params", "code_version", "dataset", "split", "image"),
        *("n_asked", "device", "threads", "stage"),
    ),
)
LABEL_MAPS = Table("label_maps", {"content": "TEXT", "map": "BLOB NOT NULL"}, ("content",))
KEPT = Table("kept", _of(*SEGMENTATION, content="TEXT"), SEGMENTATION)
PICTURES = Table("pictures", _of(*_IMAGE, png="BLOB NOT NULL"), _IMAGE)
FLOWS = Table("flows", _of(*_IMAGE, png="BLOB NOT NULL"), _IMAGE)
ASKED_METHODS = Table(
    "asked_methods",
    {"algorithm": "TEXT", "label": "TEXT"} | _of("dataset", "split", "params", "code_version"),
    _METHOD,
)
ASKED_IMAGES = Table("asked_images", _of(*_IMAGE, dataset_version="TEXT"), _IMAGE[:3])

TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        *(RUNS, RECORDS, TIMINGS, LABEL_MAPS, KEPT, PICTURES, FLOWS),
        *(ASKED_METHODS, ASKED_IMAGES),
    )
}
"""All tables by name.

``asked_methods`` and ``asked_images`` hold what the last command that dealt with a method on a
split, or with an image, asked for: the version of the code, and of the data. Rows of other
versions stay, and count again when their version is asked for again.
"""

TIMED = tuple(name for name in TIMINGS.key if name != "stage")
"""Columns that make a measurement of time the same one."""

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


def prepare(connection: sqlite3.Connection) -> None:
    """Bring a file to today's format: make its tables, or migrate those that it has."""
    if version_of(connection) == VERSION:
        return
    with transaction(connection):
        version = version_of(connection)  # another process may have been faster
        if version == 0:
            for table in TABLES.values():
                connection.execute(table.create())
        for step in range(version, VERSION) if version else ():
            _MIGRATIONS[step](connection)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {VERSION}")


# ---------------------------------------------------------------------- migrations


def _from_1(connection: sqlite3.Connection) -> None:
    """Columns got the field's names; true flow came later than the rest."""
    connection.execute("ALTER TABLE records RENAME COLUMN n_segments TO n_made")
    for table in ("records", "timings", "kept"):
        connection.execute(f"ALTER TABLE {table} RENAME COLUMN plugin_version TO code_version")


def _from_2(connection: sqlite3.Connection) -> None:
    """Facts that were packed into names get columns of their own; what counts is written down."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS flows (dataset TEXT, split TEXT, image TEXT, png BLOB)"
    )
    for name, arguments, function in (
        ("plain_dataset", 1, lambda text: _unpacked(text)[0]),
        ("perturbation", 1, lambda text: _unpacked(text)[1]),
        ("protocol_name", 1, lambda text: text.rpartition("/")[0] or text),
        ("protocol_version", 1, lambda text: int(re.sub(r".*/|\D", "", text) or 0)),
        ("timed_image", 2, lambda text, dataset: text.removeprefix(f"{dataset}/")),
    ):
        connection.create_function(name, arguments, function, deterministic=True)
    connection.execute(
        "CREATE TEMP TABLE known AS SELECT dataset || '/' || image AS packed, "
        "min(dataset) AS dataset, min(split) AS split FROM records GROUP BY dataset, image"
    )
    for table in TABLES.values():
        if not table.name.startswith("asked"):
            _rebuild(connection, table, _IN_2.get(table.name, {}))
    connection.execute("DROP TABLE temp.known")
    _ask_for_the_latest(connection)


_TIMED_DATASET = (
    "coalesce((SELECT dataset FROM known WHERE packed = old.image), "
    "rtrim(rtrim(old.image, replace(old.image, '/', '')), '/'))"
)
_KEY_IN_2 = {
    "dataset": "plain_dataset(dataset)",
    "perturbation": "perturbation(dataset)",
    "data_version": "''",
}
_RECORDS_IN_2 = {
    "protocol": "protocol_name(protocol)",
    "protocol_version": "protocol_version(protocol)",
    "metrics": "''",
}
_IN_2: Mapping[str, Mapping[str, str]] = {
    "runs": {"environment": "facts"},
    "records": _KEY_IN_2 | _RECORDS_IN_2,
    "kept": _KEY_IN_2,
    "pictures": {"data_version": "''"},
    "flows": {"data_version": "''"},
    "timings": {
        "dataset": _TIMED_DATASET,
        "split": "coalesce((SELECT split FROM known WHERE packed = old.image), '')",
        "image": f"timed_image(image, {_TIMED_DATASET})",
    },
}
"""How a column is read from a file of version 2, where it is not copied."""


def _unpacked(dataset: str) -> tuple[str, str]:
    """Part what version 2 packed: ``collage(seed=3)~noise(0.1)``; a path may hold the mark, too."""
    packed = re.fullmatch(r"(.*)~([a-z]+(?:\([^()~]*\))?)", dataset, re.DOTALL)
    return (packed[1], packed[2]) if packed else (dataset, "")


def _rebuild(connection: sqlite3.Connection, table: Table, read: Mapping[str, str]) -> None:
    """Make a table as it is now and fill it, in the old order, from the one that is there."""
    present = columns_of(connection, table.name)
    more = [name for name in present if table.grows and name not in table.columns]
    connection.execute(table.create("rebuilt"))
    for name in more:
        connection.execute(f"ALTER TABLE rebuilt ADD COLUMN {quoted(name)} REAL")
    names = [*table.columns, *more]
    values = ", ".join(read.get(name, quoted(name)) for name in names)
    connection.execute(
        f"INSERT INTO rebuilt ({listed(names)}) SELECT {values} FROM {table.name} AS old "
        "ORDER BY rowid"
    )
    connection.execute(f"DROP TABLE {table.name}")
    connection.execute(f"ALTER TABLE rebuilt RENAME TO {table.name}")


def _ask_for_the_latest(connection: sqlite3.Connection) -> None:
    """Take what was written last for what was asked for last, as version 2 did."""
    for table in (ASKED_METHODS, ASKED_IMAGES):
        connection.execute(table.create())
    names = listed(ASKED_METHODS.columns)
    connection.execute(  # beside max(), SQLite takes bare columns from the row of the maximum
        f"INSERT INTO asked_methods ({names}) SELECT {names} FROM "
        f"(SELECT {names}, max(rowid) FROM records GROUP BY {listed(_METHOD)})"
    )


_MIGRATIONS = {1: _from_1, 2: _from_2}
"""By version, what brings a file to the next one."""
