"""What SSN learns from: how well superpixels rebuild a pixel property, and how compact they are.

Jampani et al., Superpixel Sampling Networks, ECCV 2018, section 4.3.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ssnbench.ssn.kernels.grid import NEIGHBOURS, Grid, cells
from ssnbench.ssn.layer import Superpixels

IGNORED = -1
"""Label of a pixel without opinion: it is neither rebuilt nor helps to rebuild others."""

MIN_PROBABILITY = 1e-8
"""Added to probabilities before the logarithm: a pixel that is rebuilt all wrong costs 18.4."""


MIN_MASS = 1e-6
"""A superpixel with less weight of pixels that count knows nothing: the derivative of a mean over
less would overflow."""


class Loss(NamedTuple):
    """The loss and its parts; each a scalar tensor.

    Attributes
    ----------
    total : ()
        ``reconstruction + weight * compactness + weight_detached * detached``.
    reconstruction : ()
        Eq. 5.
    compactness : ()
        Eq. 6, without its weight.
    detached : ()
        :func:`detachment_loss`, without its weight.
    """

    total: Tensor
    reconstruction: Tensor
    compactness: Tensor
    detached: Tensor


def ssn_loss(
    superpixels: Superpixels,
    target: Tensor,
    positions: Tensor,
    *,
    weight: float = 1e-5,
    weight_detached: float = 0.0,
    valid: Tensor | None = None,
    n_labels: int | None = None,
) -> Loss:
    """Sum of reconstruction and weighted compactness, L = L_recon + lambda L_compact (+ LAP).

    Parameters
    ----------
    superpixels : Superpixels
        Result of :func:`ssnbench.ssn.slic`.
    target : integer (B, H, W) or (B, T, H, W), or floating (B, L, H, W)
        Segments (cross entropy: :func:`segment_loss`), of T people their losses' mean; or any
        other pixel property, such as flow (L1: :func:`regression_loss`).
    positions : (1 or B, 2, H, W)
        What compactness is measured in: see :func:`compactness_loss`.
    weight : float
        lambda (paper: 1e-5).
    weight_detached : float
        Of superpixels that fall apart (paper: 0). With 0 it is measured, and nothing learned.
    valid, n_labels
        As for the two losses; ``valid`` is for floating targets, ``n_labels`` for integer ones.
    """
    if target.is_floating_point():
        reconstruction = regression_loss(superpixels, target, valid)
    else:
        truths = target.unbind(1) if target.ndim == 4 else (target,)
        losses = [segment_loss(superpixels, truth, n_labels) for truth in truths]
        reconstruction = torch.stack(losses).mean()
    compactness = compactness_loss(superpixels, positions)
    with torch.set_grad_enabled(torch.is_grad_enabled() and weight_detached > 0):
        detached = detachment_loss(superpixels)
    total = reconstruction + weight * compactness + weight_detached * detached
    return Loss(total, reconstruction, compactness, detached)


def segment_loss(superpixels: Superpixels, segments: Tensor, n_labels: int | None = None) -> Tensor:
    """Cross entropy between segments and their reconstruction from superpixels (Eq. 5).

    It is what ``pool`` and ``unpool`` of one-hot segments give, but only the share of each pixel's
    own segment is ever computed: time grows with the pixels, not with pixels times segments, and
    memory by one table of superpixels x segments.

    Parameters
    ----------
    superpixels : Superpixels
        m superpixels of B images of H x W pixels.
    segments : integer (B, H, W)
        Segments 0..L-1, as many as there are; -1 marks pixels without opinion.
    n_labels : int, optional
        L; without it the largest label is looked for, which a GPU has to wait for.

    Returns
    -------
    ()
        Mean over the pixels that count, nats; 0 when none does.

    Raises
    ------
    ValueError
        When the shape of ``segments`` is not (B, H, W), or, without ``n_labels``, a label is
        below -1.
    """
    q = superpixels.associations
    batch, _, height, width = q.shape
    if segments.shape != (batch, height, width):
        raise ValueError(
            f"segments {tuple(segments.shape)} for associations {tuple(q.shape)}: "
            f"expected {(batch, height, width)}"
        )
    labels = segments.reshape(batch, 1, -1)
    n_labels = _n_labels(labels) if n_labels is None else n_labels
    counts = labels != IGNORED
    q = q.flatten(2) * counts.to(q.dtype)
    n_owners = batch * superpixels.grid.n_cells
    # A table of 2**31 entries would not fit anyway, and half the bytes are half the time.
    short = torch.int32 if n_owners * n_labels < 2**31 else torch.int64
    image = torch.arange(batch, device=q.device, dtype=short)[:, None, None]
    own = labels.to(short).clamp(min=0) + image * (superpixels.grid.n_cells * n_labels)
    share = (own + _nearby(superpixels).to(short) * n_labels).flatten()
    held = q.new_zeros(n_owners * n_labels).index_add(0, share, q.flatten())
    held = held.reshape(n_owners, n_labels)
    mass = held.sum(1, keepdim=True)
    average = (held / torch.where(mass > MIN_MASS, mass, 1)).flatten()
    total = q.sum(1)
    rebuilt = (q * average.index_select(0, share).view_as(q)).sum(1) / torch.where(
        total > 0, total, 1
    )
    cost = -(rebuilt + MIN_PROBABILITY).log() * counts[:, 0]
    return cost.sum() / counts.sum().clamp(min=1)


def regression_loss(
    superpixels: Superpixels, target: Tensor, valid: Tensor | None = None
) -> Tensor:
    """L1 distance between a pixel property and its reconstruction from superpixels (Eq. 5).

    Parameters
    ----------
    superpixels : Superpixels
        Superpixels of B images of H x W pixels.
    target : (B, L, H, W)
        Flow, depth, or any other property; values that are not valid may be NaN.
    valid : bool (B, H, W), optional
        Pixels that count; the others neither cost anything nor help to rebuild.

    Returns
    -------
    ()
        Mean over valid pixels of the L1 norm over the L channels, in units of ``target``; 0 when
        no pixel is valid.
    """
    if valid is None:
        rebuilt = superpixels.unpool(superpixels.pool(target))
        return (rebuilt - target).abs().sum(1).mean()
    mask = valid[:, None]
    target = torch.where(mask, target, 0)
    known = superpixels.pool(mask.to(target.dtype))
    average = superpixels.pool(target) / torch.where(known > MIN_MASS, known, 1)
    cost = (superpixels.unpool(average) - target).abs() * mask
    return cost.sum() / mask.sum().clamp(min=1)


def compactness_loss(superpixels: Superpixels, positions: Tensor) -> Tensor:
    """Distance of pixels from the middle of the superpixel they belong to (Eq. 6).

    The middle is the soft mean over the superpixel, the assignment of pixels to superpixels hard.

    Parameters
    ----------
    superpixels : Superpixels
        Superpixels of B images of H x W pixels.
    positions : (1 or B, 2, H, W)
        I_xy; scaled as in the features (the authors' code), or in pixels.

    Returns
    -------
    ()
        L2 norm over the pixels of an image, mean over the batch, in units of ``positions``.
    """
    batch = superpixels.labels.shape[0]
    positions = positions.expand(batch, -1, -1, -1)
    middle = superpixels.pool(positions)
    owner = superpixels.labels.flatten(1).long()[..., None].expand(-1, -1, 2)
    nearest = middle.gather(1, owner).transpose(1, 2)
    distance: Tensor = torch.linalg.vector_norm(positions.flatten(2) - nearest, dim=(1, 2))
    return distance.mean()


def detachment_loss(superpixels: Superpixels) -> Tensor:
    """Share of the neighbours of a superpixel's pixels that belong to others (LAP).

    One minus the mean over superpixels s of tr(L_s) / (8 N_s), L_s being the Laplacian of the graph
    of the pixels of s in which each is linked to its eight neighbours, and N_s how many they are;
    both with soft associations. Pixels that are cut off from the others cost most.

    Parameters
    ----------
    superpixels : Superpixels
        Superpixels of B images.

    Returns
    -------
    ()
        Mean over the superpixels of all images, 0..1; the borders of the image count as others.
    """
    q, near = superpixels.associations.flatten(2), _nearby(superpixels)
    n_owners = len(q) * superpixels.grid.n_cells
    image = torch.arange(len(q), device=q.device)[:, None, None]
    owner = (near + image * superpixels.grid.n_cells).flatten()
    flat = functional.pad(q.flatten(1), (0, 1))  # the last: no such neighbour
    links = sum((flat[:, partner] * q for partner in _partners(superpixels.grid, q.device)), 0 * q)
    linked = q.new_zeros(n_owners).index_add(0, owner, links.flatten())
    mass = q.new_zeros(n_owners).index_add(0, owner, q.flatten())
    return 1 - (linked / (4 * mass.clamp(min=MIN_MASS))).mean()  # a link has two ends


def _partners(grid: Grid, device: torch.device) -> tuple[Tensor, ...]:
    """Where the Q of each pixel's four neighbours behind it stand, for its nine superpixels.

    Four times (9, n): for the superpixel in the order of NEIGHBOURS, the flat index into Q (9, n)
    of the neighbour's association with the *same* superpixel; 9 n where there is none.
    """
    n = grid.height * grid.width
    y, x = torch.arange(grid.height, device=device), torch.arange(grid.width, device=device)
    row, column = y * grid.rows // grid.height, x * grid.cols // grid.width
    place = torch.arange(len(NEIGHBOURS), device=device)[:, None, None]
    found = []
    for down, right in ((0, 1), (1, -1), (1, 0), (1, 1)):
        below, beside = (y + down).clamp(max=grid.height - 1), (x + right).clamp(0, grid.width - 1)
        # the neighbour may lie in the next cell: the same superpixel then stands elsewhere in its Q
        up = place // 3 - (row[below] - row)[:, None]
        across = place % 3 - (column[beside] - column)
        inside = (y + down < grid.height)[:, None] & (x + right == beside)
        exists = inside & (up >= 0) & (up < 3) & (across >= 0) & (across < 3)
        index = (3 * up + across) * n + below[:, None] * grid.width + beside
        found.append(torch.where(exists, index, len(NEIGHBOURS) * n).flatten(1))
    return tuple(found)


def _n_labels(labels: Tensor) -> int:
    lowest, highest = (int(x) for x in labels.aminmax())
    if lowest < IGNORED:
        raise ValueError(f"segments must be {IGNORED} (no opinion) or above, got {lowest}")
    return max(highest, 0) + 1


def _nearby(superpixels: Superpixels) -> Tensor:
    """Numbers (9, n) of the superpixels around each pixel; any where there is none, for Q is 0."""
    grid, device = superpixels.grid, superpixels.associations.device
    table = cells(grid, device)
    own = table.place // table.pixels.shape[1]
    k = torch.arange(len(NEIGHBOURS), device=device)  # no copy, which a GPU would wait for
    offsets = (k // 3 - 1) * grid.cols + k % 3 - 1
    return (own + offsets[:, None]).clamp(0, grid.n_cells - 1)
