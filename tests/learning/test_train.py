from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ssnbench.contracts import Image, Labels, Sample, UsageError
from ssnbench.learning import checkpoint, signals
from ssnbench.learning import weights as learning_weights
from ssnbench.learning.config import TrainConfig
from ssnbench.learning.crops import Crops
from ssnbench.learning.result import DivergedError, TrainProgress, TrainResult
from ssnbench.learning.setup import layout as layout_on
from ssnbench.learning.train import train
from ssnbench.learning.validate import Validation, ValidationResult
from ssnbench.learning.weights import read_tensors, write_tensors
from ssnbench.ssn import weights
from ssnbench.ssn.architecture import Architecture
from ssnbench.ssn.kernels.grid import Grid
from ssnbench.ssn.layer import slic
from ssnbench.ssn.losses import segment_loss
from ssnbench.ssn.trainable import TrainableSSN

FILES = ("checkpoint.safetensors", "best.safetensors", "log.csv", "validation.csv")
TOLD = ("card.md", "sessions.csv")
FULL = Path("/dev/full")
NETWORK = TrainableSSN(Architecture(width=4, k=7), n_segments=9, n_iter=2)
TINY = TrainConfig(
    steps=8,
    batch=2,
    patch=24,
    precision="float32",
    validate_every=3,
    save_every=2,
)


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return toy_samples()


def toy_samples() -> list[Sample]:
    """Two images of discs in noise; one of them has two annotators."""
    rng = np.random.default_rng(0)
    samples = []
    for i in range(2):
        row, column = np.mgrid[:40, :48]
        truth: Labels = ((row - 18) ** 2 + (column - 20 - 5 * i) ** 2 < 120).astype(np.int32)
        image: Image = (110 + 20 * truth[..., None] + rng.normal(0, 12, (40, 48, 3))).astype(
            np.uint8
        )
        samples.append(Sample(str(i), image, (truth, 1 - truth)[: i + 1]))
    return samples


def validation_of(samples: list[Sample]) -> Validation:
    def agreement(labels: Labels, sample: Sample, _n_segments: int) -> float:
        truth = sample.truths[0]
        n_bins = 2 * (int(labels.max()) + 1)
        joined = np.bincount(labels.ravel() * 2 + truth.ravel(), minlength=n_bins)
        return float(joined.reshape(-1, 2).max(1).sum() / truth.size)

    return Validation(samples, agreement, counts=(6, 20))


class Killed(BaseException):
    """Stands for the end of the process: nothing of ours catches it."""


def run(
    folder: Path, samples: list[Sample], kill_at: int | None = None, **changes: Any
) -> TrainResult:
    def progress(now: TrainProgress) -> None:
        if now.step == kill_at:
            raise Killed

    network = replace(NETWORK, **{k: changes.pop(k) for k in set(changes) & set(vars(NETWORK))})
    config, tried = replace(TINY, **changes), validation_of(samples)
    return train(network, config, samples, folder, validation=tried, progress=progress)


def contents(folder: Path) -> dict[str, bytes]:
    assert sorted(path.name for path in folder.iterdir()) == sorted((*FILES, *TOLD))
    return {name: (folder / name).read_bytes() for name in FILES}


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, samples: list[Sample]) -> dict[str, bytes]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("unbroken")
    assert run(folder, samples).finished
    return contents(folder)


@pytest.mark.parametrize(
    ("device", "capability", "layout"),
    [
        ("cpu", "AVX2", torch.contiguous_format),
        ("cpu", "AVX512_BF16", torch.channels_last),
        ("cuda", "AVX2", torch.channels_last),
    ],
)
def test_layout_is_that_of_the_faster_convolutions(
    monkeypatch: Any, device: str, capability: str, layout: torch.memory_format
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert layout_on(device) == layout


def test_leaves_curves_and_the_best_network(tmp_path: Path, samples: list[Sample]) -> None:
    result = run(tmp_path, samples)
    log = rows_of(tmp_path / "log.csv")
    assert [int(row["step"]) for row in log] == list(range(1, 9))
    assert float(log[3]["rate"]) == pytest.approx(TINY.rate_at(3))
    for row in log:
        total = float(row["reconstruction"]) + 1e-5 * float(row["compactness"])
        assert float(row["loss"]) == pytest.approx(total, rel=1e-6)
    tried = rows_of(tmp_path / "validation.csv")
    assert [int(row["step"]) for row in tried] == [3, 6, 8]
    best = max(tried, key=lambda row: float(row["mean"]))
    assert result.best_step == int(best["step"])
    assert result.score == pytest.approx(float(best["mean"]))
    assert float(best["mean"]) == pytest.approx((float(best["6"]) + float(best["20"])) / 2)
    assert result.weights is not None
    network, facts = weights.load_network(result.weights, k=7)
    assert network.architecture == NETWORK.architecture
    assert (facts["step"], facts["recipe"]["seed"]) == (result.best_step, 0)


@pytest.mark.parametrize("kill_at", range(1, 9))
def test_killed_after_any_step_it_ends_as_if_it_had_not(
    tmp_path: Path, samples: list[Sample], unbroken: dict[str, bytes], kill_at: int
) -> None:
    with pytest.raises(Killed):
        run(tmp_path, samples, kill_at)
    assert run(tmp_path, samples).finished
    assert contents(tmp_path) == unbroken


def test_killed_it_ends_as_if_it_had_not_when_it_is_wide_enough_for_our_kernels(
    tmp_path: Path, samples: list[Sample]
) -> None:
    wide = Architecture(width=32, k=7)
    assert run(tmp_path / "whole", samples, architecture=wide).finished
    with pytest.raises(Killed):
        run(tmp_path / "killed", samples, kill_at=5, architecture=wide)
    assert run(tmp_path / "killed", samples, architecture=wide).finished
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


@pytest.mark.parametrize("stop_at", [1, 3, 8])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stops_on_signals_with_a_checkpoint(
    tmp_path: Path,
    samples: list[Sample],
    unbroken: dict[str, bytes],
    stop_at: int,
    number: signal.Signals,
) -> None:
    def progress(now: TrainProgress) -> None:
        if now.step == stop_at:
            signal.raise_signal(number)

    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    result = train(
        NETWORK, TINY, samples, tmp_path, validation=validation_of(samples), progress=progress
    )
    assert (result.step, result.finished) == (stop_at, False)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers
    assert run(tmp_path, samples).finished
    assert contents(tmp_path) == unbroken


def test_a_second_interrupt_stops_at_once(tmp_path: Path, samples: list[Sample]) -> None:
    def progress(now: TrainProgress) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(NETWORK, TINY, samples, tmp_path, progress=progress)


def test_a_signal_during_validation_does_not_wait_for_its_end(
    tmp_path: Path, samples: list[Sample], unbroken: dict[str, bytes]
) -> None:
    plain, calls = validation_of(samples), 0

    def score(labels: Labels, sample: Sample, n_segments: int) -> float:
        nonlocal calls
        calls += 1
        signal.raise_signal(signal.SIGTERM)
        return plain.score(labels, sample, n_segments)

    result = train(NETWORK, TINY, samples, tmp_path, validation=replace(plain, score=score))
    assert (result.step, result.finished, calls) == (3, False, 1)
    assert run(tmp_path, samples).finished
    assert contents(tmp_path) == unbroken


def test_starting_a_finished_training_again_changes_nothing(
    tmp_path: Path, samples: list[Sample], unbroken: dict[str, bytes]
) -> None:
    first, again = run(tmp_path, samples), run(tmp_path, samples)
    assert first == again
    assert contents(tmp_path) == unbroken


def test_killed_by_the_system_at_any_moment_the_checkpoint_is_sound(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[2]); import test_train as t; import torch;"
        "from dataclasses import replace; from pathlib import Path; torch.set_num_threads(1);"
        "long = replace(t.TINY, steps=100000, save_every=1);"
        "t.train(t.NETWORK, long, t.toy_samples(), Path(sys.argv[1]))"
    )
    tests = str(Path(__file__).parent)
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), tests])
    path, log = tmp_path / "checkpoint.safetensors", tmp_path / "log.csv"
    while not log.exists() or log.read_bytes().count(b"\n") < 4:
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(0.0137)
    process.kill()
    process.wait()
    _, facts = read_tensors(path, kind=checkpoint.FORMAT)
    reached = facts["state"]["step"]
    assert reached > 0

    def stop(now: TrainProgress) -> None:
        signal.raise_signal(signal.SIGTERM)

    config = replace(TINY, steps=100000, save_every=1)
    assert train(NETWORK, config, toy_samples(), tmp_path, progress=stop).step == reached + 1
    assert not list(tmp_path.glob(".*"))
    rows = (tmp_path / "log.csv").read_text().splitlines()
    assert len(rows) == reached + 2


def test_a_validation_needs_something_to_try(samples: list[Sample]) -> None:
    for images, counts in ((samples, ()), ([], (5,))):
        with pytest.raises(UsageError, match="at least one image and one number"):
            Validation(images, lambda *_: 0.0, counts)


def test_without_validation_the_last_network_is_kept(tmp_path: Path, samples: list[Sample]) -> None:
    result = train(NETWORK, replace(TINY, steps=2), samples, tmp_path)
    assert (result.finished, result.score, result.best_step) == (True, None, 2)
    assert result.weights is not None
    assert weights.load_network(result.weights)[1]["step"] == 2


def test_a_loss_that_is_not_a_number_stops_it(
    tmp_path: Path, samples: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    def poisoned(self: Crops, step: int, n: int) -> Any:
        batch = cut(self, step, n)
        return batch._replace(inputs=batch.inputs * torch.nan) if step == 4 else batch

    cut = Crops.batch
    monkeypatch.setattr(Crops, "batch", poisoned)
    with pytest.raises(DivergedError, match=r"not finite at step 5 .*checkpoint.* is .*sound"):
        run(tmp_path, samples)
    _, facts = read_tensors(tmp_path / "checkpoint.safetensors", kind=checkpoint.FORMAT)
    assert facts["state"]["step"] == 4
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 5


def test_a_gradient_that_is_not_a_number_stops_it(
    tmp_path: Path, samples: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = torch.optim.Adam.zero_grad

    def poisoned(self: torch.optim.Adam) -> None:
        original(self)
        parameter = self.param_groups[0]["params"][0]
        parameter.register_hook(lambda gradient: gradient * torch.nan)

    monkeypatch.setattr(torch.optim.Adam, "zero_grad", poisoned)
    with pytest.raises(DivergedError, match="not finite at step 1"):
        run(tmp_path, samples)


def test_far_too_high_a_rate_ends_in_one_clear_line(tmp_path: Path, samples: list[Sample]) -> None:
    with pytest.raises(DivergedError, match="not finite at step"):
        run(tmp_path, samples, rate=1e30, schedule="constant")


def test_refuses_the_folder_of_another_training(tmp_path: Path, samples: list[Sample]) -> None:
    run(tmp_path, samples, steps=2)
    with pytest.raises(
        UsageError, match=r"another training \(architecture.k 7, not 9; seed 0, not 3"
    ):
        run(tmp_path, samples, steps=2, seed=3, architecture=Architecture(width=4, k=9))
    with pytest.raises(UsageError, match=r"another training \(data "):
        run(tmp_path, samples[:1] * 3, steps=2)
    (tmp_path / "checkpoint.safetensors").write_bytes(b"cut")
    with pytest.raises(UsageError, match="cut short"):
        run(tmp_path, samples, steps=2)


def test_a_full_disk_keeps_the_last_checkpoint(
    tmp_path: Path, samples: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Killed):
        run(tmp_path, samples, kill_at=5)
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    written = learning_weights.write_whole

    def full(path: Path, content: bytes) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", lambda _: exec("raise OSError(28, 'No space left')"))
            written(path, content)

    monkeypatch.setattr(learning_weights, "write_whole", full)
    with pytest.raises(UsageError, match=r"cannot write .*checkpoint.*: No space left"):
        run(tmp_path, samples)
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before


@pytest.mark.skipif(not FULL.exists(), reason="this system has no full device")
@pytest.mark.parametrize("flushes", [True, False])
def test_a_log_that_cannot_be_written_is_a_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flushes: bool
) -> None:
    def write() -> None:
        with checkpoint.CsvLog(tmp_path / "log.csv", ("step",), 0) as log:
            log.write(1, ())
            if flushes:
                log.flush()

    opened = Path.open
    monkeypatch.setattr(Path, "open", lambda _, *options, **more: opened(FULL, *options, **more))
    with pytest.raises(UsageError, match=r"cannot write .*log.csv: No space left"):
        write()


def test_a_log_is_cut_back_to_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("step,a\n1,0.5\n2,0.25\n3,0.12\n4,0.0")
    with checkpoint.CsvLog(path, ("step", "a"), 2) as log:
        log.write(3, [1 / 3])
    assert path.read_text() == "step,a\n1,0.5\n2,0.25\n3,0.333333333\n"


@pytest.mark.parametrize("variant", ["deep", "linear"])
@pytest.mark.parametrize("compact_in", ["scaled", "pixels"])
def test_every_kind_of_network_trains(
    tmp_path: Path, samples: list[Sample], variant: Any, compact_in: Any
) -> None:
    architecture = Architecture.paper(width=4, k=7, variant=variant)
    network = replace(NETWORK, architecture=architecture, compact_in=compact_in)
    config = replace(TINY, steps=2, precision="bfloat16")
    assert train(network, config, samples, tmp_path).finished


def test_pixels_and_scaled_positions_differ_by_their_scale(
    tmp_path: Path, samples: list[Sample]
) -> None:
    def first(folder: str, **changes: Any) -> float:
        network = replace(NETWORK, **changes)
        train(network, replace(TINY, steps=1), samples, tmp_path / folder)
        (row,) = rows_of(tmp_path / folder / "log.csv")
        return float(row["compactness"])

    scale = 2.5 * 3 / 24  # eta * superpixels / pixels along a side
    assert first("a") == pytest.approx(scale * first("b", compact_in="pixels"), rel=1e-5)


def test_it_learns(tmp_path: Path, samples: list[Sample]) -> None:
    """On fresh patches the trained network rebuilds segments better than plain colours do."""
    config = replace(TINY, steps=80, rate=0.01, batch=4, decay=0.9)
    result = train(NETWORK, config, samples, tmp_path)
    assert result.weights is not None
    network, _ = weights.load_network(result.weights)
    grid = Grid.of(24, 24, 9)
    batch = Crops(samples, 24, seed=9).batch(0, 16)
    with torch.no_grad():
        features = network(batch.inputs, grid)
        learned = segment_loss(slic(features, 9, 5), batch.target[:, 0])
        plain = segment_loss(slic(features[:, :5].contiguous(), 9, 5), batch.target[:, 0])
    assert learned < 0.8 * plain


def test_a_training_of_the_time_when_ssn_alone_could_be_trained_goes_on(
    tmp_path: Path, samples: list[Sample], unbroken: dict[str, bytes]
) -> None:
    with pytest.raises(Killed):
        run(tmp_path, samples, kill_at=5)
    path = tmp_path / "checkpoint.safetensors"
    tensors, facts = read_tensors(path, kind=checkpoint.FORMAT)
    assert facts["of"].pop("trainable") == "TrainableSSN"
    facts["of"]["validation"]["n_iter"] = 10
    write_tensors(path, tensors, facts, kind="ssnbench.ssn.checkpoint/1")
    assert run(tmp_path, samples).finished
    assert contents(tmp_path) == unbroken


def test_ssn_says_what_of_its_own_is_out_of_range() -> None:
    with pytest.raises(UsageError, match="compact_in must be one of scaled, pixels"):
        replace(NETWORK, compact_in="metres")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="n_iter must be 1 or more, got 0"):
        replace(NETWORK, n_iter=0)
    with pytest.raises(UsageError, match="fewest_segments must be in 0 to 9, got 10"):
        replace(NETWORK, fewest_segments=10)
    with pytest.raises(UsageError, match="detached must be 0 or more, got -1"):
        replace(NETWORK, detached=-1)


def test_superpixels_may_vary_from_step_to_step() -> None:
    network = replace(NETWORK, fewest_segments=16, n_segments=200)
    drawn = [network.segments_at(step) for step in range(400)]
    assert drawn == [network.segments_at(step) for step in range(400)]
    assert min(drawn) in range(16, 20)
    assert max(drawn) in range(190, 201)
    assert sum(n < 57 for n in drawn) == pytest.approx(200, abs=30)  # half of the logarithm
    assert NETWORK.segments_at(3) == 9


def test_a_training_of_varying_counts_and_whole_superpixels_goes_on(
    tmp_path: Path, samples: list[Sample]
) -> None:
    changes: dict[str, Any] = {"fewest_segments": 4, "detached": 0.5}
    assert run(tmp_path / "whole", samples, **changes).finished
    with pytest.raises(Killed):
        run(tmp_path / "broken", samples, 5, **changes)
    assert run(tmp_path / "broken", samples, **changes).finished
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")
    for row in rows_of(tmp_path / "whole" / "log.csv"):
        compact = float(row["reconstruction"]) + 1e-5 * float(row["compactness"])
        assert float(row["loss"]) == pytest.approx(compact + 0.5 * float(row["detached"]), rel=1e-4)


def test_until_stops_after_the_step_at_hand_and_before_one_that_would_be_late(
    tmp_path: Path,
    samples: list[Sample],
    unbroken: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0

    def progress(_now: TrainProgress) -> None:
        nonlocal now
        now += 10

    monkeypatch.setattr("ssnbench.learning.signals.time.time", lambda: now)
    until, tried = datetime.fromtimestamp(1035, UTC), validation_of(samples)
    result = train(
        NETWORK, TINY, samples, tmp_path, validation=tried, until=until, progress=progress
    )
    assert (result.step, result.finished, result.cause) == (4, False, "time")
    assert run(tmp_path, samples).cause == ""
    assert contents(tmp_path) == unbroken
    now = 1030.0
    stop = signals.StopRequest(until)
    assert not stop.is_set(ahead=4)
    assert stop.is_set(ahead=6)
    assert stop.is_set(), "what was decided once holds"


def test_a_validation_that_would_be_late_is_made_up_for(
    tmp_path: Path,
    samples: list[Sample],
    unbroken: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, plain = 1000.0, validation_of(samples)

    def score(labels: Labels, sample: Sample, n_segments: int) -> float:
        nonlocal now
        now += 100
        return plain.score(labels, sample, n_segments)

    monkeypatch.setattr("ssnbench.learning.signals.time.time", lambda: now)
    until, slow = datetime.fromtimestamp(1050, UTC), replace(plain, score=score)
    result = train(NETWORK, TINY, samples, tmp_path, validation=slow, until=until)
    assert (result.step, result.cause, result.weights) == (3, "time", None)
    assert run(tmp_path, samples).finished
    assert contents(tmp_path) == unbroken


def test_the_runs_of_a_training_are_listed_and_the_card_adds_them_up(
    tmp_path: Path, samples: list[Sample]
) -> None:
    with pytest.raises(Killed):
        run(tmp_path, samples, kill_at=5)
    assert "not at its end yet: 3 of 8 steps" in (tmp_path / "card.md").read_text()
    run(tmp_path, samples)
    rows = rows_of(tmp_path / "sessions.csv")
    assert [(row["first"], row["last"]) for row in rows] == [("0", "4"), ("4", "8")]
    card = (tmp_path / "card.md").read_text()
    assert "to the end of its recipe" in card
    assert re.search(r"\| time \| [\d.]+ (s|min) in 2 runs, [\d.]+% of it validation \|", card)


def test_a_card_lists_few_validations_and_the_best_is_one_of_them(
    tmp_path: Path, samples: list[Sample]
) -> None:
    run(tmp_path, samples, steps=30, validate_every=1)
    tried = rows_of(tmp_path / "validation.csv")
    best = max(tried, key=lambda row: float(row["mean"]))
    card = (tmp_path / "card.md").read_text()
    listed = re.findall(r"^\| \**(\d+)\** \| \**0\.", card, re.MULTILINE)
    assert len(listed) <= 12 < len(tried)
    assert {best["step"], "1", "30"} <= set(listed)
    assert f"| **{best['step']}** |" in card
    assert "some of the validations; all: `validation.csv`" in card


def test_progress_tells_speed_and_shares(tmp_path: Path, samples: list[Sample]) -> None:
    told: list[TrainProgress] = []
    shown: list[tuple[int, int]] = []
    tried: list[ValidationResult] = []
    train(
        NETWORK, TINY, samples, tmp_path, validation=validation_of(samples),
        progress=told.append, validating=lambda *at: shown.append(at),
        validated=lambda _, result: tried.append(result),
    )  # fmt: skip
    last = told[-1]
    assert last.speed == pytest.approx(7 / (last.seconds - told[0].seconds), rel=1e-3)
    assert told[3].remaining == pytest.approx(4 / told[3].speed)
    assert 0 < last.validating < 1
    assert 0 < last.waiting < 1
    assert shown == [(1, 2), (2, 2)] * 3
    assert all(result.seconds > 0 and 0 < result.share < 1 for result in tried)
