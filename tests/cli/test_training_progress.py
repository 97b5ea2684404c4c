"""What is shown of a training while it runs: lines, and the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssnbench.cli import progress
from ssnbench.cli.training_files import TrainingFiles
from ssnbench.learning.card import Provenance
from ssnbench.learning.result import TrainProgress
from ssnbench.learning.validate import ValidationResult


def at(step: int, speed: float = 0.0811) -> TrainProgress:
    return TrainProgress(
        step=step,
        steps=50_000,
        losses={"loss": 0.123456, "reconstruction": 0.12, "compactness": 345.6},
        rate=1e-3,
        seconds=step / speed,
        speed=speed,
        remaining=(50_000 - step) / speed,
        waiting=0.01,
        validating=0.02,
        score=None,
        best=None,
    )


RESULT = ValidationResult((0.9231, 0.9513), [], "ASA", seconds=31.2, share=0.013)


def test_piped_lines_come_every_ten_seconds_and_fit_eighty_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = 0.0
    monkeypatch.setattr("ssnbench.cli.progress.time.monotonic", lambda: seconds)
    with progress.TrainingProgress() as shown:
        for step in range(1, 31):
            seconds = 1.0 * step
            shown.progress(at(step))
        seconds = 35.0
        shown.validating(3, 20)
        seconds = 41.0
        shown.validating(4, 20)
        shown.validated(30, RESULT)
        shown.progress(at(50_000, speed=12))
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "step 1/50000: loss 0.1235, 4.87 steps/min, left 7 d 3:15",
        "step 11/50000: loss 0.1235, 4.87 steps/min, left 7 d 3:13",
        "step 21/50000: loss 0.1235, 4.87 steps/min, left 7 d 3:11",
        "validation: image 3 of 20",
        "step 30: ASA 0.9372 (0.9231, 0.9513), best 0.9372; 31 s, 1.3% of the time",
        "step 50000/50000: loss 0.1235, 12 steps/s, left 0:00",
    ]
    assert max(map(len, lines)) <= 80


def test_the_page_follows_a_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "log.csv").write_text("step,loss,rate\n1,0.5,1\n2,0.25,1\n3,0.2,1\n")
    (tmp_path / "validation.csv").write_text("step,60,300,mean\n1,.9,.95,.925\n2,.91,.94,.925\n")
    monkeypatch.setattr("ssnbench.cli.training_files._PAUSE", 0)
    provenance = Provenance(title="toy.<b>", data="some & more", command="ssnbench train toy")
    files, page = TrainingFiles(tmp_path, provenance, "ASA", 50_000), tmp_path / "progress.html"
    files.end("Nothing was to be done.")
    files.progress(at(2))
    assert not page.exists(), "neither ten seconds nor a validation have gone by"
    files.validated(2, RESULT)
    files.progress(at(3))
    running = page.read_text()
    assert "Running: step 3 of 50000, 7 d 3:15 left (hours and minutes)." in running
    assert 'http-equiv="refresh" content="60"' in running
    assert "toy.&lt;b&gt;" in running
    assert "some &amp; more" in running
    assert '<tr class="best"><td>1</td>' in running
    assert not (tmp_path / "curves.png").exists()
    # the process is killed; started again, it finds that there is nothing left to do
    TrainingFiles(tmp_path, provenance, "ASA", 50_000).end("Stopped.")
    ended = page.read_text()
    assert "refresh" not in ended
    assert "Stopped." in ended
    assert (tmp_path / "curves.png").exists()
    TrainingFiles(tmp_path, provenance, "ASA", 50_000).end("Another sentence.")
    assert page.read_text() == ended
