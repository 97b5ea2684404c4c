"""A min-heap of 64-bit words, for kernels: a float32 key above 32 bits of payload.

A non-negative float32 sorts like its bits read as an integer, so that one comparison of words
compares keys and, on a tie, payloads: the order of what comes out never depends on what else
went in. The heap is the first ``size`` words of an array; its owner keeps the size. A word has four
children, which lie side by side: half the levels of a binary heap, and half the waits for memory.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Heap = NDArray[np.uint64]


@njit(cache=True, nogil=True, forceinline=True)
def packed(key, payload):  # type: ignore[no-untyped-def]
    """Word of a float32 key, 0 or more, and an integer payload below 2**32."""
    return (np.uint64(np.float32(key).view(np.uint32)) << np.uint64(32)) | np.uint64(payload)


@njit(cache=True, nogil=True, forceinline=True)
def payload_of(word):  # type: ignore[no-untyped-def]
    """Lower 32 bits of a word."""
    return np.int64(word & np.uint64(0xFFFFFFFF))


@njit(cache=True, nogil=True, forceinline=True)
def push(heap, size, word):  # type: ignore[no-untyped-def]
    """Add a word; return the new size. The array must have room."""
    at = size
    while at > 0:
        parent = (at - 1) >> 2
        if heap[parent] <= word:
            break
        heap[at] = heap[parent]
        at = parent
    heap[at] = word
    return size + 1


@njit(cache=True, nogil=True, forceinline=True)
def replace_first(heap, size, word):  # type: ignore[no-untyped-def]
    """Put a word in the place of the smallest one, ``heap[0]``.

    The gap sinks to a leaf along the smallest children, and the word rises from there: it nearly
    always belongs low, so that this takes fewer comparisons than the usual way down.
    """
    at, child = 0, 1
    while child + 3 < size:  # without a branch: which child is the smallest cannot be foretold
        one = child + int(heap[child + 1] < heap[child])
        other = child + 2 + int(heap[child + 3] < heap[child + 2])
        child = other if heap[other] < heap[one] else one
        heap[at] = heap[child]
        at, child = child, 4 * child + 1
    if child < size:
        for sibling in range(child + 1, size):
            child = sibling if heap[sibling] < heap[child] else child
        heap[at] = heap[child]
        at = child
    push(heap, at, word)


@njit(cache=True, nogil=True, forceinline=True)
def drop_first(heap, size):  # type: ignore[no-untyped-def]
    """Remove the smallest word, ``heap[0]``; return the new size."""
    last = size - 1
    if last > 0:
        replace_first(heap, last, heap[last])
    return last
