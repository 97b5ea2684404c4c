"""What changed between two runs, and the exit code that CI goes by."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssnbench.cli import main
from ssnbench.contracts import JobKey, Record, Status, Timing
from ssnbench.results.compare import compare
from ssnbench.results.store import Store

NASTY = "a[bold]<script>"


def timing(label: str, version: str, seconds: float) -> Timing:
    return Timing(
        algorithm=label,
        params="{}",
        code_version=version,
        label=label,
        dataset="toy",
        split="test",
        image="a",
        height=3,
        width=4,
        n_asked=4,
        device="cpu",
        threads=1,
        stage="total",
        seconds=seconds,
        fastest=1,
        slowest=1,
        repeats=3,
    )


def fill(
    folder: Path,
    scores: dict[str, dict[str, float]],
    *,
    label: str = "slic",
    status: Status = "ok",
    seconds: float = 1.0,
    version: str = "1",
) -> Path:
    """One job per image; its scores stand for a single truth."""
    with Store(folder) as store:
        run = store.begin_run({"cpu": "Toaster", "packages": {"numpy": version}})
        for image, found in scores.items():
            key = JobKey(
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
            store.add(run, [Record(key, 0, label, status, "", 4, 4, 4, found)])
        store.add_timings([timing(label, version, seconds)])
    return folder


BEFORE = {"a": {"asa": 0.5, "ue": 0.2, "co": 0.3}, "b": {"asa": 0.7, "ue": 0.4, "co": 0.3}}


def test_the_same_run_is_the_same(tmp_path: Path) -> None:
    one, other = fill(tmp_path / "one", BEFORE), fill(tmp_path / "other", BEFORE)
    found = compare(one, other)
    assert not found.is_worse
    assert found.versions.empty
    assert (found.scores["change"] == 0).all()
    assert main(["compare", str(one), str(other)]) == 0


def test_means_are_over_what_both_scored(tmp_path: Path) -> None:
    after = {"b": {"asa": 0.6, "ue": 0.3, "co": 0.3}, "c": {"asa": 0.0, "ue": 0.9, "co": 0.3}}
    found = compare(fill(tmp_path / "one", BEFORE), fill(tmp_path / "other", after))
    asa = found.scores.set_index("metric").loc["asa"]
    assert (asa["before"], asa["after"], asa["n_scores"]) == (0.7, 0.6, 1)
    assert asa["worse"]
    assert not found.scores.set_index("metric")["worse"]["ue"]  # an error that shrank
    assert found.lost[["image", "status"]].to_numpy().tolist() == [["a", "missing"]]
    assert found.gained == 1


@pytest.mark.parametrize(
    ("metric", "change", "code"),
    [
        ("asa", -0.002, 1), ("asa", -0.0005, 0), ("asa", 0.1, 0), ("ue", 0.002, 1), ("ue", -0.1, 0),
    ],
)  # fmt: skip
def test_the_exit_code_follows_the_direction(
    tmp_path: Path, metric: str, change: float, code: int
) -> None:
    after = {image: found | {metric: found[metric] + change} for image, found in BEFORE.items()}
    one, other = fill(tmp_path / "one", BEFORE), fill(tmp_path / "other", after)
    assert main(["compare", str(one), str(other), "--tolerance", "0.001"]) == code


def test_a_job_that_fails_now_is_worse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = fill(tmp_path / "one", BEFORE, label=NASTY)
    fine = fill(tmp_path / "fine", {"a": BEFORE["a"]}, label=NASTY)
    assert main(["compare", str(one), str(fine)]) == 1  # b is missing
    assert NASTY in capsys.readouterr().out
    assert main(["compare", str(one), str(fine), "--common"]) == 0
    fill(fine, {"b": {}}, label=NASTY, status="failed")
    assert main(["compare", str(one), str(fine), "--common"]) == 1


def test_times_are_judged_when_asked_for(tmp_path: Path) -> None:
    one = fill(tmp_path / "one", BEFORE)
    slow = fill(tmp_path / "slow", BEFORE, seconds=1.5)
    assert compare(one, slow).times["ratio"].tolist() == [1.5]
    assert main(["compare", str(one), str(slow)]) == 0
    assert main(["compare", str(one), str(slow), "--time-tolerance", "0.6"]) == 0
    assert main(["compare", str(one), str(slow), "--time-tolerance", "0.4"]) == 1


def test_versions_that_differ_are_told(tmp_path: Path) -> None:
    one, other = fill(tmp_path / "one", BEFORE), fill(tmp_path / "other", BEFORE, version="2")
    versions = compare(one, other).versions
    assert versions.to_numpy().tolist() == [["numpy", "1", "2"], ["slic (code)", "1", "2"]]


def test_runs_with_nothing_in_common_lose_all(tmp_path: Path) -> None:
    one = fill(tmp_path / "one", BEFORE)
    found = compare(one, fill(tmp_path / "other", BEFORE, label="snic"))
    assert found.scores.empty
    assert (len(found.lost), found.gained) == (2, 2)
    assert found.is_worse


def test_wrong_use_and_the_csv(tmp_path: Path) -> None:
    one = fill(tmp_path / "one", BEFORE)
    assert main(["compare", str(one), str(tmp_path / "nowhere")]) == 2
    assert main(["compare", str(one), str(one), "--csv", str(tmp_path / "no" / "x.csv")]) == 2
    assert main(["compare", str(one), str(one), "--csv", str(tmp_path / "x.csv")]) == 0
    assert "asa" in (tmp_path / "x.csv").read_text()
