from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ssnbench.contracts import UsageError
from ssnbench.ssn.architecture import Architecture
from ssnbench.ssn.features import xylab
from ssnbench.ssn.kernels.grid import Grid
from ssnbench.ssn.network import FeatureNetwork

GRID = Grid.of(37, 50, 12)


def lab(batch: int = 2, height: int = 37, width: int = 50) -> Tensor:
    noise = torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(0))
    return noise * 100


def convolutions(network: nn.Module) -> list[nn.Conv2d]:
    return [m for m in network.modules() if isinstance(m, nn.Conv2d)]


@pytest.mark.parametrize("variant", ["deep", "linear"])
@pytest.mark.parametrize("made", [Architecture(), Architecture.released(), Architecture.paper()])
@pytest.mark.parametrize("k", [6, 20])
def test_features_are_xylab_and_learned_channels(variant: Any, made: Architecture, k: int) -> None:
    made = replace(made, variant=variant, k=k, width=8)
    features = FeatureNetwork(made)(lab(), GRID)
    assert features.shape == (2, k, 37, 50)
    assert torch.equal(features[:, :5], xylab(lab(), GRID))


def test_the_deep_network_is_that_of_the_paper() -> None:
    ends = [(c.in_channels, c.out_channels) for c in convolutions(FeatureNetwork(Architecture()))]
    assert ends == [(3, 64), *[(64, 64)] * 5, (192, 15)]
    released = convolutions(FeatureNetwork(Architecture.released(k=10)))
    assert [released[0].in_channels, released[-1].in_channels] == [5, 197]
    assert released[-1].out_channels == 5
    assert len(convolutions(FeatureNetwork(Architecture(variant="linear")))) == 1


def test_scales_are_halved_twice_after_the_second_and_fourth_convolution() -> None:
    network = FeatureNetwork(Architecture(width=4))
    sizes: list[tuple[int, ...]] = []
    for convolution in convolutions(network)[:-1]:
        convolution.register_forward_hook(lambda _m, _i, out: sizes.append(tuple(out.shape[2:])))
    network(lab(), GRID)
    assert sizes == [(37, 50)] * 2 + [(19, 25)] * 2 + [(10, 13)] * 2


@pytest.mark.parametrize("made", [Architecture(width=6), Architecture.released(width=6)])
def test_the_last_convolution_sees_all_scales_at_once(made: Architecture) -> None:
    """It is computed scale by scale, and equals that of the concatenated scales."""
    network = FeatureNetwork(replace(made, last_init="default")).eval()
    deep: Any = network.learned
    seen = lab() / 10 if made.sees == "lab" else xylab(lab(), GRID)
    fine = deep.fine(seen)
    middle = deep.middle(fine)
    coarse = deep.coarse(middle)
    up = [torch.nn.functional.interpolate(x, (37, 50), mode="bilinear") for x in (middle, coarse)]
    scales = [fine, *up, seen] if made.last_sees_input else [fine, *up]
    expected = deep.last(torch.cat(scales, 1))
    expected = expected.relu() if made.last_relu else expected
    torch.testing.assert_close(deep(seen), expected)


@pytest.mark.parametrize("pooling", ["3x3", "2x2"])
def test_both_poolings_cope_with_odd_sizes(pooling: Any) -> None:
    network = FeatureNetwork(Architecture(pooling=pooling, width=4))
    assert network(lab(1, 5, 7), Grid.of(5, 7, 2)).shape == (1, 20, 5, 7)


def test_untrained_it_clusters_as_plain_xylab_and_trains_from_there() -> None:
    network = FeatureNetwork(Architecture())
    features = network(lab(), GRID)
    assert features[:, 5:].abs().max() < 0.2
    features[:, 5:].square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_what_is_learned_from_colours_does_not_depend_on_the_count() -> None:
    fine = Grid.of(37, 50, 200)
    network = FeatureNetwork(Architecture(last_init="default", width=8)).eval()
    assert torch.equal(network(lab(), GRID)[:, 5:], network(lab(), fine)[:, 5:])
    positions = FeatureNetwork(Architecture.released(width=8)).eval()
    assert not torch.equal(positions(lab(), GRID)[:, 5:], positions(lab(), fine)[:, 5:])


def test_only_the_relu_keeps_learned_features_from_being_negative() -> None:
    assert (FeatureNetwork(Architecture.released())(lab(), GRID)[:, 5:] >= 0).all()
    assert (FeatureNetwork(Architecture.released(last_relu=False))(lab(), GRID)[:, 5:] < 0).any()


def test_biases_and_affine_norms_are_switches() -> None:
    def names(**changes: Any) -> set[str]:
        network = FeatureNetwork(Architecture(**changes))
        return {name.rpartition(".")[0] + "." + name for name, _ in network.named_parameters()}

    plain = names()
    assert len(names(conv_bias=True) - plain) == 6
    assert len(plain - names(norm_affine=False)) == 12


def test_gaussian_weights_are_small() -> None:
    torch.manual_seed(0)
    network = FeatureNetwork(Architecture(init="gaussian", conv_bias=True))
    for convolution in convolutions(network):
        assert 5e-4 < convolution.weight.std() < 2e-3
        assert convolution.bias is not None
        assert not convolution.bias.any()


def test_under_autocast_positions_stay_exact() -> None:
    network = FeatureNetwork(Architecture(width=8)).eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        features = network(lab(), GRID)
    assert features.dtype == torch.float32
    assert torch.equal(features[:, :5], xylab(lab(), GRID))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"k": 5}, "k must be 6 or more"),
        ({"width": 0}, "width must be positive"),
        ({"eta": float("nan")}, "eta must be positive"),
        ({"variant": "pix"}, "variant must be one of deep, linear, got 'pix'"),
        ({"association": "hard"}, "no derivative"),
    ],
)
def test_says_what_is_out_of_range(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Architecture(**changes)


def test_survives_the_way_through_a_header() -> None:
    made = Architecture.released(k=10)
    assert Architecture.from_facts(asdict(made)) == made
    with pytest.raises(UsageError, match="unknown fields of an architecture: depth"):
        Architecture.from_facts({"depth": 9})
