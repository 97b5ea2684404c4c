from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ssnbench import plugins
from ssnbench.contracts import Image, UsageError
from ssnbench.labels import enforce_connectivity
from ssnbench.ssn.architecture import Architecture
from ssnbench.ssn.connect import SURPLUS
from ssnbench.ssn.infer import segment
from ssnbench.ssn.model import SSN
from ssnbench.ssn.network import FeatureNetwork
from ssnbench.ssn.weights import find, load_network, names, save_network
from ssnbench.stages import collect


@pytest.fixture
def halves() -> Image:
    """Left half dark blue, right half light yellow, the border off the grid lines."""
    image = np.full((36, 48, 3), (20, 30, 120), dtype=np.uint8)
    image[:, 19:] = (240, 230, 150)
    return image


def test_superpixels_keep_to_one_side_of_a_strong_edge(halves: Image) -> None:
    labels = segment(halves, 12, variant="pix")
    assert labels.dtype == np.int32
    assert labels.shape == halves.shape[:2]
    assert not set(labels[:, :19].ravel()) & set(labels[:, 19:].ravel())


def test_a_flat_image_keeps_the_grid() -> None:
    labels = segment(np.full((20, 30, 3), 90, dtype=np.uint8), 6, variant="pix", surplus=1)
    rows, columns = np.arange(20) * 2 // 20, np.arange(30) * 3 // 30
    np.testing.assert_array_equal(labels, rows[:, None] * 3 + columns)


@pytest.mark.parametrize("n_segments", [1, 7, 50, 211])
@pytest.mark.parametrize("surplus", [1.0, 2.0])
def test_as_many_as_asked_for(toy_image: Image, n_segments: int, surplus: float) -> None:
    """Connected, and large enough for the benchmark's connectivity step to find nothing to do."""
    labels = segment(toy_image, n_segments, variant="pix", surplus=surplus)
    made = enforce_connectivity(labels, n_segments)
    assert made.n_made == labels.max() + 1
    assert made.n_made == n_segments or surplus == 1
    np.testing.assert_array_equal(made.labels, labels)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 1), (5, 3)])
@pytest.mark.parametrize("all_pixels", [False, True])
def test_the_smallest_images(shape: tuple[int, int], all_pixels: bool) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    n_segments = shape[0] * shape[1] if all_pixels else 1
    labels = segment(image, n_segments, variant="pix")
    assert labels.shape == shape
    assert 0 <= labels.min() <= labels.max() < n_segments


def test_stages_are_told_apart(halves: Image) -> None:
    with collect() as seconds:
        segment(halves, 12, variant="pix")
    assert list(seconds) == ["colour", "network", "clustering", "joining"]


def test_plug_in_passes_its_parameters_on(halves: Image) -> None:
    ssn: Any = plugins.load("algorithms", "ssn")
    assert ssn().surplus == SURPLUS
    given: dict[str, Any] = {"variant": "pix", "n_iter": 3, "pos_scale": 8.0, "surplus": 1.5}
    np.testing.assert_array_equal(ssn(**given)(halves, 12), segment(halves, 12, **given))


def test_unknown_variant_names_the_variants(halves: Image) -> None:
    with pytest.raises(UsageError, match="'depe'; choose from deep, linear, pix"):
        segment(halves, 12, variant="depe")


@pytest.mark.parametrize("n_segments", [0, -3, 36 * 48 + 1])
def test_a_count_out_of_range_names_the_shape(halves: Image, n_segments: int) -> None:
    message = r"should be 1 to 1728 for this image|should be 1 or more"
    with pytest.raises(ValueError, match=message):
        segment(halves, n_segments, variant="pix")


def saved(path: Path, **changes: Any) -> str:
    torch.manual_seed(0)
    made = Architecture(width=4, k=7, last_init="default", **changes)
    save_network(path, FeatureNetwork(made), {})
    return str(path)


@pytest.mark.parametrize("variant", ["deep", "linear"])
def test_weights_of_a_file(tmp_path: Path, halves: Image, variant: Any) -> None:
    path = saved(tmp_path / "own.safetensors", variant=variant)
    made = segment(halves, 12, variant=variant, weights=path, n_iter=2)
    np.testing.assert_array_equal(made, SSN.from_pretrained(path, n_iter=2)(halves, 12))


def test_scales_are_those_of_the_training_unless_given(tmp_path: Path, halves: Image) -> None:
    own = saved(tmp_path / "own.safetensors", color_scale=0.1, eta=30.0)
    plain = saved(tmp_path / "plain.safetensors")
    stiff = segment(halves, 12, weights=own)
    assert not np.array_equal(stiff, segment(halves, 12, weights=plain))
    again = segment(halves, 12, weights=plain, color_scale=0.1, pos_scale=30.0)
    np.testing.assert_array_equal(stiff, again)


def test_weights_of_another_variant_are_refused(tmp_path: Path, halves: Image) -> None:
    path = saved(tmp_path / "own.safetensors")
    with pytest.raises(UsageError, match="is of the variant deep, not linear"):
        segment(halves, 12, variant="linear", weights=path)


@pytest.mark.parametrize("name", names())
def test_what_ships_runs_and_says_where_it_comes_from(halves: Image, name: str) -> None:
    network, training = load_network(find(name))
    card = find(name).with_suffix(".md").read_text()
    assert f"# {name}" in card
    assert f"k = {network.architecture.k}" in card
    assert str(training["step"]) in card.replace(" ", "")
    labels = segment(halves, 12, halves, variant=network.architecture.variant, weights=name)
    assert not set(labels[:, :19].ravel()) & set(labels[:, 19:].ravel())


def test_files_are_the_weights() -> None:
    ssn: Any = plugins.load("algorithms", "ssn")
    assert ssn(variant="linear").files() == [find("ssn-linear.bsds500")]
    assert ssn(variant="pix").files() == []
    with pytest.raises(UsageError, match="no weights are called"):
        ssn(weights="nowhere").files()


def test_the_weights_that_are_promised_ship() -> None:
    bsds500 = {"ssn.bsds500", "ssn-k10.bsds500", "ssn-linear.bsds500"}
    assert set(names()) >= {*bsds500, "ssn.collage-flow"}


def test_gslic_keeps_to_the_edge_too_and_takes_its_parameters(halves: Image) -> None:
    gslic = plugins.load("algorithms", "gslic")
    labels = gslic()(halves, 12)
    assert not set(labels[:, :19].ravel()) & set(labels[:, 19:].ravel())
    stiff = gslic(compactness=1e4, n_iter=1)(halves, 12)  # position alone: the grid
    rows, columns = np.arange(36) * 3 // 36, np.arange(48) * 4 // 48
    np.testing.assert_array_equal(stiff, rows[:, None] * 4 + columns)
