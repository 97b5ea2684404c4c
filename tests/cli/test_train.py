"""``ssnbench train`` as a user meets it."""

from __future__ import annotations

import errno
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ssnbench
from ssnbench.cli import main
from ssnbench.cli.train import train
from ssnbench.io.images import read_image, write_image
from ssnbench.labels import enforce_connectivity
from ssnbench.learning.checkpoint import FORMAT
from ssnbench.learning.crops import Crops
from ssnbench.learning.settings import configure
from ssnbench.learning.weights import read_tensors
from ssnbench.ssn import weights
from ssnbench.ssn.architecture import Architecture
from ssnbench.ssn.model import SSN
from ssnbench.ssn.trainable import TrainableSSN

SMALL = "collage(n_images=2,height=60,width=80)"
TINY = (
    *("train", "ssn", "--dataset", SMALL, "--val-limit", "1", "--val-segments", "6,12"),
    *("--set", "width=4", "--k", "7", "--patch", "24", "--segments", "9", "--batch", "2"),
    *("--set", "save_every=2", "--set", "validate_every=4", "--device", "cpu"),
    *("--iterations", "2", "--precision", "float32"),
)
SAME = ["best.safetensors", "checkpoint.safetensors", "log.csv", "validation.csv"]
"""Files that are the same, byte for byte, whatever a training has been through."""
FILES = sorted([*SAME, "card.md", "curves.png", "progress.html", "sessions.csv"])


@pytest.fixture(autouse=True)
def _one_thread() -> object:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def run(*arguments: str | Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def reached(checkpoint: Path) -> int:
    """Step of a checkpoint."""
    _, facts = read_tensors(checkpoint, kind=FORMAT)
    return int(facts["state"]["step"])


def validations(folder: Path) -> list[str]:
    return (folder / "validation.csv").read_text().splitlines()[1:]


def test_a_training_ends_with_weights_and_says_how_to_use_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(*TINY, "--steps", "4", "--out", tmp_path, capsys=capsys)
    best = tmp_path / "best.safetensors"
    assert code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
    assert f"best network: {best} (after step 4, ASA 0." in out.replace("\n", " ")
    assert f"ssnbench segment IMAGE --set ssn.weights={best}" in out
    assert "4 steps of 2 patches of 24 x 24 from 2 images with 4 truths, on cpu in float32" in out
    assert "step 4/4: loss" in out  # no terminal: plain lines
    network, facts = weights.load_network(best)
    assert network.architecture == Architecture(width=4, k=7)
    recipe = facts["recipe"]
    assert (recipe["steps"], recipe["batch"], recipe["n_segments"]) == (4, 2, 9)
    header = (tmp_path / "validation.csv").read_text().splitlines()[0]
    assert header == "step,6,12,mean"
    assert run(*TINY, "--steps", "4", "--out", tmp_path, capsys=capsys)[0] == 0


def test_the_weights_are_used_as_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "with space (and=brackets)"
    _, out, _ = run(*TINY, "--steps", "1", "--val-limit", "0", "--out", folder, capsys=capsys)
    image, labels = tmp_path / "image.png", tmp_path / "labels.npy"
    sample = ssnbench.load_dataset(SMALL)["collage-0000"]
    write_image(image, sample.image)
    (line,) = re.findall(r"use it: ssnbench (.*)", out)
    words = [str(image) if word == "IMAGE" else word for word in shlex.split(line)]
    assert run(*words, "--segments", "12", "-o", labels, capsys=capsys)[0] == 0
    model = SSN.from_pretrained(folder / "best.safetensors")
    np.testing.assert_array_equal(
        np.load(labels), enforce_connectivity(model(sample.image, 12), 12).labels
    )


def test_the_validation_is_the_benchmark_s_asa_at_the_count_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(*TINY, "--steps", "4", "--out", tmp_path, capsys=capsys)
    model = SSN.from_pretrained(tmp_path / "best.safetensors")
    sample = ssnbench.load_dataset(SMALL, split="val")["collage-0000"]
    scores = []
    for count in (6, 12):
        labels = enforce_connectivity(model(sample.image, count), count).labels
        error = 1 - ssnbench.evaluate(labels, sample.truths)["asa"]
        scores.append(1 - error * ((labels.max() + 1) / count) ** (1 / 3))
    row = validations(tmp_path)[-1].split(",")
    assert [float(x) for x in row[1:]] == pytest.approx([*scores, sum(scores) / 2], abs=1e-6)


def test_the_default_folder_is_named_after_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ("--variant", "linear", "--steps", "1", "--val-limit", "0")
    assert run(*TINY, *options, capsys=capsys)[0] == 0
    (folder,) = (tmp_path / "reports" / "training").iterdir()
    assert re.fullmatch(
        "ssn-linear-k7.collage-height-60-n_images-2-width-80-[0-9a-f]{6}", folder.name
    )


def test_tensorboard_gets_curves_and_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reading: Any = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="curves for TensorBoard need ssnbench[train]",
    )
    constant = ("--schedule", "constant", "--out", tmp_path, "--tensorboard")
    assert run(*TINY, *constant, "--steps", "4", capsys=capsys)[0] == 0
    assert run(*TINY, *constant, "--steps", "6", capsys=capsys)[0] == 0  # goes on
    events = reading.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    losses = events.Scalars("training/loss")
    assert [event.step for event in losses] == [1, 2, 3, 4, 5, 6]
    logged = (tmp_path / "log.csv").read_text().splitlines()[1:]
    assert [event.value for event in losses] == pytest.approx(
        [float(row.split(",")[1]) for row in logged]
    )
    means = [float(row.split(",")[-1]) for row in validations(tmp_path)]
    assert [event.value for event in events.Scalars("validation/mean")] == pytest.approx(means)
    (tag,) = events.Tags()["images"]
    assert tag == "superpixels/collage-0000"
    pictures = events.Images(tag)
    assert [(picture.step, picture.width, picture.height) for picture in pictures] == [
        (4, 160, 120),
        (6, 160, 120),
    ]


def test_without_tensorboard_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    code, _, err = run(*TINY, "--tensorboard", "--out", tmp_path / "out", capsys=capsys)
    assert code == 2
    assert "pip install 'ssnbench[train]'" in err
    assert not (tmp_path / "out").exists()


def test_the_help_tells_the_fields_own_defaults() -> None:
    trainable, config = configure(TrainableSSN, "default", {})
    assert isinstance(trainable, TrainableSSN)
    values = vars(trainable.architecture) | vars(trainable) | vars(config)
    for option in train.params:
        default = re.search(r"\[([\w.-]+)[:\]]", getattr(option, "help", None) or "")
        if option.name in values and option.name not in ("device", "start"):
            assert default is not None, option.name
            assert default[1] == f"{values[option.name]}"


@pytest.mark.parametrize("preset", ["released", "paper"])
def test_presets_and_fields_reach_the_network(
    tmp_path: Path, preset: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = ("--set", "scaling.std=0.25", "--set", "compact_in=pixels", "--set", "eta=5")
    options = ("--network", preset, "--steps", "1", "--val-limit", "0", "--out", tmp_path)
    assert run(*TINY, *options, *settings, capsys=capsys)[0] == 0
    network, facts = weights.load_network(tmp_path / "best.safetensors")
    expected = getattr(Architecture, preset)(width=4, k=7, eta=5.0)
    assert network.architecture == expected
    assert facts["recipe"]["scaling"]["std"] == 0.25
    assert facts["recipe"]["compact_in"] == "pixels"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--set witdh=3", "no field of a training is called 'witdh'; did you mean width"),
        ("--set qqq=3", "see: variant, k, width, "),
        ("--network papier", "no network of this method is called 'papier'; did you mean paper"),
        ("--set width", "write field=value"),
        ("--set width=wide", "width should be int, got 'wide'"),
        ("--k 5", "k must be 6 or more"),
        ("--steps 0", "steps must be 1 or more"),
        ("--rate -1", "rate must be positive"),
        ("--device gpu", "device must be cpu or cuda, got 'gpu'"),
        ("--device meta", "device must be cpu or cuda, got 'meta'"),
        ("--dataset colage", "no dataset is called 'colage'; did you mean collage"),
        ("--train-split tran", "no split of collage is called 'tran'; did you mean train"),
        ("--val-segments some", "--val-segments should be a whole number such as 100, got 'some'"),
        ("--val-segments 0", "--val-segments should be 1 or more, got 0"),
        ("--variant pix", "'pix' is not one of"),
        ("--until soon", "cannot read the time 'soon'; write 18:30, 2h30m or 2026-03-01T18:30"),
        ("--until 2001-01-01", "the time '2001-01-01' is in the past"),
        ("--out file/below", "choose another folder"),
    ],
)
def test_wrong_use_is_one_line_and_leaves_nothing(
    arguments: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    code, _, err = run(*TINY, *arguments.split(), capsys=capsys)
    assert code == 2
    assert message in err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(*TINY, "--device", "cuda", "--out", tmp_path / "o", capsys=capsys)
    assert (code, "use --device cpu" in err) == (2, True)


def test_another_k_does_not_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(*TINY, "--steps", "2", "--out", tmp_path, capsys=capsys)
    code, _, err = run(*TINY, "--steps", "2", "--k", "9", "--out", tmp_path, capsys=capsys)
    assert code == 2
    assert "another training (architecture.k 7, not 9)" in err


@pytest.mark.parametrize("split", ["train", "val"])
def test_data_without_truths(
    tmp_path: Path, split: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin = tmp_path / "bare.py"
    plugin.write_text(
        "from dataclasses import dataclass\nfrom pathlib import Path\nimport numpy as np\n"
        "from ssnbench.contracts import Sample\n\n\n@dataclass(frozen=True)\nclass Bare:\n"
        "    root: Path | None = None\n    split: str = 'train'\n    SPLITS = ('train', 'val')\n\n"
        "    def keys(self):\n        return ['one']\n\n    def __getitem__(self, key):\n"
        "        image = np.zeros((40, 40, 3), np.uint8)\n"
        f"        truths = () if self.split == '{split}' else (np.zeros((40, 40), np.int32),)\n"
        "        return Sample(key, image, truths)\n\n\nPLUGIN = Bare\n"
    )
    options = ("--plugin", plugin, "--dataset", "bare", "--out", tmp_path / "out")
    code, _, err = run(*TINY, *options, capsys=capsys)
    assert code == 2
    assert {"train": "no image of the training data has a truth", "val": "--val-limit 0"}[
        split
    ] in err
    assert not (tmp_path / "out").exists()


def test_a_loss_that_is_not_a_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = Crops.batch

    def poisoned(self: Crops, step: int, n: int) -> object:
        batch = cut(self, step, n)
        return batch._replace(inputs=batch.inputs * torch.nan) if step == 2 else batch

    monkeypatch.setattr(Crops, "batch", poisoned)
    code, _, err = run(*TINY, "--steps", "4", "--out", tmp_path, capsys=capsys)
    assert code == 2
    assert "not finite at step 3" in err
    assert err.count("\n") == 1


def process(out: Path, *arguments: str) -> subprocess.Popen[str]:
    """Train in a process of its own, until it has written its fourth step."""
    command = [sys.executable, "-c", "import sys; from ssnbench.cli import main; sys.exit(main())"]
    started = subprocess.Popen(
        [*command, *TINY, "--out", str(out), "--steps", "100000", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    log = out / "log.csv"
    while not log.exists() or log.read_bytes().count(b"\n") < 5:
        assert started.poll() is None, started.communicate()[1]
        time.sleep(0.02)
    return started


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("unbroken")
    assert main([*TINY, "--steps", "4", "--out", str(folder)]) == 0
    return {name: (folder / name).read_bytes() for name in SAME}


@pytest.mark.parametrize(
    ("call", "step"),
    [
        (1, None),  # the log is being made
        (5, None),  # the first checkpoint is written, but has not got its name yet
        (7, 0),  # the same of the second: the first one is still there
        (8, 2),  # the second has just taken its place
        (10, 2),  # the list of runs has just been written
        (12, 2),  # and the first network that was validated
    ],
)
def test_killed_while_a_checkpoint_is_written_it_ends_as_if_it_had_not(
    tmp_path: Path,
    unbroken: dict[str, bytes],
    call: int,
    step: int | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = (
        "import os, signal, sys\nfrom ssnbench.cli import main\ncalls, sync = [], os.fsync\n\n\n"
        "def deadly(handle):\n    sync(handle)\n    calls.append(handle)\n"
        f"    if len(calls) == {call}:\n        os.kill(os.getpid(), signal.SIGKILL)\n\n\n"
        "os.fsync = deadly\nsys.exit(main())"
    )
    command = [sys.executable, "-c", code, *TINY, "--steps", "4", "--out", str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    killed = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    checkpoint = tmp_path / "checkpoint.safetensors"
    assert checkpoint.exists() == (step is not None)
    assert bool(list(tmp_path.glob(".*"))) == (call % 2 == 1)
    if step is not None:
        assert reached(checkpoint) == step
    assert run(*TINY, "--steps", "4", "--out", tmp_path, capsys=capsys)[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
    assert {name: (tmp_path / name).read_bytes() for name in SAME} == unbroken


@pytest.mark.parametrize(
    ("harm", "message"),
    [("cut", "is cut short"), ("foreign", "should hold ssnbench.checkpoint/1, but holds")],
)
def test_a_checkpoint_that_is_none(
    tmp_path: Path,
    unbroken: dict[str, bytes],
    harm: str,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = unbroken["checkpoint.safetensors"]
    spoiled = whole[: len(whole) // 2] if harm == "cut" else unbroken["best.safetensors"]
    (tmp_path / "checkpoint.safetensors").write_bytes(spoiled)
    code, _, err = run(*TINY, "--steps", "4", "--out", tmp_path, capsys=capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert message in err
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == spoiled


def test_a_polite_stop_says_how_to_go_on(tmp_path: Path) -> None:
    training = process(tmp_path)
    training.send_signal(signal.SIGINT)
    out, err = training.communicate(timeout=60)
    assert training.returncode == 130, err
    assert "the same command goes on from here" in out
    step = reached(tmp_path / "checkpoint.safetensors")
    assert f"stopped after step {step} of 100000" in out


def test_a_full_disk_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    code, _, err = run(*TINY, "--steps", "4", "--out", tmp_path, capsys=capsys)
    assert code == 2
    assert re.fullmatch(r"ssnbench: cannot write .*: No space left on device; .*\n", err)


def test_help_needs_no_torch() -> None:
    code = (
        "import sys; from ssnbench.cli import main; main(['train', '--help']); "
        "print([m for m in ('torch', 'numba', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_card_says_what_was_trained_and_its_command_trains_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--seed", "3", "--steps", "4", "--out", tmp_path / "a b")
    assert run(*TINY, *options, "--until", "20h", capsys=capsys)[0] == 0
    card = (tmp_path / "a b" / "card.md").read_text()
    assert card.startswith(
        f"# ssn-k7.{SMALL.replace('n_images=2,height=60', 'height=60,n_images=2')}"
    )
    for text in (
        "Trained with ssnbench to the end of its recipe.",
        "| learns | segments |",
        ", train: 2 images with 4 truths |",
        ", val: 1 images |",
        "| licence of the data | that of scikit-image's sample images",
        "| steps | 4 of 4, Adam, seed 3 |",
        "| batch | 2 patches of 24 x 24 pixels, 4 annotators of each |",
        "| step | 6 | 12 | mean |",
        "| **4** |",
        "**`seed=3`**",
        "`rate=0.001`",
        "![Loss and validation over the steps](curves.png)",
        f"--set 'ssn.weights={tmp_path / 'a b' / 'best.safetensors'}'",
    ):
        assert text in card
    (command,) = re.findall("^ssnbench (train .*)$", card, re.MULTILINE)
    assert "--until" not in command
    kept = {name: (tmp_path / "a b" / name).read_bytes() for name in SAME}
    again = [word.replace("a b", "c") for word in shlex.split(command)]
    assert run(*again, capsys=capsys)[0] == 0
    for name in (*SAME, "log.csv"):
        assert (tmp_path / "c" / name).read_bytes() == kept[name], name


def test_until_stops_in_time_and_the_same_command_goes_on(
    tmp_path: Path, unbroken: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--steps", "4", "--out", tmp_path)
    code, out, err = run(*TINY, *options, "--until", "0.001s", capsys=capsys)
    assert (code, err) == (130, "")
    assert "stopped for the time that --until names, at " in out
    assert "after step 0 of 4; the same command goes on from here, with a later --until" in out
    assert reached(tmp_path / "checkpoint.safetensors") == 0
    assert "not at its end yet: 0 of 4 steps" in (tmp_path / "card.md").read_text()
    code, out, _ = run(*TINY, *options, "--until", "20h", capsys=capsys)
    assert code == 0
    assert re.search(r"^until (\d{4}-\d\d-\d\d )?\d\d:\d\d at the latest$", out, re.MULTILINE)
    assert {name: (tmp_path / name).read_bytes() for name in SAME} == unbroken


def test_the_page_tells_how_a_training_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(*TINY, "--steps", "4", "--out", tmp_path, capsys=capsys)
    page = (tmp_path / "progress.html").read_text()
    assert "Finished; best network: " in page
    assert 'http-equiv="refresh"' not in page
    assert '<th scope="col">12</th>' in page
    assert "<svg" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert read_image(tmp_path / "curves.png").shape[1] > 600


def test_the_page_says_why_a_training_could_not_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wild = ("--rate", "1e30", "--schedule", "constant", "--steps", "9", "--out", tmp_path)
    code, _, err = run(*TINY, *wild, capsys=capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert "is not finite at step" in (tmp_path / "progress.html").read_text()


def test_it_says_how_often_it_validates_and_what_that_costs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run(*TINY, "--steps", "5", "--out", tmp_path, capsys=capsys)
    assert "validation every 4 steps and at the end, on 1 images" in out
    assert re.search(
        r"^step 4: ASA 0\.\d{4} \(.*\), best .*; \d+ s, [\d.]+% of the time$", out, re.M
    )
