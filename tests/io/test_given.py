"""Pictures, label maps and truths as Python programs have them: taken, or refused with the mend."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch

import ssnbench
from ssnbench.contracts import Image, Labels, UsageError, whole_count
from ssnbench.io.given import given_flow, given_image, given_labels, given_truths

PLANES = (2, 0, 1)

IMAGES: dict[str, Callable[[Image], Any]] = {
    "PIL": PIL.Image.fromarray,
    "tensor": torch.from_numpy,
    "tensor of planes": lambda image: torch.from_numpy(image).permute(PLANES),
    "tensor of planes in 0..1": lambda image: torch.from_numpy(image).permute(PLANES) / 255,
    "tensor with a gradient": lambda image: (torch.from_numpy(image) / 255).requires_grad_(),
    "batch of one": lambda image: torch.from_numpy(image).permute(PLANES)[None],
    "array of planes": lambda image: image.transpose(PLANES),
    "floats": lambda image: image / 255,
    "floats a little beyond": lambda image: image / 255 * (1 + 1e-6) - 1e-6,
    "16 bits": lambda image: image.astype(np.uint16) * 257,
    "read-only": lambda image: np.broadcast_to(image[None], (1, *image.shape))[0],
    "not contiguous": np.asfortranarray,
    "nothing masked": np.ma.MaskedArray,
}


@pytest.mark.parametrize("kind", IMAGES)
def test_one_picture_from_many_libraries(toy_image: Image, kind: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        taken = given_image(IMAGES[kind](toy_image))
    np.testing.assert_array_equal(taken, toy_image)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "CMYK", "1", "I;16"])
def test_pictures_of_pillow_are_read_as_their_files_are(
    toy_image: Image, mode: str, tmp_path: Path
) -> None:
    picture = PIL.Image.fromarray(toy_image).convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        picture = PIL.Image.fromarray(np.asarray(picture).astype(np.uint16) * 257)
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    picture.save(path)
    expected = given_image(str(path))
    np.testing.assert_array_equal(given_image(picture), expected)
    np.testing.assert_array_equal(given_image(path), expected)


@pytest.mark.parametrize(
    ("change", "mend"),
    [
        (lambda image: image.astype(float), "divide it by 255"),
        (lambda image: image * 20.0, "divide it by its largest value"),
        (lambda image: image / 255 - 0.5, r"within 0\.\.1, got -0\."),
        (lambda image: np.where(image > 90, np.nan, 0.5), "NaN"),
        (lambda image: image.astype(int), r"astype\('uint8'\)"),
        (lambda image: image.tolist(), r"astype\('uint8'\)"),
        (lambda image: np.stack([image, image]), r"a batch of 2: take image\[0\]"),
        (lambda image: np.ma.MaskedArray(image, image < 90), "no masked pixels"),
        (lambda image: {"image": image}, "got dict"),
        (lambda _: None, "got NoneType"),
        (lambda _: "nowhere.png", r"no image at nowhere\.png"),
        (lambda image: np.dstack([image, image]), "1 to 4"),
    ],
)
def test_what_is_no_picture_is_refused_in_one_line(
    toy_image: Image, change: Callable[[Image], Any], mend: str
) -> None:
    with pytest.raises((UsageError, TypeError), match=mend) as raised:
        ssnbench.segment(change(toy_image), "grid", 12)
    assert "\n" not in str(raised.value)


TRUTHS: dict[str, Callable[[Labels], Any]] = {
    "PIL": lambda truth: PIL.Image.fromarray(truth.astype(np.uint8)),
    "indices of a palette": lambda truth: PIL.Image.fromarray(truth.astype(np.uint8)).convert("P"),
    "tensor": torch.from_numpy,
    "rows": lambda truth: truth.tolist(),
    "whole floats": lambda truth: truth.astype(np.float32),
    "stack of one": lambda truth: truth[None],
    "one channel": lambda truth: truth[:, :, None],
    "list of tensors": lambda truth: [torch.from_numpy(truth)],
    "tuple of pictures": lambda truth: (PIL.Image.fromarray(truth.astype(np.uint8)),),
    "uint64": lambda truth: truth.astype(np.uint64),
}


@pytest.mark.parametrize("kind", TRUTHS)
def test_one_truth_from_many_libraries(toy_truth: Labels, kind: str) -> None:
    (taken,) = given_truths(TRUTHS[kind](toy_truth))
    np.testing.assert_array_equal(taken, toy_truth)
    scores = ssnbench.evaluate(toy_truth // 2, toy_truth)
    assert ssnbench.evaluate(toy_truth // 2, TRUTHS[kind](toy_truth)) == scores


def test_label_maps_and_truths_by_their_paths(toy_truth: Labels, tmp_path: Path) -> None:
    for name in ("a", "b"):
        np.save(tmp_path / f"{name}.npy", toy_truth)
    one, two = str(tmp_path / "a.npy"), tmp_path / "b.npy"
    scores = ssnbench.evaluate(toy_truth // 2, toy_truth)
    assert ssnbench.evaluate(toy_truth // 2, one) == scores
    assert ssnbench.evaluate(toy_truth // 2, [one, two]) == scores
    np.testing.assert_array_equal(given_labels(two), toy_truth)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32])
def test_masked_elements_of_a_truth_are_without_opinion(toy_truth: Labels, dtype: type) -> None:
    hidden = toy_truth == 2
    values: Any = toy_truth.astype(dtype)
    if dtype is np.float32:
        values[hidden] = np.nan
    (taken,) = given_truths(np.ma.MaskedArray(values, hidden))
    np.testing.assert_array_equal(taken, np.where(hidden, -1, toy_truth))


@pytest.mark.parametrize(
    ("change", "mend"),
    [
        (lambda truth: truth + 0.5, "fractions"),
        (lambda truth: np.where(truth == 2, np.nan, truth), "NaN: mark what has no label by -1"),
        (lambda truth: {"one": truth}, "got dict: give one of its values"),
        (lambda truth: truth[1:], r"\(59, 80\)"),
        (lambda truth: np.dstack([truth] * 3), r"\(80, 3\)"),
        (lambda truth: truth[0], r"\(H, W\)"),
        (lambda _: [[1, 2], [3]], "inhomogeneous"),
        (lambda _: "nowhere.npy", r"no label map at nowhere\.npy"),
    ],
)
def test_what_is_no_truth_is_refused_in_one_line(
    toy_truth: Labels, change: Callable[[Labels], Any], mend: str
) -> None:
    with pytest.raises((ValueError, TypeError), match=mend) as raised:
        ssnbench.evaluate(toy_truth, change(toy_truth))
    assert "\n" not in str(raised.value)


def test_a_masked_label_map_is_refused(toy_truth: Labels) -> None:
    with pytest.raises(UsageError, match=r"no masked pixels: .*filled\(-1\)"):
        ssnbench.evaluate(np.ma.MaskedArray(toy_truth, toy_truth == 2), toy_truth)


def test_flow_of_planes_and_with_a_mask() -> None:
    flow = np.random.default_rng(0).normal(size=(6, 9, 2)).astype(np.float32)
    for given in (flow, flow.astype(float), torch.from_numpy(flow).permute(PLANES)):
        np.testing.assert_array_equal(given_flow(given), flow)
    masked = given_flow(np.ma.MaskedArray(flow, flow > 0))
    np.testing.assert_array_equal(np.isnan(masked), flow > 0)
    with pytest.raises(UsageError, match=r"flow should be \(H, W, 2\), got \(6, 9\)"):
        given_flow(flow[..., 0])


@pytest.mark.parametrize(
    "value", [100, 100.0, "100", "100.0", np.int64(100), np.uint8(100), np.float32(100)]
)
def test_a_count_is_made_whole(value: Any) -> None:
    assert whole_count(value) == whole_count(torch.tensor(100)) == 100
    assert type(whole_count(value)) is int


@pytest.mark.parametrize(
    "value",
    [99.6, "99.6", True, np.True_, float("nan"), float("inf"), "", "many", None, [100], 0, -3.0],
)
def test_what_is_no_count_is_refused(value: Any, toy_image: Image) -> None:
    with pytest.raises(UsageError, match="n_segments should be") as raised:
        ssnbench.segment(toy_image, "slic", value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("algorithm", ["slic", "ers", "grid"])
def test_methods_are_given_whole_counts(toy_image: Image, algorithm: str) -> None:
    whole = ssnbench.segment(toy_image, algorithm, 12)
    for value in (12.0, "12", np.int64(12), torch.tensor(12)):
        np.testing.assert_array_equal(ssnbench.segment(toy_image, algorithm, value), whole)  # type: ignore[arg-type]
