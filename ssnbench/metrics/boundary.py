"""Boundary metrics: how well the boundaries of a label map and of a truth find each other.

What a boundary pixel is and when one counts as found differs from protocol to protocol; the same
map has a recall of 0.67 or 0.92 depending on whose script is used. A boundary between a segment and
ignored pixels is no truth boundary, and label boundary pixels on ignored pixels count on neither
side of precision.
"""

from __future__ import annotations

from math import hypot

from ssnbench.metrics.comparison import Comparison
from ssnbench.metrics.distance import total_distance


def br(comparison: Comparison) -> float:
    """Boundary recall: share of truth boundary pixels that the label map finds.

    In [0, 1]. A truth without boundary scores 1 under ``seal`` and 0 under ``stutz`` and
    ``berkeley``, as their scripts do.

    Notes
    -----
    Averaged over annotators; under ``berkeley`` an image's recall is found pixels over all pixels
    of all annotators. Boundary everywhere finds everything: read it beside ``bp`` or ``cd``. Thin
    or thick boundaries and the tolerance move it by far more than most methods differ.

    References
    ----------
    .. [1] Martin, Fowlkes, Malik, Learning to Detect Natural Image Boundaries Using Local
       Brightness, Color, and Texture Cues, PAMI 26(5), 2004.
    .. [2] Jampani et al., Superpixel Sampling Networks, ECCV 2018.
    """
    hits = comparison.hits
    return share(hits.truth, hits.of_truth, comparison.protocol.empty)


def bp(comparison: Comparison) -> float:
    """Boundary precision: share of label boundary pixels that the truth confirms.

    In [0, 1]. A label map without boundary scores 1 under ``seal`` and 0 under ``stutz`` and
    ``berkeley``.

    Notes
    -----
    The scripts behind ``seal`` have none; it is the textbook's there. ``stutz`` counts its hits on
    the truth's side, which makes it no precision in the strict sense.

    References
    ----------
    .. [1] Martin, Fowlkes, Malik, PAMI 26(5), 2004.
    .. [2] Stutz, Hermans, Leibe, CVIU 166, 2018.
    """
    hits = comparison.hits
    return share(hits.labels, hits.of_labels, comparison.protocol.empty)


def f(comparison: Comparison) -> float:
    """Boundary F-measure: harmonic mean of ``br`` and ``bp``.

    ``2 br bp / (br + bp)``. In [0, 1]; 0 when both are 0.

    References
    ----------
    .. [1] Martin, Fowlkes, Malik, PAMI 26(5), 2004.
    """
    return harmonic(br(comparison), bp(comparison))


def truth_matched(comparison: Comparison) -> float:
    """Truth boundary pixels that are found: the numerator of ``br``.

    Scored under ``berkeley`` only. Summed over annotators and images, with ``truth_pixels``, it
    gives the recall of a data set.

    References
    ----------
    .. [1] Arbelaez, Maire, Fowlkes, Malik, Contour Detection and Hierarchical Image Segmentation,
       PAMI 33(5), 2011.
    """
    return float(comparison.hits.truth)


def truth_pixels(comparison: Comparison) -> float:
    """Truth boundary pixels: the denominator of ``br``. Scored under ``berkeley`` only."""
    return float(comparison.hits.of_truth)


def labels_matched(comparison: Comparison) -> float:
    """Label boundary pixels that any annotator confirms: the numerator of an image's ``bp``.

    Scored under ``berkeley`` only. Summed over images, with ``labels_pixels``, it gives the
    precision of a data set.

    Notes
    -----
    A pixel is right when it is matched to any annotator, so this belongs to the image and is the
    same in the row of each annotator. *How many* pixels one annotator matches is unique, *which* is
    not: pairs are taken nearest first.

    References
    ----------
    .. [1] Arbelaez, Maire, Fowlkes, Malik, PAMI 33(5), 2011.
    """
    return float(comparison.hits.labels)


def labels_pixels(comparison: Comparison) -> float:
    """Label boundary pixels on which any annotator has an opinion: the denominator of ``bp``.

    Scored under ``berkeley`` only; the same in the row of each annotator.
    """
    return float(comparison.hits.of_labels)


def mde(comparison: Comparison) -> float:
    """Mean distance to edge: from a truth boundary pixel to the nearest label boundary pixel.

    Exact Euclidean distance in pixels, averaged over the truth boundary. 0 or more. A truth without
    boundary scores 0; a label map without boundary, the worst, scores the image diagonal.

    Notes
    -----
    The tool of Stutz et al. takes OpenCV's 3 x 3 chamfer distance, which is shorter along rows and
    columns by up to 4.5 %: on real maps its values are up to 0.07 px lower.

    References
    ----------
    .. [1] Benesova, Kottman, Fast Superpixel Segmentation Using Morphological Processing,
       MVML 2014.
    """
    segmentation, truth = comparison.segmentation, comparison.truth
    if truth.n_boundary == 0:
        return 0.0
    if segmentation.n_boundary == 0:
        return hypot(*segmentation.shape)
    return total_distance(segmentation.boundary, truth.boundary) / truth.n_boundary


def cd(comparison: Comparison) -> float:
    """Contour density: share of pixels that lie on a label boundary.

    ``boundary pixels / N``. In [0, 1].

    Notes
    -----
    Thick boundaries (``stutz``) hold about twice the pixels of thin ones.

    References
    ----------
    .. [1] Machairas et al., Waterpixels, IEEE TIP 24(11), 2015.
    """
    return comparison.segmentation.n_boundary / comparison.segmentation.n_pixels


def harmonic(one: float, other: float) -> float:
    """Return the harmonic mean of two shares; 0 when both are 0."""
    return 2.0 * one * other / (one + other) if one + other else 0.0


def share(part: float, whole: float, empty: float = 0.0) -> float:
    """Return ``part / whole``; ``empty`` when there is nothing to share."""
    return part / whole if whole else empty


def f_of_counts(
    truth_matched: float, truth_pixels: float, labels_matched: float, labels_pixels: float
) -> float:
    """F-measure over all boundary pixels that were counted, as the Berkeley benchmark takes it."""
    return harmonic(share(truth_matched, truth_pixels), share(labels_matched, labels_pixels))
