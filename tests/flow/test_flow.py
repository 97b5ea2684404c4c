"""Flow: files, one motion per superpixel, motion boundaries, colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ssnbench import plugins
from ssnbench.contracts import Flow, Labels, Mask, UsageError
from ssnbench.flow import (
    colour_wheel,
    colours,
    flow_picture,
    motion_boundaries,
    pack_flow,
    read_flow,
    residuals,
    segmented_flow,
    unpack_flow,
    write_flow,
)
from ssnbench.kernels.components import components
from ssnbench.metrics import prepare, score

LABELS = np.array([[0, 0, 1], [0, 1, 1]], np.int32)


def flow_of(u: Any, v: Any) -> Flow:
    return np.stack(np.broadcast_arrays(u, v), axis=-1).astype(np.float32)


def random_case(seed: int) -> tuple[Labels, Flow, Mask]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 6, (13, 17)).astype(np.int32)
    return labels, rng.normal(0, 5, (13, 17, 2)).astype(np.float32), rng.random((13, 17)) < 0.8


def least_squares(points: NDArray[Any], values: NDArray[Any], affine: bool) -> NDArray[Any]:
    """What numpy fits to some pixels: constant, or of first order."""
    columns = [np.ones(len(points)), *(points.T if affine else ())]
    design = np.stack(columns, axis=-1)
    return np.asarray(design @ np.linalg.lstsq(design, values, rcond=None)[0])


# ---------------------------------------------------------------------- one motion per superpixel


@pytest.mark.parametrize("affine", [False, True], ids=["mean", "affine"])
@pytest.mark.parametrize("seed", range(5))
def test_residuals_equal_a_plain_fit(seed: int, affine: bool) -> None:
    labels, flow, valid = random_case(seed)
    expected = np.full((*labels.shape, 2), np.nan)
    for label in np.unique(labels):
        inside = (labels == label) & valid
        points = np.argwhere(inside)[:, ::-1].astype(float)
        expected[inside] = least_squares(points, flow[inside].astype(float), affine)
    errors = np.linalg.norm(flow - expected, axis=-1)[valid]
    model: Any = "affine" if affine else "mean"
    np.testing.assert_allclose(residuals(labels, flow, valid, model), errors, atol=1e-5)
    made = segmented_flow(labels, flow, valid, model)
    np.testing.assert_allclose(made[valid], expected[valid], atol=1e-5)


def test_mean_by_hand() -> None:
    flow = flow_of([[3, 0, 1], [0, 1, 4]], [[0, 0, 0], [0, 0, 0]])
    made = segmented_flow(LABELS, flow)
    np.testing.assert_array_equal(made[..., 0], [[1, 1, 2], [1, 2, 2]])
    np.testing.assert_allclose(residuals(LABELS, flow), [2, 1, 1, 1, 1, 2])
    (row,) = score(LABELS, prepare([]), flow=flow, metrics=["epe", "epe_1"])
    assert row == pytest.approx({"epe": 8 / 6, "epe_1": 2 / 6})


def test_affine_by_hand() -> None:
    """A row of four with u = 0, 0, 2, 2: the line 0.8 x - 0.2 leaves 0.2, 0.6, 0.6, 0.2."""
    flow = flow_of([[0, 0, 2, 2]], 0)
    errors = residuals(np.zeros((1, 4), np.int32), flow, model="affine")
    np.testing.assert_allclose(errors, [0.2, 0.6, 0.6, 0.2], atol=1e-6)


@pytest.mark.parametrize("shape", [(9, 11), (1, 11), (9, 1), (1, 1)])
def test_affine_motion_is_told_exactly(shape: tuple[int, int]) -> None:
    y, x = np.mgrid[: shape[0], : shape[1]]
    flow = flow_of(1 + 0.2 * x - 0.1 * y, -3 + 0.05 * x + 0.3 * y)
    errors = residuals(np.zeros(shape, np.int32), flow, model="affine")
    np.testing.assert_allclose(errors, 0, atol=1e-5)


def test_pixels_along_a_slanted_line_fit_it() -> None:
    labels = 1 - np.eye(6, dtype=np.int32)
    flow = flow_of(np.arange(6)[:, None] * np.ones(6), 0)
    np.testing.assert_allclose(
        residuals(labels, flow, labels == 0, model="affine"), np.zeros(6), atol=1e-6
    )


def test_a_superpixel_without_valid_pixels_has_no_flow() -> None:
    made = segmented_flow(LABELS, flow_of(np.ones((2, 3)), 0), LABELS == 0)
    np.testing.assert_array_equal(np.isnan(made[..., 0]), LABELS == 1)


def test_unknown_flow_enters_no_mean() -> None:
    flow = flow_of([[1, np.nan, 5], [3, 5, 1e10]], 0)
    np.testing.assert_array_equal(segmented_flow(LABELS, flow)[..., 0], [[2, 2, 5], [2, 5, 5]])


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="flow of shape"):
        residuals(LABELS, np.zeros((3, 2, 2), np.float32))


def test_true_motion_boundaries_leave_no_error_of_affine_motions() -> None:
    sample = plugins.load("datasets", "collage")(n_images=1)["collage-0000"]
    flow, valid = sample.flow, sample.valid
    assert flow is not None
    labels = _pieces_of_one_motion(flow)
    (row,) = score(
        labels, prepare([]), flow=flow, valid=valid, metrics=["epe", "epe_affine", "epe_near"]
    )
    mean = np.concatenate(
        [
            np.linalg.norm(flow[inside] - flow[inside].mean(0, dtype=float), axis=-1)
            for inside in (valid & (labels == label) for label in np.unique(labels))
            if inside.any()
        ]
    )
    assert row["epe"] == pytest.approx(mean.mean(), rel=1e-5)
    assert row["epe"] > 0.3
    assert row["epe_affine"] < 1e-3
    (grid,) = score(
        np.arange(sample.image[..., 0].size).reshape(labels.shape) // 5000,
        prepare([]),
        flow=flow,
        valid=valid,
        metrics=["epe_affine"],
    )
    assert grid["epe_affine"] > 100 * row["epe_affine"]


def _pieces_of_one_motion(flow: Flow) -> Labels:
    """Cut where the flow bends: within one layer of a collage its second differences are 0."""
    bends = np.zeros(flow.shape[:2], bool)
    for axis in (0, 1):
        second = np.abs(np.diff(flow.astype(float), 2, axis=axis)).max(-1) > 1e-3
        for shift in range(3):
            place = [slice(None), slice(None)]
            place[axis] = slice(shift, shift + second.shape[axis])
            bends[tuple(place)] |= second
    whole = components((~bends).astype(np.int32))[0]
    single = np.arange(bends.size).reshape(bends.shape) + whole.max() + 1
    pieces = np.unique(np.where(bends, single, whole), return_inverse=True)[1]
    return pieces.reshape(bends.shape).astype(np.int32)


# ---------------------------------------------------------------------- motion boundaries


def test_motion_boundaries_by_hand() -> None:
    flow = flow_of([[2, 2, 4, 4], [2, 2, 4, np.nan]], 0)
    np.testing.assert_array_equal(motion_boundaries(flow), [[False, True, False, False]] * 2)


def test_threshold_of_a_motion_boundary() -> None:
    # squared gradient against 0.01 * 100 + 0.002: 1.0 is below, 1.1^2 above
    assert not motion_boundaries(flow_of([[10, 11]], 0)).any()
    assert motion_boundaries(flow_of([[10, 11.1]], 0)).tolist() == [[True, False]]


def test_error_near_motion_boundaries() -> None:
    """A jump after column 19: columns 9 to 29 are near, those further out are not."""
    flow = flow_of(np.where(np.arange(60) < 20, 0.0, 6.0)[None].repeat(3, 0), 0)
    labels = np.zeros((3, 60), np.int32)  # mean 4: errors 4 on the left, 2 on the right
    (row,) = score(labels, prepare([]), flow=flow, metrics=["epe_near"])
    assert row["epe_near"] == pytest.approx((11 * 4 + 10 * 2) / 21)
    (row,) = score(labels, prepare([]), flow=0 * flow, metrics=["epe_near"])
    assert row["epe_near"] == 0


# ---------------------------------------------------------------------- files


def test_flo_is_laid_out_as_middlebury_says(tmp_path: Path) -> None:
    path = tmp_path / "a.flo"
    numbers = np.array([1, 2, 3, 4, 5, 6], "<f4")
    magic = np.array([202021.25], "<f4").tobytes()
    path.write_bytes(magic + np.array([3, 1], "<i4").tobytes() + numbers.tobytes())
    flow, valid = read_flow(path)
    np.testing.assert_array_equal(flow, [[[1, 2], [3, 4], [5, 6]]])
    assert valid.all()


def test_kitti_png_is_laid_out_as_kitti_says(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    pixel = np.array([[[1, 32768 - 64, 32768 + 128], [0, 7, 7]]], np.uint16)  # valid, v, u
    assert cv2.imwrite(str(path), pixel)
    flow, valid = read_flow(path)
    assert flow[0, 0].tolist() == [2, -1]
    assert valid.tolist() == [[True, False]]
    assert np.isnan(flow[0, 1]).all()


@pytest.mark.parametrize(("ending", "step"), [(".flo", 0.0), (".png", 1 / 128), (".PNG", 1 / 128)])
def test_round_trip(tmp_path: Path, ending: str, step: float) -> None:
    _, flow, valid = random_case(0)
    flow[3, 4] = np.nan
    path = tmp_path / f"flow{ending}"
    write_flow(path, flow, valid)
    read, there = read_flow(path)
    valid[3, 4] = False
    np.testing.assert_array_equal(there, valid)
    np.testing.assert_allclose(read[valid], flow[valid], atol=step, rtol=0)
    assert np.isnan(read[~valid]).all()
    assert read.flags.c_contiguous


def test_the_longest_flow_of_a_png(tmp_path: Path) -> None:
    write_flow(tmp_path / "a.png", flow_of([[-512, 511.98]], 0))
    with pytest.raises(UsageError, match=r"512 px .* write \.flo"):
        write_flow(tmp_path / "b.png", flow_of([[512]], 0))
    assert not (tmp_path / "b.png").exists()


def _flo(width: int, height: int, n: int) -> bytes:
    return b"PIEH" + np.array([width, height], "<i4").tobytes() + bytes(n)


BROKEN = {
    "empty.flo": (b"", "no .flo file"),
    "other.flo": (b"RIFF" + bytes(40), "no .flo file"),
    "header.flo": (b"PIEH\0\0", "no .flo file"),
    "short.flo": (_flo(3, 2, 47), "takes 60 bytes, it has 59"),
    "long.flo": (_flo(3, 2, 49), "takes 60 bytes, it has 61"),
    "negative.flo": (_flo(-3, -2, 48), "broken"),
    "empty.png": (b"", "no picture"),
    "text.png": (b"hello", "no picture"),
    "flow.txt": (b"", r"from \.flo, \.png or \.pfm"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_named(tmp_path: Path, name: str) -> None:
    data, message = BROKEN[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UsageError, match=message) as caught:
        read_flow(tmp_path / name)
    assert name in str(caught.value)


def test_eight_bits_are_no_flow(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(UsageError, match="16 bits wanted, got uint8"):
        read_flow(tmp_path / "a.png")


def test_places_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no flow at"):
        read_flow(tmp_path / "a.flo")
    with pytest.raises(UsageError, match="cannot write"):
        write_flow(tmp_path / "none" / "a.flo", flow_of([[1]], 1))
    with pytest.raises(UsageError, match=r"to \.flo or \.png"):
        write_flow(tmp_path / "a.tif", flow_of([[1]], 1))


# ---------------------------------------------------------------------- colours and pictures


def test_colours_of_middlebury() -> None:
    """Hues 0, 13.5, 27 and 40.5 of the 55 around; rest is white, the unknown black."""
    flow = flow_of([[1, 0, -1, 0, 0, np.nan]], [[0, 1, 0, -1, 0, np.nan]])
    right, down, left, up, rest, unknown = colours(flow)[0].tolist()
    assert right == [255, 0, 0]
    assert down == [255, 229, 0]  # between 221 and 238, steps 13 and 14 of 15 from red to yellow
    assert left == [0, 209, 255]  # step 2 of 11 from cyan to blue
    assert up == [88, 0, 255]  # between 78 and 98, steps 4 and 5 of 13 from blue to magenta
    assert rest == [255, 255, 255]
    assert unknown == [0, 0, 0]


def test_saturation_is_length() -> None:
    painted = colours(flow_of([[0.5, 1.0, 2.0]], 0), longest=1.0)
    assert painted[0].tolist() == [[255, 127, 127], [255, 0, 0], [191, 0, 0]]


def test_wheel_turns_once() -> None:
    wheel = colour_wheel(101)
    assert wheel.shape == (101, 101, 3)
    assert wheel[50, 50].tolist() == [255, 255, 255]
    assert wheel[50, 100].tolist() == [255, 0, 0]
    assert wheel[0, 0].tolist() == [255, 255, 255]  # outside
    assert len({tuple(wheel[50 + int(40 * np.sin(a)), 50 + int(40 * np.cos(a))]) for a in
                np.arange(0, 6.2, 0.5)}) == 13  # fmt: skip


def test_picture_of_image_flow_and_segmented_flow(toy_image: Any, toy_truth: Labels) -> None:
    flow = flow_of(np.where(toy_truth == 2, 3.0, -1.0), 0)
    picture = flow_picture(toy_image, flow, [toy_truth], toy_truth != 3)
    height, width = toy_truth.shape
    assert picture.shape == (height, 3 * width + 8, 3)
    np.testing.assert_array_equal(picture[:, :width], toy_image)
    true = picture[:, width + 4 : 2 * width + 4]
    assert (true[toy_truth == 3] == 0).all()
    told = picture[:, 2 * width + 8 :]
    assert told[20, 25].tolist() == true[20, 25].tolist() == [255, 0, 0]


def test_still_flow_is_white() -> None:
    assert (colours(np.zeros((2, 2, 2), np.float32)) == 255).all()


def test_panels_in_lines(toy_image: Any, toy_truth: Labels) -> None:
    flow = flow_of(np.where(toy_truth == 2, 3.0, -1.0), 0)
    height, width = toy_truth.shape
    picture = flow_picture(toy_image, flow, [toy_truth], columns=2)
    assert picture.shape == (2 * height + 4, 2 * width + 4, 3)
    line = flow_picture(toy_image, flow, [toy_truth])
    np.testing.assert_array_equal(picture[height + 4 :, :width], line[:, 2 * width + 8 :])
    assert (picture[height + 4 :, width:] == 255).all()


def test_packed_flow_is_cut_off() -> None:
    flow = flow_of([[1.5, np.nan, 900.0, -900.0]], 0.25)
    read = unpack_flow(pack_flow(flow, np.array([[True, True, True, True]])))
    np.testing.assert_allclose(read[0, :, 0], [1.5, np.nan, 512, -512], atol=0.02)
    assert np.isnan(unpack_flow(pack_flow(flow, np.zeros((1, 4), bool)))).all()


# ---------------------------------------------------------------------- .pfm


def pfm(flow: Flow, scale: str, order: str, magic: str = "PF") -> bytes:
    """Three channels, the last unused, rows from below: FlyingThings3D."""
    channels = np.dstack([flow, np.zeros(flow.shape[:2])])[::-1].astype(f"{order}f4")
    return f"{magic}\n{flow.shape[1]} {flow.shape[0]}\n{scale}\n".encode() + channels.tobytes()


@pytest.mark.parametrize(("scale", "order"), [("-1.0", "<"), ("1", ">"), ("-0.003922", "<")])
@pytest.mark.parametrize("name", ["a.pfm", "A.PFM"])
def test_pfm_in_both_byte_orders(tmp_path: Path, scale: str, order: str, name: str) -> None:
    flow = np.random.default_rng(0).normal(0, 9, (4, 5, 2)).astype(np.float32)
    flow[1, 2] = np.nan
    (tmp_path / name).write_bytes(pfm(flow, scale, order))
    read, valid = read_flow(tmp_path / name)
    np.testing.assert_array_equal(read, flow)
    assert (~valid).sum() == 1
    assert read.flags.c_contiguous


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no flow in .pfm"),
        (b"P6\n5 4\n255\n", "no flow in .pfm"),
        (b"Pf\n5 4\n-1.0\n" + bytes(80), "one channel, a disparity"),
        (b"PF\n5 4\n-1.0\n" + bytes(80), "is broken"),
        (b"PF\n99999999 99999999\n-1.0\n", "vectors; flow may have"),
        (b"PF\n5 4\n0\n" + bytes(240), "is broken"),
    ],
)
def test_broken_pfm(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "a.pfm").write_bytes(content)
    with pytest.raises(UsageError, match=why):
        read_flow(tmp_path / "a.pfm")
