from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import ssnbench
from ssnbench import plugins
from ssnbench.contracts import Labels, Sample, UsageError
from ssnbench.labels import count
from ssnbench.synthesis.drawing import Layer, Paint, draw, motion
from ssnbench.synthesis.regions import STILL, Blob, Everywhere, about

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


def test_another_process_makes_the_same_picture(sample: Sample) -> None:
    code = (
        "import hashlib; from ssnbench import plugins\n"
        "sample = plugins.load('datasets', 'collage')(height=120, width=160)['collage-0000']\n"
        "parts = (sample.image, sample.second, sample.flow, sample.valid, *sample.truths)\n"
        "print(hashlib.sha256(b''.join(part.tobytes() for part in parts)).hexdigest())"
    )
    frames: list[Any] = [sample.image, sample.second, sample.flow, sample.valid]
    parts = [*frames, *sample.truths]
    here = hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()
    environment = os.environ | {"PYTHONPATH": str(Path(ssnbench.__file__).parents[1])}
    there = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True)
    assert there.strip() == here


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


def inner(truth: Labels) -> NDArray[np.bool_]:
    """Pixels away from borders, which are soft."""
    lowest, highest = (f(truth.astype(np.uint8), np.ones((9, 9))) for f in (cv2.erode, cv2.dilate))
    inside: NDArray[np.bool_] = lowest == highest
    return inside


def test_what_leaves_the_frame_is_not_valid(sample: Sample) -> None:
    assert sample.flow is not None
    assert sample.valid is not None
    column, row = np.meshgrid(np.arange(160), np.arange(120))
    x, y = column + sample.flow[..., 0], row + sample.flow[..., 1]
    outside = (x < 0) | (x > 159) | (y < 0) | (y > 119)
    assert not sample.valid[outside].any()
    assert 0.5 < sample.valid.mean() < 1


def disc(column: float, row: float) -> Blob:
    """Disc of 10.3 pixels about a point of a 40 x 90 picture: its edge meets no pixel's centre."""
    unit = 60.0  # sqrt(40 * 90)
    centre = ((column - 44.5) / unit, (row - 19.5) / unit)
    return Blob(centre, (10.3 / unit, 10.3 / unit), 0.0, 0.0, np.ones(512, np.float32))


def covered(column: float, row: float) -> NDArray[np.bool_]:
    y, x = np.mgrid[:40, :90]
    return np.asarray((x - column) ** 2 + (y - row) ** 2 < 10.3**2)


def test_a_disc_that_slides_behind_another_hides_and_is_hidden() -> None:
    grey = np.full(3, 128, np.float32)
    paint = Paint(np.full((4, 4, 3), 128, np.uint8), grey, STILL, grey, 1.0)
    slide = np.array([[1.0, 0.0, 8 / 60], [0.0, 1.0, 0.0]])
    layers = [
        Layer(Everywhere(), paint),
        Layer(disc(20.5, 19.5), paint, motion=slide),
        Layer(disc(44.5, 19.5), paint),
    ]
    seen = draw(layers, 40, 90).layer
    flow, valid = motion(layers, seen)
    front, moving = covered(44.5, 19.5), covered(20.5, 19.5)
    np.testing.assert_array_equal(seen, np.where(front, 2, np.where(moving, 1, 0)))
    np.testing.assert_allclose(flow[..., 0], np.where(moving, 8.0, 0.0), atol=1e-4)
    np.testing.assert_allclose(flow[..., 1], 0.0, atol=1e-4)
    lands_behind = covered(44.5 - 8, 19.5)  # where the moving disc's pixels start that end there
    hidden = (moving & lands_behind) | (covered(28.5, 19.5) & ~moving & ~front)
    assert (moving & lands_behind).any()
    np.testing.assert_array_equal(valid, ~hidden)


def test_a_quarter_turn_takes_every_pixel_round_the_middle() -> None:
    grey = np.full(3, 128, np.float32)
    paint = Paint(np.full((4, 4, 3), 128, np.uint8), grey, STILL, grey, 1.0)
    turn = about((0.0, 0.0), np.pi / 2, 1.0, (0.0, 0.0))
    flow, valid = motion([Layer(Everywhere(), paint, motion=turn)], np.zeros((40, 90), np.int32))
    y, x = np.mgrid[:40, :90]
    u, v = x - 44.5, y - 19.5  # from the middle; (u, v) goes to (-v, u)
    np.testing.assert_allclose(flow, np.stack([-v - u, u - v], axis=-1), atol=1e-4)
    inside = np.abs(u) < 19
    outside = np.abs(u) > 20
    assert valid[inside].all()
    assert not valid[outside].any()


def test_listing_makes_no_picture_and_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    keys = Collage(n_images=20_000, height=10**6, width=10**6).keys()
    assert len(set(keys)) == 20_000
    assert keys == sorted(keys)
    assert Collage(height=8, width=8)["collage-0001"].image.any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "tset"}, "train, val, test"),
        ({"n_images": 0}, "n_images should be 1 or more, got 0"),
        ({"height": 0}, "height should be 1 or more"),
        ({"seed": -1}, "seed should be 0 or more, got -1"),
    ],
)
def test_wrong_use(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Collage(**arguments)


def test_unknown_picture() -> None:
    with pytest.raises(UsageError, match="no picture 'dog'"):
        Collage()["dog"]
