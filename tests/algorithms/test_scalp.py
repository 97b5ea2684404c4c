"""SCALP: rays, neighbourhoods and the contour prior against plain references."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from ssnbench import labels, plugins
from ssnbench.contracts import Image
from ssnbench.kernels.colour import rgb_to_lab
from ssnbench.kernels.components import components

SCALP = plugins.load("algorithms", "scalp")
module: Any = sys.modules[SCALP.__module__]


def summed(value: Any, rays: Any) -> Any:
    flat = np.ascontiguousarray(value, np.float32).reshape(-1)
    total = np.zeros_like(flat)
    module.sum_along(flat, rays, total)
    return total.reshape(rays.length.shape)


def test_rays_have_the_length_of_their_ring() -> None:
    rays = module.window_rays(2, 3)
    ones = summed(np.ones((5, 7)), rays)
    np.testing.assert_array_equal(ones, rays.length)
    assert ones[2].tolist() == [4, 3, 2, 1, 2, 3, 4]
    assert ones[0].tolist() == [4, 3, 3, 3, 3, 3, 4]


def test_sums_along_straight_rays_are_exact() -> None:
    value = np.random.default_rng(0).integers(0, 100, (9, 9))
    total = summed(value, module.window_rays(4, 4))
    assert total[4, 8] == value[4, 4:].sum()
    assert total[0, 4] == value[:5, 4].sum()
    assert total[0, 0] == value.diagonal()[:5].sum()
    assert total[8, 0] == np.fliplr(value).diagonal()[4:].sum()


def test_a_ray_between_pixels_is_interpolated() -> None:
    """From (1, 2) the ray crosses ring 1 half-way between (0, 1) and (1, 1)."""
    value = np.zeros((3, 5))
    value[1, 2], value[1, 3], value[2, 3], value[2, 4] = 100, 10, 20, 1
    assert summed(value, module.window_rays(1, 2))[2, 4] == 100 + (10 + 20) / 2 + 1


def test_sums_of_a_slope_are_those_of_the_straight_line() -> None:
    """Interpolation is exact where values change linearly, in whatever direction."""
    row, column = np.mgrid[-5:6, -7:8]
    rays = module.window_rays(5, 7)
    total = summed(3 * row - 2 * column, rays)
    np.testing.assert_allclose(total, (3 * row - 2 * column) * rays.length / 2, atol=1e-4)


def test_the_strongest_contour_on_a_ray() -> None:
    value = np.zeros((5, 5), np.float32)
    value[2, 3], value[1, 1] = 5, 7
    module.strongest_along(value.reshape(-1), module.window_rays(2, 2))
    assert value[2].tolist() == [0, 0, 0, 5, 5]
    assert value[0, 0] == 7
    assert value[0, 4] == 0


def test_powers_of_two() -> None:
    for x in np.linspace(-30, 0, 400, dtype=np.float32):
        assert float(module._power_of_two.py_func(x)) == pytest.approx(2.0**x, rel=2e-4)
    assert module._power_of_two.py_func(np.float32(-1e9)) < 1e-37


@pytest.mark.parametrize("shape", [(9, 11), (1, 5), (7, 2)])
def test_neighbourhoods_are_weighted_means(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    lab = rgb_to_lab(rng.integers(0, 256, (*shape, 3), dtype=np.uint8)).astype(np.float64)
    found = module._neighbourhoods(lab.transpose(2, 0, 1).astype(np.float32), 30.0)
    for row in range(shape[0]):
        for column in range(shape[1]):
            near = lab[max(row - 3, 0) : row + 4, max(column - 3, 0) : column + 4].reshape(-1, 3)
            weight = np.exp(-((near - lab[row, column]) ** 2).sum(axis=1) / (2 * 30.0**2))
            mean = weight @ near / weight.sum()
            variance = weight @ ((near - mean) ** 2).sum(axis=1) / weight.sum()
            assert found[:3, row, column] == pytest.approx(mean, abs=0.02)
            assert found[3, row, column] == pytest.approx(variance, rel=1e-3, abs=0.5)


def test_the_way_across_a_dark_bar_counts() -> None:
    """Centre in column 2, a bar in column 5: what is of its colour behind it costs more."""
    smooth = np.zeros((4, 1, 11), np.float32)
    smooth[0, 0, 5] = 60
    centres, rays = np.array([[0, 0, 0, 0, 2]], np.float32), module.window_rays(1, 11)
    distances = {}
    for share in (1.0, 0.5):
        nearest, found = np.full((1, 11), np.inf, np.float32), np.zeros((1, 11), np.int32)
        numbers = np.float32(20), np.float32(0), np.float32(share)
        module._assign(smooth, module.NO_CONTOUR, centres, *numbers, rays, nearest, found)
        distances[share] = nearest[0]
    assert distances[1.0].tolist() == [0, 0, 0, 0, 0, 3600, 0, 0, 0, 0, 0]
    assert distances[0.5][:5].tolist() == [0] * 5
    assert distances[0.5][5] == pytest.approx(1800 + 1800 / 4)
    assert distances[0.5][6:] == pytest.approx(1800 / np.arange(5, 10))


def test_a_contour_on_the_way_multiplies_the_distance() -> None:
    smooth, contour = np.zeros((4, 1, 6), np.float32), np.zeros((1, 6), np.float32)
    contour[0, 3] = 4
    centres, rays = np.array([[0, 0, 0, 0, 1]], np.float32), module.window_rays(1, 6)
    nearest, found = np.full((1, 6), np.inf, np.float32), np.zeros((1, 6), np.int32)
    numbers = np.float32(9), np.float32(1), np.float32(0.5)
    module._assign(smooth, contour, centres, *numbers, rays, nearest, found)
    assert nearest[0].tolist() == [1, 0, 1, 4 * 5, 9 * 5, 16 * 5]


def test_contours_are_edges() -> None:
    smooth = np.zeros((4, 5, 8), np.float32)
    smooth[0, :, 4:] = 40
    contour = module._contour(smooth)
    assert (contour[:, [3, 4]] == 1).all()
    assert (contour[:, [0, 1, 2, 5, 6, 7]] == 0).all()


@pytest.mark.parametrize("gamma", [0.0, 50.0])
def test_a_step_edge_is_followed_exactly(gamma: float) -> None:
    image = np.zeros((20, 40, 3), np.uint8)
    image[:, 17:] = 255
    found = SCALP(gamma=gamma)(image, 2)
    np.testing.assert_array_equal(found, np.broadcast_to(np.arange(40) >= 17, (20, 40)))


def test_is_more_compact_than_slic(toy_image: Image) -> None:
    lengths = []
    for method in (SCALP(), plugins.load("algorithms", "slic")(compactness=4.8)):
        found = method(toy_image, 40)
        lengths.append((found[1:] != found[:-1]).sum() + (found[:, 1:] != found[:, :-1]).sum())
    assert lengths[0] < lengths[1]


@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (3, 500), (40, 50), (2, 20000)])
@pytest.mark.parametrize("asked", [1, 20])
def test_superpixels_are_connected(shape: tuple[int, int], asked: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    for gamma in (0.0, 5.0):
        found = SCALP(gamma=gamma)(noise, asked)
        assert found.min() == 0
        assert components(found)[1] == labels.count(found) == found.max() + 1


@pytest.mark.real
@pytest.mark.parametrize("asked", [50, 200, 1000, 2500])
def test_makes_the_count_asked_for(asked: int, oracle: Any, real_data: Any) -> None:
    dataset = plugins.load("datasets", "bsds500")(real_data, "test")
    for key in (oracle / "images.txt").read_text().split()[:3]:
        found = labels.enforce_connectivity(SCALP()(dataset[key].image, asked), asked).labels
        assert labels.count(found) == pytest.approx(asked, rel=0.1)
