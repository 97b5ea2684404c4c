"""The local test of connectivity against counting components."""

from __future__ import annotations

import numpy as np

from ssnbench import labels
from ssnbench.topology import ALIKE, LOOSE, dispensable, like_around, look_around


def test_the_ring_runs_clockwise() -> None:
    flat, ring = np.arange(12, dtype=np.int32), np.empty(8, np.int32)
    look_around(flat, 5, 4, ring)
    assert ring.tolist() == [0, 1, 2, 6, 10, 9, 8, 4]


def test_every_neighbourhood_against_its_components() -> None:
    """All 256: of the neighbours of the same superpixel one component touches the middle."""
    ring = np.empty(8, np.int32)
    for bits in range(256):
        patch = np.array([bits >> i & 1 for i in (0, 1, 2, 7, 8, 3, 6, 5, 4)], np.int32)
        look_around(patch, 4, 3, ring)
        parts = np.where(patch == 1, labels.components(patch.reshape(3, 3))[0].ravel(), -1)
        touching = {int(parts[i]) for i in (1, 3, 5, 7)} - {-1}
        assert dispensable(ring, 1) == (len(touching) == 1)


def test_bits_say_what_the_ring_says() -> None:
    ring = np.empty(8, np.int32)
    for bits in range(256):
        patch = np.array([bits >> i & 1 for i in (0, 1, 2, 7, 8, 3, 6, 5, 4)], np.int32)
        look_around(patch, 4, 3, ring)
        assert like_around(patch, 4, 3, 1) == bits
        assert like_around(patch, 4, 3, 0) == 255 - bits
        assert ALIKE[bits] == ring.sum()
        assert LOOSE[bits] == (dispensable(ring, 1) and not ring[1::2].all())
