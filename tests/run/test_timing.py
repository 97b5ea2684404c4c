from __future__ import annotations

import os
import time
from pathlib import Path

import numba
import numpy as np
import pytest

from ssnbench import plugins
from ssnbench.contracts import Image, Labels
from ssnbench.plugins.dataset_ref import dataset_ref
from ssnbench.run import plan
from ssnbench.run.threads import pinned
from ssnbench.run.timing import MAX_REPEATS, MIN_REPEATS, TimingTask, measure, time_apart
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
