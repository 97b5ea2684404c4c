"""What is special about SEEDS: its count, connected at all times; what blocks and pixels do."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from ssnbench import labels, plugins
from ssnbench.contracts import Image, Labels
from ssnbench.kernels.components import components
from ssnbench.kernels.grid import grid_shape


def _method(**params: Any) -> Any:
    return plugins.load("algorithms", "seeds")(**params)


@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (3, 500), (40, 50), (67, 81)])
@pytest.mark.parametrize("asked", [1, 20, 100])
def test_keeps_count_and_connection(shape: tuple[int, int], asked: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    found = _method()(noise, asked)
    n = int(np.prod(grid_shape(shape, asked)))
    assert found.max() + 1 == labels.count(found) == components(found)[1] == n


def test_without_colour_the_grid_stays() -> None:
    found = _method()(np.full((60, 80, 3), 90, np.uint8), 12)
    cells = np.arange(60)[:, None] // 20 * 4 + np.arange(80)[None] // 20
    np.testing.assert_array_equal(found, cells)


@pytest.mark.parametrize("edge", [11, 12, 21, 24])
def test_boundaries_go_to_an_edge(edge: int) -> None:
    """Two superpixels of 16 columns; the edge lies on a side of blocks, or only of pixels."""
    image = np.zeros((16, 32, 3), np.uint8)
    image[:, edge:] = 200
    found = _method()(image, 2)
    np.testing.assert_array_equal(found, np.broadcast_to(np.arange(32) >= edge, (16, 32)))


def test_a_smooth_prior_makes_shorter_boundaries(toy_image: Image) -> None:
    lengths = []
    for prior in (0.0, 20.0):
        found = _method(prior=prior)(toy_image, 40)
        lengths.append((found[1:] != found[:-1]).sum() + (found[:, 1:] != found[:, :-1]).sum())
    assert lengths[1] < 0.9 * lengths[0]


def test_intersection_by_hand() -> None:
    """Of 4 pixels, 3 and 1 in two bins; the superpixel has 1/2 and 1/8 of its own there."""
    block = np.array([3, 0, 1, 4], np.int32)  # the last is the number of pixels
    superpixels = np.array([[0, 0, 0, 1], [4, 3, 1, 8]], np.int32)
    present = np.array([3, 0, 2, 0], np.int32)
    shared = _module()._intersection(block, present, 3, superpixels, 1)
    assert shared == pytest.approx(1 / 2 + 1 / 8)


def test_bins_hold_equal_shares() -> None:
    rng = np.random.default_rng(1)
    lab = np.exp(rng.normal(0, 1, (64, 64, 3))).astype(np.float32)
    bins = _module()._binned(lab, _module()._cuts(lab, 4))
    for unit in (1, 4, 16):
        shares = np.bincount(bins.ravel() // unit % 4) / bins.size
        np.testing.assert_allclose(shares, 0.25, atol=0.01)


def test_histograms_stay_those_of_the_superpixels(toy_image: Image) -> None:
    """After blocks have moved, each histogram is what counting afresh gives."""
    module = _module()
    lab = toy_image.astype(np.float32)
    bins = module._binned(lab, module._cuts(lab, 3))
    found = module._rimmed(np.arange(12, dtype=np.int32).reshape(3, 4))
    histograms = module._histograms(bins, np.arange(4) * 20, np.arange(5) * 20, 27)
    found = module._rimmed(found[1:-1, 1:-1].repeat(4, axis=0).repeat(4, axis=1))
    before = histograms.copy()
    module._move_blocks(found, bins, np.arange(13) * 5, np.arange(17) * 5, histograms)
    pixels = found[1:-1, 1:-1].repeat(5, axis=0).repeat(5, axis=1)
    counted = np.zeros((12, 28), np.int32)
    np.add.at(counted, (pixels, bins), 1)
    counted[:, -1] = np.bincount(pixels.ravel())
    np.testing.assert_array_equal(histograms, counted)
    assert (histograms != before).any()


@pytest.mark.real
def test_as_good_as_the_reference_run(oracle: Any, real_data: Any) -> None:
    """Explained variation of the oracle's five stored maps at 600 superpixels, or better."""
    dataset = plugins.load("datasets", "bsds500")(real_data, "test")
    maps = np.load(oracle / "labels.npz")
    keys = [key.split("/")[2] for key in maps if key.startswith("reseeds/600/")]
    gaps = []
    for key in keys:
        image = dataset[key].image
        theirs = labels.consecutive(maps[f"reseeds/600/{key}"].astype(np.int32))
        ours = _method()(image, labels.count(theirs))
        gaps.append(_explained(image, ours) - _explained(image, theirs))
    assert len(keys) == 5
    assert np.mean(gaps) > -0.01


def _explained(image: Image, found: Labels) -> float:
    """Share of the variance of colour that lies between the means of superpixels."""
    colours = image.reshape(-1, 3).astype(float)
    sizes = np.bincount(found.ravel())
    sums = np.stack([np.bincount(found.ravel(), weights=c) for c in colours.T], axis=1)
    between = (sizes[:, None] * (sums / sizes[:, None] - colours.mean(0)) ** 2).sum()
    return float(between / ((colours - colours.mean(0)) ** 2).sum())


def _module() -> Any:
    return sys.modules[plugins.load("algorithms", "seeds").__module__]
