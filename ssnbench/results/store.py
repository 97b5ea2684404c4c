"""The results of a run: one SQLite file.

Every job is written in one transaction, so that a run that is killed loses at most what it was
computing and never holds half a job. Reading and writing may overlap (write-ahead log).
"""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ssnbench.contracts import JobKey, Labels, Record, Timing, UsageError
from ssnbench.io.packing import content_key, pack, unpack

FILE = "results.sqlite"
VERSION = 2
_APPLICATION = 0x53534E42  # "SSNB": tells our files from other SQLite files

CERTIFICATE = ("smallest", "unlabelled")
"""Columns that certify label maps made elsewhere; no scores."""

KEY = tuple(field.name for field in dataclasses.fields(JobKey))
_SEGMENTATION = tuple(name for name in KEY if name != "protocol")
_FIXED = (*KEY, "truth", "label", "status", "reason", "n_raw", "n_components", "n_made")
_TIMING = tuple(field.name for field in dataclasses.fields(Timing))

_SCHEMA = f"""
CREATE TABLE runs (id INTEGER PRIMARY KEY, facts TEXT NOT NULL);
CREATE TABLE records (
    algorithm TEXT, params TEXT, dataset TEXT, split TEXT, image TEXT, n_asked INTEGER,
    protocol TEXT, code_version TEXT, truth INTEGER, label TEXT, status TEXT, reason TEXT,
    n_raw INTEGER, n_components INTEGER, n_made INTEGER, run INTEGER REFERENCES runs,
    PRIMARY KEY ({", ".join(KEY)}, truth));
CREATE TABLE timings (
    algorithm TEXT, params TEXT, label TEXT, image TEXT, height INTEGER, width INTEGER,
    n_asked INTEGER, device TEXT, threads INTEGER, stage TEXT, seconds REAL, fastest REAL,
    slowest REAL, repeats INTEGER, peak_mb REAL, code_version TEXT,
    PRIMARY KEY (algorithm, params, image, n_asked, device, threads, stage, code_version));
CREATE TABLE label_maps (content TEXT PRIMARY KEY, map BLOB NOT NULL);
CREATE TABLE kept (
    algorithm TEXT, params TEXT, dataset TEXT, split TEXT, image TEXT, n_asked INTEGER,
    code_version TEXT, content TEXT REFERENCES label_maps,
    PRIMARY KEY ({", ".join(_SEGMENTATION)}));
CREATE TABLE pictures (
    dataset TEXT, split TEXT, image TEXT, png BLOB NOT NULL, PRIMARY KEY (dataset, split, image));
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {VERSION};
"""

_FROM_1 = """BEGIN IMMEDIATE;
ALTER TABLE records RENAME COLUMN n_segments TO n_made;
ALTER TABLE records RENAME COLUMN plugin_version TO code_version;
ALTER TABLE timings RENAME COLUMN plugin_version TO code_version;
ALTER TABLE kept RENAME COLUMN plugin_version TO code_version;
PRAGMA user_version = 2;
COMMIT;"""

_FLOWS = """CREATE TABLE IF NOT EXISTS flows (
    dataset TEXT, split TEXT, image TEXT, png BLOB NOT NULL, PRIMARY KEY (dataset, split, image))"""
"""Came later than the rest: a file from before has no such table."""

CURRENT = """(algorithm, params, code_version) IN (
    SELECT algorithm, params, code_version FROM (
        -- beside max(), SQLite takes bare columns from the row of the maximum
        SELECT algorithm, params, code_version, max(rowid) FROM records
        GROUP BY algorithm, label))"""
"""Rows of the latest version of each plug-in: where one was edited, the older do not count.

A label tells which parameters are not the default, so that it stays when the defaults change."""


@dataclass(frozen=True)
class Kept:
    """A label map that a run kept: what made it, and the key of its content."""

    algorithm: str
    params: str
    dataset: str
    split: str
    image: str
    n_asked: int
    code_version: str
    content: str


class Store:
    """The results file of one run folder; made when it is not there.

    Raises
    ------
    UsageError
        When the folder cannot be written, the file is of a newer version, or is something else.
    """

    def __init__(self, folder: Path, *, create: bool = True) -> None:
        path = folder / FILE
        if not create and not path.is_file():
            raise UsageError(f"no results in {folder}: it holds no {FILE}; make some: ssnbench run")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=30, isolation_level=None)
            self._prepare(path)
        except (OSError, sqlite3.OperationalError) as error:
            raise UsageError(f"cannot write to {folder}: {error}; choose another --out") from None
        except sqlite3.DatabaseError as error:
            raise UsageError(f"{path} is no results file of ssnbench: {error}") from None
        self.folder = folder
        self._known_columns: set[str] = set()

    def _prepare(self, path: Path) -> None:
        version = self._scalar("PRAGMA user_version")
        if version > VERSION:
            raise UsageError(
                f"{path} was written by a newer ssnbench (format {version}, this one knows "
                f"{VERSION}): update ssnbench, or choose another --out"
            )
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")  # safe in WAL when a process dies
        if version == 0:
            if self._scalar("SELECT count(*) FROM sqlite_master"):
                raise sqlite3.DatabaseError("it holds other tables")
            self._connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        elif self._scalar("PRAGMA application_id") != _APPLICATION:
            raise sqlite3.DatabaseError("it was made by another program")
        self._connection.execute(_FLOWS)
        if version == 1:
            self._connection.executescript(_FROM_1)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    # ------------------------------------------------------------------ writing

    def begin_run(self, facts: dict[str, Any]) -> int:
        """Note what is constant in a run (command, versions, machine); return its number."""
        cursor = self._connection.execute(
            "INSERT INTO runs (facts) VALUES (?)", [json.dumps(facts)]
        )
        return int(cursor.lastrowid or 0)

    def add(
        self,
        run: int,
        records: Iterable[Record],
        labels: Labels | None = None,
        png: bytes | None = None,
        flow: bytes | None = None,
    ) -> None:
        """Write all rows of one job, and what else is kept of it, in one transaction."""
        records = list(records)
        self._add_columns(name for record in records for name in record.scores)
        with self._transaction():
            for record in records:
                self._insert("records", _row(record) | {"run": run})
            key = records[0].key
            if labels is not None:
                self._keep(key, labels)
            place = {"dataset": key.dataset, "split": key.split, "image": key.image}
            for table, data in (("pictures", png), ("flows", flow)):
                if data is not None:
                    self._insert(table, place | {"png": data})

    def add_timings(self, timings: Iterable[Timing], code_version: str) -> None:
        """Write the times of one algorithm on one image, all its stages at once."""
        with self._transaction():
            for timing in timings:
                row = dataclasses.asdict(timing) | {"code_version": code_version}
                self._insert("timings", row)

    def _keep(self, key: JobKey, labels: Labels) -> None:
        data = pack(labels)
        content = content_key(data)
        self._insert("label_maps", {"content": content, "map": data})
        row = {name: getattr(key, name) for name in _SEGMENTATION}
        self._insert("kept", row | {"content": content})

    def _insert(self, table: str, row: dict[str, Any]) -> None:
        names = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join("?" * len(row))
        self._connection.execute(
            f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})", list(row.values())
        )

    def _add_columns(self, names: Iterable[str]) -> None:
        wanted = dict.fromkeys(name for name in names if name not in self._known_columns)
        if not wanted:
            return
        there = set(self._columns())
        for name in (name for name in wanted if name not in there):
            self._connection.execute(f'ALTER TABLE records ADD COLUMN "{name}" REAL')
        self._known_columns.update(wanted)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    # ------------------------------------------------------------------ reading

    def finished(self) -> set[JobKey]:
        """Keys of all jobs that have rows, whatever their status."""
        rows = self._connection.execute(f"SELECT DISTINCT {', '.join(KEY)} FROM records")
        return {JobKey(*row) for row in rows}

    def timed(self) -> set[tuple[str, str, str, int, str, int, str]]:
        """What was timed: algorithm, params, image, n_asked, device, threads, plug-in version."""
        return set(
            self._connection.execute(
                "SELECT DISTINCT algorithm, params, image, n_asked, device, threads, "
                "code_version FROM timings"
            )
        )

    def records(self) -> pd.DataFrame:
        """All rows, one per label map and truth, in a stable order.

        Where a plug-in was edited between two runs, only the rows of its latest version count.
        """
        table = self._frame(
            f"""SELECT {", ".join(f'"{name}"' for name in self._columns())} FROM records
            WHERE {CURRENT}
            ORDER BY dataset, split, label, n_asked, image, protocol, truth"""
        )
        return table.drop(columns="run")

    def timings(self) -> pd.DataFrame:
        """All measured times, one row per stage."""
        return self._frame("SELECT * FROM timings ORDER BY label, params, n_asked, image, stage")

    def runs(self) -> list[dict[str, Any]]:
        """Facts of every run that wrote here, oldest first."""
        rows = self._connection.execute("SELECT facts FROM runs ORDER BY id")
        return [json.loads(facts) for (facts,) in rows]

    def kept(self) -> list[Kept]:
        """Label maps that were kept, by the latest version of each plug-in."""
        columns = ", ".join((*_SEGMENTATION, "content"))
        rows = self._connection.execute(
            f"SELECT {columns} FROM kept WHERE {CURRENT} ORDER BY {columns}"
        )
        return [Kept(*row) for row in rows]

    def labels_of_variants(self) -> dict[tuple[str, str], str]:
        """How the user wrote each algorithm, by (algorithm, params)."""
        rows = self._connection.execute("SELECT DISTINCT algorithm, params, label FROM records")
        return {(algorithm, params): label for algorithm, params, label in rows}

    def label_map(self, content: str) -> Labels:
        """Return one kept label map, int32 (H, W)."""
        return unpack(self.packed_map(content))

    def packed_map(self, content: str) -> bytes:
        """Return one kept label map as :mod:`ssnbench.io.packing` packs it."""
        return bytes(self._scalar("SELECT map FROM label_maps WHERE content = ?", content))

    def pictures(self) -> dict[tuple[str, str, str], bytes]:
        """PNG of the images that the report shows, by (dataset, split, image)."""
        return self._pngs("pictures")

    def flows(self) -> dict[tuple[str, str, str], bytes]:
        """True flow of those images that have one, as KITTI's PNG."""
        return self._pngs("flows")

    def _pngs(self, table: str) -> dict[tuple[str, str, str], bytes]:
        rows = self._connection.execute(f"SELECT dataset, split, image, png FROM {table}")
        return {(dataset, split, image): png for dataset, split, image, png in rows}

    def write_csv(self) -> Path:
        """Write ``results.csv`` beside the store and return its path."""
        path = self.folder / "results.csv"
        self.records().to_csv(path, index=False)
        return path

    def _columns(self) -> list[str]:
        return [row[1] for row in self._connection.execute("PRAGMA table_info(records)")]

    def _frame(self, query: str) -> pd.DataFrame:
        cursor = self._connection.execute(query)
        return pd.DataFrame.from_records(
            cursor.fetchall(), columns=[column[0] for column in cursor.description]
        )

    def _scalar(self, query: str, *arguments: Any) -> Any:
        return self._connection.execute(query, arguments).fetchone()[0]


def _row(record: Record) -> dict[str, Any]:
    row = dataclasses.asdict(record.key) | {
        name: getattr(record, name) for name in _FIXED if name not in KEY
    }
    return row | {name: value for name, value in record.scores.items() if name not in _FIXED}
