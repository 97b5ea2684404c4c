from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from ssnbench.contracts import UsageError
from ssnbench.learning.weights import read_tensors, write_tensors
from ssnbench.ssn import weights
from ssnbench.ssn.architecture import Architecture
from ssnbench.ssn.kernels.grid import Grid
from ssnbench.ssn.network import FeatureNetwork


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "net.safetensors"
    weights.save_network(path, FeatureNetwork(Architecture(width=4, k=8)), {"steps": 3})
    return path


def test_comes_back_as_it_was(tmp_path: Path) -> None:
    made = Architecture.released(width=4, k=8)
    network = FeatureNetwork(made)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    network(torch.rand(2, 3, 20, 30), Grid.of(20, 30, 6))  # moves the running statistics
    weights.save_network(tmp_path / "a.safetensors", network, {"steps": 7, "score": 0.9})
    loaded, training = weights.load_network(tmp_path / "a.safetensors", k=8)
    assert loaded.architecture == made
    assert not loaded.training
    assert training == {"steps": 7, "score": 0.9}
    saved, read = network.state_dict(), loaded.state_dict()
    assert saved.keys() == read.keys()
    assert all(torch.equal(saved[name], read[name]) for name in saved)


def test_same_network_same_bytes(saved: Path) -> None:
    network, training = weights.load_network(saved)
    weights.save_network(saved.with_name("again"), network, training)
    assert saved.with_name("again").read_bytes() == saved.read_bytes()


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.999])
def test_says_that_a_file_is_cut_short(saved: Path, share: float) -> None:
    content = saved.read_bytes()
    saved.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UsageError, match=r"net.safetensors is cut short, or no safetensors file"):
        weights.load_network(saved)


def test_never_unpickles(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "sprung"),)

    (tmp_path / "a.safetensors").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(UsageError, match="no safetensors file"):
        weights.load_network(tmp_path / "a.safetensors")
    assert not (tmp_path / "sprung").exists()


def test_refuses_files_of_others(tmp_path: Path, saved: Path) -> None:
    foreign = tmp_path / "foreign.safetensors"
    save_file({"x": torch.zeros(3)}, foreign)
    with pytest.raises(UsageError, match=r"should hold ssnbench.ssn/1, but holds something else"):
        weights.load_network(foreign)
    with pytest.raises(UsageError, match=r"should hold other, but holds ssnbench.ssn/1"):
        read_tensors(saved, kind="other")
    with pytest.raises(UsageError, match="there is no file"):
        weights.load_network(tmp_path / "nowhere.safetensors")


def test_refuses_another_k(saved: Path) -> None:
    with pytest.raises(UsageError, match="has k = 8, not 20"):
        weights.load_network(saved, k=20)


def test_refuses_tensors_that_do_not_fit_or_are_broken(saved: Path) -> None:
    tensors, facts = read_tensors(saved, kind="ssnbench.ssn/1")
    tensors["learned.last.bias"][1] = torch.nan
    write_tensors(saved, tensors, facts, kind="ssnbench.ssn/1")
    with pytest.raises(UsageError, match=r"NaN or infinite weights in learned.last.bias"):
        weights.load_network(saved)
    facts["architecture"]["k"] = 9
    write_tensors(saved, tensors, facts, kind="ssnbench.ssn/1")
    with pytest.raises(UsageError, match=r"does not fit its own architecture.*learned.last"):
        weights.load_network(saved)


def test_names_and_paths(tmp_path: Path, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "SHIPPED", tmp_path / "shipped")
    with pytest.raises(UsageError, match=r"called ssn.bsds500; there are: none are installed"):
        weights.find("bsds500")
    (tmp_path / "shipped").mkdir()
    for name in ("ssn.bsds500", "ssn-k10.bsds500"):
        saved.rename(tmp_path / "shipped" / f"{name}.safetensors").with_suffix("")
        saved.write_bytes(b"")
    assert weights.names() == ["ssn-k10.bsds500", "ssn.bsds500"]
    assert weights.find("bsds500").name == "ssn.bsds500.safetensors"
    assert weights.find("bsds500", "ssn-k10") == weights.find("ssn-k10.bsds500")
    assert weights.find(str(saved)) == saved
    with pytest.raises(
        UsageError, match=r"called ssn.voc; there are: ssn-k10.bsds500, ssn.bsds500"
    ):
        weights.find("voc")


HEADERS = {
    "another width": (
        b'\\"width\\": 4',
        b'\\"width\\": 10000',
        "does not fit its own",
    ),
    "a width of text": (b'\\"width\\": 4', b'\\"width\\": \\"4\\"', "width of an architecture"),
    "no number": (b'\\"eta\\": ', b'\\"eta\\": NaN, \\"_\\": ', "unknown fields|eta of an"),
    "a field of others": (b'\\"width\\"', b'\\"__class__\\"', "unknown fields"),
    "no architecture": (b'\\"architecture\\"', b'\\"building\\"', "says neither what it is"),
    "no facts": (b'\\"facts\\"', b'\\"fact\\"', "not as ssnbench writes it"),
    "nesting": (b'\\"steps\\": 3', b'\\"steps\\": ' + b"[" * 99_999, "safetensors file"),
    "no dictionary": (b'{\\"facts', b'[{\\"facts', "safetensors file"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_is_judged_before_anything_is_built(
    saved: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new, why = HEADERS[name]
    data = saved.read_bytes()
    size = int.from_bytes(data[:8], "little")
    assert old in data[: 8 + size]
    header = data[8 : 8 + size].replace(old, new)
    saved.write_bytes(len(header).to_bytes(8, "little") + header + data[8 + size :])
    monkeypatch.setattr(weights, "read_tensors", lambda *_, **__: pytest.fail("tensors were read"))
    with pytest.raises(UsageError, match=why) as caught:
        weights.load_network(saved)
    assert "\n" not in str(caught.value)


def test_a_header_has_a_limit(saved: Path) -> None:
    saved.write_bytes((2**25).to_bytes(8, "little") + bytes(2**25))
    with pytest.raises(UsageError, match="no safetensors file"):
        weights.load_network(saved)
