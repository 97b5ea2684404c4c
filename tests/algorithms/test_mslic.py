"""What is special about Manifold SLIC: area on the surface, windows by it, splits and merges."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from ssnbench import labels, plugins
from ssnbench.contracts import Image
from ssnbench.kernels.components import components


def _module() -> Any:
    return sys.modules[plugins.load("algorithms", "mslic").__module__]


def _half_noise(height: int, width: int) -> Image:
    """Flat on the left, textured on the right."""
    image = np.full((height, width, 3), 120, np.uint8)
    noise = np.random.default_rng(0).integers(60, 180, (height // 2, width // 4, 3), dtype=np.uint8)
    image[:, width // 2 :] = noise.repeat(2, axis=0).repeat(2, axis=1)
    return image


@pytest.mark.parametrize(
    ("down", "along", "area"),
    [
        ((0, 0, 0), (0, 0, 0), 1.0),
        ((0, 0, 0), (2, 0, 0), 2**0.5),  # one step along is also one up
        ((0, 6, 0), (2, 0, 0), 20**0.5),  # rises of 3 and 1 at right angles: sqrt(10 * 2)
        ((2, 0, 0), (2, 0, 0), 3**0.5),  # the plane z = x + y
    ],
)
def test_area_of_a_plane(down: Any, along: Any, area: float) -> None:
    row, column = np.mgrid[:5, :7]
    lab = (row[..., None] * np.array(down) + column[..., None] * np.array(along)).astype(np.float32)
    np.testing.assert_allclose(_module()._areas(lab, np.float32(0.5)), area, rtol=1e-6)


def test_one_pixel_has_the_area_of_one() -> None:
    areas = _module()._areas(np.ones((1, 1, 3), np.float32), np.float32(1))
    np.testing.assert_array_equal(areas, 1)


def test_windows_shrink_where_there_is_much_area() -> None:
    """Half of the image has area 9 a pixel, half 1: the mean is 5."""
    areas = np.repeat([[1.0] * 20 + [9.0] * 20], 30, axis=0)
    summed = np.pad(areas.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    centres = np.array([[0, 0, 0, 15, 10], [0, 0, 0, 15, 30], [0, 0, 0, 2, 38]], np.float32)
    reaches = _module()._reaches(centres, summed, 4.0)
    np.testing.assert_allclose(reaches, 4 * np.array([2, (5 / 9) ** 0.5, (5 / 9) ** 0.5]))


def test_merge_goes_to_the_smallest_neighbour_that_is_not_small() -> None:
    found = np.array([[0, 0, 1, 2, 2], [0, 3, 1, 2, 4]], np.int32)
    areas = np.array([30.0, 1, 20, 2, 3])
    free = _module()._merge(found, areas, np.array([1, 3], np.int32))
    np.testing.assert_array_equal(free, [1, 3])
    np.testing.assert_array_equal(found, [[0, 0, 2, 2, 2], [0, 0, 2, 2, 4]])


def test_merge_leaves_what_has_no_other_neighbour() -> None:
    found = np.array([[0, 1, 2]], np.int32)
    free = _module()._merge(found, np.array([1.0, 1, 9]), np.array([0, 1], np.int32))
    np.testing.assert_array_equal(free, [1])
    np.testing.assert_array_equal(found, [[0, 2, 2]])


def test_split_is_across_the_longer_side() -> None:
    found = np.array([[0, 0, 0, 1], [0, 0, 0, 1], [3, 3, 3, 1]], np.int32)
    _module()._split(found, np.array([1, 0, 3], np.int32), np.array([7, 8], np.int32))
    np.testing.assert_array_equal(found, [[0, 0, 8, 1], [0, 0, 8, 1], [3, 3, 3, 7]])


def test_exchange_keeps_the_number_of_labels() -> None:
    found = np.repeat(np.arange(6, dtype=np.int32), 4)[None].repeat(4, axis=0)
    areas = np.array([5.0, 1, 1, 10, 30, 1])
    _module()._exchange(found, areas, 8.0)
    assert labels.count(found) == 6
    assert (
        labels.count(found[:, 16:20]) == 2
    )  # number 4 was split: one was large, so one small went


@pytest.mark.parametrize("asked", [40, 150])
def test_makes_the_count_asked_for_of_texture(asked: int) -> None:
    found = plugins.load("algorithms", "mslic")()(_half_noise(90, 120), asked)
    assert components(found)[1] == labels.count(found) == found.max() + 1
    assert found.max() + 1 == pytest.approx(asked, rel=0.1)


def test_superpixels_are_small_where_the_content_is() -> None:
    image = _half_noise(90, 120)
    found = plugins.load("algorithms", "mslic")()(image, 100)
    like_slic = plugins.load("algorithms", "slic")()(image, 100)
    in_flat, in_noise = labels.count(found[:, :60]), labels.count(found[:, 60:])
    assert in_noise > 3 * in_flat
    assert labels.count(like_slic[:, 60:]) < 2 * labels.count(like_slic[:, :60])


def test_without_content_it_is_a_grid() -> None:
    found = plugins.load("algorithms", "mslic")()(np.full((60, 80, 3), 90, np.uint8), 12)
    cells = np.arange(60)[:, None] // 20 * 4 + np.arange(80)[None] // 20
    assert np.mean(found == cells) > 0.9
