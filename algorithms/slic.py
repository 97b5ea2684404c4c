"""SLIC: k-means on colour and place, where centres look around themselves. Own implementation.

R. Achanta, A. Shaji, K. Smith, A. Lucchi, P. Fua, S. Suesstrunk: SLIC Superpixels Compared to
State-of-the-Art Superpixel Methods. IEEE TPAMI 34(11), 2274-2282, 2012.

Every superpixel has a centre: the mean colour (Lab) and the mean place of its pixels. The centres
start on a grid of step S, each at the pixel of lowest gradient among the 3 x 3 around its place on
the grid, off boundaries and noise. Then, ten times: each centre lays claim to the pixels in the
2S x 2S window around it, a pixel goes to the claimant that is nearest in colour and place, and the
centres move to the means of what they got. As windows do not grow with the image, an iteration
takes time linear in the pixels, however many superpixels there are. In the end superpixels may have
lost touch with some of their pixels; these stray pieces join a neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssnbench.contracts import Image, Labels
from ssnbench.kernels.colour import Lab, rgb_to_lab
from ssnbench.kernels.grid import grid_cells, grid_seeds, grid_shape, to_lowest_gradient
from ssnbench.kernels.kmeans import assign, move, recount
from ssnbench.labels import keep_largest
from ssnbench.stages import stage


@dataclass(frozen=True)
class SLIC:
    """Cluster pixels in Lab colour and place by k-means within a window around each centre.

    The centres start on the grid of square cells whose count is nearest to the one asked for (204,
    600 and 988 for 200, 600 and 1000 on 481 x 321 pixels). The paper gives stray pieces to a
    superpixel nearby and leaves open what is a stray piece: here every 4-connected piece is a
    superpixel, but only about as many as were asked for are kept, the largest.

    Parameters
    ----------
    compactness : float
        Weight m of place against colour, 0 or more; published 10.
    n_iter : int
        Iterations, 1 or more; published 10.
    """

    compactness: float = 10.0
    n_iter: int = 10

    def __call__(self, image: Image, n_segments: int) -> Labels:
        """Return labels 0..n-1, int32 (H, W), each 4-connected."""
        with stage("colour"):
            lab = rgb_to_lab(image)
        with stage("clustering"):
            labels = _clustered(lab, n_segments, self.compactness, self.n_iter)
        with stage("connectivity"):
            return keep_largest(labels, n_segments)


def _clustered(lab: Lab, n_segments: int, compactness: float, n_iter: int) -> Labels:
    """Alternate between the nearest centre for each pixel and the mean of each centre's pixels."""
    height, width = shape = lab.shape[:2]
    seeds = grid_seeds(shape, n_segments)
    to_lowest_gradient(lab, seeds)
    centres = np.hstack([lab[*seeds.T], seeds.astype(np.float32)])
    rows, columns = grid_shape(shape, n_segments)
    step = np.sqrt(height * width / len(seeds))
    farthest = max(step, height / rows, width / columns)  # cells of a strip are not square
    reach = np.full(len(seeds), farthest, np.float32)
    weight = np.float32((compactness / step) ** 2)
    planes = np.ascontiguousarray(lab.transpose(2, 0, 1))
    labels, distance = grid_cells(shape, n_segments), np.empty(shape, np.float32)
    counted, sums = np.full(shape, -1, np.int32), np.zeros((len(seeds), 6))
    for _ in range(n_iter):
        assign(planes, centres, reach, weight, distance, labels)
        recount(planes, labels, counted, sums)
        move(centres, sums)
    return labels


PLUGIN = SLIC
