"""Pooling with stride 2, in training, forward and backward.

Maps are flat float32, channels last. Which pixel was the largest of its window is not kept: it is
the first that is not below what was pooled.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ssnbench.ssn.convolution.calls import maps_of, pixels_of
from ssnbench.ssn.convolution.vectors import LANES, larger, load, passed, store
from ssnbench.ssn.convolution.winograd import kernel
from ssnbench.ssn.kernels.threads import share


class Windows(NamedTuple):
    """Windows of a pooling.

    Attributes
    ----------
    window : int
        2 or 3: from the pixel (2 i, 2 j), or from the one before it, to the one behind it.
    channels, height, width : int
        Of the maps, channels a multiple of LANES.
    """

    window: int
    channels: int
    height: int
    width: int


def pooled(maps: Tensor, window: int) -> Tensor:
    """Largest of each window (B, C, (H + 1) // 2, (W + 1) // 2)."""
    batch, channels, height, width = maps.shape
    like = torch.empty(batch, channels, (height + 1) // 2, (width + 1) // 2, device="meta")
    made = np.empty(like.numel(), np.float32)
    given = pixels_of(maps), Windows(window, *maps.shape[1:]), made
    share(batch * like.shape[2], lambda a, b: run_pool(a, b, *given))
    return maps_of(made, like, channels)


def by_maps(maps: Tensor, most: Tensor, window: int, back: Tensor) -> Tensor:
    """Derivative by the maps, from what was pooled and the derivative by that."""
    made = np.zeros(maps.numel(), np.float32)
    windows = Windows(window, *maps.shape[1:])
    given = pixels_of(maps), windows, pixels_of(most), pixels_of(back), made
    share(len(maps), lambda a, b: run_pool_back(a, b, *given))
    return maps_of(made, maps, maps.shape[1])


@kernel
def run_pool(first, last, maps, windows, out):  # type: ignore[no-untyped-def]
    """Pool rows ``first`` to ``last`` of what is made, counted on through all maps."""
    window, channels, height, width = windows
    n_rows, n_columns = (height + 1) // 2, (width + 1) // 2
    for row in range(first, last):
        i, top = row % n_rows, row // n_rows * height
        for j in range(n_columns):
            for channel in range(0, channels, LANES):
                at = ((top + 2 * i) * width + 2 * j) * channels + channel
                most = load(maps, at)
                for y in range(max(2 * i + 2 - window, 0), min(2 * i + 2, height)):
                    for x in range(max(2 * j + 2 - window, 0), min(2 * j + 2, width)):
                        at = ((top + y) * width + x) * channels + channel
                        most = larger(most, load(maps, at))
                store(out, (row * n_columns + j) * channels + channel, most)


@kernel
def run_pool_back(first, last, maps, windows, pooled, back, out):  # type: ignore[no-untyped-def]
    """Give back to images ``first`` to ``last``; ``out`` begins as zeros."""
    window, channels, height, width = windows
    n_rows, n_columns = (height + 1) // 2, (width + 1) // 2
    for row in range(first * n_rows, last * n_rows):
        i, top = row % n_rows, row // n_rows * height
        for j in range(n_columns):
            for channel in range(0, channels, LANES):
                at = (row * n_columns + j) * channels + channel
                most, left = load(pooled, at), load(back, at)
                for y in range(max(2 * i + 2 - window, 0), min(2 * i + 2, height)):
                    for x in range(max(2 * j + 2 - window, 0), min(2 * j + 2, width)):
                        at = ((top + y) * width + x) * channels + channel
                        rest = passed(most - load(maps, at), left)
                        store(out, at, load(out, at) + (left - rest))
                        left = rest
