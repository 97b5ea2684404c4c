"""BSDS500: small files in its exact layout, and the real thing where it is on disk."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import PIL.Image
import pytest
from scipy.io import savemat

from ssnbench import plugins
from ssnbench.contracts import Dataset, Labels, UsageError

BSDS500: Any = plugins.load("datasets", "bsds500")
LANDSCAPE, PORTRAIT = (12, 18), (18, 12)


def _halves(shape: tuple[int, int], names: tuple[int, int] = (1, 2)) -> Labels:
    labels = np.full(shape, names[0], np.int32)
    labels[shape[0] // 2 :] = names[1]
    return labels


def _write(data: Path, key: str, shape: tuple[int, int], truths: list[Any], split: str) -> Path:
    """Write an image and its truths as the official files are: a cell of structs."""
    photo = data / "images" / split / f"{key}.jpg"
    truth = data / "groundTruth" / split / f"{key}.mat"
    photo.parent.mkdir(parents=True, exist_ok=True)
    truth.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    PIL.Image.fromarray(pixels).save(photo, quality=95)
    cell = np.empty((1, len(truths)), object)
    for i, labels in enumerate(truths):
        segmentation = np.asarray(labels, np.uint16)
        boundaries = np.zeros(segmentation.shape, np.uint8)
        cell[0, i] = {"Segmentation": segmentation, "Boundaries": boundaries}
    savemat(truth, {"groundTruth": cell}, do_compression=True)
    return truth


@pytest.fixture
def data(tmp_path: Path) -> Path:
    data = tmp_path / "BSR" / "BSDS500" / "data"
    quarters = _halves(LANDSCAPE) + 2 * (np.arange(18) > 8)
    _write(data, "100", LANDSCAPE, [_halves(LANDSCAPE), quarters], "test")
    _write(data, "20", PORTRAIT, [_halves(PORTRAIT, (5, 3))], "test")
    _write(data, "7", LANDSCAPE, [_halves(LANDSCAPE)], "train")
    (data / "images" / "test" / "Thumbs.db").write_bytes(b"not a picture")
    return data


def test_keeps_the_contract(data: Path, tmp_path: Path) -> None:
    dataset = BSDS500(tmp_path)
    assert dataset.split == "test"
    assert pickle.loads(pickle.dumps(dataset)) == dataset
    assert "non-commercial" in dataset.LICENCE
    assert "Arbelaez" in dataset.CITATION
    assert isinstance(dataset, Dataset)


def test_keys_are_sorted_and_read_no_pixel(data: Path, tmp_path: Path) -> None:
    for photo in (data / "images" / "test").glob("*.jpg"):
        photo.write_bytes(b"")
    assert BSDS500(tmp_path).keys() == ["100", "20"]
    assert BSDS500(tmp_path, "train").keys() == ["7"]


def test_all_annotators_from_zero_on(data: Path, tmp_path: Path) -> None:
    sample = BSDS500(tmp_path)["100"]
    assert sample.key == "100"
    assert sample.image.shape == (*LANDSCAPE, 3)
    assert [truth.dtype for truth in sample.truths] == [np.int32, np.int32]
    np.testing.assert_array_equal(sample.truths[0], _halves(LANDSCAPE) - 1)
    assert np.unique(sample.truths[1]).tolist() == [0, 1, 2, 3]


def test_portrait_with_gaps_in_its_labels(data: Path, tmp_path: Path) -> None:
    sample = BSDS500(tmp_path)["20"]
    assert sample.image.shape == (*PORTRAIT, 3)
    np.testing.assert_array_equal(sample.truths[0], _halves(PORTRAIT, (1, 0)))


def test_truths_of_any_class_that_holds_whole_numbers(data: Path, tmp_path: Path) -> None:
    expected = [truth.tolist() for truth in BSDS500(tmp_path)["100"].truths]
    for kind in (np.uint8, np.int64, np.float32, np.float64):
        cell = np.empty((1, 2), object)
        for i, truth in enumerate(expected):
            cell[0, i] = {"Segmentation": np.array(truth).astype(kind) + 1}
        savemat(data / "groundTruth" / "test" / "100.mat", {"groundTruth": cell})
        assert [truth.tolist() for truth in BSDS500(tmp_path)["100"].truths] == expected


def test_truths_of_version_73(data: Path, tmp_path: Path) -> None:
    truth = _halves(LANDSCAPE)
    with h5py.File(data / "groundTruth" / "test" / "100.mat", "w") as file:
        cell = file.create_dataset("groundTruth", (2, 1), h5py.ref_dtype)
        for i in range(2):
            struct = file.create_group(f"#refs#/{i}")
            struct["Segmentation"] = (truth + i).astype(np.uint16).T
            struct["Boundaries"] = (truth == 1).astype(np.uint8).T
            cell[i, 0] = struct.ref
    truths = BSDS500(root=tmp_path)["100"].truths
    assert len(truths) == 2
    for each in truths:
        np.testing.assert_array_equal(each, truth - 1)


@pytest.mark.parametrize("name", ["._100.jpg", ".hidden.jpg", "desktop.ini"])
def test_system_files_are_no_images(data: Path, tmp_path: Path, name: str) -> None:
    (data / "images" / "test" / name).write_bytes(b"\0\5\x16\7")
    assert BSDS500(tmp_path).keys() == ["100", "20"]


@pytest.mark.parametrize("below", ["", "BSR", "BSR/BSDS500", "BSR/BSDS500/data"])
def test_root_may_be_any_part_of_the_way(data: Path, tmp_path: Path, below: str) -> None:
    assert BSDS500(tmp_path / below).keys() == ["100", "20"]


def test_root_from_the_environment(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSNBENCH_DATA", str(tmp_path))
    assert len(BSDS500()["100"].truths) == 2


def test_no_data_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        BSDS500(tmp_path).keys()
    for part in ("bsds500", str(tmp_path), "images/{train,val,test}/*.jpg", BSDS500.HOMEPAGE):
        assert part in str(caught.value)


def test_unknown_split() -> None:
    with pytest.raises(UsageError, match="no split 'tset': train, val, test"):
        BSDS500(split="tset")


def test_a_split_without_images(data: Path, tmp_path: Path) -> None:
    (data / "groundTruth" / "val").mkdir()
    with pytest.raises(UsageError, match=r"no \*\.jpg"):
        BSDS500(tmp_path, "val").keys()


def _cut_short(truth: Path) -> None:
    truth.write_bytes(truth.read_bytes()[:150])


def _without_truths(truth: Path) -> None:
    savemat(truth, {"groundTruth": np.empty((1, 0), object)})


def _without_cell(truth: Path) -> None:
    savemat(truth, {"other": np.zeros((2, 2))})


def _without_field(truth: Path) -> None:
    cell = np.empty((1, 1), object)
    cell[0, 0] = {"Boundaries": np.zeros(LANDSCAPE, np.uint8)}
    savemat(truth, {"groundTruth": cell})


def _fractional(truth: Path) -> None:
    cell = np.empty((1, 1), object)
    cell[0, 0] = {"Segmentation": np.full(LANDSCAPE, 0.5)}
    savemat(truth, {"groundTruth": cell})


def _of_another_size(truth: Path) -> None:
    _write(truth.parents[2], "100", LANDSCAPE, [_halves(PORTRAIT)], "test")


FAULTS = [
    (Path.unlink, "no truth at"),
    (_cut_short, "no readable truths"),
    (lambda truth: truth.write_bytes(b""), "no readable truths"),
    (_without_truths, "holds no truths"),
    (_without_cell, "no readable truths"),
    (_without_field, "no readable truths"),
    (_fractional, "float64"),
    (_of_another_size, r"shape \(18, 12\), its image \(12, 18\)"),
]


@pytest.mark.parametrize(("spoil", "message"), FAULTS)
def test_faults_name_the_file(data: Path, tmp_path: Path, spoil: Any, message: str) -> None:
    truth = data / "groundTruth" / "test" / "100.mat"
    spoil(truth)
    with pytest.raises(UsageError, match=message) as caught:
        BSDS500(tmp_path)["100"]
    assert str(truth) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_photograph_that_is_cut_short(data: Path, tmp_path: Path) -> None:
    photo = data / "images" / "test" / "100.jpg"
    photo.write_bytes(photo.read_bytes()[:-200])
    with pytest.raises(UsageError, match=r"100\.jpg cannot be read"):
        BSDS500(tmp_path)["100"]


@pytest.mark.real
@pytest.mark.parametrize(
    ("split", "images", "truths"), [("train", 200, 1087), ("val", 100, 546), ("test", 200, 1063)]
)
def test_the_real_thing(real_data: Path, split: str, images: int, truths: int) -> None:
    dataset = BSDS500(real_data, split)
    keys = dataset.keys()
    assert len(keys) == images
    assert keys == sorted(keys)
    samples = [dataset[key] for key in keys]
    assert sum(len(sample.truths) for sample in samples) == truths
    assert {sample.image.shape[:2] for sample in samples} == {(321, 481), (481, 321)}
    for sample in samples:
        assert all(truth.min() == 0 for truth in sample.truths)
        assert all(truth.shape == sample.image.shape[:2] for truth in sample.truths)


@pytest.mark.real
def test_pixels_and_truths_of_the_reference(real_data: Path, oracle: Path) -> None:
    dataset = BSDS500(real_data)
    truths = np.load(oracle / "truths.npz")
    for picture in sorted((oracle / "images").iterdir()):
        sample = dataset[picture.stem]
        np.testing.assert_array_equal(sample.image, np.asarray(PIL.Image.open(picture)))
        for i, truth in enumerate(sample.truths):
            given = np.unique(truths[f"{picture.stem}/{i}"], return_inverse=True)[1]
            np.testing.assert_array_equal(truth, given.reshape(truth.shape))
