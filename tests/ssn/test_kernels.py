"""The float32 kernels, held against the oracle in double precision."""

from __future__ import annotations

import sys
from functools import partial

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssnbench.ssn import DifferentiableSLIC, Grid, Superpixels, slic
from ssnbench.ssn.kernels.threads import share

SMALL = [  # height, width, superpixels asked for
    (1, 1, 1),
    (1, 7, 3),
    (9, 1, 4),
    (5, 5, 25),
    (6, 7, 1),
    (13, 11, 6),
    (12, 12, 9),
    (17, 5, 8),
    (7, 23, 10),
    (8, 9, 72),
    (10, 31, 2),
    (19, 14, 50),
]
LARGER = [  # cells wider than a block, higher than a strip; a number of pixels not below a vector
    (3, 600, 1),
    (70, 20, 2),
    (33, 300, 3),
    (67, 41, 12),
    (32, 48, 380),
]
CHANNELS = [1, 5, 7]


def image_like(batch: int, channels: int, height: int, width: int, cols: int = 3) -> Tensor:
    """Waves, noise, and the scaled position, far from the origin as on a large image.

    No cell is torn between two colours: there, iterations magnify any rounding without bound.
    """
    generator = torch.Generator().manual_seed(height * width + channels)
    features = 0.3 * torch.randn((batch, channels, height, width), generator=generator)
    features += 0.5 * torch.sin(torch.arange(width) * 0.3)
    features[:, 0] += 90 + 2.5 * torch.arange(width) * cols / width
    return features


def oracle(features: Tensor, n_segments: int, n_iter: int) -> tuple[Superpixels, Tensor]:
    precise = features.double().requires_grad_()
    return slic(precise, n_segments, n_iter, implementation="reference"), precise


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize(("height", "width", "n_segments"), SMALL + LARGER)
def test_forward_and_backward_agree_with_the_oracle(
    height: int, width: int, n_segments: int, channels: int
) -> None:
    cols = Grid.of(height, width, n_segments).cols
    features = image_like(2, channels, height, width, cols).requires_grad_()
    made = slic(features, n_segments, 4, implementation="kernel")
    expected, precise = oracle(features.detach(), n_segments, 4)
    torch.testing.assert_close(made.associations.double(), expected[0], rtol=0, atol=1e-5)
    torch.testing.assert_close(made.centres.double(), expected[1], rtol=1e-5, atol=1e-5)
    assert_same_but_for_ties(made, expected)

    by_q, by_s = (torch.randn_like(t, memory_format=torch.contiguous_format) for t in expected[:2])
    ((made.associations * by_q).sum() + (made.centres * by_s).sum()).backward()  # type: ignore[no-untyped-call]
    ((expected.associations * by_q).sum() + (expected.centres * by_s).sum()).backward()  # type: ignore[no-untyped-call]
    assert features.grad is not None
    assert precise.grad is not None
    error = (features.grad - precise.grad).abs().max() / precise.grad.abs().max()
    assert error < 1e-4


def assert_same_but_for_ties(made: Superpixels, expected: Superpixels) -> None:
    best = expected.associations.topk(2, dim=1).values
    clear = best[:, 0] - best[:, 1] > 1e-5
    assert (made.labels == expected.labels)[clear].all()
    assert clear.float().mean() > 0.9


@pytest.mark.parametrize(("height", "width", "n_segments"), SMALL + LARGER)
def test_hard_assignment_agrees_with_the_oracle(height: int, width: int, n_segments: int) -> None:
    features = image_like(1, 5, height, width)
    made = slic(features, n_segments, 3, association="hard", implementation="kernel")
    expected = slic(features.double(), n_segments, 3, association="hard")
    assert torch.equal(made.labels, expected.labels)
    torch.testing.assert_close(made.centres.double(), expected.centres, rtol=1e-6, atol=1e-6)
    assert torch.equal(made.associations.double(), expected.associations)


@pytest.mark.parametrize("only", ["associations", "centres"])
def test_a_loss_on_one_output_alone(only: str) -> None:
    features = image_like(1, 5, 20, 30).requires_grad_()
    expected, precise = oracle(features.detach(), 6, 3)
    getattr(slic(features, 6, 3), only).square().sum().backward()
    getattr(expected, only).square().sum().backward()
    assert features.grad is not None
    torch.testing.assert_close(features.grad.double(), precise.grad, rtol=1e-4, atol=1e-4)


def test_a_superpixel_that_loses_its_pixels_stays_and_passes_its_gradient_on() -> None:
    row = torch.tensor([0.0, 1, 0, 100, 101, 100]).reshape(1, 1, 1, 6).requires_grad_()
    expected, precise = oracle(row.detach(), 3, 3)
    made = slic(row, 3, 3)
    made.centres.square().sum().backward()  # type: ignore[no-untyped-call]
    expected.centres.square().sum().backward()  # type: ignore[no-untyped-call]
    assert made.centres[0, 1] == 50
    assert row.grad is not None
    torch.testing.assert_close(row.grad.double(), precise.grad, rtol=1e-5, atol=1e-4)


def test_the_number_of_threads_changes_nothing() -> None:
    features = image_like(3, 7, 61, 47)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            leaf = features.clone().requires_grad_()
            made = slic(leaf, 30, 3)
            made.associations.square().sum().backward()  # type: ignore[no-untyped-call]
            assert leaf.grad is not None
            results.append((made.associations, made.centres, made.labels, leaf.grad))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert torch.equal(a, b)


def count(done: NDArray[np.int64], first: int, last: int) -> None:
    done[first:last] += 1


def test_work_is_shared_without_gap_or_overlap_and_errors_come_back() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        for n in (1, 2, 3, 10):
            done = np.zeros(n, np.int64)
            share(n, partial(count, done))
            assert (done == 1).all()
        with pytest.raises(ZeroDivisionError):
            share(9, lambda a, b: 1 // min(a - 6, 0))
    finally:
        torch.set_num_threads(before)


def test_subnormals_count_as_zero_in_shared_work_and_nowhere_else() -> None:
    if not torch.set_flush_denormal(False):
        pytest.skip("this processor cannot flush subnormals")
    before = torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            halves = np.ones(6)
            share(6, partial(halve_the_smallest, halves))
            assert (halves == 0).all()
            with pytest.raises(ZeroDivisionError):
                share(6, lambda a, b: 1 // min(a, 0))
            assert sys.float_info.min / 2 > 0
    finally:
        torch.set_num_threads(before)


def halve_the_smallest(halves: NDArray[np.float64], first: int, last: int) -> None:
    halves[first:last] = sys.float_info.min / 2


def test_any_memory_layout() -> None:
    features = image_like(2, 6, 23, 18)
    strided = features.to(memory_format=torch.channels_last).requires_grad_()
    made = slic(strided, 6, 2)
    expected = slic(features, 6, 2)
    assert torch.equal(made.associations, expected.associations)
    made.associations[:, ::2].sum().backward()  # type: ignore[no-untyped-call]
    assert strided.grad is not None
    assert strided.grad.shape == features.shape


def test_operators_obey_pytorch() -> None:
    features = image_like(1, 3, 9, 8).requires_grad_()
    arguments = (features, 2, 2, 2, False, True)
    torch.library.opcheck(torch.ops.ssnbench.cluster.default, arguments)


def test_compiles_as_one_graph() -> None:
    layer = DifferentiableSLIC(12, 3)

    def loss(features: Tensor) -> Tensor:
        made = layer(features)
        rebuilt: Tensor = made.unpool(made.pool(features))
        error: Tensor = (rebuilt - features).square().mean() + made.associations.std()
        return error

    features = image_like(1, 5, 37, 53)
    gradients = []
    for function in (loss, torch.compile(loss, fullgraph=True, backend="aot_eager")):
        leaf = features.clone().requires_grad_()
        function(leaf).backward()  # type: ignore[no-untyped-call]
        gradients.append(leaf.grad)
    torch.testing.assert_close(*gradients)
