"""Quick shift by scikit-image.

A. Vedaldi, S. Soatto: Quick Shift and Kernel Methods for Mode Seeking. ECCV 2008.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from skimage.segmentation import quickshift

from ssnbench.contracts import Image, Labels
from ssnbench.count_search import search_count
from ssnbench.stages import stage

_UNCUT = 1e9  # longer than any edge of the tree


@dataclass(frozen=True)
class QuickShift:
    """Link every pixel to the nearest one of higher density and cut the long links.

    It takes the longest link in place of a count. The tree of links does not depend on it, so
    that the tree is built once and the cut searched until the count, once connected, is within 5 %
    of the count asked. No cut makes fewer superpixels than the density has modes (about one per
    2000 pixels with the default kernel); asked for fewer, it makes as few as it can.

    Parameters
    ----------
    ratio : float
        Weight of Lab colour against place, above 0; the library's 1.
    kernel_size : float
        Width of the density's kernel in pixels, 1 or more; the library's 5.
    low, high : float
        Bracket of the longest link, in pixels and units of Lab.
    """

    ratio: float = 1.0
    kernel_size: float = 5.0
    low: float = 0.5
    high: float = 200.0

    def __call__(self, image: Image, n_segments: int) -> Labels:
        """Return labels int32 (H, W) whose count is nearest to ``n_segments``."""
        with stage("clustering"):
            _, parent, distance = quickshift(  # type: ignore[no-untyped-call]
                image,
                ratio=self.ratio,
                kernel_size=self.kernel_size,
                max_dist=_UNCUT,
                return_tree=True,
                rng=42,
            )
            links = np.asarray(parent, dtype=np.int32).ravel()
            lengths = np.asarray(distance).ravel()
            pixels = np.arange(links.size, dtype=np.int32)

            def segment(longest: float) -> Labels:
                roots = np.where(lengths > longest, pixels, links)
                while not np.array_equal(roots, roots[roots]):
                    roots = roots[roots]
                return roots.reshape(image.shape[:2])

            return search_count(segment, n_segments, self.low, self.high)


PLUGIN = QuickShift
