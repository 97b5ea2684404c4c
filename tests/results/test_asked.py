"""What counts is what the last command asked for; nothing has to be computed twice for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ssnbench.contracts import JobKey, Labels, Record, UsageError
from ssnbench.io.notes import DataNote
from ssnbench.results.compare import compare
from ssnbench.results.merge import merge
from ssnbench.results.store import Store

KEY = JobKey(
    algorithm="slic",
    params="{}",
    dataset="toys",
    split="test",
    image="a",
    n_asked=100,
    protocol="seal",
    protocol_version=1,
    code_version="c1",
    data_version="d1",
)
NEWER = replace(KEY, code_version="c2")


def record(key: JobKey, asa: float) -> Record:
    return Record(key, 0, "slic", "ok", "", 90, 95, 88, {"asa": asa})


def scores(store: Store) -> list[float]:
    return [float(score) for score in store.records()["asa"]]


def test_an_edit_that_is_taken_back_brings_its_rows_back(tmp_path: Path, toy_truth: Labels) -> None:
    with Store(tmp_path) as store:
        for key, asa in ((KEY, 0.1), (NEWER, 0.2)):
            assert store.ask([(key, "slic", "p1")])
            store.add(1, [record(key, asa)], toy_truth)
            assert scores(store) == [asa]
        assert store.ask([(KEY, "slic", "p1")])
        assert not store.ask([(KEY, "slic", "p1")])  # no news
        assert scores(store) == [0.1]
        assert [kept.code_version for kept in store.kept()] == ["c1"]


def test_a_method_on_two_datasets_keeps_both_versions(tmp_path: Path) -> None:
    other = replace(NEWER, dataset="others")
    with Store(tmp_path) as store:
        store.add(1, [record(KEY, 0.1)])
        store.add(1, [record(other, 0.2)])
        assert scores(store) == [0.2, 0.1]


def test_an_image_that_changed_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    second, changed = replace(KEY, image="b"), replace(KEY, data_version="d2")
    with Store(tmp_path) as store:
        store.ask([(KEY, "slic", "p1"), (second, "slic", "p1")])
        store.add(1, [record(KEY, 0.1)], png=b"old")
        store.add(1, [record(second, 0.2)])
        store.ask([(changed, "slic", "p1")])
        store.add(1, [record(changed, 0.3)], png=b"new")
        assert scores(store) == [0.3, 0.2]
        assert list(store.pictures().values()) == [b"new"]
        store.ask([(KEY, "slic", "p1")])
        assert scores(store) == [0.1, 0.2]
        assert list(store.pictures().values()) == [b"old"]


def test_images_of_an_edited_dataset_are_not_mixed(tmp_path: Path) -> None:
    second, edited = replace(KEY, image="b"), replace(KEY, data_version="d2")
    with Store(tmp_path) as store:
        store.ask([(KEY, "slic", "p1"), (second, "slic", "p1")])
        store.add(1, [record(KEY, 0.1)])
        store.add(1, [record(second, 0.2)])
        store.ask([(edited, "slic", "p2")])  # a run of one image alone
        store.add(1, [record(edited, 0.3)])
        assert scores(store) == [0.3]
        store.ask([(KEY, "slic", "p1"), (second, "slic", "p1")])
        assert scores(store) == [0.1, 0.2]


def test_a_merge_tells_of_other_truths_and_other_parameters(tmp_path: Path) -> None:
    for name, key in (
        ("one", KEY),
        ("truths", replace(KEY, data_version="d2")),
        ("params", replace(KEY, params='{"compactness": 20}')),
    ):
        with Store(tmp_path / name) as store:
            store.add(store.begin_run({}), [record(key, 0.1)])
    with pytest.raises(UsageError, match="1 images of toys test, such as a: other images or trut"):
        merge([tmp_path / "one", tmp_path / "truths"], tmp_path / "all")
    with pytest.raises(UsageError, match="the method was edited"):
        merge([tmp_path / "one", tmp_path / "params"], tmp_path / "all")
    merge([tmp_path / "one", tmp_path / "truths"], tmp_path / "all", prefer="last")
    with Store(tmp_path / "all", create=False) as store:
        assert store.records()["data_version"].tolist() == ["d2"]
    versions = compare(tmp_path / "one", tmp_path / "truths").versions
    assert versions.to_numpy().tolist() == [
        ["toys test (data)", "", "1 of 1 images or truths changed: not compared"]
    ]


def test_images_that_changed_are_not_compared(tmp_path: Path) -> None:
    second = replace(KEY, image="b")
    for name, first in (("one", KEY), ("other", replace(KEY, data_version="d2"))):
        with Store(tmp_path / name) as store:
            run = store.begin_run({})
            store.add(run, [record(first, 0.9 if name == "one" else 0.1)])
            store.add(run, [record(second, 0.5)])
    found = compare(tmp_path / "one", tmp_path / "other")
    assert not found.is_worse
    assert set(found.scores["n_scores"]) == {1}
    assert found.versions["after"].tolist() == ["1 of 2 images or truths changed: not compared"]
    with Store(tmp_path / "alone") as store:
        store.add(store.begin_run({}), [record(replace(KEY, data_version="d3"), 0.1)])
    with pytest.raises(UsageError, match="the images or truths of all that both hold are others"):
        compare(tmp_path / "one", tmp_path / "alone", common=True)


def test_one_name_for_two_tools_is_told(tmp_path: Path) -> None:
    for tool in ("A", "B"):
        with Store(tmp_path / tool) as store:
            key = replace(KEY, algorithm=f"/home/{tool}/maps")
            store.add(store.begin_run({}), [record(key, 0.5)])
    versions = compare(tmp_path / "A", tmp_path / "B").versions
    assert versions.to_numpy().tolist() == [["slic (made by)", "/home/A/maps", "/home/B/maps"]]


def test_a_merge_keeps_rows_of_a_run_that_is_lost(tmp_path: Path) -> None:
    for name, image in (("one", "a"), ("other", "b")):
        with Store(tmp_path / name) as store:
            store.add(77, [record(replace(KEY, image=image), 0.5)])
    merge([tmp_path / "one", tmp_path / "other"], tmp_path / "all")
    with Store(tmp_path / "all", create=False) as store:
        assert store.records()["image"].tolist() == ["a", "b"]
        assert store.runs() == []


def test_images_that_a_dataset_no_longer_has_do_not_count(tmp_path: Path) -> None:
    second, place = replace(KEY, image="b"), ("toys", "test")
    with Store(tmp_path) as store:
        store.ask([(KEY, "slic", "p1"), (second, "slic", "p1")], {place: ["a", "b", "c"]})
        assert store.n_images() == {place: 3}
        for key in (KEY, second):
            store.add(1, [record(key, 0.1)])
        with pytest.warns(DataNote, match="toys test has no longer b: 1 images do not count"):
            assert store.ask([(KEY, "slic", "p1")], {place: ["a", "c"]})
        assert store.n_images() == {place: 2}
        assert store.records()["image"].tolist() == ["a"]


def test_nothing_in_common_is_wrong_use(tmp_path: Path) -> None:
    for name, key in (("one", KEY), ("other", replace(KEY, protocol="stutz"))):
        with Store(tmp_path / name) as store:
            store.add(store.begin_run({}), [record(key, 0.1)])
    with pytest.raises(UsageError, match="no protocol is the same; leave out --common"):
        compare(tmp_path / "one", tmp_path / "other", common=True)
