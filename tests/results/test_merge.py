"""Joining run folders: every job once, no half jobs, no silent choice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ssnbench.cli import main
from ssnbench.contracts import JobKey, Record, Status, Timing, UsageError
from ssnbench.flow import pack_flow
from ssnbench.results.merge import merge
from ssnbench.results.store import Store
from ssnbench.run.job import encode_png

PNG = encode_png(np.zeros((3, 4, 3), np.uint8))


def job(image: str, label: str = "slic", version: str = "1") -> JobKey:
    return JobKey(
        algorithm=label,
        params="{}",
        dataset="toy",
        split="test",
        image=image,
        n_asked=4,
        protocol="seal",
        protocol_version=1,
        code_version=version,
    )


def rows(
    key: JobKey, asa: float | None = 0.5, truths: int = 2, status: Status = "ok"
) -> list[Record]:
    scores = {} if asa is None else {"asa": asa}
    why = "" if status == "ok" else "ValueError: no"
    return [Record(key, t, key.algorithm, status, why, 4, 4, 4, scores) for t in range(truths)]


def fill(folder: Path, *jobs: list[Record], cpu: str = "Toaster", timed: bool = False) -> Path:
    with Store(folder) as store:
        run = store.begin_run({"cpu": cpu, "cores": 2, "command": folder.name})
        for records in jobs:
            labels = np.zeros((3, 4), np.int32)
            store.add(run, records, labels if records[0].status == "ok" else None, PNG)
        if timed:
            took = Timing(
                algorithm="slic",
                params="{}",
                code_version="1",
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
                seconds=len(cpu),
                fastest=1.0,
                slowest=1.0,
                repeats=3,
            )
            store.add_timings([took])
    return folder


def table(folder: Path) -> pd.DataFrame:
    with Store(folder, create=False) as store:
        return store.records()


def test_the_same_job_twice_is_written_once(tmp_path: Path) -> None:
    one = fill(tmp_path / "one", rows(job("a")), rows(job("b")))
    other = fill(tmp_path / "other", rows(job("b"), 0.5 + 1e-12), rows(job("c")))
    done = merge([one, other], tmp_path / "all")
    assert (done.rows, done.twice, done.conflicts) == (6, 1, ())
    assert table(tmp_path / "all")["image"].tolist() == ["a", "a", "b", "b", "c", "c"]
    with Store(tmp_path / "all", create=False) as store:
        assert [run["command"] for run in store.runs()] == ["one", "other"]
        assert [kept.image for kept in store.kept()] == ["a", "b", "c"]
        assert len(store.pictures()) == 3
        assert store.label_map(store.kept()[0].content).shape == (3, 4)


def test_merging_again_changes_nothing(tmp_path: Path) -> None:
    one, other = (fill(tmp_path / name, rows(job(name))) for name in "ab")
    merge([one, other], tmp_path / "all")
    merge([tmp_path / "all", one], tmp_path / "again")
    pd.testing.assert_frame_equal(table(tmp_path / "again"), table(tmp_path / "all"))
    with Store(tmp_path / "again", create=False) as store:
        assert len(store.runs()) == 2


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(rows(job("b"), 0.6), id="another score"),
        pytest.param(rows(job("b"), None), id="no score"),
        pytest.param(rows(job("b"), truths=3), id="more truths"),
        pytest.param(rows(job("b"), truths=1), id="fewer truths"),
        pytest.param(rows(job("b"), None, status="failed"), id="failed"),
    ],
)
def test_conflicts_are_named_and_refused(tmp_path: Path, told: list[Record]) -> None:
    one = fill(tmp_path / "one", rows(job("a")), rows(job("b")))
    other = fill(tmp_path / "other", told)
    with pytest.raises(UsageError, match=r"slic asked for 4 on b of toy test by seal: other rows"):
        merge([one, other], tmp_path / "all")
    assert not (tmp_path / "all").exists()
    for prefer, kept in (("first", rows(job("b"))), ("last", told)):
        done = merge([one, other], tmp_path / prefer, prefer=prefer)  # type: ignore[arg-type]
        assert len(done.conflicts) == 1
        found = table(tmp_path / prefer).query("image == 'b'")
        assert len(found) == len(kept)  # a job is taken as a whole
        assert set(found["status"]) == {kept[0].status}
        if kept[0].scores:
            assert set(found["asa"]) == {kept[0].scores["asa"]}


def test_a_refused_merge_leaves_the_folders_that_were_there(tmp_path: Path) -> None:
    one, other = (
        fill(tmp_path / "one", rows(job("a"))),
        fill(tmp_path / "other", rows(job("a"), 0.6)),
    )
    there = tmp_path / "there"
    there.mkdir()
    for out in (there, there / "new" / "all"):
        with pytest.raises(UsageError, match="disagree"):
            merge([one, other], out)
    assert list(tmp_path.glob("there/**/*")) == []
    assert there.is_dir()


def test_a_score_that_only_one_folder_knows_is_a_conflict(tmp_path: Path) -> None:
    key = job("a")
    more = [Record(key, t, "slic", "ok", "", 4, 4, 4, {"asa": 0.5, "br": 0.1}) for t in range(2)]
    one, other = fill(tmp_path / "one", rows(key)), fill(tmp_path / "other", more)
    for pair in ([one, other], [other, one]):
        with pytest.raises(UsageError, match="other rows"):
            merge(pair, tmp_path / "all")


def test_versions_of_a_method_are_not_mixed(tmp_path: Path) -> None:
    one = fill(tmp_path / "one", rows(job("a")))
    other = fill(tmp_path / "other", rows(job("b", version="2")))
    with pytest.raises(UsageError, match="the method was edited"):
        merge([one, other], tmp_path / "all")
    for prefer, image in (("first", "a"), ("last", "b")):
        merge([one, other], tmp_path / prefer, prefer=prefer)  # type: ignore[arg-type]
        assert set(table(tmp_path / prefer)["image"]) == {image}


def test_times_come_from_one_machine(tmp_path: Path) -> None:
    one = fill(tmp_path / "one", rows(job("a")), timed=True)
    other = fill(tmp_path / "other", rows(job("b")), cpu="Kettle 9000", timed=True)
    same = fill(tmp_path / "same", rows(job("c")))
    with pytest.raises(UsageError, match="--times-of"):
        merge([one, other], tmp_path / "all")
    with pytest.raises(UsageError, match="none of the folders"):
        merge([one, other], tmp_path / "all", times_of=same)
    for name, pair, whose in (("x", [one, other], one), ("y", [one, same], None)):
        merge(pair, tmp_path / name, times_of=whose)
        with Store(tmp_path / name, create=False) as store:
            assert store.timings()["seconds"].tolist() == [len("Toaster")]


def test_wrong_use_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (fill(tmp_path / name, rows(job(name))) for name in "ab")
    out = ["--out", str(tmp_path / "all")]
    assert main(["merge", str(one), *out]) == 2
    assert main(["merge", str(one), str(one), *out]) == 2
    assert main(["merge", str(one), str(tmp_path / "nowhere"), *out]) == 2
    assert main(["merge", str(one), str(other), "--out", str(one)]) == 2
    assert "holds results already" in capsys.readouterr().err
    assert not (tmp_path / "all" / "results.sqlite").exists()
    assert main(["merge", str(one), str(other), *out]) == 0
    assert (tmp_path / "all" / "index.html").is_file()


def test_annotators_are_joined_too(tmp_path: Path) -> None:
    one, other = (fill(tmp_path / name, rows(job(name))) for name in "ab")
    head = "dataset,split,image,protocol,annotator,truth,asa\n"
    (one / "annotators.csv").write_text(f"{head}toy,test,01,seal/1,0,1,0.5\n")
    (other / "annotators.csv").write_text(
        f"{head}toy,test,01,seal/1,0,1,0.5\ntoy,test,2,seal/1,0,1,0.7\n"
    )
    merge([one, other], tmp_path / "all")
    joined = (tmp_path / "all" / "annotators.csv").read_text()
    assert joined == (
        "dataset,split,image,protocol,protocol_version,annotator,truth,asa\n"
        "toy,test,01,seal,1,0,1,0.5\ntoy,test,2,seal,1,0,1,0.7\n"
    )


def test_true_flow_is_joined_with_the_rest(tmp_path: Path) -> None:
    flow = pack_flow(np.full((3, 4, 2), 1.5, np.float32))
    for name, image in (("one", "a"), ("two", "b")):
        with Store(tmp_path / name) as store:
            run = store.begin_run({"cpu": "Toaster", "cores": 2, "command": name})
            store.add(run, rows(job(image)), np.zeros((3, 4), np.int32), PNG, flow)
    folders = [str(tmp_path / name) for name in ("one", "two")]
    assert main(["merge", *folders, "--out", str(tmp_path / "all")]) == 0
    with Store(tmp_path / "all", create=False) as store:
        assert set(store.flows().values()) == {flow}
        assert len(store.flows()) == len(store.pictures()) == 2
