from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ssnbench.ssn.kernels.grid import Grid
from ssnbench.ssn.layer import Superpixels, slic
from ssnbench.ssn.losses import (
    compactness_loss,
    detachment_loss,
    regression_loss,
    segment_loss,
    ssn_loss,
)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def segments_of(*shape: int, n: int, seed: int = 0) -> Tensor:
    return torch.randint(-1, n, shape, generator=torch.Generator().manual_seed(seed))


def two_superpixels() -> Superpixels:
    """A row of four pixels: two superpixels side by side, the second pixel torn between them."""
    grid = Grid(1, 4, 1, 2)
    to_left, to_right = torch.tensor([1, 0.5, 0, 0.0]), torch.tensor([0, 0.5, 1, 1.0])
    q = torch.zeros(1, 9, 1, 4, dtype=torch.float64)
    q[0, 4, 0, :2], q[0, 5, 0, :2] = to_left[:2].double(), to_right[:2].double()
    q[0, 3, 0, 2:], q[0, 4, 0, 2:] = to_left[2:].double(), to_right[2:].double()
    labels = torch.tensor([[[0, 0, 1, 1]]], dtype=torch.int32)
    return Superpixels(q, torch.zeros(1, 2, 1), labels, grid)


def test_segments_by_hand() -> None:
    # left: 1.5 of segment 0 (1 and 0.5); right: 0.5 of segment 0, 2 of segment 1
    made = two_superpixels()
    loss = segment_loss(made, torch.tensor([[[0, 0, 1, 1]]]))
    rebuilt = [1, 0.5 * 1 + 0.5 * 0.2, 0.8, 0.8]
    assert loss.item() == pytest.approx(-sum(math.log(p) for p in rebuilt) / 4, abs=1e-7)


def test_an_ignored_pixel_neither_costs_nor_helps() -> None:
    # without the last pixel, right holds 0.5 of segment 0 and 1 of segment 1
    loss = segment_loss(two_superpixels(), torch.tensor([[[0, 0, 1, -1]]]))
    rebuilt = [1, 0.5 * 1 + 0.5 / 3, 2 / 3]
    assert loss.item() == pytest.approx(-sum(math.log(p) for p in rebuilt) / 3, abs=1e-7)


def test_detachment_by_hand() -> None:
    # left: links 1 x .5, right .5 x 1 and 1 x 1; each has two ends
    loss = detachment_loss(two_superpixels())
    left, right = 2 * 0.5 / (8 * 1.5), 2 * 1.5 / (8 * 2.5)
    assert loss.item() == pytest.approx(1 - (left + right) / 2)


@pytest.mark.parametrize(("height", "width", "n"), [(13, 17, 12), (5, 6, 30), (4, 9, 2)])
def test_detachment_is_that_of_the_graphs_laplacian(height: int, width: int, n: int) -> None:
    made = slic(noise(2, 4, height, width), n, 2)
    grid = made.grid
    mass = torch.stack([_dense(made, image) for image in range(2)])  # (B, m, n): Q of all pairs
    y, x = torch.meshgrid(torch.arange(grid.height), torch.arange(grid.width), indexing="ij")
    y, x = y.flatten(), x.flatten()
    apart = torch.maximum((y[:, None] - y).abs(), (x[:, None] - x).abs())
    links = torch.einsum("bmi,ij,bmj->bm", mass, (apart == 1).double(), mass)
    expected = 1 - (links / (8 * mass.sum(2))).mean()
    assert detachment_loss(made).item() == pytest.approx(expected.item())


def _dense(made: Superpixels, image: int) -> Tensor:
    """Associations of one image with all its superpixels: (m, n)."""
    grid = made.grid
    dense = torch.zeros(grid.n_cells, grid.height * grid.width, dtype=torch.float64)
    for p in range(grid.height * grid.width):
        y, x = divmod(p, grid.width)
        row, column = y * grid.rows // grid.height, x * grid.cols // grid.width
        for k in range(9):
            r, c = row + k // 3 - 1, column + k % 3 - 1
            if 0 <= r < grid.rows and 0 <= c < grid.cols:
                dense[r * grid.cols + c, p] = made.associations[image, k, y, x]
    return dense


def test_scattered_superpixels_are_more_detached_and_learn_not_to_be() -> None:
    features = 30 * noise(1, 3, 20, 20)
    features[:, 2] *= 0.1
    scattered, smooth = slic(features, 4, 3), slic(0.1 * features, 4, 3)
    assert detachment_loss(scattered) > detachment_loss(smooth)
    leaf = features.clone().requires_grad_()
    detachment_loss(slic(leaf, 4, 3)).backward()  # type: ignore[no-untyped-call]
    assert leaf.grad is not None
    assert leaf.grad.abs().sum() > 0


def test_its_derivative_is_that_of_the_loss() -> None:
    def loss(features: Tensor) -> Tensor:
        return detachment_loss(slic(features, 6, 2))

    assert torch.autograd.gradcheck(loss, noise(1, 2, 6, 7).requires_grad_())


def test_regression_by_hand() -> None:
    # left: (0 + 3 / 2) / 1.5 = 1; right: (3 / 2 + 6 + 6) / 2.5 = 5.4
    target = torch.tensor([[[[0, 3, 6, 6.0]]]], dtype=torch.float64)
    loss = regression_loss(two_superpixels(), target)
    assert loss.item() == pytest.approx((1 + 0.2 + 0.6 + 0.6) / 4)
    # without the last pixel: right (1.5 + 6) / 1.5 = 5
    target[..., 3] = torch.nan
    valid = torch.tensor([[[True, True, True, False]]])
    assert regression_loss(two_superpixels(), target, valid).item() == pytest.approx(
        (1 + 0 + 1) / 3
    )


def test_compactness_by_hand() -> None:
    # middles: left (0 + 1 / 2) / 1.5 = 1 / 3, right (1 / 2 + 2 + 3) / 2.5 = 2.2; pixels 0, 1 | 2, 3
    x = torch.stack([torch.arange(4.0), torch.zeros(4)]).reshape(1, 2, 1, 4).double()
    expected = math.sqrt((1 / 3) ** 2 + (2 / 3) ** 2 + 0.2**2 + 0.8**2)
    assert compactness_loss(two_superpixels(), x).item() == pytest.approx(expected)
    twice = two_superpixels()
    twice = twice._replace(
        associations=twice.associations.repeat(2, 1, 1, 1), labels=twice.labels.repeat(2, 1, 1)
    )
    assert compactness_loss(twice, x).item() == pytest.approx(expected)


@pytest.mark.parametrize("n", [1, 4, 70])
def test_segments_as_pool_and_unpool_of_one_hot(n: int) -> None:
    made = slic(noise(2, 4, 15, 22), 12, 3)
    segments = segments_of(2, 15, 22, n=n).clamp(min=0)
    one_hot = torch.nn.functional.one_hot(segments).movedim(3, 1).double()
    rebuilt = made.unpool(made.pool(one_hot))
    expected = torch.nn.functional.nll_loss((rebuilt + 1e-8).log(), segments)
    torch.testing.assert_close(segment_loss(made, segments), expected)
    torch.testing.assert_close(segment_loss(made, segments, n_labels=200), expected)
    torch.testing.assert_close(segment_loss(made, segments.to(torch.int16)), expected)


def test_names_of_segments_do_not_matter() -> None:
    made = slic(noise(2, 4, 15, 22), 12, 3)
    segments = segments_of(2, 15, 22, n=5)
    renamed = torch.where(segments >= 0, 9 - segments, -1)
    torch.testing.assert_close(segment_loss(made, segments), segment_loss(made, renamed))


def test_nothing_to_rebuild_costs_nothing() -> None:
    features = noise(1, 3, 8, 9).requires_grad_()
    made = slic(features, 4, 2)
    nothing = torch.full((1, 8, 9), -1)
    unknown = torch.full((1, 2, 8, 9), torch.nan, dtype=torch.float64)
    loss = segment_loss(made, nothing) + regression_loss(made, unknown, nothing > 0)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0
    assert features.grad is not None
    assert not features.grad.any()


@pytest.mark.parametrize("association", ["softmax", "exp"])
def test_gradients_through_the_clustering(association: str) -> None:
    features = noise(2, 3, 6, 7).requires_grad_()
    segments, flow, valid = segments_of(2, 6, 7, n=4), noise(2, 2, 6, 7, seed=1), noise(2, 6, 7) > 0
    xy = noise(1, 2, 6, 7, seed=2)

    def losses(features: Tensor) -> tuple[Tensor, ...]:
        made = slic(features, 6, 2, association=association)  # type: ignore[arg-type]
        return (
            segment_loss(made, segments),
            regression_loss(made, flow),
            regression_loss(made, flow, valid),
            compactness_loss(made, xy),
        )

    assert torch.autograd.gradcheck(losses, (features,), fast_mode=True)


def test_the_sum_and_its_parts() -> None:
    made = slic(noise(1, 3, 8, 9), 4, 2)
    xy, segments, flow = noise(1, 2, 8, 9), segments_of(1, 8, 9, n=3), noise(1, 2, 8, 9, seed=1)
    loss = ssn_loss(made, segments, xy, weight=0.5)
    assert torch.equal(loss.reconstruction, segment_loss(made, segments))
    assert torch.equal(loss.compactness, compactness_loss(made, xy))
    assert torch.equal(loss.total, loss.reconstruction + 0.5 * loss.compactness)
    valid = segments >= 0
    assert torch.equal(
        ssn_loss(made, flow, xy, valid=valid).reconstruction, regression_loss(made, flow, valid)
    )


def test_says_what_does_not_fit() -> None:
    made = slic(noise(1, 3, 8, 9), 4, 2)
    with pytest.raises(ValueError, match=r"segments \(1, 8, 8\) for associations \(1, 9, 8, 9\)"):
        segment_loss(made, torch.zeros(1, 8, 8, dtype=torch.int64))
    with pytest.raises(ValueError, match="got -2"):
        segment_loss(made, torch.full((1, 8, 9), -2))


def test_the_loss_of_several_annotators_is_the_mean_of_theirs() -> None:
    made, xy = slic(noise(2, 5, 12, 16), 6, 2), noise(1, 2, 12, 16)
    truths = segments_of(2, 3, 12, 16, n=4)
    together = ssn_loss(made, truths, xy).reconstruction
    apart = torch.stack([segment_loss(made, truth) for truth in truths.unbind(1)])
    torch.testing.assert_close(together, apart.mean())


@pytest.mark.parametrize("learns", ["segments", "flow"])
def test_a_superpixel_with_hardly_a_pixel_that_counts_keeps_gradients_finite(learns: str) -> None:
    """Its pixels are ignored, and those next door belong to it by 2e-38."""
    grid = Grid(1, 4, 1, 2)
    q = torch.zeros(1, 9, 1, 4)
    q[0, 4], q[0, 5, 0, :2], q[0, 3, 0, 2:] = 1, 2e-38, 0
    q.requires_grad_()
    labels = torch.tensor([[[0, 0, 1, 1]]], dtype=torch.int32)
    made = Superpixels(q, torch.zeros(1, 2, 1), labels, grid)
    if learns == "segments":
        loss = segment_loss(made, torch.tensor([[[0, 1, -1, -1]]]))
    else:
        valid = torch.tensor([[[True, True, False, False]]])
        loss = regression_loss(made, torch.tensor([[[[0, 300, 6, 6.0]]]]), valid)
    (gradient,) = torch.autograd.grad(loss, q)
    assert gradient.isfinite().all()
    assert gradient.abs().max() < 1000
