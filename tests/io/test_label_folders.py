"""Folders of label maps as public tools leave them: what is scored, at which count, or the mend."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
import pytest
import tifffile
from scipy.io import savemat

from ssnbench import plugins, report
from ssnbench.cli import main
from ssnbench.contracts import UsageError
from ssnbench.io.label_counts import UNKNOWN_COUNT, LabelFile
from ssnbench.io.label_folders import find_label_files
from ssnbench.io.label_maps import read_labels
from ssnbench.io.notes import DataNote

H, W = 40, 60
IMAGES = ("im0", "im1")


def squares(step: int, height: int = H, width: int = W) -> Any:
    row, column = np.indices((height, width))
    return (row // step * -(-width // step) + column // step).astype(np.int32)


STEPS = {6: 20, 24: 10}  # superpixels: edge of a square
PHOTO = np.random.default_rng(0).integers(0, 256, (H, W, 3), dtype=np.uint8)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for image in IMAGES:
        PIL.Image.fromarray(PHOTO).save(folder / f"{image}.png")
    return folder


def put(path: Path, labels: Any) -> None:
    """Write a file of labels, or a picture of three channels, as its ending says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, labels)
    elif path.suffix == ".csv":
        np.savetxt(path, labels, fmt="%d", delimiter=",")
    elif path.suffix == ".mat":
        savemat(path, {"labels": labels.astype(float), "numlabels": int(labels.max()) + 1})
    elif path.suffix == ".pgm":
        size = f"P5\n{labels.shape[1]} {labels.shape[0]}\n65535\n".encode()
        path.write_bytes(size + labels.astype(">u2").tobytes())
    elif labels.ndim == 3:
        PIL.Image.fromarray(labels).save(path)
    else:
        cv2.imwrite(str(path), labels.astype(np.uint16))


def found(folder: Path, photos: Path, **more: Any) -> list[LabelFile]:
    dataset = plugins.load("datasets", "folder")(path=str(photos), **more)
    return find_label_files(folder, dataset, "folder")


def quietly(folder: Path, photos: Path) -> list[LabelFile]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataNote)
        return found(folder, photos)


# ------------------------------------------------------------------ one layout per public tool


def spixel_fcn(home: Path, image: str, n: int, labels: Any) -> None:
    put(home / f"SPixelNet_nSpixel_{n}" / "map_csv" / f"{image}.csv", labels)
    put(home / f"SPixelNet_nSpixel_{n}" / "spixel_viz" / f"{image}_sPixel.png", PHOTO)


def authors_ssn(home: Path, image: str, n: int, labels: Any) -> None:
    put(home / str(n) / f"{image}.npy", labels)
    PIL.Image.fromarray(PHOTO).save(home / str(n) / f"{image}_bdry.jpg")


def ssn_port(home: Path, image: str, n: int, labels: Any) -> None:
    put(home / f"ssn_{n}" / f"{image}_labels.npy", labels)
    put(home / f"ssn_{n}" / f"{image}_overlay.png", PHOTO)


def seal(home: Path, image: str, n: int, labels: Any) -> None:
    put(home / f"SEAL_ERS_nC{n}" / "label" / f"{image}.mat", labels)
    put(home / f"SEAL_ERS_nC{n}" / "boundary" / f"{image}.png", PHOTO)


def stutz_benchmark(home: Path, image: str, n: int, labels: Any) -> None:
    put(home / f"slic_{n}" / f"slic_{image}.csv", labels)
    put(home / f"slic_{n}" / f"slic_{image}_contours.png", PHOTO)
    (home / f"slic_{n}" / "results.txt").write_text("ue 0.1\n")


def gslicr(home: Path, image: str, n: int, labels: Any) -> None:
    put(home / f"k{n}" / f"seg_{image}.pgm", labels)


def sicle(home: Path, image: str, n: int, labels: Any) -> None:
    put(home / f"{image}_{n}.pgm", labels + 1)


def opencv_demo(home: Path, image: str, n: int, labels: Any) -> None:
    put(home / f"{image}-{n}-labels.png", labels)
    put(home / f"{image}-{n}-contours.png", PHOTO)


def matlab_export(home: Path, image: str, n: int, labels: Any) -> None:
    put(home / f"{n}" / f"{image}_slic.mat", labels)


def scikit_image(home: Path, image: str, n: int, labels: Any) -> None:
    put(home / image / f"slic_n{n}.npy", labels)


def slic_program(home: Path, image: str, n: int, labels: Any) -> None:
    (home / str(n)).mkdir(parents=True, exist_ok=True)
    (home / str(n) / f"{image}.dat").write_bytes(labels.astype("<i4").tobytes())
    PIL.Image.fromarray(PHOTO).save(home / str(n) / f"{image}_SLIC.jpg")


def morpholibj(home: Path, image: str, n: int, labels: Any) -> None:
    path = home / f"{n}" / f"{image}-watershed.tif"
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, (labels + 1).astype(np.float32), imagej=True)  # 32 bits, big-endian


def etps(home: Path, image: str, n: int, labels: Any) -> None:
    put(home / f"seg_{n}" / f"{image}.png", labels)
    put(home / f"boundary_{n}" / f"{image}.png", PHOTO)


def graph_based(home: Path, image: str, n: int, labels: Any) -> None:
    """Each component in a colour of its own, as Felzenszwalb's program and its ports draw them."""
    colours = np.random.default_rng(7).permutation(256**3)[labels]
    pixels = np.dstack([colours % 256, colours // 256 % 256, colours // 65536]).astype(np.uint8)
    path = home / f"k{n}" / f"{image}.ppm"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(f"P6\n{W} {H}\n255\n".encode() + pixels.tobytes())


def numbers_of_two_kinds(home: Path, image: str, n: int, labels: Any) -> None:
    put(home / f"slic_m10_n{n}_it5" / f"{image}.npy", labels)


TOOLS: dict[str, Callable[[Path, str, int, Any], None]] = {
    "SpixelFCN": spixel_fcn,
    "the authors' SSN": authors_ssn,
    "SSN in PyTorch": ssn_port,
    "SEAL": seal,
    "the benchmark of Stutz et al.": stutz_benchmark,
    "gSLICr": gslicr,
    "SICLE and DISF": sicle,
    "OpenCV's demo": opencv_demo,
    "MATLAB": matlab_export,
    "scikit-image": scikit_image,
    "the SLIC program of its authors": slic_program,
    "MorpholibJ": morpholibj,
    "ETPS": etps,
    "Felzenszwalb and Huttenlocher": graph_based,
    "a sweep": numbers_of_two_kinds,
}


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("counts", [(6, 24), (24,)])
def test_trees_of_public_tools(
    tmp_path: Path, photos: Path, tool: str, counts: tuple[int, ...]
) -> None:
    home = tmp_path / "output"
    for n in counts:
        for image in IMAGES:
            TOOLS[tool](home, image, n, squares(STEPS[n]))
    files = quietly(home, photos)
    assert [(file.n_asked, file.image) for file in files] == [
        (n, image) for n in counts for image in IMAGES
    ]
    for file in files:
        assert np.unique(file.read((H, W))).size == file.n_asked


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw no report: that takes seconds, and the terminal tells what is tested here."""
    monkeypatch.setattr(report, "draw", lambda folder, **_: folder / "index.html")


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("tool", TOOLS)
def test_a_tools_tree_is_scored_in_one_command(
    tmp_path: Path, photos: Path, tool: str, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "output"
    for n, step in STEPS.items():
        TOOLS[tool](home, "im0", n, squares(step))
    arguments = f"evaluate {home} --dataset folder(path={photos}) --jobs 1 --out {tmp_path / 'out'}"
    code = main(arguments.split())
    out, err = capsys.readouterr()
    assert code == 0, err
    assert "24.0" in out
    (missing, *_) = [line for line in err.splitlines() if "for 1 of 2 images" in line]
    assert missing.startswith("note: ")
    assert "at 6 superpixels" in missing
    assert "none for im1" in missing


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("im0.jpg", "not im0.jpg: such compression changes the labels"),
        ("200/im0.pkl", "not im0.pkl: it holds Python code"),
        ("im0.csv.gz", "not im0.csv.gz: unpack it first"),
        ("im0.xyz", "not im0.xyz"),
    ],
)
def test_files_of_another_kind_are_refused_with_the_reason(
    tmp_path: Path, photos: Path, name: str, why: str
) -> None:
    (tmp_path / "maps" / name).parent.mkdir(parents=True)
    (tmp_path / "maps" / name).write_bytes(b"x")
    with pytest.raises(UsageError) as told:
        quietly(tmp_path / "maps", photos)
    first, *tree = str(told.value).splitlines()
    assert why in first
    assert "expected" in tree[0]
    assert "found in" in tree[0]


def test_bare_numbers_of_another_size(tmp_path: Path) -> None:
    (tmp_path / "a.dat").write_bytes(squares(10).tobytes()[:-4])
    with pytest.raises(UsageError, match=r"9596 bytes; 40 x 60 labels of 32 bits take 9600"):
        read_labels(tmp_path / "a.dat", (H, W))
    with pytest.raises(UsageError, match=r"say the size of its image, shape=\(H, W\)"):
        read_labels(tmp_path / "a.dat")


def test_labels_in_one_line_are_refused_with_the_mend(tmp_path: Path, photos: Path) -> None:
    put(tmp_path / "maps" / "im0.csv", squares(10).reshape(-1, 1))
    with pytest.raises(UsageError, match="stand in one line, reshape them to 40 x 60"):
        quietly(tmp_path / "maps", photos)


# ------------------------------------------------------------------ names


@pytest.mark.parametrize(
    "name",
    [
        "im0.npy",
        "im0.NPY",
        "sub/deep/im0.npy",
        "im0_leftImg8bit.npy",
        "slic-im0.npy",
        "x.im0.y.npy",
    ],
)
def test_names_of_images(tmp_path: Path, photos: Path, name: str) -> None:
    path = tmp_path / "maps" / name
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        np.save(file, squares(10))
    assert quietly(tmp_path / "maps", photos) == [LabelFile(UNKNOWN_COUNT, "im0", path)]


def test_a_name_is_not_part_of_a_word(tmp_path: Path, photos: Path) -> None:
    put(tmp_path / "maps" / "im01.npy", squares(10))
    with pytest.raises(UsageError, match="is named after an image"):
        found(tmp_path / "maps", photos)


def test_where_two_names_fit_the_pattern_of_the_most_images_counts(
    tmp_path: Path, photos: Path
) -> None:
    for key in ("1", "2", "24"):
        PIL.Image.fromarray(PHOTO).save(photos / f"{key}.png")
    for key in ("1", "2", "24"):
        put(tmp_path / "maps" / f"slic_{key}_24.npy", squares(10))
    files = quietly(tmp_path / "maps", photos)
    assert [(file.n_asked, file.image) for file in files] == [(24, "1"), (24, "2"), (24, "24")]


def test_system_files_are_no_label_maps(tmp_path: Path, photos: Path) -> None:
    put(tmp_path / "maps" / "im0.npy", squares(10))
    put(tmp_path / "maps" / "im1.npy", squares(10))
    (tmp_path / "maps" / "._im0.npy").write_bytes(b"Mac OS X")
    (tmp_path / "maps" / "Thumbs.db").write_bytes(b"x")
    (tmp_path / "maps" / "__MACOSX").mkdir()
    (tmp_path / "maps" / "__MACOSX" / "im0.npy").write_bytes(b"x")
    assert len(found(tmp_path / "maps", photos)) == 2


# ------------------------------------------------------------------ what is ambiguous


def test_a_picture_is_never_taken_for_the_map_beside_it(tmp_path: Path, photos: Path) -> None:
    for image in IMAGES:
        put(tmp_path / "maps" / f"{image}.mat", squares(10))
        put(tmp_path / "maps" / f"{image}.png", PHOTO)
    with pytest.warns(DataNote, match=r"the \.mat are taken, \.png of the same names are not"):
        files = found(tmp_path / "maps", photos)
    assert {file.path.suffix for file in files} == {".mat"}


def test_two_files_of_one_name_in_other_letters(tmp_path: Path, photos: Path) -> None:
    put(tmp_path / "maps" / "im0.png", squares(10))
    (tmp_path / "maps" / "im0.PNG").write_bytes((tmp_path / "maps" / "im0.png").read_bytes())
    with pytest.raises(UsageError, match="rename one"):
        found(tmp_path / "maps", photos)


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (("slic_24", "snic_24"), "several sets of label maps: slic_{n}/{image}"),
        (("run1", "run2"), "no one number among their names is near the count"),
        (("r1_x900", "r2_x800"), "no one number"),
        (("m1_n24", "m2_n24", "m1_n20"), "several sets of label maps"),
    ],
)
def test_maps_of_several_methods_are_refused(
    tmp_path: Path, photos: Path, names: tuple[str, ...], why: str
) -> None:
    for name in names:
        put(tmp_path / "maps" / name / "im0.npy", squares(10))
    with pytest.raises(UsageError) as caught:
        found(tmp_path / "maps", photos)
    first, *tree = str(caught.value).splitlines()
    assert why in first
    assert any("expected" in line and "found in" in line for line in tree)
    assert any(names[0] in line for line in tree)


def test_several_maps_in_a_cell_are_several_counts(tmp_path: Path, photos: Path) -> None:
    for image in IMAGES:
        cell = np.empty((1, 2), object)
        cell[0, :] = [squares(20) + 1, squares(10) + 1]
        (tmp_path / "maps").mkdir(exist_ok=True)
        savemat(tmp_path / "maps" / f"{image}.mat", {"segs": cell})
    files = found(tmp_path / "maps", photos)
    assert [(file.n_asked, file.image, file.member) for file in files] == [
        (6, "im0", 0),
        (6, "im1", 0),
        (24, "im0", 1),
        (24, "im1", 1),
    ]
    assert all(np.unique(file.read()).size == file.n_asked for file in files)


# ------------------------------------------------------------------ splits and sizes


def split_photos(tmp_path: Path) -> Path:
    for split, image in (("train", "im5"), ("val", "im7")):
        (tmp_path / "parts" / split).mkdir(parents=True)
        PIL.Image.fromarray(PHOTO).save(tmp_path / "parts" / split / f"{image}.png")
    return tmp_path / "parts"


def test_maps_of_another_split_name_it(tmp_path: Path) -> None:
    parts = split_photos(tmp_path)
    put(tmp_path / "maps" / "im7.npy", squares(10))
    with pytest.raises(UsageError, match="of another split: --split") as caught:
        found(tmp_path / "maps", parts, split="train")
    assert "val" in str(caught.value)
    put(tmp_path / "maps" / "im5.npy", squares(10))
    with pytest.warns(DataNote, match=r"not scored: 1 files of split .*val.*im7\.npy"):
        files = found(tmp_path / "maps", parts, split="train")
    assert [file.image for file in files] == ["im5"]


def test_a_folder_called_like_another_split_is_left_out(tmp_path: Path) -> None:
    parts = split_photos(tmp_path)
    PIL.Image.fromarray(PHOTO).save(parts / "val" / "im5.png")
    put(tmp_path / "maps" / "train" / "im5.npy", squares(10))
    put(tmp_path / "maps" / "val" / "im5.npy", squares(20))
    (file,) = found(tmp_path / "maps", parts, split="train")
    assert file.path.parent.name == "train"


def test_maps_of_another_size_are_refused_with_the_mend(tmp_path: Path, photos: Path) -> None:
    for shape, why in (((W, H), "rows and columns are exchanged"), ((H, H), "has the size of")):
        for image in IMAGES:
            put(tmp_path / "maps" / f"{image}.npy", np.zeros(shape, int))
        with pytest.raises(UsageError, match=why):
            found(tmp_path / "maps", photos)


def test_one_map_of_another_size_is_its_jobs_affair(tmp_path: Path, photos: Path) -> None:
    put(tmp_path / "maps" / "im0.npy", squares(10))
    put(tmp_path / "maps" / "im1.npy", np.zeros((3, 3), int))
    assert len(found(tmp_path / "maps", photos)) == 2


def cityscapes(root: Path) -> Any:
    for kind, ending in (("leftImg8bit", "leftImg8bit"), ("gtFine", "gtFine_labelIds")):
        folder = root / kind / "val" / "bonn"
        folder.mkdir(parents=True)
        pixels = PHOTO if kind == "leftImg8bit" else np.full((H, W), 7, np.uint8)
        PIL.Image.fromarray(pixels).save(folder / f"bonn_000000_000019_{ending}.png")
    return plugins.load("datasets", "cityscapes")(root=root)


@pytest.mark.parametrize("below", ["", "val/bonn", "slic_24/bonn"])
def test_cityscapes_maps_by_the_images_file_name(tmp_path: Path, below: str) -> None:
    dataset = cityscapes(tmp_path / "data")
    name = "bonn_000000_000019_leftImg8bit.npy"
    put(tmp_path / "maps" / below / name, squares(5, H // 2, W // 2))
    (file,) = find_label_files(tmp_path / "maps", dataset, "cityscapes")
    assert file.image == "bonn_000000_000019"
    assert file.n_asked == (24 if "24" in below else UNKNOWN_COUNT)


def test_cityscapes_maps_at_full_size_name_the_mend(tmp_path: Path) -> None:
    dataset = cityscapes(tmp_path / "data")
    put(tmp_path / "maps" / "bonn_000000_000019.npy", squares(10))
    with pytest.raises(UsageError, match=r"cityscapes\(full=true\)"):
        find_label_files(tmp_path / "maps", dataset, "cityscapes")


def test_what_is_not_scored_is_said(tmp_path: Path, photos: Path) -> None:
    for image in (*IMAGES, "stranger"):
        put(tmp_path / "maps" / f"{image}.npy", squares(10))
        put(tmp_path / "maps" / f"{image}_viz.png", PHOTO)
    with pytest.warns(DataNote, match="not scored") as said:
        found(tmp_path / "maps", photos)
    (text,) = [str(each.message) for each in said]
    assert "{image}_viz (2 files)" in text
    assert "of no image (such as stranger.npy)" in text


def test_files_of_other_kinds_beside_label_maps_are_said(tmp_path: Path, photos: Path) -> None:
    for image in IMAGES:
        put(tmp_path / "maps" / f"{image}.npy", squares(10))
        PIL.Image.fromarray(PHOTO).save(tmp_path / "maps" / f"{image}_boundary.jpg")
    for name in ("run.log", "Thumbs.db", "args.json", "._a.npy", "README.md"):
        (tmp_path / "maps" / name).write_text("x")
    assert len(found(tmp_path / "maps", photos)) == len(IMAGES)
    for name in ("all.zip", "a.pt", "im0.jpg"):
        (tmp_path / "maps" / name).write_text("x")
    with pytest.warns(
        DataNote, match=r"not scored: .* kind that is read: 1 \.jpg, 1 \.pt, 1 \.zip"
    ):
        found(tmp_path / "maps", photos)
