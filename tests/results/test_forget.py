"""A failed experiment is taken out of a run folder, and nothing else."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssnbench import report
from ssnbench.cli import main
from ssnbench.contracts import JobKey, Record, Timing
from ssnbench.results.schema import TABLES
from ssnbench.results.store import FILE, Store
from ssnbench.run.job import encode_png

KEY = JobKey(
    algorithm="slic",
    params="{}",
    dataset="toy",
    split="test",
    image="a",
    n_asked=4,
    protocol="seal",
    protocol_version=1,
    code_version="c1",
    data_version="d1",
)
PNG = encode_png(np.zeros((3, 4, 3), np.uint8))
TIME = Timing(
    algorithm="slic",
    params="{}",
    code_version="c1",
    label="slic",
    dataset="toy",
    split="test",
    image="a",
    height=3,
    width=4,
    n_asked=4,
    device="cpu",
    threads=1,
    stage="total",
    seconds=1.0,
    fastest=1.0,
    slowest=1.0,
    repeats=3,
)


def add(folder: Path, label: str = "slic", asa: float = 0.5, **parts: Any) -> None:
    """One job with its label map and picture."""
    key = replace(KEY, algorithm=label.partition("(")[0], **parts)
    with Store(folder) as store:
        labels = np.full((3, 4), len(store.kept()), np.int32)
        scores = {"asa": asa, "br": 0.5}
        store.ask([(key, label, "p1")], {(key.dataset, key.split): ["a", "b"]})
        store.add(
            store.begin_run({}), [Record(key, 0, label, "ok", "", 4, 4, 4, scores)], labels, PNG
        )


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw no report: that takes seconds."""
    monkeypatch.setattr(report, "draw", lambda folder: folder / "index.html")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two methods, two variants of one, two datasets, two versions, two counts; times of one."""
    place = tmp_path / "out"
    add(place)
    add(place, n_asked=8)
    add(place, image="b")
    add(place, dataset="other")
    add(place, "slic(compactness=20)", params='{"compactness": 20}')
    add(place, "grid")
    add(place, asa=0.9, code_version="c2")
    with Store(place) as store:
        store.add_timings([TIME])
    return place


def counts(folder: Path) -> dict[str, int]:
    connection = sqlite3.connect(folder / FILE)
    counted = {n: connection.execute(f"SELECT count(*) FROM {n}").fetchone()[0] for n in TABLES}
    connection.close()
    return counted


def test_a_method_goes_with_all_its_versions_maps_and_times(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["forget", "slic", str(folder)]) == 0
    assert "removed slic" in capsys.readouterr().out
    with Store(folder, create=False) as store:
        assert store.records()["label"].tolist() == ["grid", "slic(compactness=20)"]
        assert store.timings().empty
        assert len(store.kept()) == 2
        assert set(store.pictures()) == {("toy", "test", "a")}
        assert set(store.n_images()) == {("toy", "test")}
    assert counts(folder)["label_maps"] == 2
    assert counts(folder)["asked_images"] == 1
    assert "slic" in (folder / "results.csv").read_text()
    assert ",slic," not in (folder / "results.csv").read_text()
    assert main(["forget", "slic", str(folder)]) == 2  # a variant of it is another method
    told = capsys.readouterr().err
    assert "slic(compactness=20)" in told


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("options", "rows", "maps", "times"),
    [
        (["--dataset", "other"], 1, 1, 0),
        (["--dataset", "toy", "--split", "test"], 4, 4, 1),
        (["--segments", "8"], 1, 1, 0),
        (["--version", "c2"], 1, 1, 0),
        (["--version", "c1"], 4, 4, 1),
        ([], 5, 5, 1),
    ],
)
def test_parts_of_it_and_what_would_go(
    folder: Path,
    options: list[str],
    rows: int,
    maps: int,
    times: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = counts(folder)
    command = ["forget", "slic", str(folder), *options]
    assert main([*command, "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert f"would remove slic from {folder}: {rows} rows, {maps} label maps, {times} rows" in told
    assert f"; {before['records'] - rows} rows would stay" in told
    assert counts(folder) == before
    assert main(command) == 0
    after = counts(folder)
    assert (after["records"], after["kept"], after["timings"]) == (
        before["records"] - rows,
        before["kept"] - maps,
        before["timings"] - times,
    )


@pytest.mark.usefixtures("undrawn")
def test_without_the_last_version_the_one_before_counts_again(folder: Path) -> None:
    assert main(["forget", "slic", str(folder), "--version", "c2"]) == 0
    with Store(folder, create=False) as store:
        table = store.records()
    mine = table[(table["label"] == "slic") & (table["dataset"] == "toy")]
    assert mine["code_version"].tolist() == ["c1"] * 3
    assert main(["forget", "slic", str(folder), "--version", "c2"]) == 2


@pytest.mark.usefixtures("undrawn")
def test_nothing_goes_while_a_run_writes_there(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = counts(folder)
    with Store(folder):
        assert main(["forget", "slic", str(folder)]) == 2
        assert "is open in another program" in capsys.readouterr().err
        assert main(["forget", "slic", str(folder), "--dry-run"]) == 0
    assert counts(folder) == before


def test_the_last_method_takes_the_report_along(tmp_path: Path) -> None:
    add(tmp_path, "grid")
    report.draw(tmp_path)
    (tmp_path / "tables" / "mine.txt").write_text("of the user")
    assert main(["forget", "grid", str(tmp_path)]) == 0
    left = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert left == [".report.json", "mine.txt", "results.sqlite"]
    assert {name for name, n in counts(tmp_path).items() if n} == {"runs"}


@pytest.mark.usefixtures("undrawn")
def test_the_only_folder_of_reports_need_not_be_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder.parent)
    assert main(["forget", "grid"]) == 2
    assert "reports/ holds none" in capsys.readouterr().err
    (folder.parent / "reports").mkdir()
    folder.rename(folder.parent / "reports" / "out")
    assert main(["forget", "grid", "--dry-run"]) == 0
    add(folder.parent / "reports" / "more")
    assert main(["forget", "grid", "--dry-run"]) == 2
    assert "reports/more, reports/out" in capsys.readouterr().err
