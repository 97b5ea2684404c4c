from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssnbench.contracts import JobKey, Labels, Record, Timing, UsageError
from ssnbench.results.schema import VERSION
from ssnbench.results.store import FILE, Store

KEY = JobKey(
    algorithm="slic",
    params="{}",
    dataset="toys",
    split="test",
    image="a",
    n_asked=100,
    protocol="seal",
    protocol_version=1,
    code_version="v1",
)


def record(key: JobKey = KEY, truth: int = 0, **scores: float) -> Record:
    return Record(key, truth, "slic", "ok", "", 90, 95, 88, scores)


def test_rows_come_back(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        run = store.begin_run({"command": "ssnbench run"})
        store.add(run, [record(truth=0, asa=0.9), record(truth=1, asa=0.8, br=0.5)])
        assert set(store.finished()) == {KEY}
    with Store(tmp_path, create=False) as store:
        table = store.records()
        assert list(table.asa) == [0.9, 0.8]
        assert list(table.truth) == [0, 1]
        assert np.isnan(table.br[0])
        assert table.n_made[0] == 88
        assert store.runs() == [{"command": "ssnbench run"}]


def test_writing_again_replaces(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.add(1, [record(asa=0.9)])
        store.add(1, [record(asa=0.7)])
        assert list(store.records().asa) == [0.7]


def test_a_job_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    broken = replace(record(truth=1), reason=object())  # type: ignore[arg-type]
    with Store(tmp_path) as store:
        with pytest.raises(sqlite3.Error):
            store.add(1, [record(truth=0), broken])
        assert set(store.finished()) == set()
        store.add(1, [record(truth=0)])  # the store is still usable


def test_rows_of_the_latest_code_version_count(tmp_path: Path) -> None:
    newer = replace(KEY, code_version="v2")
    with Store(tmp_path) as store:
        store.add(1, [record(asa=0.9)])
        store.add(2, [record(newer, asa=0.5)])
        assert list(store.records().asa) == [0.5]
        assert set(store.finished()) == {KEY, newer}


def test_rows_of_former_defaults_do_not_count(tmp_path: Path) -> None:
    newer = replace(KEY, params='{"compactness": 20.0}', code_version="v2")
    with Store(tmp_path) as store:
        store.add(1, [record(asa=0.9)])
        store.add(2, [record(newer, asa=0.5)])  # by the same label
        assert list(store.records().asa) == [0.5]


def test_label_maps_are_kept_once(tmp_path: Path, toy_truth: Labels) -> None:
    with Store(tmp_path) as store:
        store.add(1, [record()], toy_truth, b"png")
        store.add(1, [record(replace(KEY, n_asked=200))], toy_truth)
        first, second = store.kept()
        assert first.content == second.content
        np.testing.assert_array_equal(store.label_map(first.content), toy_truth)
        assert store.pictures() == {("toys", "test", "a"): b"png"}
        assert store.labels_of_variants() == {("slic", "{}"): "slic"}


def test_kept_maps_of_an_older_code_version_do_not_count(tmp_path: Path, toy_truth: Labels) -> None:
    with Store(tmp_path) as store:
        for version in ("v2", "v1"):  # whichever was written last is the latest
            store.add(1, [record(replace(KEY, code_version=version))], toy_truth)
        assert [kept.code_version for kept in store.kept()] == ["v1"]


def test_timings(tmp_path: Path) -> None:
    timing = Timing(
        algorithm="slic",
        params="{}",
        code_version="v1",
        label="slic",
        dataset="toys",
        split="test",
        image="a",
        height=3,
        width=4,
        n_asked=100,
        device="cpu",
        threads=1,
        stage="total",
        seconds=0.1,
        fastest=0.09,
        slowest=0.2,
        repeats=5,
        peak_mb=7.0,
    )
    with Store(tmp_path) as store:
        store.add_timings([timing, replace(timing, stage="colour", seconds=0.01)])
        assert store.timed() == {("slic", "{}", "v1", "toys", "test", "a", 100, "cpu", 1)}
        assert sorted(store.timings().seconds) == [0.01, 0.1]


def test_newer_format_is_refused(tmp_path: Path) -> None:
    Store(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    with pytest.raises(
        UsageError, match=rf"newer ssnbench \(format {VERSION + 1}, this one knows {VERSION}\)"
    ):
        Store(tmp_path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("not a database, but long enough to be read as one" * 10)
    with pytest.raises(UsageError, match="no results file"):
        Store(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    with sqlite3.connect(other / FILE) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    with pytest.raises(UsageError, match="it holds other tables"):
        Store(other)


def test_no_results(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="make some: ssnbench run"):
        Store(tmp_path, create=False)


def test_unwritable_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write to"):
        Store(tmp_path / "file" / "below")


def test_metrics_that_are_scored_later_come_beside_the_others(tmp_path: Path) -> None:
    more = replace(KEY, metrics="mine@1")
    with Store(tmp_path) as store:
        store.add(1, [replace(record(asa=0.9), n_raw=7)])
        store.add(2, [replace(record(more, mine=0.5), n_raw=3)])
        (row,) = store.records().to_dict("records")
        assert (row["asa"], row["mine"], row["n_raw"]) == (0.9, 0.5, 7)
        assert store.finished() == {KEY: "+mine@1"}  # the protocol's own are there, too
