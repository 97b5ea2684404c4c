from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ssnbench.ssn import DifferentiableSLIC, Superpixels, pool, slic, unpool


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_pooling_the_features_gives_the_centres() -> None:
    features = noise(2, 4, 15, 22)
    made = slic(features, 12, 3)
    torch.testing.assert_close(made.pool(features), made.centres)


def test_mappings_are_differentiable() -> None:
    made = slic(noise(1, 2, 5, 7), 4, 2)
    q = made.associations.detach().requires_grad_()
    pixels = noise(1, 2, 5, 7).requires_grad_()
    superpixels = noise(1, made.grid.n_cells, 3).requires_grad_()
    check = partial(torch.autograd.gradcheck, fast_mode=True)
    assert check(lambda x, q: pool(x, q, made.grid), (pixels, q))
    assert check(lambda s, q: unpool(s, q, made.grid), (superpixels, q))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_comes_back_as_it_came(dtype: torch.dtype) -> None:
    features = noise(1, 3, 9, 12).to(dtype).requires_grad_()
    made = slic(features, 6, 2)
    assert made.associations.dtype == made.centres.dtype == dtype
    assert made.labels.dtype == torch.int32
    assert made.pool(features).dtype == made.unpool(made.centres).dtype == dtype
    made.associations.square().sum().backward()  # type: ignore[no-untyped-call]
    assert features.grad is not None
    assert features.grad.dtype == dtype


def test_under_autocast_it_keeps_float32_like_a_softmax() -> None:
    features = noise(1, 3, 9, 12).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        made = slic(features, 6, 2)
    assert made.associations.dtype == torch.float32
    torch.testing.assert_close(made.associations, slic(features.float(), 6, 2).associations)


@pytest.mark.parametrize("implementation", ["auto", "reference"])
def test_training_after_inference_mode(implementation: str) -> None:
    """Tables kept from inference mode must not spoil a later backward pass."""
    features = noise(1, 3, 10, 13).float()
    with torch.inference_mode():
        slic(features, 5, 2, implementation=implementation)  # type: ignore[arg-type]
    leaf = features.requires_grad_()
    made = slic(leaf, 5, 2, implementation=implementation)  # type: ignore[arg-type]
    made.unpool(made.pool(leaf)).sum().backward()  # type: ignore[no-untyped-call]
    assert leaf.grad is not None


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_refuses_what_is_not_finite(bad: float, dtype: torch.dtype) -> None:
    features = torch.zeros(2, 3, 8, 9, dtype=dtype)
    features[1, 2, 7, 8] = bad
    with pytest.raises(ValueError, match=r"\(2, 3, 8, 9\) hold NaN or infinite"):
        slic(features, 4)


@pytest.mark.parametrize(
    ("features", "said"),
    [
        (torch.zeros(0, 3, 8, 9), r"\(0, 3, 8, 9\) are empty"),
        (torch.zeros(1, 0, 8, 9), r"\(1, 0, 8, 9\) are empty"),
        (torch.zeros(3, 8, 9), r"got torch.float32 \(3, 8, 9\)"),
        (torch.zeros(1, 3, 8, 9, dtype=torch.int64), r"got torch.int64 \(1, 3, 8, 9\)"),
    ],
)
def test_refuses_wrong_shapes_and_types(features: Tensor, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        slic(features, 4)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"n_segments": 73}, "1 to 72 for this image, got 73"),
        ({"n_segments": 0}, "got 0"),
        ({"n_iter": 0}, "n_iter must be at least 1, got 0"),
        ({"association": "soft"}, "'softmax', 'exp', 'hard'"),
        ({"implementation": "fast"}, "'auto', 'reference', 'kernel'"),
        ({"association": "exp", "implementation": "kernel"}, "no kernel for association 'exp'"),
    ],
)
def test_refuses_wrong_parameters(arguments: dict[str, int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        slic(torch.zeros(1, 3, 8, 9), **{"n_segments": 4, **arguments})  # type: ignore[arg-type]


def test_mappings_name_what_does_not_fit() -> None:
    made = slic(torch.zeros(1, 3, 8, 9), 4)
    with pytest.raises(ValueError, match=r"\(1, 3, 8, 8\) and associations \(1, 9, 8, 9\)"):
        made.pool(torch.zeros(1, 3, 8, 8))
    with pytest.raises(ValueError, match=r"\(1, 5, 3\) and associations"):
        made.unpool(torch.zeros(1, 5, 3))
    with pytest.raises(ValueError, match=r"values \(1, 3, 8, 9\) are on meta"):
        made.pool(torch.zeros(1, 3, 8, 9, device="meta"))


def test_layer_shows_its_parameters_and_calls_the_function() -> None:
    layer = DifferentiableSLIC(6, n_iter=2)
    assert repr(layer) == "DifferentiableSLIC(6, n_iter=2, association='softmax')"
    features = noise(1, 3, 8, 9)
    made = layer(features)
    assert isinstance(made, Superpixels)
    assert torch.equal(made.associations, slic(features, 6, 2).associations)


def test_the_documented_example_learns() -> None:
    page = (Path(__file__).parents[2] / "docs" / "layer.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, list[float]] = {}
    exec(code, names)
    assert names["losses"][-1] < 0.7 * names["losses"][0]
