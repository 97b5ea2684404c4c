"""What is special about LSC: the space where it clusters, and how pieces are merged."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from ssnbench import labels, plugins
from ssnbench.contracts import Image
from ssnbench.kernels.components import components
from ssnbench.kernels.grid import grid_cells

RNG = np.random.default_rng(0)


def _module() -> Any:
    return sys.modules[plugins.load("algorithms", "lsc").__module__]


def _lab(height: int, width: int) -> Any:
    low, high = np.array([0, -60, -60]), np.array([100, 60, 60])
    return RNG.uniform(low, high, (height, width, 3)).astype(np.float32)


def _coordinates(lab: Any, grid: tuple[int, int], ratio: float) -> Any:
    """The ten coordinates of the paper over the weight, (H * W, 10), one pixel after another."""
    rows, columns = np.mgrid[: lab.shape[0], : lab.shape[1]]
    light, a, b = (lab + np.array([0, 128, 128])).reshape(-1, 3).T / 255
    angles = [light, a, b]
    angles += [(rows * grid[0] / lab.shape[0]).ravel(), (columns * grid[1] / lab.shape[1]).ravel()]
    pairs = []
    for angle, radius in zip(angles, (1, 2.55, 2.55, ratio, ratio), strict=True):
        pairs += [radius * np.cos(np.pi / 2 * angle), radius * np.sin(np.pi / 2 * angle)]
    points = np.stack(pairs, axis=1)
    weights = (points @ points.T).mean(axis=1)  # likeness to all pixels, the paper's w
    return points / weights[:, None], weights


def test_space_is_the_papers() -> None:
    """Distances of pixels, against those of the ten coordinates written out."""
    lab = _lab(6, 9)
    colour, down, along = _module()._space(lab, (2, 3), 0.3)
    expected, weights = _coordinates(lab, (2, 3), 0.3)
    np.testing.assert_allclose(colour[6].ravel(), weights, rtol=1e-5)
    place = np.stack([*np.repeat(down, 9, axis=1), *np.tile(along, 6)], axis=1)
    ours = np.hstack([colour[:6].reshape(6, -1).T, place]) / weights[:, None]
    apart = ours[:, None] - ours[None], expected[:, None] - expected[None]
    distances, wanted = ((each**2).sum(-1) for each in apart)
    np.testing.assert_allclose(distances, wanted, atol=1e-5)


def test_pixels_go_to_the_nearest_mean_within_reach() -> None:
    lab = _lab(12, 20)
    space = _module()._space(lab, (3, 5), 0.075)
    points, weights = _coordinates(lab, (3, 5), 0.075)
    cells = grid_cells((12, 20), 15)
    sums, centres = _module()._sums(*space, cells, 15), np.empty((15, 12), np.float32)
    _module()._move(centres, sums)
    found = cells.copy()
    _module()._assign(*space, centres, (4.0, 4.0), found, sums)
    rows, columns = (each.ravel() for each in np.mgrid[:12, :20])
    best = np.full((240, 15), np.inf)
    for k in range(15):
        own = cells.ravel() == k
        mean = np.average(points[own], axis=0, weights=weights[own])
        near = abs(rows - rows[own].mean()) <= 4
        near &= abs(columns - columns[own].mean()) <= 4
        best[near, k] = ((points[near] - mean) ** 2).sum(axis=1)
    np.testing.assert_array_equal(found.ravel(), best.argmin(axis=1))


def test_sums_follow_the_pixels() -> None:
    """After pixels have changed hands, the sums are those of counting afresh."""
    space = _module()._space(_lab(10, 14), (2, 3), 0.075)
    found = RNG.integers(0, 6, (10, 14), dtype=np.int32)
    before, centres = found.copy(), np.empty((6, 12), np.float32)
    sums = _module()._sums(*space, found, 6)
    _module()._move(centres, sums)
    _module()._assign(*space, centres, (4.0, 4.0), found, sums)
    assert (found != before).any()
    np.testing.assert_allclose(sums, _module()._sums(*space, found, 6), atol=1e-9)
    np.testing.assert_array_equal(sums[:, 13], np.bincount(found.ravel(), minlength=6))


def test_a_small_piece_joins_the_nearest_mean_not_the_longest_border() -> None:
    """A grey pixel touches white on three sides, and a darker grey on one."""
    lab = np.zeros((4, 8, 3), np.float32)
    lab[:, :4, 0], lab[:, 4:, 0], lab[1, 3, 0] = 100, 30, 40
    parts = np.repeat(np.array([[0] * 4 + [1] * 4], np.int32), 4, axis=0)
    parts[1, 3] = 2
    space = _module()._space(lab, (1, 2), 0.075)
    merged = _module()._merged(parts, space, 2, 0.25)
    expected = np.where(parts == 2, 1, parts)
    np.testing.assert_array_equal(merged, expected)


@pytest.mark.parametrize("asked", [20, 40, 150])
def test_merged_superpixels_are_connected_and_large_enough(toy_image: Image, asked: int) -> None:
    method = plugins.load("algorithms", "lsc")
    raw, found = method(min_share=0)(toy_image, asked), method()(toy_image, asked)
    assert components(raw)[1] > labels.count(raw)
    assert components(found)[1] == labels.count(found) == found.max() + 1 <= 1.1 * asked
    assert np.bincount(found.ravel()).min() >= 0.25 * found.size / asked


def test_without_colour_superpixels_are_cells() -> None:
    found = plugins.load("algorithms", "lsc")()(np.full((60, 80, 3), 90, np.uint8), 12)
    cells = np.arange(60)[:, None] // 20 * 4 + np.arange(80)[None] // 20
    assert np.mean(found == cells) > 0.9
