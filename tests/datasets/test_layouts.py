"""Datasets on disk: small files in the exact layout, naming and encoding of the official ones."""

from __future__ import annotations

import pickle
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from numpy.typing import NDArray

from ssnbench import plugins
from ssnbench.contracts import Dataset, UsageError
from ssnbench.flow import write_flow
from ssnbench.io.notes import DataNote
from ssnbench.plugins.dataset_ref import dataset_ref
from ssnbench.run.plan import protocol_on

HEIGHT, WIDTH = 12, 16


def dataset(name: str, root: Path | None, **more: Any) -> Any:
    return plugins.load("datasets", name)(root=root, **more)


def picture(path: Path, pixels: NDArray[Any] | None = None, palette: bool = False) -> Path:
    """Write a picture; random colours by default."""
    if pixels is None:
        seed = sum(path.name.encode())
        shape = (HEIGHT, WIDTH, 3)
        pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    image = PIL.Image.fromarray(pixels)
    if palette:
        image.putpalette([value for i in range(256) for value in (i, 255 - i, i // 2)])
    image.save(path)
    return path


def halves(left: int, right: int, band: int | None = None) -> NDArray[np.uint8]:
    labels = np.full((HEIGHT, WIDTH), left, np.uint8)
    labels[:, WIDTH // 2 :] = right
    if band is not None:
        labels[:, WIDTH // 2] = band
    return labels


def flow_file(path: Path, u: float = 1.0) -> Path:
    flow = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    flow[..., 0] = u
    path.parent.mkdir(parents=True, exist_ok=True)
    write_flow(path, flow)
    return path


def make_voc(root: Path) -> None:
    home = root / "VOCdevkit" / "VOC2012"
    for name in ("2007_000033", "2007_000042", "2008_000001"):
        picture(home / "JPEGImages" / f"{name}.jpg")
        picture(home / "SegmentationClass" / f"{name}.png", halves(0, 19, 255), palette=True)
    picture(home / "JPEGImages" / "2011_000003.jpg")  # of another task
    lists = home / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("2008_000001\n2009_000009\n")
    (lists / "val.txt").write_text("2007_000042\n2007_000033\n")


def make_cityscapes(root: Path) -> None:
    for split, city, frame in (
        ("train", "aachen", "aachen_000000_000019"),
        ("val", "frankfurt", "frankfurt_000001_000294"),
        ("val", "munster", "munster_000000_000019"),
    ):
        picture(root / "leftImg8bit" / split / city / f"{frame}_leftImg8bit.png")
        truth = root / "gtFine" / split / city / f"{frame}_gtFine_labelIds.png"
        picture(truth, halves(7, 26, 4))
        picture(truth.with_name(f"{frame}_gtFine_instanceIds.png"), halves(7, 26))
        truth.with_name(f"{frame}_gtFine_polygons.json").write_text("{}")


def make_sintel(root: Path) -> None:
    home = root / "MPI-Sintel" / "training"
    for scene in ("alley_1", "bandage_1"):
        for number in (1, 2, 3):
            for rendering in ("clean", "final"):
                picture(home / rendering / scene / f"frame_{number:04}.png")
        for number in (1, 2):
            flow_file(home / "flow" / scene / f"frame_{number:04}.flo", float(number))
            picture(home / "invalid" / scene / f"frame_{number:04}.png", halves(0, 255))
            picture(home / "occlusions" / scene / f"frame_{number:04}.png", _top_row())


def _top_row() -> NDArray[np.uint8]:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[0] = 255
    return mask


def make_middlebury(root: Path) -> None:
    for scene in ("Venus", "Dimetrodon"):
        for number in (10, 11):
            picture(root / "middlebury" / "other-data" / scene / f"frame{number}.png")
        flow_file(root / "middlebury" / "other-gt-flow" / scene / "flow10.flo")


@dataclass(frozen=True)
class Case:
    """A dataset with what the small files of it should give."""

    make: Callable[[Path], None]
    keys: dict[str, list[str]]
    below: str
    picture: str
    flow: bool = False


CASES = {
    "pascalvoc": Case(
        make_voc,
        {
            "train": ["2008_000001"],
            "val": ["2007_000033", "2007_000042"],
            "trainval": ["2007_000033", "2007_000042", "2008_000001"],
        },
        "VOCdevkit/VOC2012",
        "JPEGImages/2007_000033.jpg",
    ),
    "cityscapes": Case(
        make_cityscapes,
        {
            "train": ["aachen_000000_000019"],
            "val": ["frankfurt_000001_000294", "munster_000000_000019"],
        },
        "",
        "leftImg8bit/val/frankfurt/frankfurt_000001_000294_leftImg8bit.png",
    ),
    "sintel": Case(
        make_sintel,
        {
            "train": ["bandage_1_0001", "bandage_1_0002"],
            "val": ["alley_1_0001", "alley_1_0002"],
            "all": ["alley_1_0001", "alley_1_0002", "bandage_1_0001", "bandage_1_0002"],
        },
        "MPI-Sintel/training",
        "final/alley_1/frame_0001.png",
        flow=True,
    ),
    "middlebury": Case(
        make_middlebury,
        {"train": ["Dimetrodon", "Venus"]},
        "middlebury",
        "other-data/Dimetrodon/frame10.png",
        flow=True,
    ),
}
SPLITS = [(name, split) for name, case in CASES.items() for split in case.keys]


@pytest.fixture
def data(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    CASES[request.node.callspec.params["name"]].make(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", CASES)
def test_keeps_the_contract(data: Path, name: str) -> None:
    made = dataset(name, data)
    promised: object = made
    assert isinstance(promised, Dataset)
    assert pickle.loads(pickle.dumps(made)) == made
    assert list(made.SPLITS) == list(made.N_IMAGES) == list(CASES[name].keys)
    for fact in ("HOMEPAGE", "LICENCE", "CITATION", "SIZE"):
        assert getattr(made, fact)


@pytest.mark.parametrize(("name", "split"), SPLITS)
def test_keys_are_sorted_and_read_no_pixel(data: Path, name: str, split: str) -> None:
    for path in data.rglob("*.*"):
        if path.suffix in (".png", ".jpg", ".flo"):
            path.write_bytes(b"")
    assert dataset(name, data, split=split).keys() == CASES[name].keys[split]


@pytest.mark.parametrize(("name", "split"), SPLITS)
def test_samples(data: Path, name: str, split: str) -> None:
    made = dataset(name, data, split=split)
    for key in made.keys():  # noqa: SIM118 - a dataset is no dict
        sample = made[key]
        assert sample.key == key
        assert sample.image.dtype == np.uint8
        height, width = sample.image.shape[:2]
        if CASES[name].flow:
            assert sample.flow.shape == (height, width, 2)
            assert sample.flow.dtype == np.float32
            assert sample.valid.shape == (height, width)
            assert sample.second.shape == sample.image.shape
            assert (sample.second != sample.image).any()
        else:
            (truth,) = sample.truths
            assert truth.dtype == np.int32
            assert truth.shape == (height, width)
            assert np.unique(truth).tolist() == [-1, 0, 1]


@pytest.mark.parametrize("name", CASES)
def test_root_may_be_the_last_folder(data: Path, name: str) -> None:
    case = CASES[name]
    made = dataset(name, data / case.below)
    assert made.keys() == case.keys[made.split]


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_layout_is_shown_beside_the_expected(tmp_path: Path, name: str) -> None:
    (tmp_path / "unpacked here").mkdir()
    with pytest.raises(UsageError) as caught:
        dataset(name, tmp_path).keys()
    text = str(caught.value)
    cls: Any = plugins.load("datasets", name)
    tree = cls.LAYOUT.tree.strip().splitlines()
    for line in (*tree, "unpacked here/", name, "--data-root"):
        assert line in text


@pytest.mark.parametrize("name", CASES)
def test_an_empty_layout_is_told(data: Path, name: str) -> None:
    for path in data.rglob("*.*"):
        if path.suffix in (".png", ".jpg", ".flo"):
            path.unlink()
    with pytest.raises(UsageError, match="expected"):
        dataset(name, data).keys()


@pytest.mark.parametrize("name", CASES)
def test_a_broken_picture_is_named(data: Path, name: str) -> None:
    case = CASES[name]
    path = data / case.below / case.picture
    path.write_bytes(path.read_bytes()[:60])
    made = dataset(name, data)
    with pytest.raises(UsageError, match=path.name):
        made[made.keys()[0]]


@pytest.mark.parametrize("name", CASES)
def test_a_picture_of_another_size_is_named(data: Path, name: str) -> None:
    case = CASES[name]
    picture(data / case.below / case.picture, np.zeros((HEIGHT, WIDTH + 2, 3), np.uint8))
    made = dataset(name, data)
    with pytest.raises(UsageError, match=r"shape \(12, 16\), its image \(12, 18\)"):
        made[made.keys()[0]]


@pytest.mark.parametrize("name", [*CASES, "folder", "motorcycle"])
def test_unknown_split(name: str) -> None:
    with pytest.raises(UsageError, match="has no split 'tset'"):
        dataset(name, None, split="tset")


# ---------------------------------------------------------------------- pascalvoc


def test_voc_ignores_its_borders(tmp_path: Path) -> None:
    make_voc(tmp_path)
    (truth,) = dataset("pascalvoc", tmp_path)["2007_000033"].truths
    np.testing.assert_array_equal(truth[0], [0] * 8 + [-1] + [1] * 7)


def test_voc_without_ignored_pixels(tmp_path: Path) -> None:
    make_voc(tmp_path)
    path = tmp_path / "VOCdevkit/VOC2012/SegmentationClass/2007_000033.png"
    picture(path, halves(5, 0), palette=True)
    (truth,) = dataset("pascalvoc", tmp_path)["2007_000033"].truths
    np.testing.assert_array_equal(truth[0], [1] * 8 + [0] * 8)


def test_voc_truth_in_colour_is_refused(tmp_path: Path) -> None:
    make_voc(tmp_path)
    path = tmp_path / "VOCdevkit/VOC2012/SegmentationClass/2007_000033.png"
    picture(path)
    with pytest.raises(UsageError, match="colour picture"):
        dataset("pascalvoc", tmp_path)["2007_000033"]


# ---------------------------------------------------------------------- cityscapes


def test_cityscapes_at_half_resolution(tmp_path: Path) -> None:
    make_cityscapes(tmp_path)
    key = "frankfurt_000001_000294"
    half, full = (
        dataset("cityscapes", tmp_path)[key],
        dataset("cityscapes", tmp_path, full=True)[key],
    )
    blocks = full.image.reshape(HEIGHT // 2, 2, WIDTH // 2, 2, 3).mean((1, 3))
    assert np.abs(half.image - blocks).max() <= 0.5
    np.testing.assert_array_equal(full.truths[0][0], [0] * 8 + [-1] + [1] * 7)
    np.testing.assert_array_equal(half.truths[0], full.truths[0][::2, ::2])


def test_cityscapes_has_19_classes(tmp_path: Path) -> None:
    make_cityscapes(tmp_path)
    ids = np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH) % 34
    truth = tmp_path / "gtFine/val/munster/munster_000000_000019_gtFine_labelIds.png"
    picture(truth, ids)
    (labels,) = dataset("cityscapes", tmp_path, full=True)["munster_000000_000019"].truths
    judged = [7, 8, 11, 12, 13, 17, *range(19, 29), 31, 32, 33]
    assert len(judged) == 19
    for number in range(34):
        expected = judged.index(number) if number in judged else -1
        assert (labels[ids == number] == expected).all()


def test_cityscapes_tolerance(tmp_path: Path) -> None:
    source = dataset_ref("cityscapes", root=tmp_path)
    assert protocol_on(source, "seal").label == "seal(r=3)"
    assert protocol_on(source, "seal(r=1)").label == "seal"
    assert protocol_on(source, "stutz").label == "stutz"
    assert protocol_on(dataset_ref("collage"), "seal").label == "seal"


# ---------------------------------------------------------------------- sintel


def test_sintel_counts_what_is_valid(tmp_path: Path) -> None:
    make_sintel(tmp_path)
    sample = dataset("sintel", tmp_path)["alley_1_0002"]
    np.testing.assert_array_equal(sample.valid, halves(1, 0) > 0)
    assert (sample.flow[..., 0] == 2).all()
    visible = dataset("sintel", tmp_path, occluded=False)["alley_1_0002"].valid
    np.testing.assert_array_equal(visible, sample.valid & (_top_row() == 0))


def test_sintel_renderings_differ(tmp_path: Path) -> None:
    make_sintel(tmp_path)
    picture(tmp_path / "MPI-Sintel/training/clean/alley_1/frame_0001.png", 0 * halves(0, 0))
    final, clean = (
        dataset("sintel", tmp_path, rendering=which)["alley_1_0001"].image
        for which in ("final", "clean")
    )
    assert clean.max() == 0
    assert final.max() > 0


def test_sintel_pairs_are_complete(tmp_path: Path) -> None:
    make_sintel(tmp_path)
    home = tmp_path / "MPI-Sintel" / "training"
    (home / "final" / "alley_1" / "frame_0003.png").unlink()
    assert dataset("sintel", tmp_path).keys() == ["alley_1_0001"]
    (home / "invalid" / "bandage_1" / "frame_0001.png").unlink()
    assert dataset("sintel", tmp_path, split="train").keys() == ["bandage_1_0002"]


@pytest.mark.parametrize("home", ["Sintel/training", "sintel/training", "training"])
def test_sintel_where_others_keep_it(tmp_path: Path, home: str) -> None:
    make_sintel(tmp_path / "official")
    (tmp_path / home).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "official/MPI-Sintel/training").rename(tmp_path / home)
    assert dataset("sintel", tmp_path).keys() == ["alley_1_0001", "alley_1_0002"]


def test_sintel_without_masks_of_invalid_pixels(tmp_path: Path) -> None:
    make_sintel(tmp_path)
    shutil.rmtree(tmp_path / "MPI-Sintel/training/invalid")
    made = dataset("sintel", tmp_path)
    with pytest.warns(DataNote, match="no folder .*invalid: flow counts at every pixel"):
        assert made.keys() == ["alley_1_0001", "alley_1_0002"]
    assert made["alley_1_0001"].valid.all()


@pytest.mark.parametrize("name", CASES)
def test_system_files_are_no_images(data: Path, name: str) -> None:
    for path in [p for p in data.rglob("*.*") if p.is_file()]:
        path.with_name(f"._{path.name}").write_bytes(b"\0\5\x16\7")
        (path.parent / "Thumbs.db").write_bytes(b"x")
        (path.parent / ".AppleDouble").mkdir(exist_ok=True)
    for split, keys in CASES[name].keys.items():
        assert dataset(name, data, split=split).keys() == keys


def test_sintel_scenes_of_the_table_give_the_frames_of_the_paper() -> None:
    sintel: Any = plugins.load("datasets", "sintel")
    module = sys.modules[sintel.__module__]
    lines = [line.split() for line in (module.__doc__ or "").splitlines()]
    table = {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[1].isdigit()}
    assert sum(table.values()) == sintel.N_IMAGES["val"] == 205
    assert tuple(table) == module.VALIDATION
    assert sum(sintel.N_IMAGES[split] for split in ("train", "val")) == sintel.N_IMAGES["all"]


def test_sintel_mask_of_another_size(tmp_path: Path) -> None:
    make_sintel(tmp_path)
    picture(tmp_path / "MPI-Sintel/training/invalid/alley_1/frame_0001.png", halves(0, 0).T)
    with pytest.raises(UsageError, match=r"invalid.*of shape \(16, 12\), the flow \(12, 16\)"):
        dataset("sintel", tmp_path)["alley_1_0001"]


@pytest.mark.parametrize("key", ["alley_1", "alley_1_0009", "market"])
def test_sintel_unknown_pair(tmp_path: Path, key: str) -> None:
    make_sintel(tmp_path)
    with pytest.raises(UsageError):
        dataset("sintel", tmp_path)[key]


# ---------------------------------------------------------------------- folder, motorcycle


def test_folder_of_images_alone(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.PNG", "c.tif"):
        picture(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no image")
    made = dataset("folder", tmp_path)
    assert made.keys() == ["a", "b", "c"]
    assert made["a"].truths == ()
    assert made["a"].image.shape == (HEIGHT, WIDTH, 3)


def test_folder_with_label_maps_of_two_annotators(tmp_path: Path) -> None:
    picture(tmp_path / "photos" / "a.png")
    picture(tmp_path / "photos" / "b.png")
    picture(tmp_path / "photos" / "labels" / "one" / "a.png", halves(3, 7, 255))
    two = tmp_path / "photos" / "labels" / "two"
    two.mkdir()
    np.save(two / "a.npy", halves(1, 0).astype(np.int64) - 1)
    made = dataset("folder", None, path=str(tmp_path / "photos"), ignore=255)
    one, other = made["a"].truths
    np.testing.assert_array_equal(one[0], [0] * 8 + [-1] + [1] * 7)
    np.testing.assert_array_equal(other[0], [0] * 8 + [-1] * 8)
    assert made["b"].truths == ()


def test_folder_of_labels_elsewhere(tmp_path: Path) -> None:
    picture(tmp_path / "photos" / "a.png")
    picture(tmp_path / "maps" / "a.png", halves(3, 7))
    made = dataset("folder", tmp_path / "photos", labels=str(tmp_path / "maps"))
    assert np.unique(made["a"].truths[0]).tolist() == [0, 1]


def test_folder_faults(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder at"):
        dataset("folder", tmp_path / "none").keys()
    with pytest.raises(UsageError, match="no image in"):
        dataset("folder", tmp_path).keys()
    picture(tmp_path / "a.png")
    with pytest.raises(UsageError, match="no image at"):
        dataset("folder", tmp_path)["b"]
    picture(tmp_path / "labels" / "a.png", halves(0, 1).T)
    with pytest.raises(UsageError, match="label map of shape"):
        dataset("folder", tmp_path)["a"]
    picture(tmp_path / "a.jpg")
    with pytest.raises(UsageError, match=r"a\.png and a\.jpg go by one name"):
        dataset("folder", tmp_path).keys()


def test_motorcycle_moves_as_its_flow_says() -> None:
    sample = dataset("motorcycle", None)["motorcycle"]
    assert sample.image.shape == sample.second.shape == (500, 741, 3)
    np.testing.assert_array_equal(np.isfinite(sample.flow).all(-1), sample.valid)
    row, column = np.nonzero(sample.valid)
    there = np.rint(column + sample.flow[row, column, 0]).astype(int)
    seen = there >= 0
    moved = sample.second[row[seen], there[seen]].astype(int)
    here = sample.image[row[seen], column[seen]].astype(int)
    still = sample.second[row[seen], column[seen]].astype(int)
    assert np.median(np.abs(moved - here)) <= 4
    assert np.abs(moved - here).mean() < 0.4 * np.abs(still - here).mean()
    with pytest.raises(UsageError):
        dataset("motorcycle", None)["car"]


# ---------------------------------------------------------------------- the real thing


@pytest.mark.real
def test_real_voc(real_data: Path) -> None:
    made = dataset("pascalvoc", real_data)
    assert len(made.keys()) == 60
    for key in made.keys():  # noqa: SIM118 - a dataset is no dict
        (truth,) = made[key].truths
        assert truth.min() == -1
        assert 1 <= truth.max() < 21


@pytest.mark.real
def test_real_sintel(real_data: Path) -> None:
    made = dataset("sintel", real_data, split="all")
    assert len(made.keys()) == 5
    for key in made.keys():  # noqa: SIM118 - a dataset is no dict
        sample = made[key]
        assert sample.image.shape == sample.second.shape == (436, 1024, 3)
        assert 0.99 < sample.valid.mean() < 1
        visible = dataset("sintel", real_data, split="all", occluded=False)[key].valid
        row, column = np.nonzero(visible)
        u, v = sample.flow[row, column].T
        x, y = np.rint(column + u).astype(int), np.rint(row + v).astype(int)
        inside = (x >= 0) & (x < 1024) & (y >= 0) & (y < 436)
        here = sample.image[row, column][inside].astype(int)
        moved = sample.second[y[inside], x[inside]].astype(int)
        still = sample.second[row, column][inside].astype(int)
        assert np.abs(moved - here).mean() < np.abs(still - here).mean()
