"""Older files become today's: no row is lost, and what was packed into names is parted."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from ssnbench.contracts import Timing
from ssnbench.results import schema
from ssnbench.results.inter_annotator import read
from ssnbench.results.merge import merge
from ssnbench.results.migrations import _MIGRATIONS
from ssnbench.results.schema import TABLES, VERSION
from ssnbench.results.store import FILE, Store

VERSION_1 = """
CREATE TABLE runs (id INTEGER PRIMARY KEY, facts TEXT NOT NULL);
CREATE TABLE records (
    algorithm TEXT, params TEXT, dataset TEXT, split TEXT, image TEXT, n_asked INTEGER,
    protocol TEXT, plugin_version TEXT, truth INTEGER, label TEXT, status TEXT, reason TEXT,
    n_raw INTEGER, n_components INTEGER, n_segments INTEGER, run INTEGER, asa REAL, "mine of" REAL,
    PRIMARY KEY (algorithm, params, dataset, split, image, n_asked, protocol, plugin_version,
        truth));
CREATE TABLE timings (
    algorithm TEXT, params TEXT, label TEXT, image TEXT, height INTEGER, width INTEGER,
    n_asked INTEGER, device TEXT, threads INTEGER, stage TEXT, seconds REAL, fastest REAL,
    slowest REAL, repeats INTEGER, peak_mb REAL, plugin_version TEXT,
    PRIMARY KEY (algorithm, params, image, n_asked, device, threads, stage, plugin_version));
CREATE TABLE label_maps (content TEXT PRIMARY KEY, map BLOB NOT NULL);
CREATE TABLE kept (
    algorithm TEXT, params TEXT, dataset TEXT, split TEXT, image TEXT, n_asked INTEGER,
    plugin_version TEXT, content TEXT,
    PRIMARY KEY (algorithm, params, dataset, split, image, n_asked, plugin_version));
CREATE TABLE pictures (
    dataset TEXT, split TEXT, image TEXT, png BLOB NOT NULL, PRIMARY KEY (dataset, split, image));
INSERT INTO runs VALUES (1, '{"cpu": "Toaster"}');
INSERT INTO label_maps VALUES ('c', x'00');
INSERT INTO timings VALUES ('slic', '{}', 'slic', 'd/a', 3, 4, 8, 'cpu', 1, 'total', 1, 1, 1, 3,
    NULL, 'v2'), ('slic', '{}', 'slic', 'collage(n=1)/b', 3, 4, 8, 'cpu', 1, 'total', 1, 1, 1, 3,
    NULL, 'v2');
"""
RECORDS = [
    ("d", "a", "seal/1", "v1", 0.1),
    ("d", "a", "seal/1", "v2", 0.2),
    ("d~noise(0.1)", "a", "seal/1", "v2", 0.3),
    ("d", "a", "seal(r=2)/1", "v2", 0.4),
    ("folder(path=~/photos)", "a", "seal/2", "v1", 0.5),
    ("folder(path=~/photos)~fliplr", "a", "seal/2", "v1", 0.6),
]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A folder as the first version of the program left it."""
    folder = tmp_path / "old"
    folder.mkdir()
    connection = sqlite3.connect(folder / FILE)
    connection.executescript(VERSION_1)
    for dataset, image, protocol, version, asa in RECORDS:
        key = ("slic", "{}", dataset, "test", image, 8, protocol, version)
        row = (*key, 0, "slic", "ok", "", 7, 8, 9, 1, asa, asa)
        connection.execute(f"INSERT INTO records VALUES ({','.join('?' * len(row))})", row)
        kept = (*key[:6], version, "c")
        connection.execute("INSERT OR REPLACE INTO kept VALUES (?,?,?,?,?,?,?,?)", kept)
    connection.execute("INSERT INTO pictures VALUES ('d', 'test', 'a', x'11')")
    connection.execute(f"PRAGMA application_id = {schema.APPLICATION}")
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    return folder


def test_no_row_is_lost(old: Path) -> None:
    Store(old).close()
    connection = sqlite3.connect(old / FILE)
    counts = {
        name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in TABLES
    }
    assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
    connection.close()
    assert counts == {
        "runs": 1,
        "records": len(RECORDS),
        "timings": 2,
        "label_maps": 1,
        "kept": 5,
        "pictures": 1,
        "flows": 0,
        "asked_methods": 2,
        "asked_images": 0,
        "asked_datasets": 0,
    }


def test_names_are_parted_and_the_latest_version_counts(old: Path) -> None:
    with Store(old) as store:
        table = store.records()
        assert store.runs() == [{"cpu": "Toaster"}]
        assert store.pictures() == {("d", "test", "a"): b"\x11"}
        assert {kept.code_version for kept in store.kept() if kept.dataset == "d"} == {"v2"}
        timings = store.timings()
    columns = ["dataset", "perturbation", "protocol", "protocol_version", "asa"]
    assert sorted(table[columns].itertuples(index=False, name=None)) == [
        ("d", "", "seal", 1, 0.2),
        ("d", "", "seal(r=2)", 1, 0.4),
        ("d", "noise(0.1)", "seal", 1, 0.3),
        ("folder(path=~/photos)", "", "seal", 2, 0.5),
        ("folder(path=~/photos)", "fliplr", "seal", 2, 0.6),
    ]
    assert table["mine of"].tolist() == table["asa"].tolist()
    assert set(table["n_made"]) == {9}
    timed = timings[["dataset", "split", "image"]].itertuples(index=False, name=None)
    assert sorted(timed) == [("collage(n=1)", "", "b"), ("d", "test", "a")]


def test_of_older_times_nobody_knows_the_load(tmp_path: Path) -> None:
    timing = Timing(
        algorithm="m", params="{}", code_version="1", label="m", dataset="d", split="s", image="a",
        height=3, width=4, n_asked=8, device="cpu", threads=1, stage="total", seconds=0.5,
        fastest=0.4, slowest=0.6, repeats=3, peak_mb=7,
    )  # fmt: skip
    with Store(tmp_path) as store:
        store.add_timings([timing])
    connection = sqlite3.connect(tmp_path / FILE)
    for column in ("load", "even_if_busy", "bare_mb"):
        connection.execute(f"ALTER TABLE timings DROP COLUMN {column}")
    connection.execute("DROP TABLE asked_datasets")
    connection.execute("PRAGMA user_version = 3")
    connection.commit()
    connection.close()
    with Store(tmp_path) as store:
        (row,) = store.timings().to_dict("records")
        assert (row["seconds"], row["peak_mb"], row["load"], row["bare_mb"]) == (0.5, 7, None, None)
        assert store.timed_under_load() == set()
        store.add_timings([replace(timing, load=0.5), replace(timing, image="b", load=0.1)])
        assert {key[5] for key in store.timed_under_load()} == {"a"}
        store.add_timings([replace(timing, load=0.5, even_if_busy=1)])
        assert store.timed_under_load() == set()


def test_a_broken_migration_changes_nothing(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: sqlite3.Connection) -> None:
        raise RuntimeError("no power")

    before = dump(old)
    monkeypatch.setitem(_MIGRATIONS, 2, fails)
    with pytest.raises(RuntimeError):
        Store(old)
    assert dump(old) == before


def test_what_cannot_be_written_is_read(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = tmp_path / "new"
    merge([old, _empty(tmp_path / "empty")], new)
    monkeypatch.setattr(os, "access", lambda *_: False)
    for folder in (old, new):
        files = {path: path.read_bytes() for path in folder.iterdir()}
        with Store(folder, create=False) as store:
            assert len(store.records()) == 5
        assert {path: path.read_bytes() for path in folder.iterdir()} == files


def test_a_merge_copies_every_table(old: Path, tmp_path: Path) -> None:
    with Store(old) as store:
        for name, table in TABLES.items():
            if store._connection.execute(f"SELECT count(*) FROM {name}").fetchone() == (0,):
                row = dict.fromkeys(table.columns, "x")
                store._insert(name, row)
    merge([old, _empty(tmp_path / "empty")], tmp_path / "all")
    connection = sqlite3.connect(tmp_path / "all" / FILE)
    for name in TABLES:
        assert connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] > 0, name
    connection.close()


def test_annotators_of_older_folders(tmp_path: Path) -> None:
    text = "dataset,split,image,protocol,annotator,truth,asa\nd,test,01,seal(r=2)/1,0,1,0.5\n"
    (tmp_path / "annotators.csv").write_text(text)
    (row,) = read(tmp_path).to_dict("records")
    assert (row["protocol"], row["protocol_version"], row["image"]) == ("seal(r=2)", 1, "01")


def _empty(folder: Path) -> Path:
    Store(folder).close()
    return folder


def dump(folder: Path) -> list[str]:
    connection = sqlite3.connect(folder / FILE)
    lines = list(connection.iterdump())
    connection.close()
    return lines
