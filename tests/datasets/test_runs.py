"""What a dataset tells beside its images reaches jobs, results and report."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ssnbench
from ssnbench import plugins
from ssnbench.analysis import sections
from ssnbench.contracts import Sample
from ssnbench.flow import unpack_flow
from ssnbench.io.images import write_image
from ssnbench.io.label_maps import write_labels
from ssnbench.metrics import METRICS
from ssnbench.plots.gallery import gather as gathered
from ssnbench.plugins.dataset_ref import dataset_ref
from ssnbench.report import draw
from ssnbench.results.store import Store
from ssnbench.run import benchmark, plan
from ssnbench.run.execute import execute
from ssnbench.run.job import do
from ssnbench.run.label_sources import with_frames

PAIRED = '''"""Cuts where the frames differ, for the tests."""
from __future__ import annotations
from dataclasses import dataclass
import numpy as np

@dataclass(frozen=True)
class Paired:
    def __call__(self, image, n_segments, second=None):
        if second is None:
            raise ValueError("needs a second frame")
        differs = (image != second).any(axis=2).astype(int)
        second[:] = 0
        return differs

PLUGIN = Paired
'''
TOY = '''"""Two halves whose boundary means nothing, for the tests."""
from __future__ import annotations
from ssnbench.plugins.dataset_ref import dataset_ref
from dataclasses import dataclass
from pathlib import Path
import numpy as np
from ssnbench.contracts import Sample
from ssnbench.flow import unpack_flow

@dataclass(frozen=True)
class Toy:
    root: Path | None = None
    split: str = "test"
    SPLITS = ("test",)
    UNDEFINED = {"br": "there is no boundary", "bp": "there is no boundary", "mde": "nor that"}
    TOLERANCES = {"seal": 4}

    def keys(self):
        return ["a", "b"]

    def __getitem__(self, key):
        truth = np.zeros((20, 30), np.int32)
        truth[:, 15:] = 1
        return Sample(key, np.repeat((200 * truth)[..., None], 3, 2).astype(np.uint8), (truth,))

PLUGIN = Toy
'''


@pytest.fixture
def toys(tmp_path: Path) -> tuple[Path, ...]:
    files = (tmp_path / "paired.py", tmp_path / "toy.py")
    for file, code in zip(files, (PAIRED, TOY), strict=True):
        file.write_text(code)
        plugins.add_file(file)
    return files


def planned(algos: str, dataset: str) -> plan.Plan:
    variants = plan.choose_algorithms(algos)
    return plan.make(variants, dataset_ref(dataset), (4, 9))


def test_a_method_that_asks_gets_the_second_frame(toys: tuple[Path, ...]) -> None:
    todo = planned("paired,grid", "collage(n_images=1,height=30,width=40)")
    for job in todo.jobs:
        for record in do(job).records:
            assert record.status == "ok"
            assert record.scores.keys() >= {"asa", "epe", "epe_near", "epe_affine", "epe_5"}


def test_segment_and_evaluate_take_pairs_of_frames(toys: tuple[Path, ...]) -> None:
    first = np.zeros((12, 16, 3), np.uint8)
    second = first.copy()
    second[:, 8:] = 90
    labels = ssnbench.segment(first, "paired", n_segments=2, second=second)
    assert labels.tolist() == [[0] * 8 + [1] * 8] * 12
    flow = np.zeros((12, 16, 2), np.float32)
    flow[:, 8:, 0] = 5
    flow[0, 0] = 20
    valid = np.ones((12, 16), bool)
    valid[0, 0] = False
    assert ssnbench.evaluate(labels, flow=flow, valid=valid)["epe"] == 0
    assert ssnbench.evaluate(labels, flow=flow)["epe"] > 0


def test_workers_read_what_one_process_reads(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "labels").mkdir()
    for number in range(4):
        image = rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)
        write_image(tmp_path / f"{number}.png", image)
        write_labels(
            tmp_path / "labels" / f"{number}.npy", rng.integers(0, 3, (20, 24), dtype=np.int32)
        )
    source = dataset_ref("folder", root=tmp_path)
    todo = plan.make(plan.choose_algorithms("grid"), source, (4, 9))
    tables = []
    for n_workers in (1, 2):
        with Store(tmp_path / str(n_workers)) as store:
            tally = execute(todo.jobs, store, store.begin_run({}), n_workers)
            tables.append(store.records())
    assert tally.total() == 8
    assert (tables[0]["status"] == "ok").all()
    pd.testing.assert_frame_equal(*tables)


def test_it_is_given_a_copy_or_nothing(toys: tuple[Path, ...]) -> None:
    method = plugins.load("algorithms", "paired")()
    frames = np.zeros((2, 5, 6, 3), np.uint8) + np.array([7, 9], np.uint8)[:, None, None, None]
    with_frames(method, Sample("a", frames[0], second=frames[1]))(frames[0], 2)
    assert (frames[1] == 9).all()
    (outcome, *_) = (do(job) for job in planned("paired", "toy").jobs)
    assert outcome.status == "failed"
    assert "needs a second frame" in outcome.records[0].reason


def test_a_method_that_does_not_ask_is_called_as_it_is() -> None:
    method = plugins.load("algorithms", "grid")()
    frame = np.zeros((5, 6, 3), np.uint8)
    assert with_frames(method, Sample("a", frame, second=frame)) is method


def test_what_is_not_defined_has_no_number_and_the_report_says_so(
    toys: tuple[Path, ...], tmp_path: Path
) -> None:
    todo = planned("grid", "toy")
    listener = benchmark.Listener(*3 * [lambda *_: None])
    with Store(tmp_path / "out") as store:
        benchmark.compute(todo.jobs, store, 1, "loky", listener)
        records, runs = store.records(), store.runs()
    assert set(records["protocol"]) == {"seal(r=4)"}
    assert "asa" in records
    assert "br" not in records
    told = runs[0]["undefined"]["toy"]
    assert told == {"br": "there is no boundary", "bp": "there is no boundary", "mde": "nor that"}
    page = draw(tmp_path / "out").read_text()
    assert re.search(r"Not defined here: BR, BP; there is no boundary\.", page)
    assert "nor that" not in page  # not a metric of this protocol


def test_the_report_shows_how_superpixels_tell_the_flow(tmp_path: Path) -> None:
    todo = planned("grid,slic", "collage(n_images=1,height=30,width=40)")
    with Store(tmp_path) as store:
        benchmark.compute(todo.jobs, store, 1, "loky", benchmark.Listener(*3 * [lambda *_: None]))
        ((place, packed),) = store.flows().items()
        (row,) = gathered(store, store.records())[0].rows
    sample = todo.dataset.open()["collage-0000"]
    assert place == ("collage(height=30,n_images=1,width=40)", "test", "collage-0000")
    flow = unpack_flow(packed)
    assert sample.flow is not None
    assert sample.valid is not None
    np.testing.assert_allclose(flow[sample.valid], sample.flow[sample.valid], atol=1 / 128)
    sheet = row.motion()
    assert sheet is not None
    assert sheet.shape == (30, 4 * 44 - 4, 3)  # image, flow, two methods
    page = draw(tmp_path).read_text()
    assert "Flow of collage-0000" in page
    assert [p.name for p in (tmp_path / "figures").glob("*-flow-1.png")]


def test_the_latest_run_on_a_dataset_counts() -> None:
    runs: list[dict[str, Any]] = [
        {"undefined": {"a": {"br": "x"}, "b": {"br": "y"}}},
        {},
        {"undefined": {"a": {}}},
    ]
    assert sections.undefined_by(runs) == {"a": {}, "b": {"br": "y"}}


@pytest.mark.parametrize("name", plugins.names("datasets"))
def test_facts_of_built_in_datasets(name: str) -> None:
    entry = plugins.find("datasets", name)
    for fact in ("LICENCE", "CITATION", "SIZE"):
        assert entry.fact(fact) == getattr(plugins.load("datasets", name), fact)
    assert entry.fact("NOTHING") == ""
    assert getattr(plugins.load("datasets", name), "UNDEFINED", {}).keys() <= METRICS.keys()
