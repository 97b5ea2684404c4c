"""Networks as they run on CPUs, held against the plain module in double precision."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from ssnbench.contracts import Image
from ssnbench.ssn.architecture import Architecture
from ssnbench.ssn.convolution import level
from ssnbench.ssn.convolution.packed import PackedNetwork
from ssnbench.ssn.kernels.grid import Grid
from ssnbench.ssn.model import SSN
from ssnbench.ssn.network import FeatureNetwork
from ssnbench.ssn.weights import find, load_network
from tests.ssn.test_strips import image, trained

WHOLE = 10**6
NETWORKS = {
    "narrow": Architecture(width=4, last_init="default"),
    "wide": Architecture(width=40, k=30, last_init="default"),
    "released": Architecture.released(width=20),
    "paper": Architecture.paper(width=16, k=10),
}


@pytest.fixture(params=list(NETWORKS))
def network(request: pytest.FixtureRequest) -> FeatureNetwork:
    return trained(NETWORKS[request.param])


def exact(network: FeatureNetwork, lab: Tensor, grid: Grid) -> Tensor:
    features: Tensor = network.double()(lab.double(), grid)
    network.float()
    return features


@pytest.mark.parametrize("shape", [(101, 50), (48, 131), (5, 6), (1, 9), (9, 1), (1, 1)])
def test_features_are_those_of_the_network(network: FeatureNetwork, shape: tuple[int, int]) -> None:
    lab, grid = image(*shape)
    expected = exact(network, lab, grid)
    features = PackedNetwork(network.fused()).features(lab, grid, WHOLE)
    assert features.shape == expected.shape
    torch.testing.assert_close(features.double(), expected, atol=4e-6, rtol=2e-6)


@pytest.mark.parametrize("name", ["narrow", "paper"])
def test_bits_depend_on_neither_strips_nor_threads_nor_batch(name: str) -> None:
    packed = PackedNetwork(trained(NETWORKS[name]).fused())
    lab, grid = image(203, 37)
    whole = packed.features(lab, grid, WHOLE)
    assert torch.equal(packed.features(lab, grid, 30), whole)
    assert torch.equal(packed.features(lab[1:], grid, WHOLE), whole[1:])
    threads = torch.get_num_threads()
    try:
        for n in (1, 2, 5):
            torch.set_num_threads(n)
            assert torch.equal(packed.features(lab, grid, WHOLE), whole)
    finally:
        torch.set_num_threads(threads)


def test_strips_are_exact_where_the_last_convolution_sees_the_input() -> None:
    packed = PackedNetwork(trained(NETWORKS["released"]).fused())
    lab, grid = image(203, 37)
    made, whole = packed.features(lab, grid, 30), packed.features(lab, grid, WHOLE)
    torch.testing.assert_close(made, whole, atol=2e-6, rtol=1e-5)


def test_trained_weights_round_as_little_as_pytorch_does(toy_image: Image) -> None:
    """With Winograd's transforms the error is of the size of the plain convolutions'."""
    network, _ = load_network(find("bsds500"))
    lab = torch.from_numpy(toy_image).permute(2, 0, 1)[None] / 2.55
    grid = Grid.of(toy_image.shape[0], toy_image.shape[1], 30)
    with torch.no_grad():
        expected, plain = exact(network, lab, grid), network(lab, grid)
        ours = PackedNetwork(network.fused()).features(lab, grid, WHOLE)
    errors = [(each - expected).square().mean().sqrt().item() for each in (ours, plain)]
    assert errors[0] < 4 * errors[1] < 1e-4


def test_two_frames() -> None:
    network = trained(Architecture(width=8, frames=2, last_init="default"))
    lab = torch.cat(image(40, 33)[:1] * 2, 1)
    grid = Grid.of(40, 33, 9)
    features = PackedNetwork(network.fused()).features(lab, grid, WHOLE)
    torch.testing.assert_close(features.double(), exact(network, lab, grid), atol=4e-6, rtol=2e-6)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_half_precision_is_nearer_than_autocast(name: str) -> None:
    network = trained(NETWORKS[name])
    lab, grid = image(61, 50)
    expected = exact(network, lab, grid)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = network.fused()(lab, grid)
    features = PackedNetwork(network.fused(), torch.bfloat16).features(lab, grid, WHOLE)
    ours, theirs = ((each - expected).square().mean().item() for each in (features, cast))
    assert 0 < ours < 1.1 * theirs
    assert torch.equal(features[:, :5], network.pixels(lab, grid))


def test_memory_of_a_strip_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the height, a call of the kernels sees a strip and its margins."""
    heights: list[int] = []
    run = level.run_level

    def watched(*given: Any) -> None:
        heights.append(given[4].height)
        run(*given)

    monkeypatch.setattr("ssnbench.ssn.convolution.parts.run_level", watched)
    packed = PackedNetwork(trained(NETWORKS["narrow"]).fused())
    lab, grid = image(400, 20)
    packed.features(lab, grid, 64)
    assert max(heights) == 64 + 2 * 32


def test_ssn_takes_this_way_on_cpus(toy_image: Image) -> None:
    network = trained(NETWORKS["narrow"])
    ssn = SSN(network, n_iter=2, precision="float32")
    assert ssn.packed is not None
    plain = SSN(network, n_iter=2, precision="float32")
    plain.packed = None
    ours, theirs = (each.details(toy_image, 30).features for each in (ssn, plain))
    torch.testing.assert_close(ours, theirs, atol=4e-6, rtol=1e-5)
    linear = FeatureNetwork(Architecture(variant="linear"))
    assert SSN(linear).packed is None
