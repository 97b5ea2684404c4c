from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from ssnbench.contracts import Labels
from ssnbench.kernels.components import components
from ssnbench.labels import checked, consecutive, count, enforce_connectivity, keep_largest

small_maps = hnp.arrays(
    np.int32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(-2, 4)
)


def scipy_components(labels: Labels) -> int:
    return sum(ndimage.label(labels == value)[1] for value in np.unique(labels))


@given(small_maps)
@settings(max_examples=200, deadline=None)
def test_components_are_those_of_scipy(labels: Labels) -> None:
    parts, n = components(labels)
    assert n == scipy_components(labels) == count(parts)
    assert n == len({(a, b) for a, b in zip(parts.flat, labels.flat, strict=True)})
    first = [int(np.flatnonzero(parts == k)[0]) for k in range(n)]
    assert first == sorted(first)


@given(small_maps, st.integers(1, 12))
@settings(max_examples=200, deadline=None)
def test_gate_leaves_connected_consecutive_large_superpixels(labels: Labels, k: int) -> None:
    made = enforce_connectivity(labels, k).labels
    n = int(made.max()) + 1
    assert count(made) == n == scipy_components(made)
    sizes = np.bincount(made.ravel())
    assert n == 1 or sizes.min() >= 0.06 * labels.size / k
    parts, _ = components(labels)
    pieces = {(a, b) for a, b in zip(parts.flat, made.flat, strict=True)}
    assert len(pieces) == count(parts)  # a component is kept whole
    np.testing.assert_array_equal(enforce_connectivity(made, k).labels, made)


def test_fragment_goes_to_the_longest_border() -> None:
    labels = np.array(
        [
            [0, 0, 0, 0, 1, 1],
            [0, 0, 2, 2, 1, 1],
            [0, 0, 0, 1, 1, 1],
        ],
        np.int32,
    )
    # the fragment 2 borders on 0 along 4 edges and on 1 along 2
    made = enforce_connectivity(labels, 1, min_share=3 / 18).labels
    assert made[1, 2] == made[1, 3] == made[0, 0]
    assert count(made) == 2


def test_tie_goes_to_the_first_neighbour() -> None:
    made = enforce_connectivity(np.array([[5, 9, 7]], np.int32), 1, min_share=0.6).labels
    assert count(made) == 1
    labels = np.array([[5, 5, 9, 7, 7]], np.int32)
    np.testing.assert_array_equal(
        enforce_connectivity(labels, 1, min_share=0.3).labels, [[0, 0, 0, 1, 1]]
    )


def test_everything_too_small_becomes_one() -> None:
    checker = (np.indices((64, 64)).sum(0) % 2).astype(np.int32)
    assert count(enforce_connectivity(checker, 1).labels) >= 1
    assert np.bincount(enforce_connectivity(checker, 1).labels.ravel()).min() >= 0.06 * 64 * 64


def test_large_enough_map_is_only_numbered() -> None:
    labels = np.array([[7, 7, -3], [7, 7, -3]], np.int32)
    np.testing.assert_array_equal(enforce_connectivity(labels, 2).labels, [[0, 0, 1], [0, 0, 1]])


@pytest.mark.parametrize("far", [3, 10**9])
def test_consecutive_keeps_the_order(far: int) -> None:
    labels = np.array([[far, -far, 0], [0, far, 1]], np.int32)
    np.testing.assert_array_equal(consecutive(labels), [[3, 0, 1], [1, 3, 2]])
    assert count(labels) == 4


def test_checked_says_what_is_wrong() -> None:
    with pytest.raises(TypeError, match="array of integers, got list"):
        checked([[1, 2]], (1, 2))
    with pytest.raises(TypeError, match="float64"):
        checked(np.zeros((2, 2)), (2, 2))
    with pytest.raises(ValueError, match=r"\(2, 2\) for an image of shape \(2, 3\)"):
        checked(np.zeros((2, 2), int), (2, 3))


def test_checked_takes_any_integers() -> None:
    huge = np.array([[2**40, -5]], np.int64)
    np.testing.assert_array_equal(checked(huge, (1, 2)), [[1, 0]])
    np.testing.assert_array_equal(checked(np.array([[True, False]]), (1, 2)), [[1, 0]])
    assert checked(np.array([[3, 4]], np.uint16)[:, ::-1], (1, 2)).flags.c_contiguous


def test_the_largest_are_kept() -> None:
    """Pieces of 4, 3, 2 and 1 pixels: for two, the last two go to the neighbour on their left."""
    found = keep_largest(np.array([[0, 0, 0, 0, 1, 1, 1, 2, 2, 3]], np.int32), 2)
    assert found.tolist() == [[0, 0, 0, 0, 1, 1, 1, 1, 1, 1]]


def test_of_equal_pieces_as_many_stay_as_comes_nearest() -> None:
    row = np.repeat(np.arange(6, dtype=np.int32), [3, 3, 2, 2, 2, 2])[None]
    assert count(keep_largest(row, 3)) == 2
    assert count(keep_largest(row, 5)) == 6


@given(hnp.arrays(np.int32, (9, 11), elements=st.integers(0, 2)), st.integers(1, 20))
def test_keeping_the_largest_leaves_connected_superpixels(labels: Labels, k: int) -> None:
    found = keep_largest(labels, k)
    assert components(found)[1] == count(found) == found.max() + 1
    assert count(found) <= count(enforce_connectivity(labels, k).labels)
