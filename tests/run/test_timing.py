from __future__ import annotations

import os
import re
import time
from dataclasses import replace
from pathlib import Path

import numba
import numpy as np
import pandas as pd
import pytest

from ssnbench import plugins, report
from ssnbench.cli.main import main
from ssnbench.contracts import Image, Labels, Timing
from ssnbench.plots import figure
from ssnbench.plugins.dataset_ref import dataset_ref
from ssnbench.report import draw
from ssnbench.results.schema import TIMED
from ssnbench.results.store import Store
from ssnbench.run import benchmark, load, plan, timing
from ssnbench.run.threads import pinned
from ssnbench.run.timing import (
    MAX_REPEATS,
    MIN_REPEATS,
    TimingResult,
    TimingRules,
    TimingTask,
    measure,
    time_apart,
)
from ssnbench.stages import stage


class Staged:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, image: Image, n_segments: int) -> Labels:
        self.calls += 1
        with stage("colour"):
            pass
        with stage("clustering"):
            time.sleep(0.002)
        return np.zeros(image.shape[:2], np.int32)


def test_stages_make_up_the_whole(toy_image: Image) -> None:
    algorithm = Staged()
    calls = measure(algorithm, toy_image, 4)
    assert MIN_REPEATS <= len(calls) <= MAX_REPEATS
    assert algorithm.calls == len(calls) + 1  # one is not counted
    for call in calls:
        parts = call["colour"] + call["clustering"] + call["other"]
        assert call["segment"] == pytest.approx(parts)
        assert call["total"] == pytest.approx(call["segment"] + call["connectivity"])
        assert call["clustering"] >= 0.002


@pytest.mark.slow
def test_a_method_that_dies_does_not_stop_the_clock(
    tmp_path: Path,
) -> None:
    path = tmp_path / "deadly.py"
    path.write_text(
        "import os\nfrom dataclasses import dataclass\n\n\n@dataclass(frozen=True)\nclass Deadly:\n"
        "    def __call__(self, image, n_segments):\n        os._exit(9)\n\n\nPLUGIN = Deadly\n"
    )
    plugins.add_file(path)
    source = dataset_ref("collage(n_images=1,height=40,width=60)")
    tasks = [
        TimingTask(variant, source, source.open().keys()[0], 6)
        for variant in plan.choose_algorithms("deadly,grid")
    ]
    died, timed = time_apart(tasks)
    assert (died.timings, died.reason) == ((), "the process died")
    total = next(timing for timing in timed.timings if timing.stage == "total")
    assert (total.height, total.width, total.threads, total.device) == (40, 60, 1, "cpu")
    assert 0 < total.fastest <= total.seconds <= total.slowest
    assert total.load is None or 0 <= total.load <= 1
    assert total.peak_mb is None or 0 < total.bare_mb <= total.peak_mb  # type: ignore[operator]


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="only Linux tells")
@pytest.mark.slow
def test_memory_is_the_methods_and_not_that_of_who_asked() -> None:
    mine = np.ones(60_000_000)  # 480 MB that a process which is spawned should not inherit
    source = dataset_ref("collage(n_images=1,height=40,width=60)")
    (variant,) = plan.choose_algorithms("grid")
    (result,) = time_apart([TimingTask(variant, source, source.open().keys()[0], 6)])
    assert result.timings[0].peak_mb < mine.nbytes / 2**20  # type: ignore[operator]


def timed(task: TimingTask, share: float | None, seconds: float = 0.1) -> TimingResult:
    """What the clock would say, on a machine of which others use a share."""
    key = dict(zip(TIMED, task.key, strict=True))
    made = Timing(
        **key, label=task.variant.label, height=40, width=60, stage="total", seconds=seconds,
        fastest=seconds, slowest=2 * seconds, repeats=5, peak_mb=99, bare_mb=33, load=share,
    )  # fmt: skip
    return TimingResult(task, (made, replace(made, stage="segment")))


class Machine:
    """A machine that is as busy as is said, one share after the other; the last one stays."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *shares: float | None) -> None:
        self.shares, self.seconds, self.now = [*shares], 0.1, 0.0
        monkeypatch.setattr(timing, "_timed", lambda task: timed(task, self.share, self.seconds))
        monkeypatch.setattr(load.LoadWatch, "load", lambda _: self.looked_at())
        monkeypatch.setattr("ssnbench.run.load.time.monotonic", lambda: self.now)

    @property
    def share(self) -> float | None:
        return self.shares[0]

    def looked_at(self) -> float | None:
        share = self.share
        self.now += 1
        self.shares = self.shares[1:] or self.shares
        return share


def tasks(algos: str = "grid") -> list[TimingTask]:
    source = dataset_ref("collage(n_images=1,height=40,width=60)")
    variants = plan.choose_algorithms(algos)
    return [TimingTask(variant, source, "collage-0000", 6) for variant in variants]


def test_a_busy_machine_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    machine, waits = Machine(monkeypatch, 0.9, 0.8, 0.0), []
    (result,) = time_apart(tasks(), TimingRules(wait=60), lambda: waits.append(machine.now))
    assert (result.load, result.is_under_load, len(waits)) == (0.0, False, 1)


def test_the_wait_has_an_end_and_what_is_taken_then_is_marked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Machine(monkeypatch, 0.9)
    grid, slic = time_apart(tasks("grid,slic"), TimingRules(wait=10))
    assert grid.is_under_load
    assert slic.is_under_load
    assert machine.now < 30  # of both together
    assert [each.even_if_busy for each in slic.timings] == [0, 0]


def test_who_does_not_want_to_wait_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, 0.9)
    (result,) = time_apart(tasks(), TimingRules(wait=60, even_if_busy=True))
    assert machine.now == 0
    assert [each.even_if_busy for each in result.timings] == [1, 1]


def test_a_system_that_does_not_tell_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    Machine(monkeypatch, None)
    (result,) = time_apart(tasks(), TimingRules(wait=60))
    assert not result.is_under_load


@pytest.mark.skipif(not Path("/proc/stat").is_file(), reason="only Linux tells")
def test_what_this_process_does_is_no_load_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = iter([100.0, 101.0])  # seconds of all cores; others worked none of it
    monkeypatch.setattr(load, "_busy_seconds", lambda: next(counted))
    worked = iter([7.0, 8.0])
    monkeypatch.setattr("ssnbench.run.load.time.process_time", lambda: next(worked))
    assert load.LoadWatch().load() == 0
    monkeypatch.undo()
    assert 0 <= (load.LoadWatch().load() or 0) <= 1


DATA = "collage(n_images=2,height=40,width=60)"
FIRST = re.compile(r'<figure class="drawing" id="[^"]*-asa-over-time-cpu-1">.*?<svg', re.DOTALL)


def ran(folder: Path, *more: str) -> str:
    """The page after a command as a user types it."""
    run = ["run", "--algos", "grid,slic", "--dataset", DATA, "--segments", "6,12,40"]
    run += ["--metrics", "asa,br"]  # every further one costs figures
    assert main([*run, "--jobs", "1", "--out", str(folder), *more]) == 0
    return (folder / "index.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_run_draws_quality_over_time_where_it_is_seen_first(tmp_path: Path) -> None:
    page = ran(tmp_path, "--even-if-busy")  # the clock itself, on a machine as it is
    assert FIRST.search(page)
    assert page.index("over-time-cpu-1") < page.index('class="winners"')
    (front,) = (tmp_path / "figures").glob("*-asa-over-time-cpu-1.csv")
    drawn = pd.read_csv(front).set_index("label")
    assert set(drawn.index) == {"grid", "slic"}
    assert set(drawn["timed_on"]) == {"image collage-0000"}
    assert set(drawn["n_asked"]) == {12}
    with Store(tmp_path) as store:
        total = store.timings().query("stage == 'total'").set_index("label")
    assert drawn["seconds"].to_dict() == total["seconds"].to_dict()
    assert "image collage-0000, 12 asked for" in page


@pytest.mark.slow
def test_times_under_load_are_left_out_until_the_machine_is_idle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = Machine(monkeypatch, 0.5)
    monkeypatch.setattr(figure, "save", lambda *_, **__: {})
    page = ran(tmp_path)
    assert "other programs use this machine" in capsys.readouterr().out
    assert "Times of grid, slic were taken while other programs used the machine" in page
    assert not FIRST.search(page)
    assert not (tmp_path / "tables" / "runtimes.csv").exists()
    with monkeypatch.context() as patch:
        patch.setattr(report, "draw", lambda folder, **_: folder / "index.html")
        ran(tmp_path)  # still busy: nothing is timed anew
    assert machine.now < 60
    machine.shares = [0.0]
    page = ran(tmp_path)  # the same command
    assert FIRST.search(page)
    assert "were taken while" not in page
    assert "100.0 to 200.0" in page  # the spread
    assert ">99<" in page.replace("99.0", "99")
    assert ">33<" in page


@pytest.mark.slow
def test_times_again_replaces_times_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(monkeypatch, 0.0)
    monkeypatch.setattr(figure, "save", lambda *_, **__: {})
    ran(tmp_path)
    machine.seconds = 0.7
    with monkeypatch.context() as patch:
        patch.setattr(report, "draw", lambda folder, **_: folder / "index.html")
        ran(tmp_path)
    with Store(tmp_path) as store:
        records = store.records()
        assert set(store.timings()["seconds"]) == {0.1}
    ran(tmp_path, "--times", "again")
    with Store(tmp_path) as store:
        assert set(store.timings()["seconds"]) == {0.7}
        pd.testing.assert_frame_equal(store.records(), records)
    machine.shares, machine.seconds = [0.5], 0.9
    page = ran(tmp_path, "--times", "again", "--even-if-busy")
    assert FIRST.search(page)
    assert "UNDER LOAD" in page
    assert "Taken under load, as was asked for" in page


def test_a_time_that_counts_is_not_replaced_by_one_under_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(monkeypatch, 0.0)
    quiet = benchmark.Listener(*3 * [lambda *_: None])
    with Store(tmp_path) as store:
        benchmark.time_tasks(tasks(), store, quiet)
        machine.shares, machine.seconds = [0.5], 0.9
        assert benchmark.time_tasks(tasks(), store, quiet, TimingRules(again=True)) == 1
        assert set(store.timings()["seconds"]) == {0.1}
        rules = TimingRules(again=True, even_if_busy=True)
        benchmark.time_tasks(tasks(), store, quiet, rules)
        assert set(store.timings()["seconds"]) == {0.9}


def test_times_of_another_machine_bring_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Machine(monkeypatch, 0.0)
    quiet = benchmark.Listener(*3 * [lambda *_: None])
    with Store(tmp_path) as store:
        store.begin_run({"command": "ssnbench run", "cpu": "Toaster 3000"})
        monkeypatch.setattr("ssnbench.run.environment.cpu_name", lambda: "Abacus")
        assert benchmark.time_tasks(tasks(), store, quiet) == 1
    draw(tmp_path)
    assert "Machine: Abacus" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_threads_are_pinned_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2

    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    before = cv2.getNumThreads()
    with pinned(1):
        assert cv2.getNumThreads() == 1
        assert os.environ["OMP_NUM_THREADS"] == os.environ["MKL_NUM_THREADS"] == "1"
    assert cv2.getNumThreads() == before
    assert os.environ["OMP_NUM_THREADS"] == "5"
    assert "MKL_NUM_THREADS" not in os.environ


def test_numba_compiles_after_its_threads_were_pinned() -> None:
    # it refuses when its own variable has changed since its threads were launched
    with pinned(1):
        assert numba.njit(lambda x: x + 1)(1) == 2
    with pinned(2):
        assert numba.njit(lambda x: x + 2)(1) == 3
    assert numba.njit(lambda x: x + 3)(1) == 4


def test_more_threads_than_cores_is_as_many_as_there_are() -> None:
    with pinned(1000):
        most = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
        assert numba.get_num_threads() == most
