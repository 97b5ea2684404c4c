from __future__ import annotations

import numpy as np
import pytest

from ssnbench.contracts import Labels
from ssnbench.io.packing import content_key, pack, unpack


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (9, 1), (33, 47)])
def test_nothing_is_lost(shape: tuple[int, int]) -> None:
    limits = np.iinfo(np.int32)
    labels = np.random.default_rng(1).integers(limits.min, limits.max, shape, dtype=np.int32)
    unpacked = unpack(pack(labels))
    assert unpacked.dtype == np.int32
    np.testing.assert_array_equal(unpacked, labels)


def test_superpixels_pack_well(toy_truth: Labels) -> None:
    assert len(pack(toy_truth)) < toy_truth.nbytes / 20


def test_equal_maps_share_a_key(toy_truth: Labels) -> None:
    other = toy_truth.copy()
    assert content_key(pack(other)) == content_key(pack(toy_truth))
    other[0, 0] += 1
    assert content_key(pack(other)) != content_key(pack(toy_truth))
