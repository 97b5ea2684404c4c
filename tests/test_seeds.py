"""Grids of seeds: counts, places, odd shapes."""

from __future__ import annotations

import numpy as np
import pytest

from ssnbench.seeds import grid_seeds, grid_shape


@pytest.mark.parametrize(
    ("asked", "grid"), [(200, (12, 17)), (600, (20, 30)), (1000, (26, 38)), (1, (1, 1))]
)
def test_the_grids_of_a_berkeley_image(asked: int, grid: tuple[int, int]) -> None:
    assert grid_shape((321, 481), asked) == grid
    assert grid_shape((481, 321), asked) == grid[::-1]


def test_counts_come_near() -> None:
    for asked in range(25, 5001, 25):
        rows, columns = grid_shape((321, 481), asked)
        assert rows * columns == pytest.approx(asked, rel=0.1)


@pytest.mark.parametrize(
    ("shape", "asked", "made"),
    [
        ((1, 1), 1, 1),
        ((1, 1), 50, 1),
        ((1, 90), 9, 9),
        ((90, 1), 9, 9),
        ((3, 300), 20, 20),
        ((12, 14), 168, 168),
        ((12, 14), 900, 168),
    ],
)
def test_odd_shapes(shape: tuple[int, int], asked: int, made: int) -> None:
    seeds = grid_seeds(shape, asked)
    assert len(np.unique(seeds, axis=0)) == made
    assert (seeds >= 0).all()
    assert (seeds < shape).all()


def test_seeds_lie_in_the_middle_of_equal_cells() -> None:
    assert grid_seeds((6, 9), 6).tolist() == [[1, 1], [1, 4], [1, 7], [4, 1], [4, 4], [4, 7]]
