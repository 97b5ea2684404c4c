"""The exported network against this one, run by onnxruntime."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ssnbench.contracts import UsageError
from ssnbench.ssn import export
from ssnbench.ssn.architecture import Architecture
from ssnbench.ssn.features import position_scale
from ssnbench.ssn.kernels.grid import Grid
from ssnbench.ssn.model import SSN
from ssnbench.ssn.network import FeatureNetwork
from ssnbench.ssn.weights import find, load_network

ARCHITECTURES = {
    "default": Architecture(width=8, k=12),
    "released": Architecture.released(width=8, k=12),
    "paper": Architecture.paper(width=8, k=12),
    "linear": Architecture(variant="linear", k=12),
}


def trained(made: Architecture) -> FeatureNetwork:
    """A network whose running statistics and last weights are not those of the start."""
    torch.manual_seed(0)
    network = FeatureNetwork(made)
    network(torch.rand(4, 3, 24, 24) * 100, Grid.of(24, 24, 9))
    torch.nn.init.normal_(network.learned.last.weight, std=0.1)
    return network.eval()


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_onnxruntime_gives_the_same_features_at_any_size(tmp_path: Path, name: str) -> None:
    pytest.importorskip("onnxscript", reason="ONNX export needs ssnbench[onnx]")
    onnxruntime: Any = pytest.importorskip("onnxruntime", reason="nothing to run ONNX with")
    made = ARCHITECTURES[name]
    network, path = trained(made), tmp_path / "ssn.onnx"
    before = {key: values.clone() for key, values in network.state_dict().items()}
    export.to_onnx(network, path)
    assert [each.name for each in tmp_path.iterdir()] == ["ssn.onnx"]
    torch.testing.assert_close(dict(network.state_dict()), before, rtol=0, atol=0)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    for batch, height, width, count in (
        (1, 37, 50, 12),
        (3, 24, 17, 5),
        (2, 64, 96, 100),
        (1, 1, 1, 1),
    ):
        lab = rng.uniform(-60, 100, (batch, 3, height, width)).astype(np.float32)
        grid = Grid.of(height, width, count)
        scale = np.array(position_scale(grid, made.eta), np.float32)
        (features,) = session.run(None, {"lab": lab, "position_scale": scale})
        with torch.no_grad():
            expected = network(torch.from_numpy(lab), grid).numpy()
        np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-4)
    facts = session.get_modelmeta().custom_metadata_map["architecture"]
    assert json.loads(facts) == asdict(made)


@pytest.mark.parametrize("given", ["name", "file", "path", "SSN", "half", "network"])
def test_shipped_networks_in_the_obvious_ways(tmp_path: Path, given: str) -> None:
    pytest.importorskip("onnxscript", reason="ONNX export needs ssnbench[onnx]")
    onnxruntime: Any = pytest.importorskip("onnxruntime", reason="nothing to run ONNX with")
    file = find("ssn-linear.bsds500")
    network = load_network(file)[0]
    ways: dict[str, Any] = {
        "name": "ssn-linear.bsds500",
        "file": str(file),
        "path": file,
        "SSN": SSN.from_pretrained("ssn-linear.bsds500"),
        "half": SSN.from_pretrained(file, precision="bfloat16"),
        "network": network,
    }
    export.to_onnx(ways[given], tmp_path / "a.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "a.onnx", providers=["CPUExecutionProvider"])
    lab = np.random.default_rng(0).uniform(-60, 100, (1, 3, 24, 33)).astype(np.float32)
    grid = Grid.of(24, 33, 12)
    scale = np.array(position_scale(grid, network.architecture.eta), np.float32)
    (features,) = session.run(None, {"lab": lab, "position_scale": scale})
    with torch.no_grad():
        expected = network(torch.from_numpy(lab), grid).numpy()
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-4)


def test_what_is_no_network_is_refused_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="ONNX export needs ssnbench[onnx]")
    with pytest.raises(UsageError, match=r"no weights are called ssn\.bsds5000; there are"):
        export.to_onnx("bsds5000", tmp_path / "a.onnx")
    with pytest.raises(TypeError, match="an SSN, or the name or file of weights, got dict"):
        export.to_onnx(network={}, path=tmp_path / "a.onnx")  # type: ignore[arg-type]


def test_without_onnx_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_NEEDS", ("onnx", "no_such_module"))
    with pytest.raises(UsageError, match=r"needs .*no_such_module: pip install 'ssnbench\[onnx\]'"):
        export.to_onnx(FeatureNetwork(Architecture(width=4)), tmp_path / "x.onnx")
