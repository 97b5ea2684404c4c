"""How alike two superpixel maps of one image are; both count the same, neither is the truth."""

from __future__ import annotations

import numpy as np

from ssnbench.contracts import Labels
from ssnbench.metrics.contingency import contingency

AGREEMENT = ("vi_original", "asa_original")
"""What :func:`agreement` measures; lower is better for the first, higher for the second."""


def agreement(one: Labels, other: Labels) -> dict[str, float]:
    """Compare two label maps by measures that do not change when they are exchanged.

    Parameters
    ----------
    one, other : int32 (H, W)
        Labels 0..n-1, every pixel labelled.

    Returns
    -------
    dict of float
        ``vi_original``: variation of information in bits, H(one | other) + H(other | one), 0 for
        equal maps, at most log2(H*W) (Meila, "Comparing clusterings", J. Multivariate Analysis 98,
        2007, eq. 15). ``asa_original``: achievable segmentation accuracy, the mean of either map
        taken as the truth of the other; 1 for equal maps.
    """
    table = contingency(one, other, int(one.max()) + 1, int(other.max()) + 1)
    share = table.count / table.n_pixels
    of_one = table.label_sizes[table.label] / table.n_pixels
    of_other = table.segment_sizes[table.segment] / table.n_pixels
    information = share @ (np.log2(of_one / share) + np.log2(of_other / share))
    largest_of_one, largest_of_other = np.zeros(table.n_labels), np.zeros(table.n_segments)
    np.maximum.at(largest_of_one, table.label, share)
    np.maximum.at(largest_of_other, table.segment, share)
    covered = (largest_of_one.sum() + largest_of_other.sum()) / 2
    return {"vi_original": max(0.0, float(information)), "asa_original": float(covered)}
