"""Convolutions and normalisation of training, held against PyTorch's in double precision."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from ssnbench.ssn.architecture import Architecture
from ssnbench.ssn.convolution import functions
from ssnbench.ssn.convolution.functions import convolve, convolve_levels, normalise, suits
from ssnbench.ssn.kernels.grid import Grid
from ssnbench.ssn.network import FeatureNetwork

SHAPES = [(1, 1, 1), (2, 1, 9), (3, 13, 6), (1, 40, 37), (2, 5, 201)]
ORDERS: dict[str, Callable[[Tensor], Tensor]] = {
    "contiguous": torch.clone,
    "channels last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "strided": lambda x: x.repeat_interleave(2, 3)[..., ::2],
}
POOLINGS: dict[int, Callable[..., Tensor]] = {
    2: nn.MaxPool2d(2, ceil_mode=True),
    3: nn.MaxPool2d(3, stride=2, padding=1),
}
WIDTH = 32
needs_vectors = pytest.mark.skipif(
    not torch.backends.cpu.get_cpu_capability().startswith("AVX"), reason="no vectors of eight"
)


def numbers(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def differentiated(function: Callable[..., Tensor], *inputs: Tensor) -> list[Tensor]:
    """What a function makes, and its derivatives by all inputs in one uneven direction."""
    inputs = tuple(x.detach().requires_grad_() for x in inputs)
    made = function(*inputs)
    back = numbers(*made.shape).to(made.dtype)
    return [made.detach(), *torch.autograd.grad(made, inputs, back)]


def check(ours: Callable[..., Tensor], plain: Callable[..., Tensor], *inputs: Tensor) -> None:
    expected = differentiated(plain, *(x.double() for x in inputs))
    for made, exact in zip(differentiated(ours, *inputs), expected, strict=True):
        assert made.shape == exact.shape
        scale = exact.abs().max().item() + 1e-3
        torch.testing.assert_close(made.double(), exact, atol=2e-5 * scale, rtol=0)


def plain_levels(fine: Tensor, middle: Tensor, coarse: Tensor, w: Tensor, b: Tensor) -> Tensor:
    size = fine.shape[2:]
    up = [functional.interpolate(x, size, mode="bilinear") for x in (middle, coarse)]
    return functional.conv2d(torch.cat((fine, *up), 1), w, b, padding=1)


def levels(batch: int, height: int, width: int) -> list[Tensor]:
    sizes = [(-(-height // 2**i), -(-width // 2**i)) for i in range(3)]
    return [numbers(batch, WIDTH, *size) for size in sizes]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("shape", SHAPES)
def test_convolution(shape: tuple[int, int, int], order: str) -> None:
    maps = ORDERS[order](numbers(shape[0], WIDTH, *shape[1:]))
    weight, bias = numbers(2 * WIDTH, WIDTH, 3, 3), numbers(2 * WIDTH)
    check(convolve, partial(functional.conv2d, padding=1), maps, weight, bias)


@pytest.mark.parametrize("n_in", [1, 3, 8])
@pytest.mark.parametrize("shape", SHAPES)
def test_convolution_of_few_channels(shape: tuple[int, int, int], n_in: int) -> None:
    maps, weight = numbers(shape[0], n_in, *shape[1:]), numbers(WIDTH, n_in, 3, 3)
    check(convolve, partial(functional.conv2d, padding=1), maps, weight, numbers(WIDTH))


def test_convolution_without_a_bias() -> None:
    maps, weight = numbers(2, WIDTH, 10, 11), numbers(WIDTH, WIDTH, 3, 3)
    check(convolve, partial(functional.conv2d, padding=1), maps, weight)


@pytest.mark.parametrize("n", [1, 15, WIDTH + 1])
@pytest.mark.parametrize("shape", SHAPES)
def test_convolution_of_three_levels(shape: tuple[int, int, int], n: int) -> None:
    weight, bias = numbers(n, 3 * WIDTH, 3, 3), numbers(n)
    check(lambda *of: convolve_levels(of[:3], *of[3:]), plain_levels, *levels(*shape), weight, bias)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("shape", SHAPES[1:])
def test_normalisation(shape: tuple[int, int, int], order: str) -> None:
    maps = 3 * ORDERS[order](numbers(shape[0], WIDTH, *shape[1:])) + 5

    def of(run: Callable[[Tensor, nn.BatchNorm2d], Tensor], maps: Tensor, *line: Tensor) -> Tensor:
        layer = nn.BatchNorm2d(WIDTH, dtype=maps.dtype)
        del layer.weight, layer.bias
        layer.weight, layer.bias = line  # type: ignore[assignment]
        return run(maps, layer)

    plain = partial(of, lambda maps, layer: layer(maps).relu())
    check(partial(of, normalise), plain, maps, numbers(WIDTH), numbers(WIDTH))


@pytest.mark.parametrize("window", [2, 3])
@pytest.mark.parametrize("shape", SHAPES)
def test_pooling(shape: tuple[int, int, int], window: int) -> None:
    """The first of several equal ones takes the derivative, as in PyTorch."""
    maps = numbers(shape[0], WIDTH, *shape[1:]).relu()
    for order in ORDERS.values():
        check(partial(functions.largest, window=window), POOLINGS[window], order(maps))


@pytest.mark.parametrize("momentum", [0.1, None])
def test_running_averages_move_as_pytorchs(momentum: float | None) -> None:
    ours, plain = (nn.BatchNorm2d(WIDTH, momentum=momentum) for _ in range(2))
    for i in range(3):
        maps = numbers(2, WIDTH, 20, 30 + i) * (1 + i) + i
        normalise(maps, ours)
        plain(maps)
    assert plain.state_dict().keys() == ours.state_dict().keys()
    for name, expected in plain.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], expected)


def test_normalisation_without_parameters_or_averages() -> None:
    layer = nn.BatchNorm2d(WIDTH, affine=False, track_running_stats=False)
    exact = copy.deepcopy(layer).double()
    check(lambda x: normalise(x, layer), lambda x: exact(x).relu(), numbers(2, WIDTH, 9, 8))


def test_bits_do_not_depend_on_threads() -> None:
    first, weight, layer = (*(numbers(WIDTH, n, 3, 3) for n in (3, WIDTH)), nn.BatchNorm2d(WIDTH))
    last, bias = numbers(15, 3 * WIDTH, 3, 3), numbers(15)

    def everything(image: Tensor, middle: Tensor, coarse: Tensor, *of: Tensor) -> Tensor:
        maps = normalise(convolve(convolve(image, of[0]), of[1]), layer)
        return convolve_levels((maps, middle, coarse), *of[2:])

    threads, made = torch.get_num_threads(), []
    try:
        for n in (1, 2, 5):
            torch.set_num_threads(n)
            maps = numbers(3, 3, 61, 50), *levels(3, 61, 50)[1:]
            made.append(differentiated(everything, *maps, first, weight, last, bias))
    finally:
        torch.set_num_threads(threads)
    for others in made[1:]:
        assert all(torch.equal(a, b) for a, b in zip(others, made[0], strict=True))


def test_an_images_bits_do_not_depend_on_the_batch() -> None:
    maps, weight = numbers(3, WIDTH, 13, 22), numbers(WIDTH, WIDTH, 3, 3)
    assert torch.equal(convolve(maps, weight)[1:2], convolve(maps[1:2], weight))


@pytest.mark.parametrize("which", ["convolution", "levels", "normalisation", "pooling"])
def test_second_derivatives_are_pytorchs(which: str) -> None:
    line = numbers(WIDTH), numbers(WIDTH)
    ours: Callable[..., Tensor]
    plain: Callable[..., Tensor]
    if which == "convolution":
        inputs = [numbers(2, WIDTH, 6, 7), numbers(WIDTH, WIDTH, 3, 3), line[0]]
        ours, plain = convolve, partial(functional.conv2d, padding=1)
    elif which == "levels":
        inputs = [*levels(2, 6, 7), numbers(5, 3 * WIDTH, 3, 3), numbers(5)]
        ours, plain = (lambda *of: convolve_levels(of[:3], *of[3:])), plain_levels
    elif which == "pooling":
        inputs = [numbers(2, WIDTH, 6, 7), line[0]]
        ours, plain = (
            partial(lambda way, maps, factor: way(maps * factor[:, None, None]).square(), way)
            for way in (partial(functions.largest, window=3), POOLINGS[3])
        )
    else:
        inputs = [numbers(2, WIDTH, 6, 7), *line]
        plain = partial(functions._plain_norm, eps=1e-5)
        apply: Any = functions._Normalised.apply
        ours = lambda *of: apply(*of, 1e-5)[0]  # noqa: E731

    def slope(function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        """Square of the derivative by the first input: a function of all."""
        made = function(*inputs).square().sum()
        (by_first,) = torch.autograd.grad(made, inputs[:1], create_graph=True)
        return by_first.square().sum() / by_first.detach().square().sum()

    check(partial(slope, ours), partial(slope, plain), *inputs)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the kernels that a network has called."""
    called: list[str] = []
    for name in ("convolved", "separated", "summed", "multiplied"):
        run = getattr(functions, name)

        def watched(*given: Any, run: Any = run, name: str = name) -> Any:
            called.append(name)
            return run(*given)

        monkeypatch.setattr(functions, name, watched)
    return called


NETWORKS = {
    "default": Architecture(width=WIDTH, last_init="default"),
    "released": Architecture.released(width=WIDTH, k=10),
    "paper": Architecture.paper(width=WIDTH),
    "plain norms": Architecture(width=WIDTH, last_init="default", norm_affine=False),
}


def trained(name: str) -> tuple[FeatureNetwork, Tensor, Grid]:
    torch.manual_seed(0)
    return FeatureNetwork(NETWORKS[name]), 100 * torch.rand(2, 3, 37, 50), Grid.of(37, 50, 12)


def gradients(network: FeatureNetwork, lab: Tensor, grid: Grid) -> dict[str, Tensor]:
    features = network(lab, grid)
    (features * numbers(*features.shape).to(features)).sum().backward()
    return {name: p.grad.double() for name, p in network.named_parameters() if p.grad is not None}


@needs_vectors
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_in_training_uses_them_and_learns_the_same(name: str, counted: list[str]) -> None:
    network, lab, grid = trained(name)
    twin = copy.deepcopy(network).double()
    ours = gradients(network, lab, grid)
    assert counted.count("convolved") == 7 + 6
    assert set(counted) == {"convolved", "multiplied", "summed", "separated"}
    for parameter, expected in gradients(twin, lab.double(), grid).items():
        error = (ours[parameter] - expected).norm() / expected.norm()
        # One pixel whose ReLU rounds to the other side is .003; and a bias before a normalisation
        # changes nothing: its derivative is rounding alone.
        assert error < 0.02 or expected.norm() < 1e-6
    averages = dict(network.named_buffers())
    for buffer, exact in twin.named_buffers():
        torch.testing.assert_close(averages[buffer].to(exact.dtype), exact, atol=1e-5, rtol=1e-5)


@needs_vectors
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_pytorch_does_the_rest(counted: list[str]) -> None:
    """Double precision, no gradient, transforms."""
    network, lab, grid = trained("default")
    with torch.no_grad():
        network(lab, grid)
    copy.deepcopy(network).double()(lab.double(), grid)
    trace: Any = torch.jit.trace
    trace(_OnGrid(network, grid), lab, check_trace=False)
    torch.export.export(_OnGrid(network, grid), (lab,), strict=False)
    parameters = dict(network.eval().named_parameters())
    torch.func.grad(lambda p: torch.func.functional_call(network, p, (lab, grid)).square().sum())(
        parameters
    )
    assert counted == []
    network.train()(lab, grid)
    assert counted


@needs_vectors
@pytest.mark.parametrize("half", [True, False])
def test_what_is_narrow_or_half_is_joined_at_coarse_resolution_alone(
    half: bool, counted: list[str]
) -> None:
    """It is as near to the exact one as PyTorch's own way."""
    torch.manual_seed(0)
    network = FeatureNetwork(Architecture(width=WIDTH if half else 4, last_init="default"))
    lab, grid = trained("default")[1:]
    exact = copy.deepcopy(network).double()(lab.double(), grid)
    made = []
    for joined in (True, False):
        with (
            torch.autocast("cpu", dtype=torch.bfloat16, enabled=half),
            mock.patch("ssnbench.ssn.network.joins", return_value=joined),
        ):
            made.append(network(lab, grid))
    made[0].sum().backward()
    assert counted == ["summed", "separated"]
    assert made[0].dtype == torch.float32
    ours, plain = (((x - exact).norm() / exact.norm()).item() for x in made)
    assert ours < 1.5 * plain + 1e-6 < (1e-2 if half else 1e-5)


class _OnGrid(nn.Module):
    def __init__(self, network: FeatureNetwork, grid: Grid) -> None:
        super().__init__()
        self.network, self.grid = network, grid

    def forward(self, lab: Tensor) -> Any:
        return self.network(lab, self.grid)


def test_derivatives_in_double_precision() -> None:
    network, *_ = trained("default")
    lab = torch.rand(1, 3, 5, 6, dtype=torch.float64, requires_grad=True)
    weight = network.double().learned.last.weight
    assert torch.autograd.gradcheck(
        lambda lab, _: network.learned(lab)[:, :3], (lab, weight), fast_mode=True
    )


def test_panels_are_whole() -> None:
    assert not suits(numbers(1, 8, 3, 3), 8)
    assert not suits(numbers(1, WIDTH, 3, 0), WIDTH)
