"""Shape, size and count of superpixels: what needs nothing but the label map."""

from __future__ import annotations

from math import pi, sqrt

import numpy as np

from ssnbench.metrics.comparison import Comparison


def n_made(comparison: Comparison) -> float:
    """Count the superpixels made: different labels, whether connected or not.

    1 or more. Methods are compared at this count, never at the one asked for.
    """
    return float(comparison.segmentation.n)


def n_components(comparison: Comparison) -> float:
    """Count the 4-connected components of all superpixels.

    Equals ``n_made`` when every superpixel is connected.

    Notes
    -----
    The tool of Stutz et al. splits a map into these before it scores; here the map is scored as it
    comes. What passed the benchmark's connectivity step is connected.
    """
    return float(comparison.segmentation.n_components)


def size_mean(comparison: Comparison) -> float:
    """Mean size of a superpixel: N / K, in pixels."""
    return float(comparison.segmentation.sizes.mean())


def size_std(comparison: Comparison) -> float:
    """Standard deviation of the sizes, in pixels (population: divided by K). 0 or more."""
    return float(comparison.segmentation.sizes.std())


def size_min(comparison: Comparison) -> float:
    """Size of the smallest superpixel, in pixels."""
    return float(comparison.segmentation.sizes.min())


def size_max(comparison: Comparison) -> float:
    """Size of the largest superpixel, in pixels."""
    return float(comparison.segmentation.sizes.max())


def co(comparison: Comparison) -> float:
    """Compactness: how close superpixels come to discs, by area and perimeter.

    ``sum_j |S_j|/N * 4 pi |S_j| / P_j^2``; P_j counts the pixel edges to other superpixels and to
    the image border. In (0, pi/4]: a square scores pi/4, and nothing made of pixels scores more.

    Notes
    -----
    Along pixel edges a disc's perimeter is that of its bounding square, so that a disc scores
    less than a square. See ``gr`` for a measure without this bias.

    References
    ----------
    .. [1] Schick, Fischer, Stiefelhagen, Measuring and Evaluating the Compactness of Superpixels,
       ICPR 2012.
    """
    segmentation = comparison.segmentation
    area = segmentation.sizes.astype(float)
    return float(
        (4 * pi * area**2 / segmentation.perimeters.astype(float) ** 2).sum()
        / segmentation.n_pixels
    )


def sse_xy(comparison: Comparison) -> float:
    """Squared distance of a pixel to the centre of its superpixel, averaged over pixels.

    ``1/N sum_p |position of p - mean position of p's superpixel|^2``, in squared pixels. 0 or more.

    References
    ----------
    .. [1] Stutz, Hermans, Leibe, CVIU 166, 2018.
    """
    segmentation = comparison.segmentation
    sums = segmentation.coordinates.astype(float)
    scatter = sums[:, 2:].sum(axis=1) - (sums[:, :2] ** 2).sum(axis=1) / segmentation.sizes
    return float(np.maximum(scatter, 0.0).sum()) / segmentation.n_pixels


def reg(comparison: Comparison) -> float:
    """Regularity: boundary pixels of a grid of as many squares, over the boundary pixels made.

    ``(nH W + nW H - nH nW) / boundary pixels`` with ``nH = H // s``, ``nW = W // s``, the side
    ``s = int(sqrt(N / K))``. 0 or more; a map without boundary scores 0.

    Notes
    -----
    The grid's lines are one pixel thick while the boundaries of ``stutz`` are two: a perfect grid
    scores about 0.5 there. The tool of Stutz et al. takes the number of rows for W by mistake;
    ``reg_stutz`` repeats it.

    References
    ----------
    .. [1] Stutz, Hermans, Leibe, CVIU 166, 2018.
    """
    height, width = comparison.segmentation.shape
    return _regularity(comparison, height, width)


def reg_stutz(comparison: Comparison) -> float:
    """Regularity exactly as the tool of Stutz et al. prints it: with W = H by mistake.

    As ``reg`` but for the mistake; the same on square images. 0 or more.

    References
    ----------
    .. [1] Stutz, Hermans, Leibe, CVIU 166, 2018: the tool that goes with it.
    """
    height, _ = comparison.segmentation.shape
    return _regularity(comparison, height, height)


def _regularity(comparison: Comparison, height: int, width: int) -> float:
    segmentation = comparison.segmentation
    if segmentation.n_boundary == 0:
        return 0.0
    side = int(sqrt(segmentation.n_pixels / segmentation.n))
    across, down = width // side, height // side
    return (down * width + across * height - down * across) / segmentation.n_boundary
