"""SEEDS by OpenCV (ximgproc).

M. Van den Bergh, X. Boix, G. Roig, B. de Capitani, L. Van Gool: SEEDS: Superpixels Extracted via
Energy-Driven Sampling. ECCV 2012.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import cv2
import numpy as np

from ssnbench.contracts import Image, Labels
from ssnbench.stages import stage

_LEAST = 10  # OpenCV raises any smaller number to this one


@dataclass(frozen=True)
class SEEDSOpenCV:
    """Move blocks between superpixels, ever smaller ones, so that histograms become pure.

    A superpixel starts as a square of ``2 ** (num_levels - 1)`` times as many pixels a side as the
    smallest block, so that few counts can be made: with four levels on 481 x 321 pixels 150, 195,
    260, 600 or 2400, and OpenCV mostly takes the one below what is asked (150 for 200). Here the
    number asked is the one whose outcome is nearest to ``n_segments``, and one level less is used
    where that gets nearer still. On BSDS500 this makes 195, 600 and 1040 for 200, 600 and 1000;
    a level less costs about 0.02 in boundary recall at the same count.

    Raises ValueError for an image that is too small for a grid of blocks, on which OpenCV never
    returns.

    Parameters
    ----------
    num_levels : int
        Block sizes, 3 or more; OpenCV's sample program has 4.
    prior : int
        Smoothness of the shapes, 0 (none) to 5; the library's 2.
    histogram_bins : int
        Bins per channel, 1 or more; the library's 5.
    double_step : bool
        Go twice through every block size; the library's False.
    iterations : int
        Passes over the pixels, 1 or more; OpenCV's sample program has 4.
    """

    num_levels: int = 4
    prior: int = 2
    histogram_bins: int = 5
    double_step: bool = False
    iterations: int = 4

    def __call__(self, image: Image, n_segments: int) -> Labels:
        """Return labels int32 (H, W)."""
        height, width = image.shape[:2]
        asked, levels = self._nearest(height, width, n_segments)
        with stage("colour"):
            lab = cv2.cvtColor(image, cv2.COLOR_RGB2Lab)
        with stage("clustering"):
            method = cv2.ximgproc.createSuperpixelSEEDS(
                *(width, height, 3, asked, levels),
                *(self.prior, self.histogram_bins, self.double_step),
            )
            method.iterate(lab, self.iterations)
            labels = method.getLabels()
        return np.asarray(labels, dtype=np.int32)

    def _nearest(self, height: int, width: int, n_segments: int) -> tuple[int, int]:
        """Number to ask for, and levels, whose count is nearest; more levels on a tie."""
        best = min(
            (abs(n_made - n_segments), -levels, asked)
            for levels in (self.num_levels, self.num_levels - 1)
            for asked, n_made in (*outcomes(height, width, levels), (0, 10**9))
        )
        if best[2] == 0:
            raise ValueError(f"an image of {height} x {width} pixels is too small for SEEDS")
        return best[2], -best[1]


def outcomes(height: int, width: int, levels: int) -> Iterator[tuple[int, int]]:
    """Yield numbers to ask for, each with the count that OpenCV then makes.

    Rows and columns of superpixels follow from the number asked, the smallest block from them
    (rounded up), and the grid that really is laid from the block.
    """
    blocks = 2 ** (levels - 1)
    for wanted in range(1, height // blocks + 1):
        asked = max(ceil(wanted**2 * width / height), _LEAST)
        rows = int((asked * height / width) ** 0.5)
        columns = rows * width // height
        if rows == 0 or columns == 0 or rows * blocks > height or columns * blocks > width:
            continue
        block = ceil(height / rows / blocks), ceil(width / columns / blocks)
        n_made = (height // block[0] // blocks) * (width // block[1] // blocks)
        if n_made > 0:
            yield asked, n_made


PLUGIN = SEEDSOpenCV
