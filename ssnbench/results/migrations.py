"""Older results files become new ones: the only place that cuts up what they packed into names."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping

from ssnbench.results.schema import (
    APPLICATION,
    ASKED_DATASETS,
    ASKED_IMAGES,
    ASKED_METHODS,
    METHOD,
    TABLES,
    TIMINGS,
    VERSION,
    StoreTable,
    columns_of,
    listed,
    quoted,
    transaction,
    version_of,
)


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


def _rebuild(connection: sqlite3.Connection, table: StoreTable, read: Mapping[str, str]) -> None:
    """Make a table as it is now and fill it, in the old order, from the one that is there."""
    present = columns_of(connection, table.name)
    more = [name for name in present if table.grows and name not in table.columns]
    connection.execute(table.create("rebuilt"))
    for name in more:
        connection.execute(f"ALTER TABLE rebuilt ADD COLUMN {quoted(name)} REAL")
    names = [*table.columns, *more]
    values = ", ".join(
        read.get(name, quoted(name) if name in present else "NULL") for name in names
    )
    connection.execute(
        f"INSERT INTO rebuilt ({listed(names)}) SELECT {values} FROM {table.name} AS old "
        "ORDER BY rowid"
    )
    connection.execute(f"DROP TABLE {table.name}")
    connection.execute(f"ALTER TABLE rebuilt RENAME TO {table.name}")


def _ask_for_the_latest(connection: sqlite3.Connection) -> None:
    """Take what was written last for what was asked for last.

    Of a method by dataset and split: version 2 let its latest version count on all of them.
    """
    for table in (ASKED_METHODS, ASKED_IMAGES):
        connection.execute(table.create())
    names = listed(ASKED_METHODS.columns)
    connection.execute(  # beside max(), SQLite takes bare columns from the row of the maximum
        f"INSERT INTO asked_methods ({names}) SELECT {names} FROM "
        f"(SELECT {names}, max(rowid) FROM records GROUP BY {listed(METHOD)})"
    )


def _from_3(connection: sqlite3.Connection) -> None:
    """Of older runs nobody knows how many images there were, nor how busy the machine was."""
    connection.execute(ASKED_DATASETS.create())
    _rebuild(connection, TIMINGS, {})


_MIGRATIONS = {1: _from_1, 2: _from_2, 3: _from_3}
"""By version, what brings a file to the next one."""
