"""How many pixels each superpixel shares with each truth segment, in time linear in the pixels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ssnbench.contracts import Labels

Numbers = NDArray[np.int32]


@dataclass(frozen=True)
class Contingency:
    """The non-zero cells of the table superpixels x segments; ignored pixels are in none.

    Attributes
    ----------
    n_labels, n_segments : int
        Rows and columns of the table.
    label, segment : int (cells,)
        Superpixel and truth segment of each cell.
    count : float64 (cells,)
        Pixels that they share; whole numbers.
    """

    n_labels: int
    n_segments: int
    label: NDArray[np.intp] | Numbers
    segment: NDArray[np.intp] | Numbers
    count: NDArray[np.float64]

    @cached_property
    def n_pixels(self) -> float:
        """Pixels that count."""
        return float(self.count.sum())

    @cached_property
    def label_sizes(self) -> NDArray[np.float64]:
        """Pixels that count of every superpixel; 0 for one that the truth ignores altogether."""
        return _totals(self.label, self.count, self.n_labels)

    @cached_property
    def segment_sizes(self) -> NDArray[np.float64]:
        """Pixels of every truth segment."""
        return _totals(self.segment, self.count, self.n_segments)


def contingency(labels: Labels, truth: Labels, n_labels: int, n_segments: int) -> Contingency:
    """Cross-tabulate two label maps.

    Parameters
    ----------
    labels : int32 (H, W)
        Superpixels 0..n_labels-1.
    truth : int32 (H, W)
        Segments 0..n_segments-1; negative: left out.
    n_labels, n_segments : int
        How many there are.
    """
    if n_labels * n_segments <= labels.size // 4:  # a full table is smaller than the maps
        table = _full_table(labels, truth, n_labels, n_segments)
        cells = np.flatnonzero(table)
        label, segment = np.divmod(cells, max(n_segments, 1))
        return Contingency(n_labels, n_segments, label, segment, table[cells].astype(np.float64))
    label, segment, count = _cells(labels.reshape(-1), truth.reshape(-1), n_labels, n_segments)
    return Contingency(n_labels, n_segments, label, segment, count.astype(np.float64))


def _totals(group: Any, count: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    return np.asarray(np.bincount(group, count, n), np.float64)


@njit(cache=True, nogil=True)
def _full_table(labels: Labels, truth: Labels, n_labels: int, n_segments: int) -> Numbers:
    """Add run by run: neighbours in a row mostly fall into the same cell."""
    height, width = labels.shape
    table = np.zeros(n_labels * n_segments, np.int32)
    ends = np.empty(width, np.int64)
    for row in range(height):
        n = 0
        for p in range(1, width):  # the ends of runs, without a branch to guess
            ends[n] = p
            n += (labels[row, p] != labels[row, p - 1]) | (truth[row, p] != truth[row, p - 1])
        ends[n] = width
        start = 0
        for end in ends[: n + 1]:
            if truth[row, start] >= 0:
                table[labels[row, start] * n_segments + truth[row, start]] += end - start
            start = end
    return table


@njit(cache=True, nogil=True)
def _cells(
    labels: Numbers, truth: Numbers, n_labels: int, n_segments: int
) -> tuple[Numbers, Numbers, Numbers]:
    """Sort the segments by superpixel (counting sort), then tally each superpixel on its own."""
    start = np.zeros(n_labels + 2, np.int32)
    for p in range(labels.size):
        start[labels[p] + 2] += 1
    for j in range(2, n_labels + 2):
        start[j] += start[j - 1]
    segments = np.empty(labels.size, np.int32)
    for p in range(labels.size):
        segments[start[labels[p] + 1]] = truth[p]
        start[labels[p] + 1] += 1
    cell = np.empty(n_segments, np.int32)
    none = np.empty(0, np.int32)
    n_cells = _tallied(segments, start, cell, none, none, none)
    label, segment = np.empty(n_cells, np.int32), np.empty(n_cells, np.int32)
    count = np.zeros(n_cells, np.int32)
    _tallied(segments, start, cell, label, segment, count)
    return label, segment, count


@njit(cache=True, nogil=True)
def _tallied(
    segments: Numbers,
    start: Numbers,
    cell: Numbers,
    label: Numbers,
    segment: Numbers,
    count: Numbers,
) -> int:
    """Count the cells, and fill them in where there is room for them."""
    cell[:] = -1  # of each segment, with the superpixel at hand
    n_cells = 0
    for j in range(start.size - 2):
        first = n_cells  # a cell from before belongs to an earlier superpixel
        for i in segments[start[j] : start[j + 1]]:
            if i < 0:
                continue
            if cell[i] < first:
                cell[i] = n_cells
                n_cells += 1
            if count.size:
                label[cell[i]], segment[cell[i]] = j, i
                count[cell[i]] += 1
    return n_cells
