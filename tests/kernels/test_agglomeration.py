"""Regions join, the most alike first."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from ssnbench.contracts import Labels
from ssnbench.kernels.agglomeration import agglomerated
from ssnbench.kernels.components import components


def _agglomerated(parts: Labels, means: NDArray[np.float64], n_left: int, least: int = 0) -> Labels:
    sizes = np.bincount(parts.ravel()).astype(float)
    return agglomerated(parts, means * sizes[:, None], sizes, n_left, least)


def _one(values: list[float]) -> NDArray[np.float64]:
    return np.array(values)[:, None]


def test_of_pixels_in_a_row_the_nearest_join() -> None:
    parts = np.arange(5, dtype=np.int32)[None]
    values = _one([0, 1, 5, 7, 20])
    expected = {4: [0, 0, 1, 2, 3], 3: [0, 0, 1, 1, 2], 2: [0, 0, 0, 0, 1], 1: [0] * 5}
    for n_left, labels in expected.items():
        np.testing.assert_array_equal(_agglomerated(parts, values, n_left), [labels])


def test_a_large_region_costs_more_than_a_small_one() -> None:
    """4 and 1 pixels a distance of 3 apart: 0.8 x 9; 1 and 1 pixels 3.5 apart: 0.5 x 12.25."""
    parts = np.array([[0, 0, 0, 0, 1, 2]], np.int32)
    labels = _agglomerated(parts, _one([0, 3, 6.5]), 2)
    np.testing.assert_array_equal(labels, [[0, 0, 0, 0, 1, 1]])


def test_what_does_not_touch_does_not_join() -> None:
    parts = np.array([[0, 1, 2]], np.int32)
    np.testing.assert_array_equal(_agglomerated(parts, _one([0, 9, 0]), 2), [[0, 0, 1]])


def test_small_regions_join_first_and_even_when_there_are_few_enough() -> None:
    parts = np.array([[0, 0, 0, 1, 2, 2, 2, 3, 3, 3]], np.int32)
    values = _one([0, 100, 102, 102.1])
    np.testing.assert_array_equal(_agglomerated(parts, values, 3), [[0, 0, 0, 1, 2, 2, 2, 2, 2, 2]])
    expected = [[0, 0, 0, 1, 1, 1, 1, 2, 2, 2]]
    np.testing.assert_array_equal(_agglomerated(parts, values, 3, least=2), expected)
    np.testing.assert_array_equal(_agglomerated(parts, values, 9, least=2), expected)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("least", [0, 4])
def test_as_by_looking_at_all_pairs(seed: int, least: int) -> None:
    rng = np.random.default_rng(seed)
    parts, n = components(rng.integers(0, 3, (12, 14), dtype=np.int32))
    means = rng.normal(size=(n, 3))
    for n_left in (1, 5, n // 2, n):
        np.testing.assert_array_equal(
            _agglomerated(parts, means, n_left, least), _slowly(parts, means, n_left, least)
        )


def test_many_regions_around_one() -> None:
    """A background in many scattered pieces: every join changes what a hundred others border on."""
    parts = np.zeros((41, 41), np.int32)
    parts[1::2, 1::2] = np.arange(1, 401).reshape(20, 20)
    means = np.r_[0, np.linspace(1, 2, 400)][:, None]
    labels = _agglomerated(parts, means, 101)
    assert labels.max() == 100
    np.testing.assert_array_equal(labels[1::2, 1::2].ravel()[:300], 0)  # the nearest three hundred


def _slowly(parts: Labels, means: NDArray[np.float64], n_left: int, least: int) -> Labels:
    """Ward's criterion, all pairs looked at anew after every join."""
    labels, sizes, means = parts.copy(), np.bincount(parts.ravel()).astype(float), means.copy()
    while len(alive := np.unique(labels)) > 1:
        small = [a for a in alive if sizes[a] < least]
        if len(alive) <= n_left and not small:
            break
        pairs = [(a, b) for a, b in itertools.combinations(alive, 2) if _touch(labels, a, b)]
        if small:
            pairs = [pair for pair in pairs if small[0] in pair]
        rises = [_rise(sizes, means, *pair) for pair in pairs]
        a, b = pairs[int(np.argmin(rises))]
        means[a] = (sizes[a] * means[a] + sizes[b] * means[b]) / (sizes[a] + sizes[b])
        sizes[a] += sizes[b]
        labels[labels == b] = a
    return np.searchsorted(np.unique(labels), labels).astype(np.int32)


def _touch(labels: Labels, a: int, b: int) -> bool:
    one, other = labels == a, labels == b
    across = (one[:, 1:] & other[:, :-1]) | (other[:, 1:] & one[:, :-1])
    down = (one[1:] & other[:-1]) | (other[1:] & one[:-1])
    return bool(across.any() or down.any())


def _rise(sizes: NDArray[np.float64], means: NDArray[np.float64], a: int, b: int) -> float:
    distance = np.sum((means[a] - means[b]) ** 2)
    return float(distance * sizes[a] * sizes[b] / (sizes[a] + sizes[b]))
