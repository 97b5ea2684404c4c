from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ssnbench import plugins
from ssnbench.contracts import UsageError
from ssnbench.plugins.dataset_ref import dataset_ref
from ssnbench.results.store import FILE, Store
from ssnbench.run import plan
from ssnbench.run.execute import execute, missing
from ssnbench.run.job import do
from ssnbench.run.plan import Plan

COLLAGE = "collage(n_images=3,height=48,width=64)"

ODD = '''"""Methods that misbehave in every way, for the tests."""
from __future__ import annotations
from ssnbench.plugins.dataset_ref import dataset_ref
import os, time, warnings
from dataclasses import dataclass
import numpy as np

@dataclass(frozen=True)
class Odd:
    way: str = "raises"

    def __call__(self, image, n_segments):
        good = np.zeros(image.shape[:2], int)
        if self.way == "raises":
            raise RuntimeError("no\\nidea")
        if self.way == "shape":
            return good[1:]
        if self.way == "kind":
            return good + 0.5
        if self.way == "list":
            return good.tolist()
        if self.way == "dies":
            os._exit(9)
        if self.way == "draws":
            image[:] = 0
        if self.way == "warns":
            warnings.warn("as good as it gets", stacklevel=1)
        if self.way == "slow":
            time.sleep(0.15)
        return good

PLUGIN = Odd
'''


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    path = tmp_path / "odd.py"
    path.write_text(ODD)
    plugins.add_file(path)
    return path


def make(algos: str, *, segments: tuple[int, ...] = (9,), **more: object) -> Plan:
    source = dataset_ref(COLLAGE)
    return plan.make(
        plan.choose_algorithms(algos),
        source,
        segments,
        **more,  # type: ignore[arg-type]
    )


def rows(store: Store) -> pd.DataFrame:
    return store.records().drop(columns=["code_version"])


def test_plan_is_image_by_image_with_stable_keys() -> None:
    first, second = (make("grid,slic", segments=(20, 10)) for _ in range(2))
    assert [job.key for job in first.jobs] == [job.key for job in second.jobs]
    assert len({job.key for job in first.jobs}) == len(first.jobs) == 3 * 2 * 2
    images = [job.key.image for job in first.jobs]
    assert images == sorted(images)
    assert first.n_asked == (10, 20)


def test_set_changes_only_the_named_algorithm() -> None:
    grid, slic = plan.choose_algorithms("grid,slic", ["slic.compactness=20"])
    assert (grid.label, slic.label) == ("grid", "slic(compactness=20)")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("slic.compactness", "write algorithm.parameter=value"),
        ("compactness=3", "write algorithm.parameter=value"),
        ("lsc.ratio=3", "no chosen algorithm is called 'lsc'"),
        ("slic.compactnes=3", "did you mean compactness"),
    ],
)
def test_wrong_settings(setting: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        plan.choose_algorithms("slic", [setting])


@pytest.mark.parametrize("counts", [[0], [-3, 10], []])
def test_counts_from_one(counts: list[int]) -> None:
    with pytest.raises(UsageError, match=r"should be 1 or more|no number of superpixels"):
        plan.check_counts(counts)


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        ("raises", "RuntimeError: no idea"),
        ("shape", "labels of shape (47, 64) for an image of shape (48, 64)"),
        ("kind", "TypeError: labels should be integers, got float64"),
        ("list", "TypeError: labels should be an array of integers, got list"),
    ],
)
def test_a_method_that_fails_costs_its_own_rows(odd: Path, way: str, reason: str) -> None:
    job = make(f"odd(way={way})").jobs[0]
    outcome = do(job)
    assert outcome.status == "failed"
    assert [record.truth for record in outcome.records] == [0, 1]
    assert all(reason in record.reason for record in outcome.records)


def test_a_method_that_draws_into_the_image_spoils_it_for_nobody(odd: Path) -> None:
    careful, careless = (make(f"odd(way={way})").jobs[0] for way in ("quiet", "draws"))
    before = do(careful).records[0].scores
    do(careless)
    assert do(careful).records[0].scores == before


def test_a_warning_is_noted_in_the_row(odd: Path) -> None:
    record = do(make("odd(way=warns)").jobs[0]).records[0]
    assert (record.status, record.reason) == ("ok", "as good as it gets")


def test_more_superpixels_than_pixels_is_skipped() -> None:
    outcome = do(make("grid", segments=(48 * 64 + 1,)).jobs[0])
    assert outcome.status == "skipped"
    assert "more superpixels than pixels: 3073 in 48 x 64" in outcome.records[0].reason


def test_an_image_that_cannot_be_read_costs_its_own_rows() -> None:
    job = make("grid").jobs[0]
    outcome = do(replace(job, key=replace(job.key, image="no-such-image")))
    assert outcome.status == "failed"
    assert [record.truth for record in outcome.records] == [-1]


def test_records_hold_raw_and_made_counts() -> None:
    record = do(make("grid").jobs[0]).records[0]
    assert record.n_raw == record.n_components == record.n_made == 9
    assert 0 < record.scores["asa"] <= 1


def test_shown_images_are_kept(tmp_path: Path) -> None:
    todo = make("grid,slic", segments=(5, 10, 20))
    with Store(tmp_path) as store:
        execute(todo.jobs, store, 1)
        assert len(store.pictures()) == 3
        assert {kept.n_asked for kept in store.kept()} == {10}
        assert store.label_map(store.kept()[0].content).shape == (48, 64)


def test_keep_labels_keeps_all(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        execute(make("grid", segments=(5, 10), keep_labels=True).jobs, store, 1)
        assert len(store.kept()) == 6


def test_resume_does_only_what_is_missing(tmp_path: Path) -> None:
    todo = make("grid,slic")
    with Store(tmp_path) as store:
        execute(todo.jobs[:2], store, 1)
        assert missing(todo.jobs, store) == list(todo.jobs[2:])
        tally = execute(missing(todo.jobs, store), store, 1)
        assert tally == {"ok": 4}, set(store.records().reason)
        assert missing(todo.jobs, store) == []


@pytest.mark.slow
def test_workers_give_the_rows_of_one_process(tmp_path: Path) -> None:
    todo = make("grid,slic,watershed")
    with Store(tmp_path / "one") as one, Store(tmp_path / "two") as two:
        execute(todo.jobs, one, 1)
        execute(todo.jobs, two, 1, n_workers=2)
        pd.testing.assert_frame_equal(rows(one), rows(two))


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "package"), [("dask", "distributed"), ("ray", "ray")])
def test_other_backends_give_the_rows_of_one_process(
    tmp_path: Path, backend: str, package: str
) -> None:
    pytest.importorskip(package)
    todo = make("grid,slic")
    with Store(tmp_path / "one") as one, Store(tmp_path / "two") as two:
        execute(todo.jobs, one, 1)
        execute(todo.jobs, two, 1, n_workers=2, backend=backend)
        pd.testing.assert_frame_equal(rows(one), rows(two))


@pytest.mark.slow
def test_a_worker_that_dies_costs_its_own_rows(tmp_path: Path, odd: Path) -> None:
    todo = make("grid,odd(way=dies),slic")
    with Store(tmp_path / "out") as store:
        tally = execute(todo.jobs, store, 1, n_workers=2)
        table = store.records()
    assert tally == {"ok": 6, "failed": 3}
    failed = table[table.status == "failed"]
    assert set(failed.label) == {"odd(way=dies)"}
    assert failed.reason.str.contains("the process died").all()


@pytest.mark.slow
def test_killed_and_started_again_gives_the_rows_of_an_unbroken_run(
    tmp_path: Path, odd: Path
) -> None:
    code = "import sys; from ssnbench.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "run", "--algos", "odd(way=slow),grid"]
    command += ["--dataset", COLLAGE, "--segments", "4,9", "--plugin", str(odd), "--no-times"]
    command += ["--jobs", "1", "--out", str(tmp_path / "out")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for_rows(tmp_path / "out" / FILE, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    todo = make("odd(way=slow),grid", segments=(4, 9))
    with Store(tmp_path / "out") as store, Store(tmp_path / "unbroken") as unbroken:
        left = missing(todo.jobs, store)
        assert 0 < len(left) < len(todo.jobs)
        execute(left, store, 2)
        execute(todo.jobs, unbroken, 1)
        assert set(rows(store).reason) == {""}
        pd.testing.assert_frame_equal(rows(store), rows(unbroken))


def wait_for_rows(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if n_rows(path) >= 4:
            return
        time.sleep(0.02)
    pytest.fail("the run wrote no rows")


def n_rows(path: Path) -> int:
    if not path.exists():
        return 0
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return int(connection.execute("SELECT count(*) FROM records").fetchone()[0])
    except sqlite3.OperationalError:  # the tables are not there yet
        return 0
    finally:
        connection.close()


def test_unknown_backend() -> None:
    with pytest.raises(UsageError, match="there are loky, dask, ray"):
        execute(make("grid").jobs, None, 1, n_workers=2, backend="slurm")  # type: ignore[arg-type]


def test_map_of_one_superpixel_scores(odd: Path) -> None:
    record = do(make("odd(way=quiet)").jobs[0]).records[0]
    assert record.n_made == 1
    assert np.isfinite(list(record.scores.values())).all()
