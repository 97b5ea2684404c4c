"""``ssnbench train`` with methods that are plug-ins: the documented one, and wrong ones."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ssnbench
from ssnbench import plugins
from ssnbench.cli import main
from ssnbench.io.images import write_image
from ssnbench.labels import enforce_connectivity
from ssnbench.learning.catalog import trainable_names
from ssnbench.learning.config import TrainConfig
from ssnbench.learning.settings import described
from ssnbench.results.store import Store
from ssnbench.ssn.trainable import TrainableSSN

DATASET = "collage(n_images=2,height=48,width=64)"
TINY = (
    *("--dataset", DATASET, "--val-limit", "1", "--val-segments", "6,12", "--device", "cpu"),
    *("--patch", "24", "--segments", "9", "--batch", "2", "--set", "width=4"),
    *("--schedule", "constant", "--precision", "float32", "--set", "validate_every=2"),
)


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """The plug-in of docs/training.md as a loose file."""
    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text()
    section = page.partition("## A method of your own")[2]
    code = re.findall(r"```python\n(.*?)```", section, re.DOTALL)[0]
    path = tmp_path / "toy.py"
    path.write_text(code)
    return path


def run(*arguments: str | Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_documented_method_is_trained_resumed_validated_and_used(
    tmp_path: Path, toy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = ("train", "toy", "--plugin", toy, *TINY)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert run(*train, "--steps", "4", "--out", whole, capsys=capsys)[0] == 0
    assert run(*train, "--steps", "2", "--out", parts, capsys=capsys)[0] == 0
    code, out, _ = run(*train, "--steps", "4", "--out", parts, capsys=capsys)
    assert code == 0
    for name in ("checkpoint.safetensors", "log.csv", "validation.csv"):
        assert (parts / name).read_bytes() == (whole / name).read_bytes(), name
    log = (parts / "log.csv").read_text().splitlines()
    assert log[0] == "step,cross_entropy,gradient,rate"
    assert len(log) == 5
    steps = [row.partition(",")[0] for row in (parts / "validation.csv").read_text().splitlines()]
    assert steps == ["step", "2", "4"]
    assert "cross_entropy" in out

    uses = [shlex.split(line) for line in re.findall(r"ssnbench (.*)", out)]
    (segment,) = (words for words in uses if words[0] == "segment")
    (bench,) = (words for words in uses if words[0] == "run")
    image, labels, folder = tmp_path / "image.png", tmp_path / "labels.npy", tmp_path / "run"
    sample = ssnbench.load_dataset(DATASET)["collage-0000"]
    write_image(image, sample.image)
    segment = [str(image) if word == "IMAGE" else word for word in segment]
    assert run(*segment, "--segments", "12", "-o", labels, capsys=capsys)[0] == 0
    plugin = plugins.load("algorithms", "toy")(weights=str(parts / "best.safetensors"))
    np.testing.assert_array_equal(
        np.load(labels), enforce_connectivity(plugin(sample.image, 12), 12).labels
    )
    options = ("--segments", "12", "--jobs", "1", "--out", folder)
    assert run(*bench, *options, capsys=capsys)[0] == 0
    with Store(folder, create=False) as store:
        table = store.records()
    assert set(table[table.algorithm == "toy"].status) == {"ok"}


def test_weights_of_another_training_are_where_one_begins(
    tmp_path: Path, toy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = ("train", "toy", "--plugin", toy, *TINY, "--steps", "1", "--val-limit", "0")
    assert run(*train, "--out", tmp_path / "a", capsys=capsys)[0] == 0
    first = tmp_path / "a" / "best.safetensors"
    start = ("--start", first, "--rate", "1e-12", "--set", "decay=0")
    assert run(*train, *start, "--out", tmp_path / "b", capsys=capsys)[0] == 0
    toy_class = plugins.load("algorithms", "toy")
    a, b = (toy_class(weights=str(tmp_path / x / first.name)) for x in "ab")
    image = ssnbench.load_dataset(DATASET)["collage-0000"].image
    np.testing.assert_array_equal(a(image, 12), b(image, 12))


def test_fields_are_listed_with_type_default_and_meaning(
    toy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run("train", "toy", "--plugin", toy, "--set", "?=", capsys=capsys)
    assert code == 0
    rows = [re.split(r"  +", line) for line in out.splitlines()]
    assert ["width=16", "int", "Channels of the first convolution"] in rows
    assert ["batch=8", "int", "Patches of a step"] in rows
    assert ["schedule=one-cycle", "choice", "How the rate changes [one-cycle|constant]"] in rows
    assert [row[:2] for row in rows if row[0].startswith("scaling.std")] == [
        ["scaling.std=0.75", "float"]
    ]


def test_every_field_of_ssn_has_a_text_of_its_own_that_fits_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, out, _ = run("train", "ssn", "--set", "?=", capsys=capsys)
    assert "Weight lambda of the compactness loss" in out
    assert max(map(len, out.splitlines())) <= 80
    assert not re.search(r":\w+:|`", out)
    listed = described(TrainableSSN) + described(TrainConfig)
    meanings = [re.sub(r" \[.*\]$", "", field.meaning) for field in listed]
    assert all(meanings)
    assert len(set(meanings)) == len(meanings)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("slic", "slic cannot be trained; these can: ssn, toy"),
        ("tyo", "no algorithm is called 'tyo'; these can be trained: ssn, toy"),
        ("toy --learns flow", "toy learns segments, not flow"),
        ("toy --k 7", "no field of a training is called 'k'"),
        ("toy --network paper", "no network of this method is called 'paper'"),
    ],
)
def test_what_cannot_be_trained_is_one_line(
    tmp_path: Path, toy: Path, arguments: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ("--plugin", toy, "--dataset", DATASET, "--out", tmp_path / "out")
    code, _, err = run("train", *arguments.split(), *more, capsys=capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert message in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("trainable", "message"),
    [
        ("nowhere:Toy", "cannot be trained: nowhere:Toy: No module named 'nowhere'"),
        (":Nothing", "cannot be trained: :Nothing: module"),
        (":Half", "its :Half lacks PRESETS, LEARNS"),
        (":NoDataclass", "its :NoDataclass is no dataclass"),
    ],
)
def test_a_trainable_that_is_none_is_one_line(
    tmp_path: Path, toy: Path, trainable: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = toy.read_text().replace('":TrainableToy"', f'"{trainable}"')
    half = "\n\nclass Half:\n    LOSSES = ()\n    name, frames = '', 1\n    represent = None\n"
    code += half + "\n\nclass NoDataclass:\n    pass\n\n\n"
    code += "vars_ = vars(TrainableToy).items()\n"
    code += "[setattr(NoDataclass, k, v) for k, v in vars_ if not k.startswith('_')]\n"
    plugin = tmp_path / "wrong.py"
    plugin.write_text(code)
    status, _, err = run("train", "wrong", "--plugin", plugin, capsys=capsys)
    assert (status, err.count("\n")) == (2, 1)
    assert message in err


def test_a_field_that_the_trainer_has_too_is_one_line(
    tmp_path: Path, toy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin = tmp_path / "clash.py"
    plugin.write_text(toy.read_text().replace("    width: int = 16\n", "    batch: int = 16\n"))
    code, _, err = run("train", "clash", "--plugin", plugin, capsys=capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert "TrainableToy has fields that are the trainer's: batch" in err


def test_a_method_of_another_distribution_is_offered(
    tmp_path: Path, toy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "toy_of_others.py").write_text(toy.read_text())
    info = tmp_path / "toys-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toys\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ssnbench.algorithms]\ntheirs = toy_of_others:PLUGIN\n")
    assert trainable_names() == ["ssn", "theirs"]
    assert "toy_of_others" not in sys.modules, "listing imports nothing"
    short = ("--steps", "1", "--val-limit", "0", "--out", tmp_path / "out")
    code, out, _ = run("train", "theirs", *TINY, *short, capsys=capsys)
    assert code == 0
    assert "--set theirs.weights=" in out
    del sys.modules["toy_of_others"]
