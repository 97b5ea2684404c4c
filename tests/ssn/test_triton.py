"""The Triton kernels: on a GPU where there is one, else in Triton's interpreter on the CPU."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssnbench.ssn import Grid
from ssnbench.ssn.kernels import cuda, reference

if importlib.util.find_spec("triton") is None:
    pytest.skip("Triton is not installed", allow_module_level=True)
pytestmark = [
    pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:TRITON_DEFAULT_FP_FUSION"),
]

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
DEVICE = "cuda" if torch.cuda.is_available() and not INTERPRETED else "cpu"
runs_kernels = pytest.mark.skipif(
    DEVICE == "cpu" and not INTERPRETED, reason="no GPU: test_in_the_interpreter runs it"
)
SHAPES = [  # batch, channels, height, width, superpixels asked for
    (1, 3, 1, 1, 1),
    (2, 5, 13, 17, 6),
    (1, 20, 21, 15, 9),
    (1, 4, 5, 4, 20),
    (1, 1, 3, 300, 1),
    (1, 33, 7, 12, 4),
]


@pytest.fixture(autouse=INTERPRETED)
def _products_as_on_tensor_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the interpreter round as ``tf32x3`` does: it would compute all in float32 proper."""
    from triton.runtime.interpreter import InterpreterBuilder, TensorHandle

    def dot(_builder: Any, a: Any, b: Any, d: Any, *_precision: Any) -> Any:
        (a, a_rest), (b, b_rest) = split(a.data), split(b.data)
        return TensorHandle(a_rest @ b + a @ b_rest + a @ b + d.data, d.dtype.scalar)

    monkeypatch.setattr(InterpreterBuilder, "create_dot", dot)


def split(x: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The nearest TF32 number of ten binary digits, and that of what is left."""
    first = tf32(x)
    return first, tf32(x - first)


def tf32(x: NDArray[np.float32]) -> NDArray[np.float32]:
    bits = (np.ascontiguousarray(x).view(np.uint32) + 0x1000) & np.uint32(0xFFFFE000)
    return bits.view(np.float32)


def waves(batch: int, channels: int, height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(height * width)
    features = 0.3 * torch.randn((batch, channels, height, width), generator=generator)
    features[:, 0] += 90 + 0.4 * torch.arange(width)
    return features + 0.5 * torch.sin(torch.arange(width) * 0.3)


@runs_kernels
@pytest.mark.parametrize(("batch", "channels", "height", "width", "n_segments"), SHAPES)
def test_forward_and_backward_agree_with_the_oracle(
    batch: int, channels: int, height: int, width: int, n_segments: int
) -> None:
    grid = Grid.of(height, width, n_segments)
    features = waves(batch, channels, height, width)
    precise = features.double().requires_grad_()
    expected = reference.cluster(precise, grid, 3)
    q, centres, labels, history = cuda.forward(features.to(DEVICE), grid, 3)
    torch.testing.assert_close(q.cpu().double(), expected[0], rtol=0, atol=1e-5)
    torch.testing.assert_close(centres.cpu().double(), expected[1], rtol=1e-5, atol=1e-5)
    assert (labels.cpu() == expected[2]).float().mean() > 0.99

    by_q, by_s = torch.rand(expected[0].shape), torch.rand(expected[1].shape).double()
    loss = (expected[0] * by_q).sum() + (expected[1] * by_s).sum()
    (gradient,) = torch.autograd.grad(loss, precise)
    found = cuda.backward(
        features.to(DEVICE), grid, history, by_q.to(DEVICE), by_s.to(DEVICE)
    ).cpu()
    assert (found - gradient).abs().max() < 1e-4 * gradient.abs().max()


@runs_kernels
@pytest.mark.parametrize(("batch", "channels", "height", "width", "n_segments"), SHAPES[1:3])
def test_hard_assignment_agrees_with_the_oracle(
    batch: int, channels: int, height: int, width: int, n_segments: int
) -> None:
    grid = Grid.of(height, width, n_segments)
    features = waves(batch, channels, height, width)
    q, centres, labels = reference.cluster(features.double(), grid, 3, "hard")
    found = cuda.forward(features.to(DEVICE), grid, 3, hard=True, keep=False)
    assert torch.equal(found[2].cpu(), labels)
    assert torch.equal(found[0].cpu().double(), q)
    torch.testing.assert_close(found[1].cpu().double(), centres, rtol=1e-6, atol=1e-6)
    assert len(found[3]) == 1


@runs_kernels
def test_a_superpixel_that_loses_its_pixels_stays_and_passes_its_gradient_on() -> None:
    row = torch.tensor([0.0, 1, 0, 100, 101, 100]).reshape(1, 1, 1, 6)
    grid = Grid.of(1, 6, 3)
    precise = row.double().requires_grad_()
    centres = reference.cluster(precise, grid, 3)[1]
    (gradient,) = torch.autograd.grad(centres.square().sum(), precise)
    _, s, _, history = cuda.forward(row.to(DEVICE), grid, 3)
    assert s[0, 1] == 50
    no_q = torch.zeros(1, 9, 1, 6, device=DEVICE)
    found = cuda.backward(row.to(DEVICE), grid, history, no_q, 2 * s.double()).cpu()
    torch.testing.assert_close(found.double(), gradient, rtol=1e-4, atol=1e-3)


@runs_kernels
def test_few_programs_take_many_blocks_each(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = Grid.of(12, 50, 2)
    features = waves(1, 5, 12, 50).to(DEVICE)
    results = []
    for programs in (1024, 6, 1):
        monkeypatch.setattr(cuda, "PROGRAMS", programs)
        q, s, labels, history = cuda.forward(features, grid, 2)
        results.append((q, s, labels, cuda.backward(features, grid, history, q, s.double())))
    for other in results[1:]:
        for found, expected in zip(other, results[0], strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(DEVICE == "cuda" or INTERPRETED, reason="the kernels run as they are")
def test_in_the_interpreter() -> None:
    """Triton reads the switch when it is imported, which others may have done: a fresh process."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    assert " passed" in run.stdout


@pytest.mark.skipif(DEVICE == "cpu", reason="needs a GPU")
def test_a_cuda_graph_can_capture_it() -> None:
    grid = Grid.of(40, 50, 20)
    features = waves(1, 5, 40, 50).to(DEVICE)

    def run() -> tuple[Tensor, ...]:
        made = cuda.forward(features, grid, 3)
        return *made, cuda.backward(features, grid, made[3], made[0], made[1].double())

    expected = run()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        found = run()
    graph.replay()
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)
