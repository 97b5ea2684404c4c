"""The heap against sorting."""

from __future__ import annotations

import numpy as np
import pytest

from ssnbench.kernels.heap import drop_first, packed, payload_of, push, replace_first


def _emptied(heap: np.ndarray, size: int) -> list[int]:
    words = []
    while size > 0:
        words.append(int(heap[0]))
        size = drop_first(heap, size)
    return words


@pytest.mark.parametrize("n", [0, 1, 2, 3, 100])
def test_words_come_out_in_order(n: int) -> None:
    words = np.random.default_rng(n).integers(0, 50, n).astype(np.uint64)
    heap, size = np.empty(n, np.uint64), 0
    for word in words:
        size = push(heap, size, word)
    assert _emptied(heap, size) == sorted(words.tolist())


def test_replace_first_drops_the_smallest() -> None:
    heap = np.array([1, 5, 2, 7, 6], np.uint64)
    replace_first(heap, 5, np.uint64(4))
    assert _emptied(heap, 5) == [2, 4, 5, 6, 7]


def test_words_sort_by_key_then_payload() -> None:
    keys = [0.0, 1e-30, 0.5, 0.5, 3.0, 1e30]
    payloads = [9, 8, 6, 7, 2**32 - 1, 0]
    words = [int(packed(np.float32(k), p)) for k, p in zip(keys, payloads, strict=True)]
    assert words == sorted(words)
    assert [payload_of(np.uint64(word)) for word in words] == payloads
