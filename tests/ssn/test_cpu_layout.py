"""How the CPU kernels lay images out, and the arithmetic of their vectors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ssnbench.ssn import Grid, slic
from ssnbench.ssn.kernels import cpu_layout, cpu_sweep
from ssnbench.ssn.kernels import cpu_vector as vectors
from ssnbench.ssn.kernels.cpu_vector import LANES


@pytest.mark.parametrize("n_segments", [10, 100, 1000, 5000, 20000])
def test_no_cell_is_too_small_or_large_to_fill_the_lanes(n_segments: int) -> None:
    layout = cpu_layout.lay_out(Grid.of(512, 1024, n_segments))
    assert 0.84 * layout.n_vectors * LANES < 512 * 1024


@pytest.mark.parametrize(
    ("height", "width", "n_segments"),
    [(1, 1, 1), (9, 1, 4), (5, 5, 25), (70, 20, 2), (3, 600, 1), (33, 300, 3), (32, 48, 380)],
)
def test_what_is_packed_is_every_pixel_once(height: int, width: int, n_segments: int) -> None:
    grid = Grid.of(height, width, n_segments)
    layout = cpu_layout.lay_out(grid)
    features = np.random.default_rng(0).standard_normal((2, 3, height, width)).astype(np.float32)
    origin = np.zeros((2, grid.rows + 2, 4, layout.width), np.float32)
    cpu_layout.set_origin(features, layout, origin)
    packed = cpu_layout.aligned(2 * layout.n_vectors * 4 * LANES)
    partial = np.empty((2 * len(layout.strips), 3, 4, layout.width), np.float32)
    cpu_layout.pack(0, len(partial), features, layout, origin, packed, partial)
    counted = packed.reshape(-1, 4, LANES)[:, 3]
    assert set(np.unique(counted)) <= {0, 1}
    assert counted.sum() == partial[:, 1, 3].sum() == 2 * height * width

    centres = origin[:, 1:-1, :3, layout.pieces :: layout.pieces][..., : grid.cols]
    back = np.empty_like(features)
    of_cells = centres.transpose(0, 1, 3, 2).reshape(2, grid.n_cells, 3).astype(float)
    cpu_layout.unpack(0, len(partial), packed, layout, of_cells, back)
    np.testing.assert_allclose(back, features, atol=1e-6)


@cpu_layout.kernel
def powers_of_2(values):  # type: ignore[no-untyped-def]
    for i in range(0, len(values), 9 * LANES):
        vectors.store_nine(values, i, vectors.exp2(vectors.load_nine(values, i)))


def test_powers_of_2() -> None:
    exponents = np.linspace(-125, 0, 9 * LANES * 500, dtype=np.float32)
    powers = exponents.copy()
    powers_of_2(powers)
    np.testing.assert_allclose(powers, np.exp2(exponents.astype(float)), rtol=4e-7)
    edges = np.tile(np.array([0, -127, -128, -1e5, -1e30, -np.inf], np.float32), 9 * LANES)
    powers_of_2(edges)
    np.testing.assert_array_equal(edges.reshape(-1, 6), [[1, 0, 0, 0, 0, 0]] * (9 * LANES))


@pytest.mark.parametrize("implementation", ["kernel", "reference"])
def test_labels_alone_are_those_that_come_with_q(implementation: str) -> None:
    features = torch.randn((2, 5, 40, 30), generator=torch.Generator().manual_seed(0))
    whole = slic(features, 12, 3, implementation=implementation)  # type: ignore[arg-type]
    alone = slic(features, 12, 3, implementation=implementation, soft=False)  # type: ignore[arg-type]
    assert alone.associations.shape == (0, 9, 40, 30)
    assert torch.equal(alone.labels, whole.labels)
    assert torch.equal(alone.centres, whole.centres)


def test_nothing_is_differentiated_without_q() -> None:
    features = torch.randn((1, 2, 8, 8), requires_grad=True)
    with pytest.raises(RuntimeError, match="no derivative"):
        slic(features, 4, 2, implementation="kernel", soft=False)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4, 1e7])
def test_features_of_any_size(scale: float) -> None:
    features = scale * torch.randn((1, 4, 30, 40), generator=torch.Generator().manual_seed(1))
    made = slic(features, 12, 1, implementation="kernel")
    expected = slic(features.double(), 12, 1)
    assert (made.labels == expected.labels).float().mean() > 0.999
    torch.testing.assert_close(made.associations.sum(1), torch.ones(1, 30, 40))


def test_a_block_holds_the_widest_column() -> None:
    assert cpu_layout.MOST_ACROSS <= cpu_sweep.BLOCK
