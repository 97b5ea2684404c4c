"""Grids of seeds: counts, places, odd shapes."""

from __future__ import annotations

import numpy as np
import pytest

from ssnbench.kernels.grid import grid_cells, grid_seeds, grid_shape, to_lowest_gradient


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


def test_cells_hold_their_seeds() -> None:
    cells = grid_cells((33, 47), 20)
    assert cells.dtype == np.int32
    assert cells[*grid_seeds((33, 47), 20).T].tolist() == list(range(cells.max() + 1))


def test_cells_of_six_pixels() -> None:
    assert grid_cells((2, 3), 6).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_seed_leaves_a_contour() -> None:
    """An edge between columns 3 and 4: columns 3 and 4 have a gradient, 2 and 5 have none."""
    lab = np.zeros((9, 9, 3), np.float32)
    lab[:, 4:, 0] = 50
    seeds = np.array([[4, 3], [4, 4], [4, 6]], np.int32)
    to_lowest_gradient(lab, seeds)
    assert seeds.tolist() == [[3, 2], [3, 5], [4, 6]]


def test_a_seed_goes_to_the_lowest_gradient_only() -> None:
    """A ramp that gets flatter to the right: differences 8, 4, 2, 1 of neighbours."""
    lab = np.zeros((1, 5, 3), np.float32)
    lab[0, :, 1] = [0, 8, 12, 14, 15]
    seeds = np.array([[0, 2]], np.int32)
    to_lowest_gradient(lab, seeds)
    assert seeds.tolist() == [[0, 3]]
