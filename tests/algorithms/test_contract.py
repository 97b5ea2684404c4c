"""One contract for every algorithm, and the traps of some libraries."""

from __future__ import annotations

import dataclasses
import inspect
import pickle
import sys
from typing import Any

import cv2
import numpy as np
import pytest

from ssnbench import labels, plugins
from ssnbench.contracts import Algorithm, Image, Labels
from ssnbench.stages import collect

N = 40
ODD = {
    "one pixel": (1, 1, 1),
    "one row": (1, 90, 9),
    "one column": (90, 1, 9),
    "a strip": (4, 300, 20),
    "one superpixel": (40, 50, 1),
    "a superpixel per pixel": (12, 14, 168),
}


@pytest.fixture(params=plugins.names("algorithms"))
def plugin(request: pytest.FixtureRequest) -> Any:
    missing = plugins.find("algorithms", request.param).missing
    if missing:
        pytest.skip(f"{request.param} needs {', '.join(missing)}")
    return plugins.load("algorithms", request.param)


def _checked(found: Any, image: Image) -> Labels:
    assert isinstance(found, np.ndarray)
    assert found.dtype == np.int32
    assert found.shape == image.shape[:2]
    return found


def test_keeps_the_contract(plugin: Any, toy_image: Image) -> None:
    method = plugin()
    given = toy_image.copy()
    first = _checked(method(given, N), given)
    assert first.min() >= 0  # a negative label would mean: not labelled
    np.testing.assert_array_equal(given, toy_image, err_msg="the image was written to")
    np.testing.assert_array_equal(method(given, N), first, err_msg="not deterministic")
    assert N / 2 <= labels.count(labels.enforce_connectivity(first, N).labels) <= 2 * N


def test_takes_a_read_only_image(plugin: Any, toy_image: Image) -> None:
    given = toy_image.copy()
    given.flags.writeable = False
    _checked(plugin()(given, N), given)


def test_follows_the_picture(plugin: Any) -> None:
    """A step edge off every grid line is found, by all methods but the grid."""
    image = np.full((60, 80, 3), 40, np.uint8)
    image[:, 37:] = 210
    found = labels.enforce_connectivity(plugin()(image, N), N).labels
    left = np.bincount(found[:, :37].ravel(), minlength=found.max() + 1)
    right = np.bincount(found[:, 37:].ravel(), minlength=found.max() + 1)
    astray = np.minimum(left, right).sum() / image[:, :, 0].size
    if plugin.__name__ == "Grid":
        assert astray > 0.02
    else:
        assert astray < 0.02


def test_is_a_documented_frozen_dataclass(plugin: Any) -> None:
    method = plugin()
    fields = dataclasses.fields(method)
    assert isinstance(method, Algorithm)
    assert plugin.__dataclass_params__.frozen
    assert plugin == plugins.load("algorithms", _name_of(plugin))
    doc, module = inspect.getdoc(plugin) or "", inspect.getdoc(sys.modules[plugin.__module__])
    assert module, "the file does not say which method it is"
    for field in fields:
        assert field.name in doc, f"the parameter {field.name} is not documented"


def test_survives_the_way_to_a_worker(plugin: Any, toy_image: Image) -> None:
    method = plugin()
    sent = pickle.loads(pickle.dumps(method))
    assert sent == method
    np.testing.assert_array_equal(sent(toy_image, N), method(toy_image, N))


def test_names_the_stage_of_its_core(plugin: Any, toy_image: Image) -> None:
    with collect() as seconds:
        plugin()(toy_image, N)
    assert "clustering" in seconds
    assert all(value >= 0 for value in seconds.values())


@pytest.mark.parametrize("flat", [False, True], ids=["noise", "flat"])
@pytest.mark.parametrize("case", ODD)
def test_odd_images_get_a_map_or_a_clear_error(plugin: Any, case: str, flat: bool) -> None:
    height, width, n_segments = ODD[case]
    image = np.full((height, width, 3), 90, np.uint8)
    if not flat:
        image = np.random.default_rng(1).integers(0, 256, image.shape, dtype=np.uint8)
    reason = ""
    try:
        found = plugin()(image, n_segments)
    except ValueError as error:
        found, reason = None, str(error)
    if found is None:
        assert f"{height} x {width}" in reason  # our own error: says which image is too small
    else:
        assert _checked(found, image).min() >= 0


def test_lsc_gives_the_threads_back(toy_image: Image) -> None:
    before = cv2.getNumThreads()
    plugins.load("algorithms", "lsc-opencv")()(toy_image, N)
    assert cv2.getNumThreads() == before


def test_a_flat_image_of_common_size(plugin: Any) -> None:
    image = np.full((60, 80, 3), 128, np.uint8)
    assert _checked(plugin()(image, N), image).min() >= 0


def _name_of(plugin: Any) -> str:
    return str(plugin.__module__).rpartition(".")[2].replace("_", "-")


@pytest.mark.parametrize("shape", [(321, 481), (481, 321), (100, 130)])
@pytest.mark.parametrize("levels", [3, 4])
def test_opencv_seeds_foresees_what_opencv_makes(shape: tuple[int, int], levels: int) -> None:
    outcomes = _module("seeds-opencv").outcomes
    height, width = shape
    foreseen = {asked: made for asked, made in outcomes(height, width, levels) if asked < 1500}
    assert len(foreseen) > 5
    for asked, made in foreseen.items():
        method = cv2.ximgproc.createSuperpixelSEEDS(width, height, 3, asked, levels)
        assert method.getNumberOfSuperpixels() == made


@pytest.mark.parametrize(("asked", "made"), [(200, 195), (600, 600), (1000, 1040)])
def test_opencv_seeds_comes_near_the_count(asked: int, made: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (321, 481, 3), dtype=np.uint8)
    found = plugins.load("algorithms", "seeds-opencv")(prior=5)(noise, asked)
    assert found.max() + 1 == made


@pytest.mark.parametrize("name", ["felzenszwalb", "quickshift"])
@pytest.mark.parametrize("asked", [60, 120])
def test_methods_without_a_count_search_for_it(name: str, asked: int) -> None:
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 256, (15, 20, 3), dtype=np.uint8)
    image = cv2.resize(coarse, (160, 120), interpolation=cv2.INTER_CUBIC)
    image = np.clip(image + rng.normal(0, 6, image.shape), 0, 255).astype(np.uint8)
    found = labels.enforce_connectivity(
        plugins.load("algorithms", name)()(image, asked), asked
    ).labels
    assert labels.count(found) == pytest.approx(asked, rel=0.05)


def test_grid_is_made_of_equal_rectangles() -> None:
    found = plugins.load("algorithms", "grid")()(np.zeros((6, 9, 3), np.uint8), 6)
    row = [0, 0, 0, 1, 1, 1, 2, 2, 2]
    np.testing.assert_array_equal(found[:3], [row] * 3)
    np.testing.assert_array_equal(found[3:], [[label + 3 for label in row]] * 3)


@pytest.mark.parametrize(
    ("name", "raw"), [("seeds-opencv", 0.9634), ("watershed", 0.9581), ("slico", 0.9630)]
)
@pytest.mark.real
def test_agrees_with_the_reference_runs(name: str, raw: float, oracle: Any, real_data: Any) -> None:
    """Mean ASA of the raw maps at 600 superpixels on the oracle's images, by hand."""
    dataset = plugins.load("datasets", "bsds500")(real_data, "test")
    method, values = plugins.load("algorithms", name)(), []
    for key in (oracle / "images.txt").read_text().split():
        sample = dataset[key]
        found = labels.consecutive(method(sample.image, 600))
        per_truth = [_asa(found, truth) for truth in sample.truths]
        values.append(np.mean(per_truth))
    assert np.mean(values) == pytest.approx(raw, abs=5e-4)


def _asa(found: Labels, truth: Labels) -> float:
    table = np.zeros((found.max() + 1, truth.max() + 1))
    np.add.at(table, (found, truth), 1)
    return float(table.max(axis=1).sum() / found.size)


def _module(name: str) -> Any:
    return sys.modules[plugins.load("algorithms", name).__module__]
