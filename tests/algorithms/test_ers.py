"""ERS against its definitions: entropy rate, balance, greedy choice; exactly K."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from ssnbench import labels, plugins
from ssnbench.contracts import Image, Labels
from ssnbench.kernels.components import components

Edge = tuple[int, int]


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (1, 300), (5, 60), (30, 40)])
@pytest.mark.parametrize("asked", [1, 2, 37, 299])
@pytest.mark.parametrize("span", [1, 40, 256])
def test_makes_exactly_what_is_asked(shape: tuple[int, int], asked: int, span: int) -> None:
    noise = np.random.default_rng(0).integers(0, span, (*shape, 3), dtype=np.uint8)
    found = plugins.load("algorithms", "ers")()(noise, asked)
    made = min(asked, shape[0] * shape[1])
    assert labels.count(found) == components(found)[1] == found.max() + 1 == made


def test_four_pixels_by_hand() -> None:
    """Weights 1 and 0.5 above and below, 0.5 and 0.25 at the sides of a square.

    Splitting what stays at the pixels into the two edges is worth 1.38, 0.90, 1 and 0.69 bits. The
    left side gains most, 1.38 + 1; then upper and lower edge gain at one end only, 0.90 and 0.69,
    but the right side at both.
    """
    module = sys.modules[plugins.load("algorithms", "ers").__module__]
    weights = np.array([1, 0.5, -1, 0.25, 0.5, -1, -1, -1])
    for n, expected in [(4, [0, 1, 2, 3]), (3, [0, 1, 0, 2]), (2, [0, 1, 0, 1]), (1, [0] * 4)]:
        found = np.arange(4, dtype=np.int32)
        module._greedy(found, weights, 2, 0.0, n)
        assert found.tolist() == expected


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("lambda_", [0.0, 0.5, 3.0])
def test_lazy_and_plain_greedy_search_agree(seed: int, lambda_: float) -> None:
    image = np.random.default_rng(seed).integers(0, 25, (4, 5, 3), dtype=np.uint8)
    found = plugins.load("algorithms", "ers")(lambda_=lambda_)(image, 5)
    np.testing.assert_array_equal(found, _plain(image, 5, lambda_))


def _plain(image: Image, n_segments: int, lambda_: float, sigma: float = 5.0) -> Labels:
    """Algorithm 1 word for word: the objective of every set of edges, from its definition."""
    weights = _edges(image, sigma)
    n = image.shape[0] * image.shape[1]
    none = _rate(set(), weights, n), _balance(set(), n)
    rates = [_rate({e}, weights, n) - none[0] for e in weights]
    scale = lambda_ * n_segments * max(rates) / (_balance({next(iter(weights))}, n) - none[1])
    chosen: set[Edge] = set()
    while len(np.unique(_parts(chosen, n))) > n_segments:
        parts = _parts(chosen, n)
        free = [e for e in weights if parts[e[0]] != parts[e[1]]]
        with_it = [chosen | {e} for e in free]
        chosen = max(with_it, key=lambda a: _rate(a, weights, n) + scale * _balance(a, n))
    return labels.consecutive(_parts(chosen, n).reshape(image.shape[:2]))


def _edges(image: Image, sigma: float) -> dict[Edge, float]:
    height, width = image.shape[:2]
    colours = image.reshape(-1, 3).astype(float)
    index = np.arange(height * width).reshape(height, width)
    pairs = [*zip(index[:, :-1].flat, index[:, 1:].flat, strict=True)]
    pairs += zip(index[:-1].flat, index[1:].flat, strict=True)
    apart = {(p, q): np.abs(colours[p] - colours[q]).mean() for p, q in pairs}
    return {e: float(np.exp(-(d**2) / (2 * sigma**2))) for e, d in apart.items()}


def _rate(chosen: set[Edge], weights: dict[Edge, float], n: int) -> float:
    """Entropy rate: stationary distribution times the entropy of each pixel's next step."""
    matrix = np.zeros((n, n))
    for (p, q), w in weights.items():
        matrix[p, q] = matrix[q, p] = w
    own = matrix.sum(1)
    step = np.zeros((n, n))
    for p, q in chosen:
        step[p, q], step[q, p] = matrix[p, q] / own[p], matrix[q, p] / own[q]
    np.fill_diagonal(step, np.maximum(1 - step.sum(1), 0))
    logs = np.log2(step, where=step > 0, out=np.zeros_like(step))
    return float(-(own / own.sum()) @ (step * logs).sum(1))


def _balance(chosen: set[Edge], n: int) -> float:
    share = np.unique(_parts(chosen, n), return_counts=True)[1] / n
    return float(-(share * np.log2(share)).sum() - len(share))


def _parts(chosen: set[Edge], n: int) -> Labels:
    parts = np.arange(n, dtype=np.int32)
    for _ in range(n):
        for p, q in chosen:
            parts[p] = parts[q] = min(parts[p], parts[q])
    return parts


def test_edges_without_weight_join_by_balance_alone() -> None:
    """So narrow a Gaussian takes the weight of every edge between these colours to 0."""
    image = np.indices((4, 6)).sum(0)[..., None].repeat(3, 2).astype(np.uint8) % 2 * 255
    found = plugins.load("algorithms", "ers")(sigma=0.1)(image, 5)
    assert np.unique(found).tolist() == [0, 1, 2, 3, 4]
