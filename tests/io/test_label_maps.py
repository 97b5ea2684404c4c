"""Label maps as other programs write them: each kind read, or refused in one line."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import PIL.Image
import pytest
import tifffile
from scipy.io import savemat

from ssnbench.contracts import UsageError
from ssnbench.io.label_maps import LABEL_ENDINGS, read_label_maps, read_labels

H, W = 12, 16
ROW, COLUMN = np.indices((H, W))
MAP = (ROW // 4 * 4 + COLUMN // 4).astype(np.int32)


def same(path: Path, expected: Any = MAP, **how: Any) -> None:
    labels = read_labels(path, **how)
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, expected)


# ---------------------------------------------------------------------- Netpbm


@pytest.mark.parametrize(
    "content",
    [
        b"P5\n16 12\n255\n" + MAP.astype(np.uint8).tobytes(),
        b"P5 16 12 65535\n" + MAP.astype(">u2").tobytes(),
        b"P5\n# made by a tool\n16 12\n# of 10 bits\n1023\n" + MAP.astype(">u2").tobytes(),
        b"P2\n16 12\n300\n" + " ".join(map(str, MAP.ravel())).encode(),
        b"P2\r\n16 12\r\n11\r\n" + "\r\n".join(map(str, MAP.ravel())).encode(),
    ],
)
@pytest.mark.parametrize("name", ["a.pgm", "A.PGM", "a.pnm"])
def test_pgm_keeps_its_numbers(tmp_path: Path, content: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(content)
    same(tmp_path / name)


def test_bitmaps_and_colours_of_netpbm(tmp_path: Path) -> None:
    bits = (COLUMN > 6).astype(np.uint8)
    (tmp_path / "raw.pbm").write_bytes(b"P4\n16 12\n" + np.packbits(bits, axis=1).tobytes())
    (tmp_path / "plain.pbm").write_bytes(b"P1 16 12 " + "".join(map(str, bits.ravel())).encode())
    same(tmp_path / "raw.pbm", bits)
    same(tmp_path / "plain.pbm", bits)
    colours = np.dstack([MAP, 2 * MAP, 3 * MAP]).astype(np.uint8)
    (tmp_path / "a.ppm").write_bytes(b"P6 16 12 255\n" + colours.tobytes())
    same(tmp_path / "a.ppm", MAP + 512 * MAP + 65536 * 3 * MAP)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"P5\n16 12\n255\n" + bytes(100),
        b"P5\n99999999 99999999\n255\n",
        b"P5\n0 12\n255\n",
        b"P5\n16 12\n70000\n",
        b"P7\nWIDTH 16\n",
        b"P2\n2 2\n255\n1 2 x 4",
        b"P2\n2 2\n255\n1 2 3",
        b"P2\n2 1\n255\n1 -2",
        b"P5" + b" " * 5000,
    ],
)
def test_broken_netpbm(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pgm").write_bytes(content)
    with pytest.raises(UsageError, match=r"a\.pgm") as caught:
        read_labels(tmp_path / "a.pgm")
    assert "\n" not in str(caught.value)


# ---------------------------------------------------------------------- TIFF and other pictures


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16, np.int32, np.uint32, np.int64])
@pytest.mark.parametrize("how", [{}, {"byteorder": ">"}, {"compression": "zlib"}])
def test_tiff_of_any_integers(tmp_path: Path, kind: Any, how: dict[str, Any]) -> None:
    tifffile.imwrite(tmp_path / "a.tif", MAP.astype(kind), **how)
    same(tmp_path / "a.tif")


def test_tiff_of_imagej_and_of_pillow(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.TIFF", MAP.astype(np.uint16), imagej=True)
    same(tmp_path / "a.TIFF")
    picture = PIL.Image.fromarray(MAP.astype(np.uint8))
    picture.save(tmp_path / "b.tif", compression="tiff_lzw")
    same(tmp_path / "b.tif")
    tifffile.imwrite(tmp_path / "c.tif", MAP.astype(np.float32))
    same(tmp_path / "c.tif")


def test_tiff_of_several_pages_and_broken_ones(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.stack([MAP, MAP]).astype(np.uint16))
    with pytest.raises(UsageError, match="2 pages"):
        read_labels(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "b.tif", MAP)
    whole = (tmp_path / "b.tif").read_bytes()
    for share in (0, 4, len(whole) // 2):
        (tmp_path / "b.tif").write_bytes(whole[:share])
        with pytest.raises(UsageError, match=r"b\.tif"):
            read_labels(tmp_path / "b.tif")


@pytest.mark.parametrize("ending", [".bmp", ".gif", ".PNG"])
def test_other_pictures_without_loss(tmp_path: Path, ending: str) -> None:
    PIL.Image.fromarray(MAP.astype(np.uint8)).save(tmp_path / f"a{ending}")
    same(tmp_path / f"a{ending}")


def test_png_of_four_bits(tmp_path: Path) -> None:
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    packed = (MAP[:, ::2] << 4 | MAP[:, 1::2]).astype(np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in packed)
    header = struct.pack(">IIBBBBB", W, H, 4, 0, 0, 0, 0)
    (tmp_path / "a.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    same(tmp_path / "a.png")


# ---------------------------------------------------------------------- colours


def coloured(labels: Any, alpha: bool = False) -> Any:
    channels = [labels % 256, labels // 256 % 256, labels // 65536]
    return np.dstack([*channels, *([np.full_like(labels, 255)] if alpha else [])]).astype(np.uint8)


@pytest.mark.parametrize("alpha", [False, True])
def test_colours_are_labels_as_in_coco(tmp_path: Path, alpha: bool) -> None:
    labels = MAP * 70001
    PIL.Image.fromarray(coloured(labels, alpha)).save(tmp_path / "a.png")
    same(tmp_path / "a.png", labels)


def test_grey_in_three_channels_and_transparency(tmp_path: Path) -> None:
    PIL.Image.fromarray(np.dstack(3 * [MAP]).astype(np.uint8)).save(tmp_path / "grey.png")
    same(tmp_path / "grey.png")
    pixels = coloured(MAP * 70001, alpha=True)
    pixels[:4, :, 3] = 0
    PIL.Image.fromarray(pixels).save(tmp_path / "a.png")
    assert (read_labels(tmp_path / "a.png")[:4] == -1).all()


def test_a_photograph_is_no_label_map_unless_asked(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (H, W, 3), dtype=np.uint8)
    PIL.Image.fromarray(noise).save(tmp_path / "a.png")
    with pytest.raises(UsageError, match="colour picture, and has too many colours"):
        read_labels(tmp_path / "a.png")
    assert read_labels(tmp_path / "a.png", colours=True).max() > 255
    PIL.Image.fromarray(coloured(MAP * 70001)).save(tmp_path / "b.png")
    with pytest.raises(UsageError, match="colour picture; labels need one channel"):
        read_labels(tmp_path / "b.png", colours=False)


def test_colours_of_16_bits_are_refused(tmp_path: Path) -> None:
    import cv2

    cv2.imwrite(str(tmp_path / "a.png"), coloured(MAP).astype(np.uint16))
    with pytest.raises(UsageError, match="colours of 16 bits"):
        read_labels(tmp_path / "a.png")


# ---------------------------------------------------------------------- text


def plain(separator: str = ",", labels: Any = MAP) -> str:
    text = io.StringIO()
    np.savetxt(text, labels, fmt="%d", delimiter=separator)
    return text.getvalue()


DIALECTS = {
    "comma at line end": plain().replace("\n", ",\n"),
    "semicolons": plain(";"),
    "semicolons at line end": plain(";").replace("\n", ";\n"),
    "semicolons and decimal commas": plain(";").replace(";", ",0;"),
    "tabs": plain("\t"),
    "blanks at line end": plain(" ").replace("\n", "  \n"),
    "mark": "\ufeff" + plain(),
    "windows": plain().replace("\n", "\r\n"),
    "quotes": "\n".join(",".join(f'"{n}"' for n in row) for row in MAP),
    "pandas": pd.DataFrame(MAP).to_csv(),
    "pandas with tabs": pd.DataFrame(MAP).to_csv(sep="\t"),
    "pandas with semicolons": pd.DataFrame(MAP).to_csv(sep=";"),
    "header of words": pd.DataFrame(MAP).add_prefix("c").to_csv(index=False),
    "R": '"","V1"' + ",".join(["", *(f'"V{i}"' for i in range(2, W + 1))]) + "\n"
    + "\n".join(f'"{i + 1}",' + ",".join(map(str, row)) for i, row in enumerate(MAP)),
    "comment": "# made by a tool\n" + plain(),
    "height and width first": f"{H} {W}\n" + plain(" "),
    "width and height first": f"{W},{H}\n" + plain(),
    "floats": plain().replace(",", ".000,").replace("\n", ".000\n"),
}  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", ["a.csv", "a.TXT", "a.tsv"])
def test_dialects_of_csv(tmp_path: Path, dialect: str, name: str) -> None:
    (tmp_path / name).write_text(DIALECTS[dialect], encoding="utf-8", newline="")
    same(tmp_path / name)
    same(tmp_path / name, shape=(H, W))


def test_text_of_windows(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(plain(), encoding="utf-16")
    same(tmp_path / "a.csv")


@pytest.mark.parametrize("how", [{"index": False}, {"header": False}, {}])
def test_running_numbers_are_left_out_where_the_size_is_known(
    tmp_path: Path, how: dict[str, Any]
) -> None:
    pd.DataFrame(MAP).to_csv(tmp_path / "a.csv", **how)
    same(tmp_path / "a.csv", shape=(H, W))
    own = np.arange(H * W).reshape(H, W)
    (tmp_path / "b.csv").write_text(plain(labels=own))
    same(tmp_path / "b.csv", own, shape=(H, W))


@pytest.mark.parametrize("text", ["1,x\n", "1,x\n3,4\n", "1,2\n3\n", "a,b\n1,2\n3\n", ";;\n"])
def test_text_that_is_no_map(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(UsageError, match=r"a\.csv"):
        read_labels(tmp_path / "a.csv")


# ---------------------------------------------------------------------- MATLAB


CLASSES = np.ones((12, 1))
VARIABLES: dict[str, dict[str, Any]] = {
    "count": {"sulabel": MAP, "numlabels": 12},
    "classes": {"superpixels": MAP, "labels": CLASSES, "scores": CLASSES / 3},
    "types": {"inst_map": MAP, "inst_type": CLASSES, "inst_centroid": np.ones((12, 2))},
    "seeds": {"L": MAP, "seeds": np.arange(24).reshape(12, 2)},
    "larger": {"whatever": MAP, "boundaries": np.zeros((2 * H + 1, 2 * W + 1), np.uint8)},
    "struct": {"result": {"Labels": MAP, "time": 0.3, "name": "slic"}},
    "logical": {"labels": MAP, "mask": MAP > 3},
    "double": {"x": MAP.astype(float), "image": np.random.default_rng(0).random((H, W))},
}


@pytest.mark.parametrize("name", VARIABLES)
def test_mat_with_more_than_the_map(tmp_path: Path, name: str) -> None:
    savemat(tmp_path / "a.mat", VARIABLES[name])
    same(tmp_path / "a.mat", shape=(H, W))


def cell(*values: Any) -> Any:
    array = np.empty((1, len(values)), object)
    array[0, :] = values
    return array


def test_mat_with_several_maps_in_a_cell(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"segs": cell(MAP, MAP // 2), "k": 2})
    assert len(read_label_maps(tmp_path / "a.mat")) == 2
    same(tmp_path / "a.mat", MAP // 2, member=1)
    with pytest.raises(UsageError, match="holds 2 label maps; one is wanted"):
        read_labels(tmp_path / "a.mat")
    truths = cell(*({"Segmentation": MAP // n, "Boundaries": n < MAP} for n in (1, 2, 3)))
    savemat(tmp_path / "b.mat", {"groundTruth": truths})
    assert len(read_label_maps(tmp_path / "b.mat", (H, W))) == 3


def write_hdf5(path: Path) -> None:
    """What MATLAB writes with -v7.3: columns first, cells as references."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file["numlabels"] = np.array([[12.0]])
        file["names"] = np.array([[97, 98]], np.uint16)
        file["names"].attrs["MATLAB_class"] = np.bytes_("char")
        held = file.create_group("#refs#")
        references = []
        for n in (1, 2):
            held[f"r{n}"] = (MAP // n).T
            references.append(held[f"r{n}"].ref)
        file.create_dataset("segs", data=np.array([references], h5py.ref_dtype))
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(128))


def test_mat_of_version_7_3(tmp_path: Path) -> None:
    write_hdf5(tmp_path / "cells.mat")
    maps = read_label_maps(tmp_path / "cells.mat", (H, W))
    assert [int(each.max()) for each in maps] == [11, 5]
    with h5py.File(tmp_path / "a.mat", "w") as file:
        file["labels"] = MAP.T.astype(float)
        file["count"] = np.array([[12.0]])
    same(tmp_path / "a.mat")
    with h5py.File(tmp_path / "b.mat", "w") as file:
        file["out/L"] = MAP.T
        file["out/Boundaries"] = (MAP.T > 3).astype(np.uint8)
    same(tmp_path / "b.mat")


def test_hdf5_that_is_broken_or_huge(tmp_path: Path) -> None:
    write_hdf5(tmp_path / "a.mat")
    (tmp_path / "a.mat").write_bytes((tmp_path / "a.mat").read_bytes()[:900])
    with pytest.raises(UsageError, match=r"a\.mat"):
        read_labels(tmp_path / "a.mat")
    with h5py.File(tmp_path / "b.mat", "w") as file:
        file.create_dataset("labels", (1 << 20, 1 << 20), "i4")  # takes no place in the file
    with pytest.raises(UsageError, match=r"b\.mat states 1099511627776 elements of labels"):
        read_labels(tmp_path / "b.mat")


def test_the_error_lists_what_a_mat_holds(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"first": MAP, "second": MAP + 1})
    with pytest.raises(UsageError, match=r"first 12 x 16, second 12 x 16: call the label map"):
        read_labels(tmp_path / "a.mat")


# ---------------------------------------------------------------------- numpy


def test_npz(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", MAP)
    same(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", segments=MAP, n=12, centres=np.ones((12, 2), int))
    same(tmp_path / "b.npz", shape=(H, W))
    np.savez(tmp_path / "c.npz", labels=MAP, other=MAP + 1)
    same(tmp_path / "c.npz")
    np.savez(tmp_path / "d.npz", one=MAP, other=MAP)
    with pytest.raises(UsageError, match=r"d\.npz holds one of shape \(12, 16\)"):
        read_labels(tmp_path / "d.npz")


@pytest.mark.parametrize("shape", [(1, H, W), (H, W, 1)])
def test_npy_with_an_axis_of_one(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "a.npy", MAP.reshape(shape))
    same(tmp_path / "a.npy")


def test_npy_that_states_more_than_it_has(tmp_path: Path) -> None:
    for shape, why in (((1 << 20, 1 << 20), "states 1099511627776"), ((1 << 13,) * 2, "cut short")):
        with (tmp_path / "a.npy").open("wb") as file:
            header = {"descr": "<i4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
        with pytest.raises(UsageError, match=why):
            read_labels(tmp_path / "a.npy")


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    trap = np.array([[Trap(tmp_path)]], object)
    np.save(tmp_path / "a.npy", trap, allow_pickle=True)
    np.savez(tmp_path / "b.npz", labels=trap)
    (tmp_path / "c.pkl").write_bytes(b"")
    (tmp_path / "fallen").unlink(missing_ok=True)
    for name in ("a.npy", "b.npz", "c.pkl"):
        with pytest.raises(UsageError, match=name):
            read_labels(tmp_path / name)
    assert not (tmp_path / "fallen").exists()


class Trap:
    """Leaves a file where it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return Path.touch, (self.folder / "fallen",)


def test_npz_that_would_unpack_to_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ssnbench.io.label_maps.MOST_PIXELS", 10)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("labels.npy", bytes(100))
    with pytest.raises(UsageError, match=r"labels\.npy of 100 bytes"):
        read_labels(tmp_path / "a.npz")


def test_a_jpeg_says_why_not(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="such compression changes the labels"):
        read_labels(tmp_path / "a.jpg")


@pytest.mark.parametrize("ending", LABEL_ENDINGS)
@pytest.mark.parametrize("content", [b"", b"nonsense", bytes(300), b"\xff" * 300])
def test_nonsense_of_every_ending(tmp_path: Path, ending: str, content: bytes) -> None:
    (tmp_path / f"a{ending}").write_bytes(content)
    with pytest.raises(UsageError, match=f"a{ending}"):
        read_labels(tmp_path / f"a{ending}")
