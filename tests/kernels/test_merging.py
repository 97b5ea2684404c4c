"""Small pieces join the neighbour that is most like them."""

from __future__ import annotations

import numpy as np

from ssnbench import labels
from ssnbench.contracts import Labels
from ssnbench.kernels.components import components
from ssnbench.kernels.merging import join_small, summed, too_small


def _joined(parts: Labels, values: list[float], least: float, most: int = 1000) -> Labels:
    """Join by one feature, given as the mean of each piece; sizes are in pixels."""
    sizes = np.bincount(parts.ravel()).astype(float)
    sums = (np.array(values) * sizes)[:, None]
    return join_small(parts, sums, sizes, sizes, least, most)


def test_the_nearest_mean_wins_not_the_longest_border() -> None:
    parts = np.array([[0, 0, 0, 1], [0, 2, 2, 1], [0, 0, 0, 1]], np.int32)
    found = _joined(parts, [9.0, 1.0, 4.0], 3)
    np.testing.assert_array_equal(found, np.where(parts == 2, 1, parts))


def test_on_a_tie_the_first_piece_wins() -> None:
    parts = np.array([[0, 0, 0, 1, 2, 2, 2]], np.int32)
    np.testing.assert_array_equal(_joined(parts, [5.0, 4.0, 3.0], 2), [[0, 0, 0, 0, 1, 1, 1]])


def test_joins_until_all_are_large_enough() -> None:
    """Single pixels pair up first; pairs are still too small; quadruples are not."""
    parts = np.arange(8, dtype=np.int32)[None]
    found = _joined(parts, [0.0, 1.0, 10.0, 11.0, 100.0, 101.0, 110.0, 111.0], 4)
    np.testing.assert_array_equal(found, [[0, 0, 0, 0, 1, 1, 1, 1]])


def test_means_are_weighted() -> None:
    """A heavy and a light pixel pair up; the pair is nearer to what the heavy one is like."""
    parts = np.array([[0, 1, 2, 3]], np.int32)
    weights, sizes = np.array([1.0, 1, 9, 1]), np.array([5.0, 1, 1, 5])
    sums = np.array([0.0, 4, 6, 10])[:, None] * weights[:, None]
    found = join_small(parts, sums, weights, sizes, 5, 9)  # 1 and 2 make (4 + 54) / 10 = 5.8
    np.testing.assert_array_equal(found, [[0, 1, 1, 1]])


def test_surplus_is_joined_from_the_smallest() -> None:
    sizes = np.array([50.0, 12, 30, 11, 40])
    np.testing.assert_array_equal(too_small(sizes, 10, 3), [False, True, False, True, False])
    assert not too_small(sizes, 10, 5).any()
    np.testing.assert_array_equal(too_small(sizes, 12, 3), sizes < 12)
    np.testing.assert_array_equal(too_small(np.full(4, 7.0), 1, 3), [True, False, False, False])
    assert not too_small(np.array([5.0]), 10, 1).any()


def test_noise_ends_up_connected_and_large_enough() -> None:
    noise = np.random.default_rng(0).integers(0, 3, (40, 50), dtype=np.int32)
    parts, n = components(noise)
    means = list(np.random.default_rng(1).uniform(0, 1, n))
    for least, most in ((20, 1000), (1, 25)):
        found = _joined(parts, means, least, most)
        assert components(found)[1] == labels.count(found) == found.max() + 1 <= most
        assert np.bincount(found.ravel()).min() >= least
        assert labels.count(np.asarray(found * 10000 + parts, np.int32)) == n  # none was cut


def test_features_are_summed_whatever_the_shape_of_pieces() -> None:
    rng = np.random.default_rng(0)
    parts, n = components(rng.integers(0, 4, (30, 31), dtype=np.int32))
    features = rng.normal(size=(3, 30, 31)).astype(np.float32)
    sums, sizes = summed(parts, features, n)
    planes = [np.bincount(parts.ravel(), plane.ravel(), n) for plane in features]
    np.testing.assert_allclose(sums, np.stack(planes, 1), atol=1e-5)
    np.testing.assert_array_equal(sizes, np.bincount(parts.ravel()))
