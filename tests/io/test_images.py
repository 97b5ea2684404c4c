"""Pictures and label maps of every kind, whole and broken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import tifffile
from scipy.io import savemat

from ssnbench.contracts import UsageError
from ssnbench.io.images import as_image, read_image
from ssnbench.io.label_maps import read_labels, write_labels
from ssnbench.io.notes import DataNote

RGB = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
GREY = RGB[:, :, 0]
LABELS = (np.arange(54, dtype=np.int32) * 31).reshape(6, 9)


def _saved(path: Path, pixels: Any, **options: Any) -> Path:
    PIL.Image.fromarray(pixels).save(path, **options)
    return path


def _thrice(grey: Any) -> Any:
    return np.repeat(np.asarray(grey, np.uint8)[:, :, None], 3, axis=2)


def test_rgb_and_grey_are_kept(tmp_path: Path) -> None:
    for pixels, expected in ((RGB, RGB), (GREY, _thrice(GREY))):
        image = read_image(_saved(tmp_path / "a.png", pixels))
        assert image.dtype == np.uint8
        assert image.flags.writeable
        assert image.flags.c_contiguous
        np.testing.assert_array_equal(image, expected)


def test_alpha_is_laid_over_white(tmp_path: Path) -> None:
    pixels = np.zeros((1, 3, 4), np.uint8)
    pixels[0, :, :3] = [200, 100, 50]
    pixels[0, :, 3] = [255, 0, 51]  # all, nothing, a fifth
    image = read_image(_saved(tmp_path / "a.png", pixels))
    assert image[0].tolist() == [[200, 100, 50], [255, 255, 255], [244, 224, 214]]
    grey = PIL.Image.fromarray(pixels).convert("LA")
    grey.save(tmp_path / "grey.png")
    assert read_image(tmp_path / "grey.png")[0, 1].tolist() == [255, 255, 255]


def test_palette_with_and_without_transparency(tmp_path: Path) -> None:
    picture = PIL.Image.fromarray(np.array([[0, 1, 2]], np.uint8)).convert("P")
    picture.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    picture.save(tmp_path / "a.png")
    rows = [[10, 20, 30], [40, 50, 60], [70, 80, 90]]
    assert read_image(tmp_path / "a.png")[0].tolist() == rows
    picture.save(tmp_path / "b.png", transparency=1)
    rows[1] = [255, 255, 255]
    assert read_image(tmp_path / "b.png")[0].tolist() == rows


def test_16_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    deep = np.array([[0, 257, 128 * 257, 65535]], np.uint16)
    image = read_image(_saved(tmp_path / "a.png", deep))
    assert image[0, :, 0].tolist() == [0, 1, 128, 255]
    np.testing.assert_array_equal(image, as_image(deep))


def test_16_bit_colour(tmp_path: Path) -> None:
    import cv2

    deep = RGB.astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / "a.png"), deep[:, :, ::-1])
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), RGB)


def test_cmyk_and_one_bit(tmp_path: Path) -> None:
    red = PIL.Image.new("RGB", (16, 16), (250, 10, 10))
    red.convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - [250, 10, 10]).max() < 12
    PIL.Image.fromarray(np.array([[True, False]])).save(tmp_path / "b.png")
    assert read_image(tmp_path / "b.png")[0].tolist() == [[255] * 3, [0] * 3]


def test_orientation_in_exif_is_ignored(tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    _saved(tmp_path / "a.jpg", RGB, exif=exif)
    assert read_image(tmp_path / "a.jpg").shape == RGB.shape


@pytest.mark.parametrize("orientation", range(2, 9))
def test_orientation_in_exif_is_applied_on_request(tmp_path: Path, orientation: int) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    path = _saved(tmp_path / "a.png", RGB, exif=exif)
    turned = {2: RGB[:, ::-1], 3: RGB[::-1, ::-1], 4: RGB[::-1], 5: RGB.swapaxes(0, 1)}
    turned |= {6: np.rot90(RGB, -1), 7: np.rot90(RGB, 2).swapaxes(0, 1), 8: np.rot90(RGB)}
    np.testing.assert_array_equal(read_image(path, upright=True), turned[orientation])


@pytest.mark.parametrize("maximum", [1, 15, 255, 1023, 4095, 65535])
@pytest.mark.parametrize("plain", [False, True])
def test_netpbm_by_the_maximum_that_it_states(tmp_path: Path, maximum: int, plain: bool) -> None:
    values = np.linspace(0, maximum, 12).round().astype(int).reshape(3, 4)
    kind, body = "P5", values.astype(">u2" if maximum > 255 else np.uint8).tobytes()
    if plain:
        kind, body = "P2", " ".join(map(str, values.ravel())).encode()
    (tmp_path / "a.pgm").write_bytes(f"{kind}\n4 3\n{maximum}\n".encode() + body)
    expected = np.rint(values * 255 / maximum).astype(int)
    difference = read_image(tmp_path / "a.pgm")[:, :, 0].astype(int) - expected
    assert np.abs(difference).max() <= 1


def test_bitmaps_are_black_where_they_are_1(tmp_path: Path) -> None:
    (tmp_path / "a.pbm").write_bytes(b"P1\n2 1\n1 0\n")
    assert read_image(tmp_path / "a.pbm")[0, :, 0].tolist() == [0, 255]
    (tmp_path / "b.pgm").write_bytes(b"P5\n200 200\n255\n12")
    with pytest.raises(UsageError, match=r"b\.pgm is cut short"):
        read_image(tmp_path / "b.pgm")


def test_signed_16_bits(tmp_path: Path) -> None:
    values = np.array([[0, 1000, 32767]], np.int16)
    tifffile.imwrite(tmp_path / "a.tif", values)
    assert read_image(tmp_path / "a.tif")[0, :, 0].tolist() == [0, 8, 255]
    tifffile.imwrite(tmp_path / "b.tif", -values)
    with pytest.raises(UsageError, match="values below 0"):
        read_image(tmp_path / "b.tif")


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_12_bits_of_colour_are_not_black(tmp_path: Path, name: str) -> None:
    import cv2

    cv2.imwrite(str(tmp_path / name), RGB[:, :, ::-1].astype(np.uint16) * 16)
    with pytest.warns(DataNote, match="12 bits deep"):
        image = read_image(tmp_path / name)
    assert np.abs(image.astype(int) - RGB).max() <= 1


def test_one_pixel(tmp_path: Path) -> None:
    assert read_image(_saved(tmp_path / "a.png", RGB[:1, :1])).shape == (1, 1, 3)


def test_32_bits_are_refused(tmp_path: Path) -> None:
    path = _saved(tmp_path / "a.tif", np.zeros((2, 2), np.float32))
    with pytest.raises(UsageError, match=r"a\.tif has 32 bits"):
        read_image(path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.95])
@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_a_file_cut_short_is_no_picture(tmp_path: Path, name: str, share: float) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = _saved(tmp_path / name, noise)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(UsageError, match=name) as caught:
        read_image(path)
    assert "\n" not in str(caught.value)


def test_missing_folder_and_text(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("no picture")
    with pytest.raises(UsageError, match=r"a\.jpg is not an image"):
        read_image(tmp_path / "a.jpg")
    with pytest.raises(UsageError, match=r"no image at .*b\.jpg"):
        read_image(tmp_path / "b.jpg")
    with pytest.raises(UsageError, match="cannot be read"):
        read_image(tmp_path)


def test_arrays_from_python() -> None:
    assert as_image(RGB) is RGB
    np.testing.assert_array_equal(as_image(GREY), _thrice(GREY))
    np.testing.assert_array_equal(as_image(GREY[:, :, None]), _thrice(GREY))
    np.testing.assert_array_equal(as_image(GREY > 99), _thrice((GREY > 99) * 255))
    for kind in (np.float16, np.float32, np.float64):
        np.testing.assert_array_equal(as_image((RGB / 255).astype(kind)), RGB)
    np.testing.assert_array_equal(as_image(RGB.astype(np.uint16) * 257), RGB)
    opaque = np.full((6, 9, 1), 255, np.uint8)
    np.testing.assert_array_equal(as_image(np.concatenate([RGB, opaque], axis=2)), RGB)
    clear = np.dstack([GREY, np.zeros_like(GREY)])
    np.testing.assert_array_equal(as_image(clear), np.full_like(RGB, 255))
    assert as_image(RGB[:, ::2]).flags.c_contiguous


@pytest.mark.parametrize("array", [[[1, 2]], None, "a.png", RGB.astype(int), RGB.astype(complex)])
def test_arrays_of_another_type(array: Any) -> None:
    with pytest.raises(TypeError, match="an image should be"):
        as_image(array)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(5, np.uint8),
        np.zeros((2, 2, 5), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((2, 2, 3, 1), np.uint8),
        np.full((2, 2), 1.5),
        np.full((2, 2), -0.1),
        np.full((2, 2), np.nan),
    ],
)
def test_arrays_that_are_no_picture(array: Any) -> None:
    with pytest.raises(UsageError, match="should"):
        as_image(array)


@pytest.mark.parametrize("name", ["a.npy", "a.png", "a.csv", "a.mat", "A.PNG", "A.NPY"])
@pytest.mark.parametrize("shape", [(6, 9), (1, 54), (54, 1)])
def test_labels_there_and_back(tmp_path: Path, name: str, shape: tuple[int, int]) -> None:
    write_labels(tmp_path / name, LABELS.reshape(shape))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    labels = read_labels(tmp_path / name)
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, LABELS.reshape(shape))


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.uint16, np.float64, np.bool_])
def test_npy_of_other_types(tmp_path: Path, kind: Any) -> None:
    given = (LABELS % 2).astype(kind)
    np.save(tmp_path / "a.npy", given)
    np.testing.assert_array_equal(read_labels(tmp_path / "a.npy"), LABELS % 2)


def test_negative_and_huge_labels(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", LABELS - 100)
    np.testing.assert_array_equal(read_labels(tmp_path / "a.npy"), LABELS - 100)
    np.save(tmp_path / "b.npy", LABELS.astype(np.int64) + 2**40)
    np.testing.assert_array_equal(read_labels(tmp_path / "b.npy"), LABELS // 31)


def test_png_of_8_bits_and_of_a_palette(tmp_path: Path) -> None:
    small = (LABELS // 31).astype(np.uint8)
    np.testing.assert_array_equal(read_labels(_saved(tmp_path / "a.png", small)), small)
    picture = PIL.Image.fromarray(small).convert("P")
    picture.putpalette(bytes(reversed(range(256))) * 3)
    picture.save(tmp_path / "b.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "b.png"), small)


@pytest.mark.parametrize("text", ["1,2\n3,4\n", "1 2\n3 4", " 1\t2\n3  4\n\n", "1.0, 2.0\n3e0,4"])
def test_text_with_commas_or_blanks(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    assert read_labels(tmp_path / "a.csv").tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "variables",
    [
        {"whatever": LABELS},
        {"whatever": LABELS.astype(float), "fraction": LABELS / 7, "note": "text"},
        {"labels": LABELS, "k": np.int32(5), "other": LABELS + 1},
        {"segs": np.array([[LABELS, None]], object)[:, :1], "k": 3},
    ],
)
def test_mat_variables(tmp_path: Path, variables: dict[str, Any]) -> None:
    savemat(tmp_path / "a.mat", variables)
    np.testing.assert_array_equal(read_labels(tmp_path / "a.mat"), LABELS)


@pytest.mark.parametrize("variables", [{}, {"a": LABELS, "b": LABELS}, {"a": LABELS / 7}])
def test_mat_without_a_clear_choice(tmp_path: Path, variables: dict[str, Any]) -> None:
    savemat(tmp_path / "a.mat", variables)
    with pytest.raises(UsageError, match="call the label map 'labels'"):
        read_labels(tmp_path / "a.mat")


BROKEN = {
    "a.npy": [b"", b"\x93NUMPY nonsense", b"PK\x03\x04 nonsense"],
    "a.png": [b"", b"nonsense"],
    "a.csv": [b"", b"\n\n", b"1,2\n3\n", b"1,x\n", b"1.5,2\n", b"\xff\xfe\x00"],
    "a.mat": [b"", b"nonsense", b"MATLAB 5.0 MAT-file" + bytes(200)],
}


@pytest.mark.parametrize(
    ("name", "content"), [(name, content) for name in BROKEN for content in BROKEN[name]]
)
def test_broken_label_maps(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=name) as caught:
        read_labels(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_no_label_map(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", RGB)
    np.save(tmp_path / "b.npy", LABELS / 7)
    np.save(tmp_path / "c.npy", np.full((2, 2), np.nan))
    _saved(tmp_path / "d.png", RGB)
    for name in ("a.npy", "b.npy", "c.npy", "d.png", "missing.npy", "e.jpg"):
        with pytest.raises(UsageError, match=name):
            read_labels(tmp_path / name)


def test_labels_that_do_not_fit_or_have_no_place(tmp_path: Path) -> None:
    for labels in (LABELS + 65535, LABELS - 1):
        with pytest.raises(UsageError, match=r"write a\.npy"):
            write_labels(tmp_path / "a.png", labels)
    assert not (tmp_path / "a.png").exists()
    with pytest.raises(UsageError, match=r"a\.jpg"):
        write_labels(tmp_path / "a.jpg", LABELS)
    with pytest.raises(UsageError, match="cannot write"):
        write_labels(tmp_path / "missing" / "a.csv", LABELS)
