from __future__ import annotations

import copy
import shutil
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from ssnbench.contracts import Image, UsageError
from ssnbench.kernels.colour import rgb_to_lab
from ssnbench.kernels.components import components
from ssnbench.ssn import weights
from ssnbench.ssn.architecture import Architecture
from ssnbench.ssn.features import xylab
from ssnbench.ssn.infer import segment
from ssnbench.ssn.layer import slic
from ssnbench.ssn.model import SSN
from ssnbench.ssn.network import FeatureNetwork
from ssnbench.stages import collect


@pytest.fixture(scope="module")
def network() -> FeatureNetwork:
    torch.manual_seed(0)
    return FeatureNetwork(Architecture(width=4, k=8, last_init="default"))


def plain_network() -> FeatureNetwork:
    """A network that has learned nothing at all."""
    network = FeatureNetwork(Architecture(variant="linear"))
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
    return network


def test_having_learned_nothing_it_is_ssn_pix(toy_image: Image) -> None:
    labels = SSN(plain_network())(toy_image, 30)
    assert labels.dtype == np.int32
    assert np.array_equal(labels, segment(toy_image, 30, variant="pix"))


def test_a_batch_is_its_images(network: FeatureNetwork, toy_image: Image) -> None:
    ssn = SSN(network, n_iter=3)
    other = np.ascontiguousarray(toy_image[::-1])
    labels = ssn(np.stack((toy_image, other)), 30)
    assert labels.shape == (2, *toy_image.shape[:2])
    for one, image in zip(labels, (toy_image, other), strict=True):
        assert (one == ssn(image, 30)).mean() > 0.999  # sums in another order may tip a tie


def test_details_fit_together(network: FeatureNetwork, toy_image: Image) -> None:
    ssn = SSN(network, n_iter=3, surplus=0)
    features, made = ssn.details(toy_image, 30)
    lab = torch.from_numpy(rgb_to_lab(toy_image)).permute(2, 0, 1)[None]
    assert features.shape == (1, 8, *toy_image.shape[:2])
    assert torch.equal(features[:, :5], xylab(lab, made.grid))
    assert torch.equal(made.associations, slic(features, 30, 3).associations)
    assert np.array_equal(made.labels[0].numpy(), ssn(toy_image, 30))
    leaf = features.requires_grad_()  # not possible for what inference mode makes
    assert slic(leaf, 30, 1).associations.requires_grad


def test_pieces_join_until_as_many_are_left_as_were_asked_for(
    network: FeatureNetwork, toy_image: Image
) -> None:
    made = SSN(network)(np.stack([toy_image, toy_image[::-1]]), 30)
    for labels in made:
        _, n_pieces = components(labels)
        assert n_pieces == labels.max() + 1 == 30


def test_bfloat16_is_close(network: FeatureNetwork, toy_image: Image) -> None:
    half = SSN(network, precision="bfloat16").details(toy_image, 30)
    full = SSN(network).details(toy_image, 30)
    assert torch.equal(half.features[:, :5], full.features[:, :5])
    assert not torch.equal(half.features, full.features)
    assert (half.superpixels.labels == full.superpixels.labels).float().mean() > 0.95


def test_a_tensor_gives_a_tensor(network: FeatureNetwork, toy_image: Image) -> None:
    ssn = SSN(network, n_iter=2)
    made = ssn(torch.from_numpy(toy_image), 30)
    assert isinstance(made, torch.Tensor)
    assert np.array_equal(made.numpy(), ssn(toy_image, 30))


def test_strips_are_exact(network: FeatureNetwork, toy_image: Image) -> None:
    whole = SSN(network, n_iter=2).details(toy_image, 30)
    strips = SSN(network, n_iter=2, strip_rows=8).details(toy_image, 30)
    torch.testing.assert_close(strips.features, whole.features, atol=1e-5, rtol=1e-5)


def test_it_holds_a_copy(network: FeatureNetwork, toy_image: Image) -> None:
    trained = copy.deepcopy(network)
    ssn = SSN(trained, n_iter=2)
    before = ssn(toy_image, 30)
    with torch.no_grad():
        for parameter in trained.parameters():
            assert parameter.requires_grad
            parameter.uniform_()
    assert np.array_equal(ssn(toy_image, 30), before)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compiled_it_is_the_same(network: FeatureNetwork, toy_image: Image) -> None:
    plain, built = SSN(network), SSN(network, compile=True)
    torch.testing.assert_close(
        built.details(toy_image, 30).features, plain.details(toy_image, 30).features
    )


def test_says_what_precision_there_is(network: FeatureNetwork) -> None:
    with pytest.raises(UsageError, match="one of float32, bfloat16, float16, got 'int8'"):
        SSN(network, precision="int8")  # type: ignore[arg-type]


def test_stages_are_told(network: FeatureNetwork, toy_image: Image) -> None:
    with collect() as seconds:
        SSN(network)(toy_image, 30)
    assert list(seconds) == ["colour", "network", "clustering", "joining"]


def test_from_pretrained(
    tmp_path: Path, network: FeatureNetwork, toy_image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ssn.toy.safetensors"
    weights.save_network(path, network, {})
    monkeypatch.setattr(weights, "SHIPPED", tmp_path)
    expected = SSN(network, n_iter=2)(toy_image, 30)
    for ssn in (
        SSN.from_pretrained("toy", n_iter=2),
        SSN.from_pretrained("ssn.toy", k=8, n_iter=2),
        SSN.from_pretrained(path, n_iter=2),
    ):
        assert np.array_equal(ssn(toy_image, 30), expected)
    with pytest.raises(UsageError, match="has k = 8, not 20"):
        SSN.from_pretrained("toy", k=20)
    with pytest.raises(UsageError, match=r"called ssn-k10.toy; there are: ssn.toy"):
        SSN.from_pretrained("toy", model="ssn-k10")


@pytest.mark.parametrize("shape", [(8, 9), (8, 9, 4), (2, 3, 8, 9), (3, 8, 9), (0, 8, 9, 3)])
def test_says_what_is_no_image(network: FeatureNetwork, shape: tuple[int, ...]) -> None:
    for images in (np.zeros(shape, np.uint8), torch.zeros(shape, dtype=torch.uint8)):
        with pytest.raises(ValueError, match=r"must be \(H, W, 3\) or \(B, H, W, 3\)") as told:
            SSN(network)(images, 4)
        assert ("images.movedim(-3, -1)" in str(told.value)) == (3 in shape[:2])


def test_a_picture_of_pillow(network: FeatureNetwork, toy_image: Image) -> None:
    ssn, picture = SSN(network, n_iter=2), PIL.Image.fromarray(toy_image)
    np.testing.assert_array_equal(
        ssn(picture, 30.0),  # type: ignore[call-overload]
        ssn(toy_image, 30),
    )
    np.testing.assert_array_equal(
        segment(picture, "30", variant="pix"),  # type: ignore[arg-type]
        segment(toy_image, 30, variant="pix"),
    )


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((8, 9, 3)), "got float64 of shape .*: floats in 0..1 times 255"),
        (np.zeros((8, 9, 3), np.int64), "got int64 of shape"),
        (np.ma.MaskedArray(np.zeros((8, 9, 3), np.uint8), True), "got masked of shape"),
        (torch.zeros((8, 9, 3)), r"expected uint8 images, got torch\.float32: .*round"),
        ("photo.png", r"got <U9 of shape \(\)"),
        ({}, "got object of shape"),
        (None, "got object of shape"),
    ],
)
def test_other_pictures_are_refused_in_one_line(
    network: FeatureNetwork, images: object, message: str
) -> None:
    with pytest.raises(ValueError, match=message) as told:
        SSN(network)(images, 4)  # type: ignore[call-overload]
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("count", [73, 4.5, float("nan"), True, "many", -1])
def test_says_what_count_is_out_of_range(network: FeatureNetwork, count: object) -> None:
    with pytest.raises(
        UsageError, match=r"n_segments should be (1 to 72|1 or more|a whole number)"
    ):
        SSN(network)(np.zeros((8, 9, 3), np.uint8), count)  # type: ignore[call-overload]
