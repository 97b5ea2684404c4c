"""What must hold for any label map, and plain independent implementations of what is fast here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from skimage.morphology import convex_hull_image

from ssnbench.contracts import Image, Labels
from ssnbench.kernels.boundaries import find_boundaries
from ssnbench.metrics import METRICS, PROTOCOLS, compare, prepare, score
from ssnbench.metrics.boundaries import dilate
from ssnbench.metrics.contingency import _cells, _full_table, contingency
from ssnbench.metrics.distance import _along_envelope, _column_distances, total_distance
from ssnbench.metrics.matching import match

SHAPES = array_shapes(min_dims=2, max_dims=2, max_side=12)
drawn_hull: Any = convex_hull_image  # typed in some versions of scikit-image only
MASKS = arrays(np.bool_, SHAPES)
quick = settings(max_examples=40, deadline=None)


def blocks(values: Any) -> Labels:
    """Blow a small map up, so that superpixels have an inside."""
    return np.kron(values, np.ones((3, 4), np.int32)).astype(np.int32)


@st.composite
def maps(draw: st.DrawFn, ignored: bool = True) -> tuple[Labels, Labels, Image]:
    """Draw labels, truth and image of one shape."""
    shape = draw(SHAPES)
    labels = draw(arrays(np.int32, shape, elements=st.integers(0, 5)))
    low = -1 if ignored else 0
    truth = draw(arrays(np.int32, shape, elements=st.integers(low, 3)))
    image = np.random.default_rng(draw(st.integers(0, 99))).integers(0, 256, (*shape, 3))
    return blocks(labels), blocks(truth), np.kron(image, np.ones((3, 4, 1))).astype(np.uint8)


def every_score(
    labels: Any, truth: Any, image: Image, protocol: str, metrics: Any = METRICS
) -> dict[str, float]:
    return score(labels, prepare([truth], protocol), image, metrics)[0]


@quick
@given(maps(), st.sampled_from(list(PROTOCOLS)), st.randoms(use_true_random=False))
def test_permuting_labels_changes_nothing(drawn: Any, protocol: str, random: Any) -> None:
    labels, truth, image = drawn
    numbers = random.sample(range(-1000, 100_000), 6)
    other = np.array(numbers, np.int64)[labels]
    swapped = np.where(truth < 0, truth, 40 - 7 * truth)
    before = every_score(labels, truth, image, protocol)
    assert every_score(other, swapped, image, protocol) == pytest.approx(before, rel=1e-9, abs=1e-9)


@quick
@given(maps(), st.sampled_from(list(PROTOCOLS)), st.integers(0, 2**32 - 1))
def test_refining_never_lowers_accuracy_or_recall(drawn: Any, protocol: str, seed: int) -> None:
    labels, truth, image = drawn
    finer = 3 * labels + np.random.default_rng(seed).integers(0, 3, labels.shape)
    metrics = ["asa", "br", "ev"]
    before = every_score(labels, truth, image, protocol, metrics)
    after = every_score(finer, truth, image, protocol, metrics)
    assert all(after[name] >= before[name] - 1e-12 for name in metrics)


@quick
@given(maps(ignored=False), st.sampled_from(list(PROTOCOLS)))
def test_a_perfect_map(drawn: Any, protocol: str) -> None:
    _, truth, image = drawn
    assume(find_boundaries(truth, "thin").any())
    found = every_score(truth, truth, image, protocol)
    assert {name: found[name] for name in ("asa", "br", "bp", "f")} == dict.fromkeys(
        ("asa", "br", "bp", "f"), 1.0
    )
    assert all(found[name] == 0 for name in ("ue", "ue_np", "ue_levin", "oe", "mde"))


@quick
@given(maps(), st.sampled_from(list(PROTOCOLS)))
def test_every_score_is_finite_and_in_range(drawn: Any, protocol: str) -> None:
    labels, truth, image = drawn
    found = every_score(labels, truth, image, protocol)
    assert all(np.isfinite(value) and value >= 0 for value in found.values())
    for name in ("asa", "br", "bp", "f", "ue", "ue_np", "oe", "ev", "co", "cd", "gr"):
        assert found[name] <= 1 + 1e-12, name


@quick
@given(maps())
def test_overlap_against_sets(drawn: Any) -> None:
    labels, truth, _ = drawn
    known = truth >= 0
    assume(known.any())
    parts = [(labels == j) & known for j in np.unique(labels)]
    segments = [truth == i for i in np.unique(truth[known])]
    shared = np.array([[(s & g).sum() for g in segments] for s in parts], float)
    size, area, n = shared.sum(1, keepdims=True), shared.sum(0), known.sum()
    found = every_score(labels, truth, drawn[2], "seal")
    assert found["asa"] == pytest.approx(shared.max(1).sum() / n)
    assert found["ue_np"] == pytest.approx(np.minimum(shared, size - shared).sum() / n)
    assert found["oe"] == pytest.approx((area - shared.max(0)).sum() / n)
    assert found["ue_levin"] == pytest.approx(((((shared > 0) * size).sum(0) - area) / area).mean())


@quick
@given(maps())
def test_both_ways_to_the_contingency_table_agree(drawn: Any) -> None:
    labels, truth, _ = drawn
    table = _full_table(labels, truth, 6, 4).reshape(6, 4)
    label, segment, count = _cells(labels.reshape(-1), truth.reshape(-1), 6, 4)
    again = np.zeros((6, 4), int)
    again[label, segment] = count
    np.testing.assert_array_equal(again, table)
    assert (count > 0).all()
    assert contingency(labels, truth, 6, 4).n_pixels == np.count_nonzero(truth >= 0)


@quick
@given(MASKS, st.integers(0, 30))
def test_dilation_is_a_maximum_filter(mask: NDArray[np.bool_], radius: int) -> None:
    expected = ndimage.maximum_filter(mask, 2 * radius + 1, mode="constant")
    np.testing.assert_array_equal(dilate(mask, radius), expected)


@quick
@given(st.data(), SHAPES)
def test_distances_are_exact(data: st.DataObject, shape: tuple[int, int]) -> None:
    boundary = data.draw(arrays(np.bool_, shape, elements=st.integers(0, 9).map(lambda i: i == 0)))
    where = data.draw(arrays(np.bool_, shape))
    assume(boundary.any())
    distances = ndimage.distance_transform_edt(~boundary)
    assert total_distance(boundary, where) == pytest.approx(distances[where].sum())
    gap = _column_distances(boundary)
    room = np.empty(shape[1], np.int64), np.empty(shape[1] + 1)
    for row in range(shape[0]):
        found = _along_envelope(gap[row], where[row], *room)
        assert found == pytest.approx(distances[row][where[row]].sum())


def test_distances_far_from_any_boundary() -> None:
    boundary = np.zeros((300, 400), np.bool_)
    boundary[299, 0] = True
    where = np.ones_like(boundary)
    expected = ndimage.distance_transform_edt(~boundary).sum()
    assert total_distance(boundary, where) == pytest.approx(expected)


@quick
@given(st.data(), SHAPES, st.floats(0, 5))
def test_the_matching_is_a_matching_and_the_largest(
    data: st.DataObject, shape: tuple[int, int], distance: float
) -> None:
    labels, truth = data.draw(arrays(np.bool_, shape)), data.draw(arrays(np.bool_, shape))
    valid = data.draw(st.none() | arrays(np.bool_, shape))
    found = match(labels, truth, valid, distance)
    allowed = labels if valid is None else labels & valid
    assert not (found & ~allowed).any()
    p, q = np.argwhere(allowed), np.argwhere(truth)
    near = ((p[:, None] - q[None]) ** 2).sum(-1) <= distance**2
    best = maximum_bipartite_matching(coo_array(near).tocsr(), perm_type="column")
    assert found.sum() == np.count_nonzero(best >= 0)
    # The marked pixels alone can all be matched, so that they are the pixels of one matching.
    again = maximum_bipartite_matching(coo_array(near[found[allowed]]).tocsr(), perm_type="column")
    assert np.count_nonzero(again >= 0) == found.sum()


@quick
@given(MASKS)
def test_convexity_against_a_drawn_hull(mask: NDArray[np.bool_]) -> None:
    from ssnbench.metrics.regularity import _hulls, _runs

    piece, n = ndimage.label(np.pad(mask, 1))  # only the background is in several pieces
    labels = piece.astype(np.int32)
    area, perimeter = _hulls(*_runs(labels, n + 1), labels.shape[1])
    for j in range(1, n + 1):
        rows, columns = np.nonzero(labels == j)
        if np.ptp(rows) and np.ptp(columns):
            hull = drawn_hull(labels == j, offset_coordinates=False)
            assert area[j] == hull.sum()
        assert perimeter[j] == 2 * (np.ptp(rows) + np.ptp(columns) + 2)


@quick
@given(maps())
def test_smooth_matching_against_laid_out_shapes(drawn: Any) -> None:
    from ssnbench.metrics.regularity import _runs, smooth_matching

    segmentation = compare(drawn[0]).segmentation
    height, width = segmentation.shape
    shapes = np.zeros((segmentation.n, 2 * height + 1, 2 * width + 1))
    for j in range(segmentation.n):
        place = np.argwhere(segmentation.labels == j)
        centre = np.floor(place.mean(0) + 0.5 + 1e-9).astype(int)
        shapes[j, *(place - centre + [height, width]).T] = 1
    share = segmentation.sizes / segmentation.n_pixels
    mean = shapes.mean(0) / shapes.mean(0).sum()
    apart = np.abs(mean - shapes / segmentation.sizes[:, None, None]).sum((1, 2))
    expected = 1 - (share * apart).sum() / 2
    runs = _runs(segmentation.labels, segmentation.n)
    assert smooth_matching(segmentation, *runs) == pytest.approx(expected)


def test_global_regularity_knows_squares_lines_and_noise() -> None:
    squares = blocks(np.arange(12).reshape(3, 4))[:, [0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14]]
    lines = np.repeat(np.arange(12)[:, None], 12, 1)
    noise = np.random.default_rng(0).integers(0, 12, (12, 12))
    regularity = [compare(m) for m in (squares, lines, noise)]
    values = [METRICS["gr"].function(c) for c in regularity]
    assert values[0] == pytest.approx(1)
    assert values[1] == 0
    assert 0 < values[2] < 0.3


@quick
@given(maps(ignored=False), st.integers(0, 9))
def test_flow_error_against_means(drawn: Any, seed: int) -> None:
    labels = drawn[0]
    rng = np.random.default_rng(seed)
    flow = rng.normal(0, 4, (*labels.shape, 2)).astype(np.float32)
    valid = rng.random(labels.shape) < 0.7
    error = []
    for j in np.unique(labels):
        inside = flow[(labels == j) & valid].astype(float)
        if len(inside):
            error.append(np.linalg.norm(inside - inside.mean(0), axis=1))
    assume(error)
    errors = np.concatenate(error)
    (row,) = score(labels, prepare([]), flow=flow, valid=valid)
    assert row["epe"] == pytest.approx(errors.mean(), rel=1e-5)
    assert row["epe_3"] == pytest.approx((errors > 3).mean())
