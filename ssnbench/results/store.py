"""The results of a run: one SQLite file.

Every job is written in one transaction, so that a run that is killed loses at most what it was
computing and never holds half a job. Reading and writing may overlap (write-ahead log).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from ssnbench.contracts import JobKey, Labels, Record, Timing, UsageError
from ssnbench.io.notes import note
from ssnbench.io.packing import content_key, pack, unpack
from ssnbench.results import schema
from ssnbench.results.connection import connect, is_writable
from ssnbench.results.schema import (
    KEY,
    RECORDS,
    SEGMENTATION,
    TIMED,
    listed,
    quoted,
    transaction,
)

FILE = "results.sqlite"

_SHOWN = 3

_BESIDE_KEY = tuple(name for name in RECORDS.columns if name not in (*KEY, "metrics", "run"))
_VALUES_OF_KEY = attrgetter(*KEY)
segmentation = attrgetter(*SEGMENTATION)
"""What makes a label map the same one, of a `JobKey` or of a `Kept`: all but what judges it."""

_ROW_KEY = (*KEY, "truth")
_KNOWN = {
    # a label map that was kept does not tell what it was before it was made connected
    "n_raw": "coalesce(records.n_raw, excluded.n_raw)",
    "n_components": "coalesce(records.n_components, excluded.n_components)",
    # metrics that are scored later, named alone, come beside those of the protocol
    "metrics": "CASE WHEN (records.metrics = '' OR records.metrics LIKE '+%') "
    "AND excluded.metrics != '' AND excluded.metrics NOT LIKE '+%' "
    "THEN '+' || excluded.metrics ELSE excluded.metrics END",
}
"""How columns of a row that is there already are written."""
_METHOD, _IMAGE = tuple(schema.ASKED_METHODS.columns), tuple(schema.ASKED_IMAGES.columns)
_ORDER = listed(
    (
        *("dataset", "split", "label", "n_asked", "image", "perturbation"),
        *("protocol", "protocol_version", "truth"),
    )
)


@dataclass(frozen=True)
class Kept:
    """A label map that a run kept: what made it, the key of its content, what its rows say of it.

    ``n_raw`` and ``n_components`` are of the map before it was made connected, ``reason`` is what
    the method warned of.
    """

    algorithm: str
    params: str
    dataset: str
    split: str
    image: str
    perturbation: str
    n_asked: int
    code_version: str
    data_version: str
    content: str
    n_raw: int | None = None
    n_components: int | None = None
    reason: str = ""


class Store:
    """The results file of one run folder; made when it is not there.

    Parameters
    ----------
    folder : Path
        The run folder.
    create : bool
        Make what is not there; otherwise the file is to be read, from a disk that cannot be
        written, too.

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
            self._connection = connect(path, read_only=not create and not is_writable(path))
        except (OSError, sqlite3.OperationalError) as error:
            raise UsageError(f"cannot write to {folder}: {error}; choose another --out") from None
        except sqlite3.DatabaseError as error:
            raise UsageError(f"{path} is no results file of ssnbench: {error}") from None
        self.folder = folder
        self._known_columns: set[str] = set()
        self._asked: dict[tuple[str, ...], tuple[str, ...]] = {}

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def copy_to(self, path: Path) -> None:
        """Write all that the store holds into a new file, in today's format."""
        copy = sqlite3.connect(path)
        self._connection.backup(copy)
        copy.close()

    # ------------------------------------------------------------------ writing

    def begin_run(self, environment: Mapping[str, Any]) -> int:
        """Note what is constant in a run (command, versions, machine); return its number."""
        cursor = self._connection.execute(
            "INSERT INTO runs (environment) VALUES (?)", [json.dumps(environment)]
        )
        return int(cursor.lastrowid or 0)

    def ask(
        self,
        jobs: Iterable[tuple[JobKey, str, str]],
        datasets: Mapping[tuple[str, str], Sequence[str]] = MappingProxyType({}),
    ) -> bool:
        """Note which versions a command asks for: their rows count, those of others do not.

        A method is asked for by dataset and split, so that a report never mixes two versions of
        it; an image by itself, unless the dataset's code is another: then so are all its images.
        Images that a dataset no longer has do not count.

        Parameters
        ----------
        jobs : iterable of (key, label, version of the dataset's code)
        datasets : mapping from (dataset, split) to sequence of str
            Keys of all images that are there, whether they are asked for or not.

        Returns
        -------
        bool
            Whether anything was asked for in another version than before.
        """
        codes: dict[tuple[str, str], str] = {}
        with transaction(self._connection):
            before = self._read_asked()
            self._asked = dict(before)
            for key, label, dataset_version in jobs:
                self._ask_method(key, label)
                self._ask_image(key, dataset_version)
                codes[key.dataset, key.split] = dataset_version
            self._connection.executemany(
                "DELETE FROM asked_images "
                "WHERE dataset = ? AND split = ? AND dataset_version NOT IN ('', ?)",
                [(*place, version) for place, version in codes.items()],
            )
            for place, images in datasets.items():
                self._ask_dataset(place, images)
            self._asked = self._read_asked()
        return self._asked != before

    def _ask_dataset(self, place: tuple[str, str], images: Sequence[str]) -> None:
        """Take note of a dataset's size, and forget that images were asked for that are gone."""
        row = dict(zip(schema.ASKED_DATASETS.columns, (*place, len(images)), strict=True))
        self._insert("asked_datasets", row)
        asked = self._connection.execute(
            "SELECT image FROM asked_images WHERE (dataset, split) = (?, ?)", place
        )
        gone = sorted({image for (image,) in asked}.difference(images))
        if gone:
            shown = ", ".join(gone[:_SHOWN]) + (" ..." if len(gone) > _SHOWN else "")
            note(f"{' '.join(place)} has no longer {shown}: {len(gone)} images do not count")
        self._connection.executemany(
            "DELETE FROM asked_images WHERE (dataset, split, image) = (?, ?, ?)",
            [(*place, image) for image in gone],
        )

    def _read_asked(self) -> dict[tuple[str, ...], tuple[str, ...]]:
        """Versions that were asked for until now, by method and place, and by image."""
        asked: dict[tuple[str, ...], tuple[str, ...]] = {}
        for table in (schema.ASKED_METHODS, schema.ASKED_IMAGES, schema.ASKED_DATASETS):
            rows = self._connection.execute(f"SELECT {listed(table.columns)} FROM {table.name}")
            asked |= {row[: len(table.key)]: row[len(table.key) :] for row in rows}
        return asked

    def _ask_method(self, key: JobKey, label: str) -> None:
        method = (key.algorithm, label, key.dataset, key.split)
        version = (key.params, key.code_version)
        if self._asked.get(method) != version:
            self._insert("asked_methods", dict(zip(_METHOD, method + version, strict=True)))
            self._asked[method] = version

    def _ask_image(self, key: JobKey, dataset_version: str = "") -> None:
        """Take note of an image's version, if it has one."""
        image = (key.dataset, key.split, key.image)
        version = (key.data_version, dataset_version)
        if key.data_version and self._asked.get(image) != version:
            self._insert("asked_images", dict(zip(_IMAGE, image + version, strict=True)))
            self._asked[image] = version

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
        with transaction(self._connection):
            for record in records:
                self._write_record(_row(record) | {"run": run})
            key = records[0].key
            if labels is not None:
                self._keep(key, labels)
            for table, data in (("pictures", png), ("flows", flow)):
                if data is not None:
                    image = {name: getattr(key, name) for name in schema.TABLES[table].key}
                    self._insert(table, image | {"png": data})
            self._ask_if_new(key, records[0].label)

    def _ask_if_new(self, key: JobKey, label: str) -> None:
        """What is written without having been asked for counts, too."""
        self._ask_method(key, label)
        if self._asked.get((key.dataset, key.split, key.image), ("",))[0] != key.data_version:
            self._ask_image(key)

    def add_timings(self, timings: Iterable[Timing]) -> None:
        """Write the times of one algorithm on one image, all its stages at once."""
        with transaction(self._connection):
            for timing in timings:
                self._insert("timings", asdict(timing))

    def _keep(self, key: JobKey, labels: Labels) -> None:
        data = pack(labels)
        content = content_key(data)
        self._insert("label_maps", {"content": content, "map": data})
        row = {name: getattr(key, name) for name in SEGMENTATION}
        self._insert("kept", row | {"content": content})

    def _write_record(self, row: Mapping[str, Any]) -> None:
        """Write a row; of a job that was scored by other metrics before, these scores stay."""
        news = (name for name in row if name not in _ROW_KEY)
        sets = (f"{quoted(name)} = {_KNOWN.get(name, f'excluded.{quoted(name)}')}" for name in news)
        self._connection.execute(
            f"INSERT INTO records ({listed(row)}) VALUES ({', '.join('?' * len(row))}) "
            f"ON CONFLICT ({listed(_ROW_KEY)}) DO UPDATE SET {', '.join(sets)}",
            [*row.values()],
        )

    def _insert(self, table: str, row: Mapping[str, Any]) -> None:
        marks = ", ".join("?" * len(row))
        self._connection.execute(
            f"INSERT OR REPLACE INTO {table} ({listed(row)}) VALUES ({marks})", [*row.values()]
        )

    def _add_columns(self, names: Iterable[str]) -> None:
        wanted = dict.fromkeys(name for name in names if name not in self._known_columns)
        if not wanted:
            return
        present = set(schema.columns_of(self._connection))
        for name in (name for name in wanted if name not in present):
            self._connection.execute(f"ALTER TABLE records ADD COLUMN {schema.quoted(name)} REAL")
        self._known_columns.update(wanted)

    # ------------------------------------------------------------------ reading

    def finished(self) -> dict[JobKey, str]:
        """Jobs that have rows, whatever their status and version, and by which metrics.

        The keys are those of the protocols' own metrics; beside each stands what was scored
        instead, as in `JobKey.metrics`.
        """
        names = (*KEY, "metrics")
        rows = self._connection.execute(f"SELECT DISTINCT {listed(names)} FROM records")
        return {JobKey(**dict(zip(KEY, row, strict=False))): row[-1] for row in rows}

    def timed(self) -> set[tuple[Any, ...]]:
        """What was timed, as the values of the columns ``schema.TIMED``."""
        return set(self._connection.execute(f"SELECT DISTINCT {listed(TIMED)} FROM timings"))

    def timed_under_load(self) -> set[tuple[Any, ...]]:
        """What was timed while others used the machine, and is left out of tables."""
        return set(
            self._connection.execute(
                f"SELECT DISTINCT {listed(TIMED)} FROM timings WHERE {schema.UNDER_LOAD}"
            )
        )

    def records(self) -> pd.DataFrame:
        """All rows that count, one per label map and truth, in a stable order.

        Those count that are of the versions of method, image and truths that were asked for last.
        """
        names = [name for name in schema.columns_of(self._connection) if name != "run"]
        return self._frame(
            f"SELECT {listed(names)} FROM records "
            f"WHERE {schema.asked_code()} AND {schema.asked_data()} ORDER BY {_ORDER}"
        )

    def data_versions(self) -> dict[tuple[str, str, str], str]:
        """Version of each image that was asked for last, by (dataset, split, image)."""
        rows = self._connection.execute(
            "SELECT dataset, split, image, data_version FROM asked_images"
        )
        return {(dataset, split, image): version for dataset, split, image, version in rows}

    def n_images(self) -> dict[tuple[str, str], int]:
        """Images that a dataset has, by (dataset, split), when it was last asked for some."""
        rows = self._connection.execute("SELECT dataset, split, n_images FROM asked_datasets")
        return {(dataset, split): n for dataset, split, n in rows}

    def timings(self) -> pd.DataFrame:
        """All measured times, one row per stage."""
        return self._frame(
            "SELECT * FROM timings ORDER BY label, params, n_asked, dataset, split, image, stage"
        )

    def runs(self) -> list[dict[str, Any]]:
        """Environment of every run that wrote here, oldest first."""
        rows = self._connection.execute("SELECT environment FROM runs ORDER BY id")
        return [json.loads(environment) for (environment,) in rows]

    def kept(self) -> list[Kept]:
        """Label maps that were kept and count, as :meth:`records` has it."""
        made, columns = listed(SEGMENTATION), listed((*SEGMENTATION, "content"))
        rows = self._connection.execute(
            f"SELECT {columns}, max(n_raw), max(n_components), coalesce(max(reason), '') "
            f"FROM kept LEFT JOIN records USING ({made}) WHERE {schema.asked_code(label=False)} "
            f"AND {schema.asked_data()} GROUP BY {columns} ORDER BY {columns}"
        )
        return [Kept(*row) for row in rows]

    def labels_of_variants(self) -> dict[tuple[str, str], str]:
        """How the user wrote each algorithm, by (algorithm, params)."""
        rows = self._connection.execute("SELECT DISTINCT algorithm, params, label FROM records")
        return {(algorithm, params): label for algorithm, params, label in rows}

    def algorithms_of_labels(self) -> dict[str, str]:
        """Which algorithm goes by a label: the last one that was asked for."""
        rows = self._connection.execute("SELECT label, algorithm FROM asked_methods ORDER BY rowid")
        return dict(rows.fetchall())

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
        rows = self._connection.execute(
            f"SELECT dataset, split, image, png FROM {table} WHERE {schema.asked_data()} "
            "ORDER BY data_version"  # one of a known version goes before one of none
        )
        return {(dataset, split, image): png for dataset, split, image, png in rows}

    def write_csv(self) -> Path:
        """Write ``results.csv`` beside the store and return its path."""
        path = self.folder / "results.csv"
        self.records().to_csv(path, index=False)
        return path

    def _frame(self, query: str) -> pd.DataFrame:
        cursor = self._connection.execute(query)
        return pd.DataFrame.from_records(
            cursor.fetchall(), columns=[column[0] for column in cursor.description]
        )

    def _scalar(self, query: str, *arguments: Any) -> Any:
        return self._connection.execute(query, arguments).fetchone()[0]


def _row(record: Record) -> dict[str, Any]:
    row = dict(zip(KEY, _VALUES_OF_KEY(record.key), strict=True))
    row |= {name: getattr(record, name) for name in _BESIDE_KEY} | {"metrics": record.key.metrics}
    return row | {name: value for name, value in record.scores.items() if name not in row}
