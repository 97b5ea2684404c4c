"""What is special about SNIC: connected by construction, one superpixel per seed."""

from __future__ import annotations

import numpy as np
import pytest

from ssnbench import labels, plugins
from ssnbench.contracts import Image
from ssnbench.kernels.components import components


@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (3, 500), (40, 50)])
@pytest.mark.parametrize("asked", [1, 20, 100])
def test_connected_by_construction(shape: tuple[int, int], asked: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    found = plugins.load("algorithms", "snic")()(noise, asked)
    assert found.min() == 0
    assert components(found)[1] == labels.count(found) == found.max() + 1


def test_a_step_edge_is_followed_exactly() -> None:
    """Two seeds, columns 2 and 7, and an edge between columns 3 and 4, next to the first."""
    image = np.zeros((5, 10, 3), np.uint8)
    image[:, 4:] = 255
    found = plugins.load("algorithms", "snic")()(image, 2)
    np.testing.assert_array_equal(found, np.broadcast_to(np.arange(10) >= 4, (5, 10)))


def test_a_heavy_weight_of_place_makes_a_grid(toy_image: Image) -> None:
    found = plugins.load("algorithms", "snic")(compactness=1e5)(toy_image[:60, :80], 12)
    cells = np.arange(60)[:, None] // 20 * 4 + np.arange(80)[None] // 20
    assert np.mean(found == cells) > 0.9
