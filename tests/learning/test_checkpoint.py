"""Checkpoints of others: what does not fit is told before it is read, and sets nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from ssnbench.contracts import UsageError
from ssnbench.learning.checkpoint import FORMAT, CsvLog, Learner, TrainState
from ssnbench.learning.sessions import Clock, Sessions
from ssnbench.learning.weights import Content, read_tensors, write_tensors

OF = {"data": "x", "validation": {"data": "y"}, "trainable": "Toy", "scaling": {"std": 1.0}}


def learner() -> Learner:
    network = nn.Linear(3, 2)
    adam = torch.optim.Adam(network.parameters())
    return Learner(network, nn.Linear(3, 2), adam, TrainState())


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    trained = learner()
    trained.network(torch.ones(3)).sum().backward()
    trained.adam.step()
    trained.state.step = 7
    trained.save(tmp_path / "a.safetensors", OF)
    return tmp_path / "a.safetensors"


def test_comes_back(saved: Path) -> None:
    again = learner()
    again.load(saved, json.loads(json.dumps(OF)))
    assert again.state.step == 7
    again.save(saved.with_name("b.safetensors"), OF)
    assert saved.with_name("b.safetensors").read_bytes() == saved.read_bytes()


def stated(name: str, value: Any) -> Callable[[Content], None]:
    return lambda content: content.facts["state"].update({name: value})


def with_tensor(name: str, *shape: int) -> Callable[[Content], None]:
    return lambda content: content.tensors.update({name: torch.zeros(shape)})


def without(name: str) -> Callable[[Content], None]:
    return lambda content: content.tensors.update({f"spare.{name}": content.tensors.pop(name)})


SPOILT: dict[str, tuple[Callable[[Content], None], str]] = {
    "another name": (stated("__class__", "x"), "does not say how far"),
    "no step": (lambda content: content.facts["state"].pop("step"), "does not say how far"),
    "a step of text": (stated("step", "7"), "steps are no numbers"),
    "a step below 0": (stated("step", -1), "steps are no numbers"),
    "a score of text": (stated("best", "x"), "best score is none"),
    "no state": (lambda content: content.facts.update(state=[]), "does not say which training"),
    "no training": (lambda content: content.facts.pop("of"), "does not say which training"),
    "another shape": (with_tensor("network.weight", 9, 9), r"network.weight is \(9, 9\), not"),
    "one too few": (without("average.bias"), "average.bias is missing"),
    "one too many": (with_tensor("network.more", 1), "network.more is .* not unknown"),
    "moments of nobody": (with_tensor("adam.99.step"), "adam.99.step is unknown"),
    "moments of no number": (with_tensor("adam.x.step"), "adam.x.step is unknown"),
    "other moments": (with_tensor("adam.0.exp_avg", 5), "moments of parameter 0"),
    "half the moments": (without("adam.0.step"), "moments of parameter 0"),
    "nested settings": (
        lambda content: content.facts["of"]["scaling"].update(std=2),
        "scaling.std",
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_does_not_fit_is_told_and_changes_nothing(saved: Path, name: str) -> None:
    spoil, why = SPOILT[name]
    content = read_tensors(saved, kind=FORMAT)
    spoil(content)
    write_tensors(saved, content.tensors, content.facts, kind=FORMAT)
    again = learner()
    before = [x.clone() for x in again.network.parameters()]
    with pytest.raises(UsageError, match=why):
        again.load(saved, json.loads(json.dumps(OF)))
    assert type(again.state) is TrainState
    assert again.state == TrainState()
    assert all(map(torch.equal, before, again.network.parameters()))


@pytest.mark.parametrize("text", ["step\nx,1\n", "step\n\xff,1\n", "step\n" + "9" * 5000 + ",1\n"])
def test_logs_that_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "log.csv").write_text(text, encoding="latin-1")
    with pytest.raises(UsageError, match=r"log\.csv is no log of a training"):
        CsvLog(tmp_path / "log.csv", ("step",), 5)
    (tmp_path / "sessions.csv").write_text(text, encoding="latin-1")
    with pytest.raises(UsageError, match=r"sessions\.csv is no list"):
        Sessions(tmp_path / "sessions.csv", "", "cpu", 0, Clock())
