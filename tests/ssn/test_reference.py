"""The oracle, held against differentiable SLIC with a dense n x m matrix."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from ssnbench.ssn import Grid, slic
from ssnbench.ssn.kernels.grid import cells

SHAPES = [  # height, width, superpixels asked for
    (1, 1, 1),
    (1, 7, 3),
    (9, 1, 4),
    (5, 5, 25),
    (6, 7, 1),
    (13, 11, 6),
    (12, 12, 9),
    (17, 5, 8),
    (7, 23, 10),
    (8, 9, 72),
    (10, 31, 2),
    (19, 14, 50),
]


def dense(
    features: Tensor, rows: int, cols: int, n_iter: int, association: str
) -> tuple[Tensor, Tensor]:
    """Return Q (n, m) and S (m, C) of one image (C, H, W)."""
    _, height, width = features.shape
    y, x = torch.arange(height) * rows // height, torch.arange(width) * cols // width
    cell = torch.stack(torch.meshgrid(y, x, indexing="ij"), -1).reshape(-1, 1, 2)
    start = torch.cartesian_prod(torch.arange(rows), torch.arange(cols)).reshape(1, -1, 2)
    steps = (cell - start).abs().amax(2)
    pixels = features.flatten(1).T
    own = (steps == 0).to(features.dtype)
    centres = own.T @ pixels / own.sum(0)[:, None]
    weights = own
    for _ in range(n_iter):
        distance = (pixels[:, None] - centres[None]).square().sum(2)
        distance = distance.masked_fill(steps > 1, torch.inf)
        if association == "softmax":
            weights = (-distance).softmax(1)
        elif association == "exp":
            weights = (-distance).exp()
        else:
            weights = torch.eye(rows * cols, dtype=features.dtype)[distance.argmin(1)]
        mass = weights.sum(0)[:, None]
        mean = weights.T @ pixels / torch.where(mass > 0, mass, 1)
        centres = torch.where(mass > 0, mean, centres)
    return weights, centres


def scatter(associations: Tensor, rows: int, cols: int) -> Tensor:
    """Turn Q (9, H, W) into (n, m); weight outside the grid would be lost, and is asserted zero."""
    _, height, width = associations.shape
    dense = associations.new_zeros((height * width, rows * cols))
    for k in range(9):
        y = (torch.arange(height) * rows // height + k // 3 - 1)[:, None].expand(height, width)
        x = (torch.arange(width) * cols // width + k % 3 - 1)[None].expand(height, width)
        inside = (y >= 0) & (y < rows) & (x >= 0) & (x < cols)
        assert (associations[k][~inside] == 0).all()
        pixel = torch.arange(height * width).reshape(height, width)[inside]
        dense = dense.index_put((pixel, (y * cols + x)[inside]), associations[k][inside])
    return dense


precisely = partial(torch.testing.assert_close, rtol=1e-10, atol=1e-10)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("association", ["softmax", "exp", "hard"])
@pytest.mark.parametrize(("height", "width", "n_segments"), SHAPES)
def test_equals_the_dense_matrix(
    height: int, width: int, n_segments: int, association: str
) -> None:
    features = noise(2, 3, height, width)
    made = slic(features, n_segments, 3, association=association)  # type: ignore[arg-type]
    grid = made.grid
    for b in range(2):
        q, s = dense(features[b], grid.rows, grid.cols, 3, association)
        found = scatter(made.associations[b], grid.rows, grid.cols)
        precisely(found, q)
        precisely(made.centres[b], s)
        torch.testing.assert_close(made.labels[b].flatten().long(), q.argmax(1))


@pytest.mark.parametrize("association", ["softmax", "exp"])
@pytest.mark.parametrize(("height", "width", "n_segments"), SHAPES)
def test_gradients_equal_those_of_the_dense_matrix(
    height: int, width: int, n_segments: int, association: str
) -> None:
    features = noise(1, 3, height, width).requires_grad_()
    made = slic(features, n_segments, 3, association=association)  # type: ignore[arg-type]
    grid = made.grid
    found = scatter(made.associations[0], grid.rows, grid.cols)
    q, s = dense(features[0], grid.rows, grid.cols, 3, association)
    by_q, by_s = noise(*q.shape, seed=1), noise(*s.shape, seed=2)
    ours = (found * by_q).sum() + (made.centres[0] * by_s).sum()
    theirs = (q * by_q).sum() + (s * by_s).sum()
    precisely(torch.autograd.grad(ours, features), torch.autograd.grad(theirs, features))


@pytest.mark.parametrize(("height", "width", "n_segments"), SHAPES)
def test_gradcheck(height: int, width: int, n_segments: int) -> None:
    features = noise(1, 2, height, width).requires_grad_()
    assert torch.autograd.gradcheck(lambda f: slic(f, n_segments, 2)[:2], features, fast_mode=True)


def test_second_derivatives() -> None:
    features = noise(1, 2, 5, 7).requires_grad_()

    def q(f: Tensor) -> Tensor:
        return slic(f, 6, 2).associations

    assert torch.autograd.gradgradcheck(q, features, fast_mode=True)


@pytest.mark.parametrize(
    ("height", "width", "n_segments", "rows", "cols"),
    [
        (321, 481, 300, 14, 21),
        (201, 201, 100, 10, 10),
        (512, 1024, 1000, 22, 44),
        (1, 50, 7, 1, 7),  # one row of cells is the least there can be: no more than 7 columns
        (30, 2, 3, 3, 1),
        (4, 4, 16, 4, 4),
    ],
)
def test_grid_makes_at_most_what_was_asked_for(
    height: int, width: int, n_segments: int, rows: int, cols: int
) -> None:
    assert Grid.of(height, width, n_segments) == (height, width, rows, cols)


@pytest.mark.parametrize(("height", "width", "n_segments"), SHAPES)
def test_each_pixel_lies_in_one_cell_and_neighbourhood_is_mutual(
    height: int, width: int, n_segments: int
) -> None:
    grid = Grid.of(height, width, n_segments)
    table = cells(grid, torch.device("cpu"))
    assert sorted(table.pixels[table.real].tolist()) == list(range(height * width))
    torch.testing.assert_close(table.pixels.flatten()[table.place], torch.arange(height * width))
    sizes = table.real.sum(1)
    assert sizes.min() >= (height // grid.rows) * (width // grid.cols)
    for cell in range(grid.n_cells):
        for k in range(9):
            if table.exists[cell, k]:
                assert table.neighbours[table.neighbours[cell, k], 8 - k] == cell


def test_a_superpixel_that_loses_its_pixels_stays() -> None:
    row = torch.tensor([0.0, 0, 0, 100, 100, 100], dtype=torch.float64)
    centres = slic(row.reshape(1, 1, 1, 6), 3, 2).centres  # the middle one starts at 50
    torch.testing.assert_close(centres.flatten(), torch.tensor([0.0, 50, 100]).double())


@pytest.mark.parametrize("association", ["softmax", "exp"])
@pytest.mark.parametrize(("height", "width", "n_segments"), SHAPES)
def test_mappings_are_the_normalised_matrix(
    height: int, width: int, n_segments: int, association: str
) -> None:
    made = slic(
        noise(1, 3, height, width),
        n_segments,
        2,
        association=association,  # type: ignore[arg-type]
    )
    q = scatter(made.associations[0], made.grid.rows, made.grid.cols)
    pixels, superpixels = noise(1, 2, height, width), noise(1, made.grid.n_cells, 2)
    torch.testing.assert_close(made.pool(pixels)[0], (q / q.sum(0)).T @ pixels[0].flatten(1).T)
    torch.testing.assert_close(
        made.unpool(superpixels)[0].flatten(1).T, (q / q.sum(1, keepdim=True)) @ superpixels[0]
    )
