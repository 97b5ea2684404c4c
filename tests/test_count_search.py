from __future__ import annotations

import numpy as np
import pytest

from ssnbench.contracts import Labels
from ssnbench.count_search import region_size, search_count
from ssnbench.labels import count, enforce_connectivity


class Stripes:
    """A method without a count: stripes whose number falls as a power of its parameter."""

    def __init__(self, power: float = 1.0, steps: int = 1) -> None:
        self.power, self.steps, self.calls = power, steps, 0

    def __call__(self, parameter: float) -> Labels:
        self.calls += 1
        n = max(1, min(400, round(400 * parameter**-self.power / self.steps) * self.steps))
        row = np.arange(400, dtype=np.int32) * n // 400
        return np.repeat(row[None], 5, axis=0).astype(np.int32)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("asked", [3, 20, 150, 390])
def test_finds_the_count_in_few_calls(asked: int, power: float) -> None:
    method = Stripes(power)
    found = count(search_count(method, asked, 0.1, 1e5))
    assert abs(found - asked) <= 0.05 * asked
    assert method.calls <= 14


def test_counts_after_the_gate() -> None:
    """Labels that lie in several pieces are counted as the gate leaves them."""

    def pieces(parameter: float) -> Labels:
        return Stripes()(parameter) % np.int32(2)

    found = search_count(pieces, 50, 0.01, 1e4)
    assert count(found) == 2
    assert abs(count(enforce_connectivity(found, 50).labels) - 50) <= 2


def test_returns_the_nearest_when_none_is_near_enough() -> None:
    method = Stripes(steps=100)
    assert count(search_count(method, 180, 0.01, 1e4)) == 200
    assert method.calls == 14


def test_returns_the_nearest_end_when_the_count_is_out_of_reach() -> None:
    assert count(search_count(Stripes(), 390, 8.0, 100.0)) in range(40, 51)


def test_stops_at_once_when_the_first_guess_fits() -> None:
    method = Stripes()
    search_count(method, 40, 1.0, 100.0)
    assert method.calls == 1


def test_needs_an_evaluation() -> None:
    with pytest.raises(ValueError, match="max_evaluations"):
        search_count(Stripes(), 40, 1.0, 100.0, max_evaluations=0)


@pytest.mark.parametrize(
    ("shape", "n_segments", "side"), [((321, 481), 200, 28), ((10, 10), 100, 1), ((4, 4), 16, 1)]
)
def test_region_size(shape: tuple[int, int], n_segments: int, side: int) -> None:
    assert region_size(shape, n_segments) == side


def test_region_size_has_a_floor() -> None:
    assert region_size((4, 4), 16, smallest=2) == 2


@pytest.mark.parametrize(("shape", "across"), [((4, 400), 1), ((400, 4), 1), ((20, 80), 3)])
def test_region_size_refuses_what_crashes_opencv(shape: tuple[int, int], across: int) -> None:
    with pytest.raises(ValueError, match=f"{shape[0]} x {shape[1]} pixels is too small"):
        region_size(shape, 20, across=across)
