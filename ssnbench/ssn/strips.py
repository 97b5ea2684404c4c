"""Features of images that are too large for a network in one piece."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ssnbench.ssn.kernels.grid import Grid
from ssnbench.ssn.network import FeatureNetwork, Strip

MARGIN = 32
"""Rows around a strip that its own rows may depend on; 24 for the deep network."""

UNIT = 16
"""Strips begin at multiples of this, so that poolings, and tiles of what has been pooled twice,
fall on those of the whole image."""


class Rows(NamedTuple):
    """Rows of an image: a strip from ``top`` to ``bottom``, and what it depends on."""

    top: int
    bottom: int
    first: int
    last: int


def cuts(height: int, n_rows: int) -> Iterator[Rows]:
    """Cut ``height`` rows into strips of about ``n_rows``."""
    n_rows = max(n_rows // UNIT, 1) * UNIT
    for top in range(0, height, n_rows):
        bottom = min(top + n_rows, height)
        yield Rows(top, bottom, max(top - MARGIN, 0), min(bottom + MARGIN, height))


def features(network: FeatureNetwork, lab: Tensor, grid: Grid, n_rows: int) -> Tensor:
    """Make features strip by strip; they are those of the network on the whole image.

    Parameters
    ----------
    network : FeatureNetwork
        In evaluation mode: batch statistics would be those of a strip.
    lab : (B, 3 * frames, H, W)
        CIE Lab.
    grid : Grid
        Grid of superpixels.
    n_rows : int
        Rows of a strip; what the network needs beside the features is proportional to it.

    Returns
    -------
    (B, k, H, W)
        As from ``network(lab, grid)``, up to rounding.
    """
    batch, _, height, width = lab.shape
    stacked = lab.new_empty(batch, network.architecture.k, height, width)
    n_pixels = 5
    stacked[:, :n_pixels] = network.pixels(lab, grid)
    for top, bottom, first, last in cuts(height, n_rows):
        pixels = stacked[:, :n_pixels, first:last]
        seen = network.seen(lab[:, :, first:last], pixels)
        seen = seen.contiguous(memory_format=torch.channels_last)
        learned = network.learned(seen, Strip(first, height))
        stacked[:, n_pixels:, top:bottom] = learned[:, :, top - first : bottom - first]
    return stacked
