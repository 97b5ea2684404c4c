"""SLIC: hand-worked cases, the plain algorithm as reference, and how many superpixels come out."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssnbench import labels, plugins
from ssnbench.contracts import Image, Labels
from ssnbench.kernels import kmeans as centres_module
from ssnbench.kernels.colour import Lab, rgb_to_lab
from ssnbench.kernels.components import components
from ssnbench.kernels.grid import grid_cells, grid_seeds, to_lowest_gradient

SLIC = plugins.load("algorithms", "slic")
module: Any = sys.modules[SLIC.__module__]


def noise(shape: tuple[int, int], seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


def plain(lab: Lab, n_segments: int, compactness: float, n_iter: int) -> Labels:
    """K-means over all pixels of a window at once, in double precision, summed anew each time."""
    height, width = lab.shape[:2]
    seeds = grid_seeds((height, width), n_segments)
    to_lowest_gradient(lab, seeds)
    step = np.sqrt(height * width / len(seeds))
    place = np.moveaxis(np.mgrid[:height, :width], 0, -1)
    features = np.concatenate([lab, place], axis=-1).astype(np.float64)
    centres = features[*seeds.T]
    found = np.zeros((height, width), np.int32)
    for _ in range(n_iter):
        apart = features[None] - centres[:, None, None]
        distance = (apart[..., :3] ** 2).sum(-1)
        distance += (compactness / step) ** 2 * (apart[..., 3:] ** 2).sum(-1)
        distance[(np.abs(apart[..., 3:]) > step).any(-1)] = np.inf
        found = distance.argmin(0).astype(np.int32)
        centres = np.stack([features[found == k].mean(0) for k in range(len(seeds))])
    return found


@pytest.mark.parametrize(("compactness", "n_iter"), [(10.0, 1), (10.0, 4), (40.0, 6)])
def test_is_plain_k_means_in_windows(toy_image: Image, compactness: float, n_iter: int) -> None:
    lab = rgb_to_lab(toy_image[:36, :48])
    found = module._clustered(lab, 12, compactness, n_iter)
    assert np.mean(found == plain(lab, 12, compactness, n_iter)) > 0.999  # but for rounding


def test_a_step_edge_is_followed_exactly() -> None:
    """Two seeds, columns 2 and 7, and an edge between columns 3 and 4, next to the first."""
    image = np.zeros((5, 10, 3), np.uint8)
    image[:, 4:] = 255
    found = SLIC()(image, 2)
    np.testing.assert_array_equal(found, np.broadcast_to(np.arange(10) >= 4, (5, 10)))


def test_a_heavy_weight_of_place_makes_a_grid(toy_image: Image) -> None:
    found = SLIC(compactness=1e5)(toy_image[:60, :80], 12)
    table = np.zeros((12, found.max() + 1))
    np.add.at(table, (grid_cells((60, 80), 12), found), 1)
    assert table.max(axis=1).sum() > 0.9 * found.size


def test_a_pixel_out_of_reach_keeps_its_label() -> None:
    """A centre in the first column reaches two pixels far; the others stay where they were."""
    planes, centres = np.zeros((3, 1, 6), np.float32), np.zeros((1, 5), np.float32)
    found = np.full((1, 6), 7, np.int32)
    distance = np.empty((1, 6), np.float32)
    reach = np.full(1, 2, np.float32)
    centres_module.assign(planes, centres, reach, np.float32(1), distance, found)
    assert found.tolist() == [[0, 0, 0, 7, 7, 7]]


def test_a_centre_without_pixels_stays() -> None:
    centres = np.array([[1, 2, 3, 4, 5], [9, 9, 9, 9, 9]], np.float32)
    centres_module.move(centres, np.array([[0, 0, 0, 0, 0, 0], [2, 4, 6, 8, 10, 2.0]]))
    assert centres.tolist() == [[1, 2, 3, 4, 5], [1, 2, 3, 4, 5]]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_sums_are_those_of_the_labels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    planes = rng.normal(0, 50, (3, 7, 9)).astype(np.float32)
    counted, sums = np.full((7, 9), -1, np.int32), np.zeros((4, 6))
    for _ in range(3):
        found = rng.integers(0, 4, (7, 9), dtype=np.int32)
        centres_module.recount(planes, found, counted, sums)
    features = [*planes, *np.mgrid[:7, :9], np.ones((7, 9))]
    expected = [[feature[found == k].sum() for feature in features] for k in range(4)]
    np.testing.assert_allclose(sums, expected, atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (3, 500), (40, 50)])
@pytest.mark.parametrize("asked", [1, 20, 100])
def test_superpixels_are_connected(shape: tuple[int, int], asked: int) -> None:
    found = SLIC()(noise(shape), asked)
    assert found.min() == 0
    assert components(found)[1] == labels.count(found) == found.max() + 1


@pytest.mark.parametrize("shape", [(60, 80), (4, 900), (900, 4), (1, 300)])
def test_a_flat_image_gives_the_grid_back(shape: tuple[int, int]) -> None:
    found = SLIC()(np.full((*shape, 3), 90, np.uint8), 30)
    assert labels.count(found) == len(grid_seeds(shape, 30))


@pytest.mark.real
@pytest.mark.parametrize("asked", [25, 200, 1000, 5000])
def test_makes_the_count_asked_for(asked: int, oracle: Any, real_data: Any) -> None:
    dataset = plugins.load("datasets", "bsds500")(real_data, "test")
    for key in (oracle / "images.txt").read_text().split()[:3]:
        found = labels.enforce_connectivity(SLIC()(dataset[key].image, asked), asked).labels
        assert labels.count(found) == pytest.approx(asked, rel=0.1)
