"""Folders of one's own images as they come: which are images, which are truths, what is said."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import tifffile
from scipy.io import savemat

from ssnbench import plugins
from ssnbench.cli import main
from ssnbench.contracts import UsageError
from ssnbench.io.notes import DataNote

H, W = 12, 16
TRUTH = (np.indices((H, W))[1] // 4).astype(np.uint8)
PHOTO = np.random.default_rng(0).integers(0, 256, (H, W, 3), dtype=np.uint8)


def folder(path: Path, **more: Any) -> Any:
    return plugins.load("datasets", "folder")(path=str(path), **more)


def photo(path: Path, pixels: Any = PHOTO, **how: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(pixels).save(path, **how)


def put(path: Path, labels: Any = TRUTH) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, labels)
    elif path.suffix == ".csv":
        np.savetxt(path, labels, fmt="%d", delimiter=",")
    elif path.suffix == ".mat":
        savemat(path, {"labels": labels})
    elif path.suffix.lower().startswith(".tif"):
        tifffile.imwrite(path, labels.astype(np.uint16))
    else:
        PIL.Image.fromarray(labels).save(path)


def notes(dataset: Any) -> str:
    """All that listing the images says."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        dataset.keys()
    assert all(issubclass(each.category, DataNote) for each in said)
    assert len(said) <= 1  # one line
    return "".join(str(each.message) for each in said)


# ------------------------------------------------------------------ images


def test_pictures_of_every_ending_that_is_read(tmp_path: Path) -> None:
    names = ("a.gif", "b.jp2", "c.JPEG", "d.WebP", "e.ppm", "f.PGM", "g.tga", "h.TIF", "i.bmp")
    for name in names:
        photo(tmp_path / name)
    made = folder(tmp_path)
    assert made.keys() == [name[0] for name in names]
    for key in made.keys():  # noqa: SIM118 - a dataset is no dict
        assert made[key].image.shape == (H, W, 3)


def test_system_files_are_no_images(tmp_path: Path) -> None:
    photo(tmp_path / "a.png")
    for name in ("._a.png", ".hidden.png", "Thumbs.db", "desktop.ini", ".DS_Store", "~$a.png"):
        (tmp_path / name).write_bytes(b"\0\5\x16\7")
    (tmp_path / "labels").mkdir()
    put(tmp_path / "labels" / "a.png")
    (tmp_path / "labels" / "._a.png").write_bytes(b"\0\5\x16\7")
    made = folder(tmp_path)
    assert made.keys() == ["a"]
    assert len(made["a"].truths) == 1


@pytest.mark.parametrize("name", ["im.heic", "im.CR2", "im.mp4"])
def test_what_is_not_read_is_said(tmp_path: Path, name: str) -> None:
    photo(tmp_path / "a.png")
    (tmp_path / name).write_bytes(b"x")
    (tmp_path / "README.md").write_text("ours")
    assert f"1 {Path(name).suffix.lower()}" in notes(folder(tmp_path))


def test_a_file_that_is_added_or_removed_counts_at_once(tmp_path: Path) -> None:
    photo(tmp_path / "a.png")
    made = folder(tmp_path)
    assert made["a"].truths == ()
    put(tmp_path / "labels" / "a.png")
    assert len(made["a"].truths) == 1
    photo(tmp_path / "b.png")
    assert notes(made).endswith("1 of 2 images have no truth (b.png)")
    (tmp_path / "b.png").unlink()
    assert made.keys() == ["a"]


@pytest.mark.parametrize("name", ["Berlin, 2024", "it's", "ä ö (1)", "~", "a'b\"c"])
def test_folders_of_any_name(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photo(tmp_path / name / "a.png")
    put(tmp_path / name / "labels" / "a.png")
    monkeypatch.chdir(tmp_path)
    given = f"folder(path={str(tmp_path / name)!r})"
    arguments = f"run --algos grid --segments 4 --no-times --jobs 1 --out {tmp_path / 'out'}"
    code = main([*arguments.split(), "--dataset", given])
    assert code == 0, capsys.readouterr().err


# ------------------------------------------------------------------ truths by name and place


@pytest.mark.parametrize(
    "name",
    [
        *("labels/a.png", "labels/a.PNG", "labels/a.tif", "labels/a.TIFF", "labels/a.npy"),
        *("labels/a_masks.png", "labels/a_label.csv", "labels/a-gt.png", "labels/a.seg.mat"),
        *("labels/a-0.csv", "labels/gt_a.npy", "labels/one/a.png", "labels/a_gtFine_labelIds.png"),
        *("masks/a.png", "GT/a.png", "groundTruth/a.mat", "SegmentationClass/a.png"),
        *("a.npy", "a.mat", "a_mask.png", "a_labels.tif", "a-segmentation.csv"),
    ],
)
def test_truths_where_other_tools_keep_them(tmp_path: Path, name: str) -> None:
    photo(tmp_path / "a.jpg")
    put(tmp_path / name)
    made = folder(tmp_path)
    assert made.keys() == ["a"]
    assert notes(made) == ""
    (truth,) = made["a"].truths
    np.testing.assert_array_equal(truth, TRUTH)


@pytest.mark.parametrize("names", [("a-0.csv", "a-1.csv", "a-10.csv"), ("A/a.png", "B/a.png")])
def test_truths_of_several_annotators_in_order(tmp_path: Path, names: tuple[str, ...]) -> None:
    photo(tmp_path / "a.png")
    for n, name in enumerate(names, 1):
        put(tmp_path / "labels" / name, (n <= TRUTH).astype(np.uint8))
    truths = folder(tmp_path)["a"].truths
    assert [int((truth == 0).sum()) for truth in truths] == [
        H * 4 * n for n in range(1, len(names) + 1)
    ]


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint32, np.float64, np.bool_])
def test_truths_as_in_bsds_of_any_class(tmp_path: Path, kind: Any) -> None:
    photo(tmp_path / "a.png")
    cells = np.empty((1, 2), object)
    for n in (0, 1):
        segmentation = (n < TRUTH).astype(kind)
        cells[0, n] = {"Segmentation": segmentation, "Boundaries": TRUTH > 2}
    (tmp_path / "groundTruth").mkdir()
    savemat(tmp_path / "groundTruth" / "a.mat", {"groundTruth": cells})
    truths = folder(tmp_path)["a"].truths
    assert [int(truth.sum()) for truth in truths] == [H * 12, H * 8]


def test_a_picture_is_not_the_truth_beside_it(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    put(tmp_path / "labels" / "a.npy")
    photo(tmp_path / "labels" / "a.png")
    photo(tmp_path / "labels" / "a_color.png")
    made = folder(tmp_path)
    text = notes(made)
    (truth,) = made["a"].truths
    np.testing.assert_array_equal(truth, TRUTH)
    assert "the .npy are taken, .png of the same names are not" in text
    assert "a_color.png" in text


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (("a_one.npy", "a_two.npy"), "may both be truths"),
        (("a.png", "a.PNG"), "rename one"),
        (("x_a.csv", "a_y.npy"), "may both be truths"),
    ],
)
def test_two_truths_of_one_image_are_refused(
    tmp_path: Path, names: tuple[str, ...], why: str
) -> None:
    photo(tmp_path / "a.jpg")
    for name in names:
        put(tmp_path / "labels" / name)
    with pytest.raises(UsageError, match=why):
        folder(tmp_path).keys()


@pytest.mark.parametrize(
    ("images", "truths"),
    [("image_{}", "mask_{}"), ("{}_img", "{}-lbl"), ("sat.{}.rgb", "sat_{}_classes")],
)
def test_words_that_all_images_share_may_be_others(
    tmp_path: Path, images: str, truths: str
) -> None:
    for number in ("001", "002", "010"):
        photo(tmp_path / f"{images.format(number)}.jpg")
        put(tmp_path / "labels" / f"{truths.format(number)}.png")
    made = folder(tmp_path)
    assert notes(made) == ""
    assert [len(made[key].truths) for key in made.keys()] == [1, 1, 1]  # noqa: SIM118


def test_truths_that_fit_no_image_are_said(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    put(tmp_path / "labels" / "somebody.png")
    text = notes(folder(tmp_path))
    assert "holds 1 files of which none belongs to an image, such as somebody.png" in text
    put(tmp_path / "labels" / "a.png")
    assert "1 files in" in notes(folder(tmp_path))


def test_a_second_folder_of_truths_is_said_and_can_be_chosen(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    put(tmp_path / "labels" / "a.png")
    put(tmp_path / "masks" / "a.png", (TRUTH > 0).astype(np.uint8))
    assert "masks is not used: labels=masks takes it" in notes(folder(tmp_path))
    assert folder(tmp_path, labels="masks")["a"].truths[0].max() == 1
    with pytest.raises(UsageError, match="no folder of truths at"):
        folder(tmp_path, labels="gone").keys()


def test_truths_as_colours(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    palette = np.array([[0, 0, 0], [128, 0, 0], [0, 128, 0], [9, 9, 200]], np.uint8)
    photo(tmp_path / "labels" / "a.png", palette[TRUTH])
    (truth,) = folder(tmp_path)["a"].truths
    assert len({(int(t), int(m)) for t, m in zip(truth.flat, TRUTH.flat, strict=True)}) == 4
    photo(tmp_path / "labels" / "a.png")
    with pytest.raises(UsageError, match="colour picture"):
        folder(tmp_path)["a"]
    assert folder(tmp_path, colours=True)["a"].truths


def test_a_void_label_gets_a_hint(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    void = TRUTH.copy()
    void[0] = 255
    put(tmp_path / "labels" / "a.png", void)
    with pytest.warns(DataNote, match=r"folder\(ignore=255\)"):
        folder(tmp_path)["a"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (truth,) = folder(tmp_path, ignore=255)["a"].truths
        assert (truth[0] == -1).all()
        put(tmp_path / "labels" / "a.png", ((TRUTH > 1) * 255).astype(np.uint8))  # black and white
        assert folder(tmp_path)["a"].truths[0].max() == 1


# ------------------------------------------------------------------ what is passed over


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["more/b.png", "more/deep/c.png"], "not looked into: more (1 files, such as b.png), more"),
        (["truth_maps/a.png"], "not looked into: truth_maps (1 files, such as a.png)"),
        (["old/a.npy", "old/README.md"], "not looked into: old (1 files, such as a.npy)"),
        (
            ["labels/a.npy", "a_mask.png"],
            "1 label maps beside the images are not used (a_mask.png)",
        ),
        (["labels/a.npy", "a.csv"], "1 label maps beside the images are not used (a.csv)"),
        (["labels/a.npy", "b_mask.npy"], "b_mask.npy is neither an image nor the truth of one"),
        (["labels/"], "no image has a truth, though there is a folder of truths"),
        (["labels/", "gt/Thumbs.db"], "no image has a truth, though there is a folder of truths"),
    ],
)
def test_what_lies_elsewhere_is_said(tmp_path: Path, files: list[str], said: str) -> None:
    photo(tmp_path / "a.jpg")
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            (tmp_path / name).mkdir()
        elif name.endswith((".md", ".db")):
            (tmp_path / name).write_text("x")
        else:
            put(tmp_path / name)
    assert said in notes(folder(tmp_path))


@pytest.mark.parametrize("name", ["empty/", "labels/deep/", "notes/README.md", ".git/a.png"])
def test_what_is_nobodys_data_is_not_said(tmp_path: Path, name: str) -> None:
    photo(tmp_path / "a.jpg")
    put(tmp_path / "labels" / "a.png")
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    if name.endswith("/"):
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_text("x")
    assert notes(folder(tmp_path)) == ""


def test_images_that_lie_deeper_are_named(tmp_path: Path) -> None:
    for name in ("2019/a.png", "2020/b.png"):
        photo(tmp_path / name)
    with pytest.raises(UsageError, match=r"no image in .* itself, but in .*2019, .*2020: name one"):
        folder(tmp_path).keys()


def test_an_image_and_its_truth_of_one_name_are_told_apart_by_the_user(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    put(tmp_path / "a.png")
    with pytest.raises(UsageError, match=r"put it into labels or call it a_mask\.png"):
        folder(tmp_path).keys()
    (tmp_path / "a.png").rename(tmp_path / "a_mask.png")
    assert len(folder(tmp_path)["a"].truths) == 1


# ------------------------------------------------------------------ splits


LAYOUTS = {
    "parts": ("{split}/{key}.png", "{split}/labels/{key}.png"),
    "parts with images": ("{split}/images/{key}.png", "{split}/masks/{key}.png"),
    "images and labels": ("images/{split}/{key}.png", "labels/{split}/{key}.png"),
    "other words": ("images/{split}ing/{key}.png", "annotations/{split}ing/{key}.png"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_splits_are_subfolders(tmp_path: Path, layout: str) -> None:
    images, truths = LAYOUTS[layout]
    for split, key in (("train", "a"), ("train", "b"), ("test", "c")):
        photo(tmp_path / images.format(split=split, key=key))
        put(tmp_path / truths.format(split=split, key=key))
    for split, keys in (("train", ["a", "b"]), ("test", ["c"]), ("all", ["a", "b", "c"])):
        made = folder(tmp_path, split=split)
        assert made.keys() == keys
        assert all(len(made[key].truths) == 1 for key in keys)
    with pytest.raises(UsageError, match="no split 'val': it has train, test"):
        folder(tmp_path, split="val").keys()


def test_images_and_labels_side_by_side(tmp_path: Path) -> None:
    photo(tmp_path / "images" / "a.png")
    put(tmp_path / "labels" / "a.png")
    for path in (tmp_path, tmp_path / "images"):
        assert len(folder(path)["a"].truths) == 1


def test_without_splits_some_images_are_held_out(tmp_path: Path) -> None:
    for key in "abcdefg":
        photo(tmp_path / f"{key}.png")
    train, val = (folder(tmp_path, split=split) for split in ("train", "val"))
    assert "every 5th image is held out" in notes(train)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert val.keys() == ["a", "f"]
        assert train.keys() == ["b", "c", "d", "e", "g"]
        assert folder(tmp_path, split="test").keys() == list("abcdefg")


def test_one_split_is_used_for_all(tmp_path: Path) -> None:
    for key in "ab":
        photo(tmp_path / "val" / f"{key}.png")
    assert folder(tmp_path).keys() == ["a", "b"]
    with pytest.warns(DataNote, match="no subfolder train"):
        assert folder(tmp_path, split="train").keys() == ["b"]


# ------------------------------------------------------------------ EXIF and deep pictures


def turned(pixels: Any, orientation: int) -> Any:
    """Pixels as a camera stores them that was held so."""
    return {3: np.rot90(pixels, 2), 6: np.rot90(pixels, 1), 8: np.rot90(pixels, -1)}[orientation]


@pytest.mark.parametrize("orientation", [3, 6, 8])
@pytest.mark.parametrize("with_truth", [True, False])
def test_images_are_turned_upright(tmp_path: Path, orientation: int, with_truth: bool) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    photo(tmp_path / "a.png", np.ascontiguousarray(turned(PHOTO, orientation)), exif=exif)
    if with_truth:
        put(tmp_path / "labels" / "a.png")
    with pytest.warns(DataNote, match="turned upright"):
        sample = folder(tmp_path)["a"]
    np.testing.assert_array_equal(sample.image, PHOTO)


def test_an_image_stays_as_its_truth_was_drawn(tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    photo(tmp_path / "a.png", PHOTO, exif=exif)
    put(tmp_path / "labels" / "a.png")
    with pytest.warns(DataNote, match="left as stored"):
        sample = folder(tmp_path)["a"]
    np.testing.assert_array_equal(sample.image, PHOTO)


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_deep_pictures_by_their_maximum(tmp_path: Path, bits: int) -> None:
    grey = PHOTO[:, :, 0].astype(np.uint16)
    grey[0, 0] = 255
    deep = (grey.astype(float) / 255 * (2**bits - 1)).round().astype(np.uint16)
    photo(tmp_path / "a.png", deep)
    with pytest.warns(DataNote, match=f"{bits} bits deep"):
        sample = folder(tmp_path)["a"]
    assert np.abs(sample.image[:, :, 0].astype(int) - grey).max() <= 1


@pytest.mark.parametrize("n_workers", ["1", "2"])
def test_a_run_says_each_note_once_and_in_plain_words(
    tmp_path: Path, n_workers: str, capfd: pytest.CaptureFixture[str]
) -> None:
    void = TRUTH.copy()
    void[0] = 255
    for key in "abc":
        photo(tmp_path / "photos" / f"{key}.png")
        put(tmp_path / "photos" / "labels" / f"{key}.png", void)
    (tmp_path / "photos" / "d.heic").write_bytes(b"x")
    arguments = f"run --algos grid --segments 4,8 --no-times --jobs {n_workers}"
    given = ["--dataset", f"folder(path={tmp_path / 'photos'})", "--out", str(tmp_path / "out")]
    assert main([*arguments.split(), *given]) == 0
    said = [line for line in capfd.readouterr().err.splitlines() if "arn" in line or "note" in line]
    assert sum("label 255" in line for line in said) == 1
    assert sum("1 .heic" in line for line in said) == 1
    assert all(line.startswith("note: ") for line in said)
