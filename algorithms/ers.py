"""ERS: superpixels as components of a graph of large entropy rate. Own implementation.

M.-Y. Liu, O. Tuzel, S. Ramalingam, R. Chellappa: Entropy Rate Superpixel Segmentation. CVPR 2011.

Pixels are the vertices of a graph, neighbours are joined by edges whose weight falls with their
difference in colour. A set A of edges is to be chosen whose components are the superpixels. Think
of a walker who steps along chosen edges with a probability in proportion to their weight, and stays
where he is for the weight of the edges left out. The less predictable his way (the entropy rate
H(A)), the more homogeneous and compact the superpixels; a term B(A), the entropy of the sizes less
the number of superpixels, balances them. Starting with no edge, the one that adds most to
H(A) + lambda B(A) is chosen again and again, but for those that would close a circle, until K
components are left.

Gains only ever shrink as A grows (the objective is submodular). Hence the greedy search may be
lazy: the edges wait in a queue by the gain they had when last looked at, and only the first one is
looked at anew; if it stays the first, no other can gain more. That is about five looks per pixel,
however large the image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ssnbench.contracts import Image, Labels
from ssnbench.kernels.heap import Heap, drop_first, packed, payload_of, push, replace_first
from ssnbench.kernels.union_find import Parents, joined, numbered, root
from ssnbench.stages import stage

Floats = NDArray[np.float64]
Links = NDArray[np.int32]

_EDGES_PER_BIN = 64


@dataclass(frozen=True)
class ERS:
    """Choose edges greedily for entropy rate and balance until exactly K components are left.

    Pixels have 4 neighbours here (8 in the paper, 4 in the authors' program), so that superpixels
    are 4-connected.

    Parameters
    ----------
    lambda_ : float
        Weight lambda' of the balancing term, 0 or more; published 0.5. It is scaled to the image by
        K and by the ratio of the largest first gains of both terms.
    sigma : float
        Width of the Gaussian that turns a difference of colours, the mean over the channels,
        0..255, into a weight; above 0, published 5.
    """

    lambda_: float = 0.5
    sigma: float = 5.0

    def __call__(self, image: Image, n_segments: int) -> Labels:
        """Return labels 0..n-1, int32 (H, W), exactly ``n_segments`` while pixels last."""
        with stage("graph"):
            weight = _weights(np.ascontiguousarray(image), self.sigma)
        with stage("clustering"):
            labels = np.arange(weight.size // 2, dtype=np.int32)
            width = image.shape[1]
            _greedy(labels, weight, width, self.lambda_ * n_segments, n_segments)
        return labels.reshape(image.shape[:2])


@njit(cache=True, nogil=True, error_model="numpy")
def _weights(image: Image, sigma: float) -> Floats:
    """Weights of the edges: 2p leads from pixel p to the right, 2p + 1 down; -1: there is none."""
    height, width = image.shape[:2]
    gauss = np.exp(-((np.arange(766) / 3) ** 2) / (2 * sigma**2))
    weight = np.full(2 * height * width, -1.0)
    for row in range(height):
        for column in range(width):
            edge = 2 * (row * width + column)
            if column + 1 < width:
                weight[edge] = gauss[_apart(image[row, column], image[row, column + 1])]
            if row + 1 < height:
                weight[edge + 1] = gauss[_apart(image[row, column], image[row + 1, column])]
    return weight


@njit(cache=True, nogil=True)
def _apart(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> int:
    """Difference of two colours, summed over the channels."""
    total = 0
    for channel in range(3):
        total += int(abs(np.int32(one[channel]) - np.int32(other[channel])))
    return total


@njit(cache=True, nogil=True)
def _ends(edge: int, width: int) -> tuple[int, int]:
    """Pixels that an edge joins."""
    return edge >> 1, (edge >> 1) + (width if edge & 1 else 1)


@njit(cache=True, nogil=True, error_model="numpy")
def _xlogx(x: float) -> float:
    """Information in bits, as in the authors' program: the base decides what balance is worth."""
    return x * np.log2(x) if x > 0 else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _rate_gain(weight: float, stay: float, other_stay: float) -> float:
    """Gain in entropy rate from an edge, times the sum of all weights.

    ``stay`` is the weight with which the walker stays at an end of the edge so far. At each end it
    splits into that of the edge and the rest, everything else remains.
    """
    split = _xlogx(stay) - _xlogx(stay - weight) - _xlogx(weight)
    return split + _xlogx(other_stay) - _xlogx(other_stay - weight) - _xlogx(weight)


@njit(cache=True, nogil=True, error_model="numpy")
def _evenness_lost(size: int, other_size: int, n_pixels: int) -> float:
    """Loss in the entropy of sizes when two components become one.

    The balancing term gains 1 less this. The 1 is left out of the queue, where it is the
    same for all edges and would drown the gains in entropy rate in rounding.
    """
    return (_xlogx(size + other_size) - _xlogx(size) - _xlogx(other_size)) / n_pixels


@njit(cache=True, nogil=True, error_model="numpy")
def _staying(weight: Floats, width: int) -> Floats:
    """Weight with which the walker stays at each pixel while no edge is chosen: all its edges'."""
    stay = np.zeros(weight.size // 2)
    for edge in range(weight.size):
        if weight[edge] > 0:
            for end in _ends(edge, width):
                stay[end] += weight[edge]
    return stay


@njit(cache=True, nogil=True, error_model="numpy")
def _losses(
    weight: Floats, stay: Floats, width: int, share: float
) -> tuple[NDArray[np.float32], float, float]:
    """First losses of the edges, -1: there is none; lambda, ``share`` in units of beta; best gain.

    Loss is what an edge gains less than the best rate gain, hence never negative.
    """
    n_pixels = stay.size
    gain = np.full(weight.size, -1.0)
    for edge in range(weight.size):
        if weight[edge] >= 0:
            p, q = _ends(edge, width)
            gain[edge] = _rate_gain(weight[edge], stay[p], stay[q])
    best, lost = gain.max(), _evenness_lost(1, 1, n_pixels)
    scale = share * best / (1 - lost) if n_pixels > 2 else 1.0
    loss = np.full(weight.size, np.float32(-1))
    for edge in range(weight.size):
        if weight[edge] >= 0:
            loss[edge] = best - gain[edge] + scale * lost
    return loss, scale, best


@njit(cache=True, nogil=True, error_model="numpy")
def _bin(loss: float, widest: float, n_bins: int) -> int:
    """Bin of a loss: all are equally wide, the last one also takes what is above ``widest``."""
    return int(min(loss / widest * n_bins, n_bins - 1.0))


@njit(cache=True, nogil=True, error_model="numpy")
def _binned(loss: NDArray[np.float32], widest: float) -> tuple[Links, Links]:
    """First edge of every bin, and the one behind each edge; -1: there is none."""
    first = np.full(max(loss.size // _EDGES_PER_BIN, 1), -1, np.int32)
    behind = np.full(loss.size, -1, np.int32)
    for edge in range(loss.size):
        if loss[edge] >= 0:
            place = _bin(float(loss[edge]), widest, first.size)
            behind[edge], first[place] = first[place], edge
    return first, behind


@njit(cache=True, nogil=True, error_model="numpy")
def _fetched(queue: Heap, loss: NDArray[np.float32], edge: int, behind: Links) -> int:
    """Put the edges of a bin, given by its first, into the empty heap; return its size."""
    size = 0
    while edge >= 0:
        size = push(queue, size, packed(loss[edge], edge))
        edge = behind[edge]
    return size


@njit(cache=True, nogil=True, error_model="numpy")
def _greedy(parent: Parents, weight: Floats, width: int, share: float, n_segments: int) -> None:
    """Join greedily; ``parent`` comes as one set per pixel and leaves as labels.

    A heap of all edges outgrows the cache, and each way down it waits for memory. So only the edges
    of the lowest bin are in the heap: a loss that has grown beyond it costs no more than a link.
    """
    n_pixels = parent.size
    stay, sizes = _staying(weight, width), np.ones(n_pixels, np.int64)
    loss, scale, best = _losses(weight, stay, width, share)
    widest = 2 * best if best > 0 else 1.0  # 0: the colours are so far apart that no edge weighs
    first, behind = _binned(loss, widest)
    queue = np.empty(loss.size, np.uint64)
    size, lowest, n = 0, -1, n_pixels
    while n > n_segments:
        while size == 0:
            lowest += 1
            size = _fetched(queue, loss, first[lowest], behind)
        edge = payload_of(queue[0])
        p, q = _ends(edge, width)
        a, b = root(parent, p), root(parent, q)
        if a == b:  # the edge would close a circle
            size = drop_first(queue, size)
            continue
        lost = scale * _evenness_lost(sizes[a], sizes[b], n_pixels)
        now = np.float32(max(best - _rate_gain(weight[edge], stay[p], stay[q]) + lost, 0.0))
        if now != loss[edge]:
            loss[edge] = now
            place = _bin(float(now), widest, first.size)
            if place > lowest:
                size = drop_first(queue, size)
                behind[edge], first[place] = first[place], edge
                continue
            word = packed(now, edge)
            replace_first(queue, size, word)
            if queue[0] != word:
                continue
        size = drop_first(queue, size)
        both = sizes[a] + sizes[b]
        sizes[joined(parent, a, b)] = both
        stay[p] -= weight[edge]
        stay[q] -= weight[edge]
        n -= 1
    numbered(parent)


PLUGIN = ERS
