"""Disjoint sets: roots are smallest members, numbers follow them."""

from __future__ import annotations

import numpy as np

from ssnbench.kernels.union_find import joined, numbered, root


def test_sets_by_hand() -> None:
    parent = np.arange(7, dtype=np.int32)
    assert joined(parent, 5, 3) == 3
    assert joined(parent, 6, 5) == 3
    assert joined(parent, 3, 6) == 3  # they are one set already
    assert joined(parent, 1, 2) == 1
    assert joined(parent, 2, 6) == 1
    assert [root(parent, p) for p in range(7)] == [0, 1, 1, 1, 4, 1, 1]
    assert numbered(parent) == 3
    assert parent.tolist() == [0, 1, 1, 1, 2, 1, 1]


def test_no_members() -> None:
    assert numbered(np.empty(0, np.int32)) == 0
