from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ssnbench.contracts import Sample, UsageError
from ssnbench.learning.config import TrainConfig
from ssnbench.learning.train import train
from ssnbench.ssn.adapt import adapted
from ssnbench.ssn.architecture import Architecture
from ssnbench.ssn.kernels.grid import Grid
from ssnbench.ssn.network import FeatureNetwork
from ssnbench.ssn.trainable import TrainableSSN
from ssnbench.ssn.weights import load_network, save_network

GRID = Grid.of(16, 20, 6)
LAB = torch.rand(1, 6, 16, 20, generator=torch.Generator().manual_seed(0)) * 80
MADE = Architecture(width=6, k=11, last_init="default")


def network(made: Architecture = MADE) -> FeatureNetwork:
    torch.manual_seed(0)
    return FeatureNetwork(made).eval().requires_grad_(False)


def squared_distances(features: torch.Tensor) -> torch.Tensor:
    pixels = features[0, 5:].flatten(1).T
    return torch.cdist(pixels, pixels).square()


def test_fewer_channels_keep_most_of_the_weights_and_of_all_distances() -> None:
    old = network()
    whole = float(squared_distances(old(LAB[:, :3], GRID)).sum())
    parts = [1.0]
    for k in (10, 8, 6):
        copy = adapted(old, replace(MADE, k=k)).eval().requires_grad_(False)
        features = copy(LAB[:, :3], GRID)
        assert features.shape[1] == k
        parts.append(float(squared_distances(features).sum()) / whole)
        kept = copy.learned.last.weight.square().sum() / old.learned.last.weight.square().sum()
        assert kept > (k - 5) / 6  # more than channels chosen at random
    assert parts == sorted(parts, reverse=True)


def test_channels_that_only_repeat_others_are_not_missed() -> None:
    doubled = network()
    doubled.load_state_dict(
        {
            name: torch.cat((x[:3], x[:3])) if name.startswith("learned.last") else x
            for name, x in doubled.state_dict().items()
        }
    )
    copy = adapted(doubled, replace(MADE, k=8)).eval().requires_grad_(False)
    expected = squared_distances(doubled(LAB[:, :3], GRID))
    torch.testing.assert_close(
        squared_distances(copy(LAB[:, :3], GRID)), expected, rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize("variant", ["deep", "linear"])
@pytest.mark.parametrize("last_sees_input", [False, True])
def test_a_second_frame_is_not_seen_at_first(variant: Any, last_sees_input: bool) -> None:
    made = replace(MADE, variant=variant, last_sees_input=last_sees_input)
    pairs = adapted(network(made), replace(made, frames=2)).eval()
    assert torch.equal(pairs(LAB, GRID), network(made)(LAB[:, :3], GRID))


def test_scales_are_those_that_are_asked_for() -> None:
    other = replace(MADE, eta=5.0, color_scale=0.1, association="exp")
    assert adapted(network(), other).architecture == other


@pytest.mark.parametrize(
    "changes",
    [{"k": 12}, {"width": 8}, {"variant": "linear"}, {"last_relu": True}, {"sees": "xylab"}],
)
def test_what_does_not_fit_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="weights to start with are of another network"):
        adapted(network(), replace(MADE, **changes))  # type: ignore[arg-type]


def test_mixing_channels_behind_a_relu_is_refused() -> None:
    made = replace(MADE, last_relu=True)
    with pytest.raises(UsageError, match="another network"):
        adapted(network(made), replace(made, k=8))


def test_a_training_begins_with_them(tmp_path: Path) -> None:
    old = network()
    save_network(tmp_path / "old.safetensors", old, {})
    image = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    sample = Sample("a", image, (np.tile(np.arange(24, dtype=np.int32) // 12, (24, 1)),))
    trainable = TrainableSSN(replace(MADE, k=8), n_segments=4)
    config = TrainConfig(
        start=str(tmp_path / "old.safetensors"),
        steps=1,
        batch=1,
        patch=16,
        rate=1e-12,
        decay=0,
        precision="float32",
    )
    result = train(trainable, config, [sample], tmp_path / "out")
    assert result.weights is not None
    trained = load_network(result.weights)[0]
    expected = adapted(old, trainable.architecture)
    torch.testing.assert_close(trained.learned.last.weight, expected.learned.last.weight)
