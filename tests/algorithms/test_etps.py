"""What is special about ETPS: connected at all times, the count and the least size kept."""

from __future__ import annotations

import numpy as np
import pytest

from ssnbench import labels, plugins
from ssnbench.contracts import Image
from ssnbench.kernels.components import components
from ssnbench.kernels.grid import grid_shape


@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (3, 500), (40, 50), (67, 81)])
@pytest.mark.parametrize("asked", [1, 20, 100])
def test_keeps_count_connection_and_least_size(shape: tuple[int, int], asked: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    found = plugins.load("algorithms", "etps")()(noise, asked)
    n = int(np.prod(grid_shape(shape, asked)))
    assert found.max() + 1 == labels.count(found) == components(found)[1] == n
    assert np.bincount(found.ravel()).min() >= shape[0] * shape[1] / n / 4


def test_without_colour_the_grid_nearly_stays() -> None:
    found = plugins.load("algorithms", "etps")()(np.full((60, 80, 3), 90, np.uint8), 12)
    cells = np.arange(60)[:, None] // 20 * 4 + np.arange(80)[None] // 20
    assert np.mean(found == cells) > 0.9


def test_boundaries_go_to_an_edge_between_blocks() -> None:
    """Two superpixels of 16 columns; the edge lies 5 columns beside their boundary."""
    image = np.zeros((16, 32, 3), np.uint8)
    image[:, 21:] = 200
    found = plugins.load("algorithms", "etps")()(image, 2)
    np.testing.assert_array_equal(found, np.broadcast_to(np.arange(32) >= 21, (16, 32)))


def test_heavier_boundaries_are_shorter(toy_image: Image) -> None:
    method = plugins.load("algorithms", "etps")
    lengths = []
    for weight in (0.0, 1000.0):
        found = method(lambda_pos=0.0, lambda_b=weight)(toy_image, 40)
        lengths.append((found[1:] != found[:-1]).sum() + (found[:, 1:] != found[:, :-1]).sum())
    assert lengths[1] < 0.9 * lengths[0]
