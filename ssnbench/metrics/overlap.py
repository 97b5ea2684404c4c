"""Overlap of superpixels and truth segments: sums over the cells of one contingency table.

S_j are the superpixels, G_i the truth segments, N the pixels; between sets, & is the intersection
and - the difference. Pixels that the truth ignores are left out of every set and of N. A truth that
ignores all pixels leaves nothing to get wrong: the scores are then those of a perfect map.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssnbench.metrics.comparison import Comparison
from ssnbench.metrics.contingency import Contingency


def asa(comparison: Comparison) -> float:
    """Achievable segmentation accuracy: the best accuracy that whole superpixels allow.

    ``1/N sum_j max_i |S_j & G_i|``: every superpixel is given to the segment that it shares most
    pixels with. In (0, 1]; 1 when no superpixel crosses a truth boundary.

    Notes
    -----
    Never falls when a map is refined, so compare only at equal counts. Equals 1 - ``ue``. Averaged
    over annotators; the best annotator's is about 0.02 higher on BSDS500.

    References
    ----------
    .. [1] Liu, Tuzel, Ramalingam, Chellappa, Entropy Rate Superpixel Segmentation, CVPR 2011.
    """
    return 1.0 - ue(comparison)


def ue(comparison: Comparison) -> float:
    """Undersegmentation error: share of pixels that leak out of the best fitting segment.

    ``1/N sum_j min_i |S_j - G_i|``. In [0, 1).

    Notes
    -----
    This is the corrected error of van den Bergh et al. and equals 1 - ``asa``; other papers call
    ``ue_np`` or ``ue_levin`` by the same name.

    References
    ----------
    .. [1] van den Bergh, Boix, Roig, de Capitani, van Gool, SEEDS: Superpixels Extracted via
       Energy-Driven Sampling, ECCV 2012.
    .. [2] Stutz, Hermans, Leibe, Superpixels: An Evaluation of the State-of-the-Art,
       CVIU 166, 2018.
    """
    table = comparison.table
    best = _largest(table.label, table.count, table.n_labels)
    return _share(float((table.label_sizes - best).sum()), table)


def ue_np(comparison: Comparison) -> float:
    """Undersegmentation error of Neubert and Protzel: the smaller part of every overlap leaks.

    ``1/N sum over overlapping (i, j) of min(|S_j & G_i|, |S_j - G_i|)``. In [0, 1].

    Notes
    -----
    A superpixel split in two by a boundary is charged on both sides: about twice ``ue``.

    References
    ----------
    .. [1] Neubert, Protzel, Superpixel Benchmark and Comparison, Forum Bildverarbeitung 2012.
    """
    table = comparison.table
    leak = np.minimum(table.count, table.label_sizes[table.label] - table.count)
    return _share(float(leak.sum()), table)


def ue_levin(comparison: Comparison) -> float:
    """Undersegmentation error of Levinshtein et al.: area by which covering superpixels overflow.

    ``mean_i (sum over j with S_j & G_i not empty of |S_j|, minus |G_i|) / |G_i|``. 0 or more,
    without an upper bound.

    Notes
    -----
    Every segment weighs the same, and one shared pixel charges a whole superpixel: a single tiny
    segment can rule the mean.

    References
    ----------
    .. [1] Levinshtein et al., TurboPixels: Fast Superpixels Using Geometric Flows, PAMI 31(12),
       2009.
    """
    table = comparison.table
    if table.n_segments == 0:
        return 0.0
    covering = np.bincount(table.segment, table.label_sizes[table.label], table.n_segments)
    return float((covering / table.segment_sizes - 1.0).mean())


def oe(comparison: Comparison) -> float:
    """Oversegmentation error: share of pixels outside the superpixel that covers most of a segment.

    ``1/N sum_i min_j |G_i - S_j|``. In [0, 1).

    Notes
    -----
    ``ue`` with the roles exchanged. It grows with the count by nature, and says how far a map is
    from being the segmentation itself.

    References
    ----------
    .. [1] Stutz, Hermans, Leibe, CVIU 166, 2018.
    """
    table = comparison.table
    best = _largest(table.segment, table.count, table.n_segments)
    return _share(float((table.segment_sizes - best).sum()), table)


def _largest(
    group: NDArray[np.signedinteger], count: NDArray[np.float64], n: int
) -> NDArray[np.float64]:
    largest = np.zeros(n)
    np.maximum.at(largest, group, count)
    return largest


def _share(pixels: float, table: Contingency) -> float:
    return pixels / table.n_pixels if table.n_pixels else 0.0
