"""Assignment of pixels to centres with windows of their own, against asking every centre."""

from __future__ import annotations

import numpy as np
import pytest

from ssnbench.kernels.kmeans import LANES, assign, by_row, windows


def test_pixels_go_to_the_nearest_centre_whose_window_they_are_in() -> None:
    rng = np.random.default_rng(0)
    planes = rng.uniform(0, 50, (3, 18, 25)).astype(np.float32)
    colours, places = rng.uniform(0, 50, (9, 3)), rng.uniform(0, [18, 25], (9, 2))
    centres = np.hstack([colours, places]).astype(np.float32)
    reach = rng.uniform(2, 9, 9).astype(np.float32)
    labels, distance = np.full((18, 25), 77, np.int32), np.empty((18, 25), np.float32)
    assign(planes, centres, reach, np.float32(0.4), distance, labels)

    row, column = np.mgrid[:18, :25]
    squared = np.full((9, 18, 25), np.inf)
    for k, (light, a, b, y, x) in enumerate(centres.astype(float)):
        near = (abs(row - y) <= reach[k]) & (abs(column - x) <= reach[k])
        colour = ((planes - np.array([light, a, b])[:, None, None]) ** 2).sum(axis=0)
        squared[k] = np.where(near, colour + 0.4 * ((row - y) ** 2 + (column - x) ** 2), np.inf)
    reached = np.isfinite(squared.min(axis=0))
    assert 0 < reached.mean() < 1
    np.testing.assert_array_equal(labels, np.where(reached, squared.argmin(axis=0), 77))
    np.testing.assert_allclose(distance, squared.min(axis=0), rtol=1e-4)


@pytest.mark.parametrize("width", [3, 8, 25])
def test_windows_reach_as_far_as_said_and_fill_vectors(width: int) -> None:
    rng = np.random.default_rng(0)
    rows, columns = rng.uniform(0, [[18], [width]], (2, 9)).astype(np.float32)
    down, along = rng.uniform(1, 9, (2, 9)).astype(np.float32)
    for k, (top, bottom, left, right) in enumerate(
        windows(rows, columns, down, along, (18, width)).tolist()
    ):
        tall, wide = np.abs(np.arange(18) - rows[k]), np.abs(np.arange(width) - columns[k])
        np.testing.assert_array_equal(np.flatnonzero(tall <= down[k]), np.arange(top, bottom))
        reached = np.flatnonzero(wide <= along[k])
        assert 0 <= left <= reached.min()
        assert reached.max() < right <= width
        assert right - left == min(-(-len(reached) // LANES) * LANES, width)


def test_every_row_lists_its_windows_in_order() -> None:
    bounds = np.array([[2, 5, 0, 1], [0, 3, 0, 1], [4, 4, 0, 1], [2, 3, 0, 1]], np.int32)
    start, which = by_row(bounds, 5)
    listed = [which[start[row] : start[row + 1]].tolist() for row in range(5)]
    assert listed == [[1], [1], [0, 1, 3], [0], [0]]
