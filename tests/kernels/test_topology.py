"""The local test of connectivity against counting components."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ssnbench.contracts import Labels
from ssnbench.kernels.components import components
from ssnbench.kernels.topology import ALIKE, LOOSE, at_border, like_around

CLOCKWISE = (0, 1, 2, 5, 8, 7, 6, 3)  # places around the middle of a 3 x 3 patch
SIDES = CLOCKWISE[1::2]


def _neighbourhoods() -> Iterator[tuple[int, Labels]]:
    """All 256, as flat patches with a middle of 1; bit i is the i-th neighbour, clockwise."""
    for bits in range(256):
        patch = np.ones(9, np.int32)
        patch[list(CLOCKWISE)] = bits >> np.arange(8) & 1
        yield bits, patch


def test_bits_run_clockwise_from_the_upper_left() -> None:
    for bits, patch in _neighbourhoods():
        assert like_around(patch, 4, 3, 1) == bits
        assert like_around(patch, 4, 3, 0) == 255 - bits
        assert ALIKE[bits] == patch.sum() - 1


def test_loose_is_what_leaves_one_component_behind() -> None:
    """Without the middle, its superpixel touches it by one component; and another one does."""
    for bits, patch in _neighbourhoods():
        patch[4] = 0
        parts = components(patch.reshape(3, 3))[0].ravel()
        touching = {int(parts[i]) for i in SIDES if patch[i] == 1}
        another = any(patch[i] == 0 for i in SIDES)
        assert LOOSE[bits] == (len(touching) == 1 and another)


def test_the_border_is_where_a_side_touches_another_label() -> None:
    for _, patch in _neighbourhoods():
        assert at_border(patch, 4, 3) == any(patch[i] != 1 for i in SIDES)
