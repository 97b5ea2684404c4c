from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ssnbench.ssn import strips
from ssnbench.ssn.architecture import Architecture
from ssnbench.ssn.kernels.grid import Grid
from ssnbench.ssn.network import FeatureNetwork

NETWORKS = {
    "deep": Architecture(width=4, last_init="default"),
    "released": Architecture.released(width=4),
    "paper": Architecture.paper(width=4),
    "linear": Architecture(variant="linear", last_init="default"),
}


@pytest.fixture(params=list(NETWORKS))
def network(request: pytest.FixtureRequest) -> FeatureNetwork:
    return trained(NETWORKS[request.param])


def trained(made: Architecture) -> FeatureNetwork:
    """Weights and statistics as uneven as those of a trained network."""
    torch.manual_seed(0)
    network = FeatureNetwork(made)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.3, 0.3)  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]
    return network.eval().requires_grad_(False)


def image(height: int, width: int) -> tuple[Tensor, Grid]:
    lab = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(1)) * 80
    return lab, Grid.of(height, width, min(9, height))


@pytest.mark.parametrize("shape", [(203, 37), (101, 50), (160, 40), (5, 6), (1, 9)])
@pytest.mark.parametrize("n_rows", [1, 30, 64, 1000])
def test_features_are_those_of_the_whole_image(
    network: FeatureNetwork, shape: tuple[int, int], n_rows: int
) -> None:
    lab, grid = image(*shape)
    made = strips.features(network, lab, grid, n_rows)
    torch.testing.assert_close(made, network(lab, grid), atol=2e-6, rtol=1e-5)


def test_the_margin_is_needed(monkeypatch: Any) -> None:
    network = trained(NETWORKS["deep"])
    lab, grid = image(203, 37)
    monkeypatch.setattr(strips, "MARGIN", 16)
    wrong = strips.features(network, lab, grid, 64) - network(lab, grid)
    assert wrong.abs().max() > 1e-4


def test_folding_the_normalisation_changes_nothing(network: FeatureNetwork) -> None:
    lab, grid = image(41, 30)
    fused = network.fused()
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fused.modules())
    torch.testing.assert_close(fused(lab, grid), network(lab, grid), atol=2e-6, rtol=1e-5)
    n_norms = sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    assert n_norms == (0 if network.architecture.variant == "linear" else 6), "it is a copy"
