from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from ssnbench import plugins
from ssnbench.contracts import Labels, Sample, UsageError
from ssnbench.labels import count

Collage: Any = plugins.load("datasets", "collage")
FOUR = [f"collage-{number:04}" for number in range(4)]


@pytest.fixture(scope="module")
def sample() -> Sample:
    picture: Sample = Collage(height=120, width=160)["collage-0000"]
    return picture


def test_same_parameters_same_pictures(sample: Sample) -> None:
    again = Collage(height=120, width=160)["collage-0000"]
    for name in ("image", "flow", "valid", "second"):
        np.testing.assert_array_equal(getattr(sample, name), getattr(again, name))
    for one, other in zip(sample.truths, again.truths, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("change", [{"seed": 1}, {"split": "train"}, {"split": "val"}])
def test_seed_and_split_change_the_picture(sample: Sample, change: dict[str, Any]) -> None:
    other = replace(Collage(height=120, width=160), **change)["collage-0000"]
    assert (other.image != sample.image).mean() > 0.5


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (40, 1), (33, 47), (321, 481)])
def test_any_size_keeps_the_contract(shape: tuple[int, int]) -> None:
    height, width = shape
    sample = Collage(height=height, width=width)["collage-0003"]
    assert sample.image.shape == (*shape, 3)
    assert sample.image.dtype == np.uint8
    assert sample.second is not None
    assert sample.second.shape == (*shape, 3)
    assert sample.flow is not None
    assert sample.flow.dtype == np.float32
    assert sample.flow.shape == (*shape, 2)
    assert sample.valid is not None
    assert sample.valid.dtype == np.bool_
    for truth in sample.truths:
        assert truth.dtype == np.int32
        assert truth.shape == shape
        assert count(truth) == truth.max() + 1
        assert truth.min() == 0


def test_every_part_lies_in_one_object() -> None:
    for key in FOUR:
        objects, parts = Collage()[key].truths
        pairs = np.unique(np.stack([parts.ravel(), objects.ravel()]), axis=1)
        assert pairs.shape[1] == parts.max() + 1
        assert parts.max() >= objects.max() >= 1
        for truth in (objects, parts):
            assert np.bincount(truth.ravel()).min() >= 5e-4 * truth.size


def test_flow_takes_pixels_to_their_place_in_the_second_frame() -> None:
    errors = []
    for key in FOUR:
        sample = Collage()[key]
        assert sample.flow is not None
        assert sample.second is not None
        column, row = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in (481, 321)))
        x, y = column + sample.flow[..., 0], row + sample.flow[..., 1]
        found = cv2.remap(sample.second, x, y, cv2.INTER_LINEAR).astype(float)
        error = np.abs(found - sample.image).mean(2)[inner(sample.truths[1]) & sample.valid]
        still = np.abs(sample.second.astype(float) - sample.image).mean(2)
        assert np.median(error) < 0.6 * np.median(still[inner(sample.truths[1])])
        errors.append(np.median(error))
    assert np.mean(errors) < 10  # noise, JPEG and interpolation of textures are in both frames


def inner(truth: Labels) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Pixels away from borders, which are soft."""
    lowest, highest = (f(truth.astype(np.uint8), np.ones((9, 9))) for f in (cv2.erode, cv2.dilate))
    inside: np.ndarray[Any, np.dtype[np.bool_]] = lowest == highest
    return inside


def test_what_leaves_the_frame_is_not_valid(sample: Sample) -> None:
    assert sample.flow is not None
    assert sample.valid is not None
    column, row = np.meshgrid(np.arange(160), np.arange(120))
    x, y = column + sample.flow[..., 0], row + sample.flow[..., 1]
    outside = (x < 0) | (x > 159) | (y < 0) | (y > 119)
    assert not sample.valid[outside].any()
    assert 0.5 < sample.valid.mean() < 1


def test_listing_makes_no_picture_and_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert len(Collage(n_images=100_000, height=10**6, width=10**6).keys()) == 100_000
    assert Collage(height=8, width=8)["collage-0001"].image.any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "tset"}, "train, val, test"),
        ({"n_images": 0}, "n_images should be 1 or more, got 0"),
        ({"height": 0}, "height should be 1 or more"),
    ],
)
def test_wrong_use(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Collage(**arguments)


def test_unknown_picture() -> None:
    with pytest.raises(UsageError, match="no picture 'dog'"):
        Collage()["dog"]
