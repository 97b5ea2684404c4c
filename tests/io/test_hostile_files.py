"""Files that were made to crash a reader, or to take its memory: each is one line, at once.

What is found by chance `tests/fuzz` finds; here is what somebody would make on purpose.
"""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import PIL.Image
import pytest

from ssnbench.contracts import UsageError
from ssnbench.flow.files import read_flow
from ssnbench.io import limits, mat_file
from ssnbench.io.images import read_image
from ssnbench.io.label_maps import read_labels
from ssnbench.io.packing import pack, unpack

# ---------------------------------------------------------------------- MATLAB

HEAD = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"


def element(kind: int, body: bytes) -> bytes:
    return struct.pack("<II", kind, len(body)) + body + bytes(-len(body) % 8)


def matrix(kind: int, shape: tuple[int, ...], rest: bytes, name: bytes = b"labels") -> bytes:
    header = element(6, struct.pack("<II", kind, 0))
    header += element(5, struct.pack(f"<{len(shape)}i", *shape)) + element(1, name)
    return element(14, header + rest)


def nested(depth: int) -> bytes:
    inner = matrix(9, (1, 1), element(2, b"x"))
    for _ in range(depth):
        inner = matrix(1, (1, 1), inner)
    return inner


def packed(body: bytes) -> bytes:
    return struct.pack("<II", 15, len(body)) + body


MATRICES: dict[str, tuple[bytes, str]] = {
    "empty cells": (matrix(1, (40_000, 40_000), b""), "matrix of shape"),
    "few cells": (matrix(1, (4000, 4000), b""), "cut short"),
    "elements without number": (matrix(1, (500, 500), element(14, b"") * 250_000), "200000"),
    "nesting": (nested(20_000), "nested deeper than 32"),
    "no type of numbers": (matrix(9, (4, 4), element(205, bytes(16))), "stored as type 205"),
    "negative shape": (matrix(9, (-4, 4), element(2, bytes(16))), "shape"),
    "too few numbers": (matrix(9, (1000, 1000), element(2, bytes(16))), "cut short"),
    "no name": (element(14, element(6, bytes(8))), "cut short"),
    "names of fields": (matrix(2, (1, 1), element(5, bytes(4)) + element(1, b"a")), "0 letters"),
    "a packed lie": (packed(zlib.compress(struct.pack("<II", 14, 2**32 - 1))), "4294967295"),
    "a bomb": (packed(zlib.compress(matrix(9, (4, 4), b"") + bytes(2**20))), "more than"),
    "packed twice": (packed(zlib.compress(packed(zlib.compress(bytes(99))))), "type 15"),
}


@pytest.mark.parametrize("name", MATRICES)
def test_a_matrix_is_held_against_the_file(tmp_path: Path, name: str) -> None:
    content, why = MATRICES[name]
    (tmp_path / "a.mat").write_bytes(HEAD + content)
    with pytest.raises(UsageError, match=why) as caught:
        read_labels(tmp_path / "a.mat")
    assert "\n" not in str(caught.value)


def test_one_hostile_matrix_costs_no_memory(tmp_path: Path) -> None:
    for number, (content, _) in enumerate(MATRICES.values()):
        (tmp_path / f"{number}.mat").write_bytes(HEAD + content)
    code = (
        "import sys, resource; from pathlib import Path\n"
        "from ssnbench.io.label_maps import read_labels\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for path in Path(sys.argv[1]).iterdir():\n"
        "    try: read_labels(path)\n"
        "    except ValueError: pass\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    if sys.platform != "linux":
        pytest.skip("memory is counted in other units")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True)
    assert int(done.stdout) < 100_000  # kB


def test_what_old_files_and_other_orders_hold(tmp_path: Path) -> None:
    name = b"labels\0"
    for order, mark in (("<", 0), (">", 1000)):
        header = struct.pack(f"{order}5i", mark + 20, 2, 3, 0, len(name))
        values = np.arange(6, dtype=f"{order}i4").tobytes()
        (tmp_path / "old.mat").write_bytes(header + name + values)
        assert read_labels(tmp_path / "old.mat").tolist() == [[0, 2, 4], [1, 3, 5]]
        short = header + name + values[:-1]
        (tmp_path / "old.mat").write_bytes(short)
        with pytest.raises(UsageError, match="cut short"):
            read_labels(tmp_path / "old.mat")


def test_what_is_no_label_map_is_left_out(tmp_path: Path) -> None:
    labels = matrix(9, (2, 2), element(2, b"\0\1\2\3"))
    opaque = element(14, element(6, struct.pack("<II", 17, 0)) + element(1, b"table"))
    text = matrix(4, (1, 2), element(4, b"a\0b\0"), b"name")
    sparse = matrix(5, (90_000, 90_000), b"", b"graph")
    (tmp_path / "a.mat").write_bytes(HEAD + opaque + text + sparse + labels)
    assert [name for name, _ in mat_file.numeric_arrays(tmp_path / "a.mat")] == ["labels"]


# ---------------------------------------------------------------------- HDF5


def of_another_file(file: h5py.File) -> None:
    file.create_dataset("labels", (10, 10), "u1", external=[("/etc/passwd", 0, 100)])


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((10, 10), "i4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (10, 10))
    file.create_virtual_dataset("labels", layout)


def linked(file: h5py.File) -> None:
    file["labels"] = h5py.ExternalLink("other.mat", "labels")


def filled(file: h5py.File) -> None:
    file.create_dataset("labels", (9000, 9000), "i4", chunks=(900, 900), compression="gzip")


def looped(file: h5py.File) -> None:
    group = file.create_group("a")
    group["b"] = group["c"] = group


def text(file: h5py.File) -> None:
    file["labels"] = np.array(["/etc"], h5py.string_dtype())


HDF5: dict[Callable[[h5py.File], None], str] = {
    of_another_file: "in another file",
    virtual: "in another file",
    linked: "holds 0 matrices",
    filled: "stores 0",
    looped: "nested deeper than 32",
    text: "holds 0 matrices",
}


@pytest.mark.parametrize("write", HDF5)
def test_hdf5_stays_in_its_file(tmp_path: Path, write: Callable[[h5py.File], None]) -> None:
    with h5py.File(tmp_path / "other.mat", "w") as other:
        other["labels"] = np.zeros((4, 4), np.int32)
    with h5py.File(tmp_path / "a.mat", "w") as file:
        write(file)
    with pytest.raises(UsageError, match=HDF5[write]):
        read_labels(tmp_path / "a.mat")


# ---------------------------------------------------------------------- pictures, flow, text


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, depth: int = 8, body: bytes = b"") -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(20_000, 20_000), (9000, 9000), (2**31 - 1, 1)])
def test_a_png_states_more_than_it_holds(tmp_path: Path, size: tuple[int, int]) -> None:
    for depth, read in ((16, read_flow), (16, read_image), (8, read_labels)):
        (tmp_path / "a.png").write_bytes(png(*size, depth=depth))
        with pytest.raises(UsageError, match=r"cut short|at most"):
            read(tmp_path / "a.png")


def test_a_part_of_a_png_states_four_gigabytes(tmp_path: Path) -> None:
    row = b"\0" + bytes(6 * 5)
    whole = png(5, 4, 16, row * 4)
    at = whole.index(b"IDAT") - 4
    (tmp_path / "a.png").write_bytes(whole)
    read_flow(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes(whole[:at] + b"\xff\xff\xff\xf0" + whole[at + 4 :])
    with pytest.raises(UsageError, match="cut short"):
        read_flow(tmp_path / "a.png")


def test_a_picture_that_would_run_a_program_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a program was run"))
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EOF\n")
    with pytest.raises(UsageError, match="not an image of a known kind"):
        read_image(tmp_path / "a.png")


def test_pictures_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_PIXELS", 100)
    for name in ("a.png", "a.jpg", "a.gif", "a.webp", "a.ppm"):
        PIL.Image.new("RGB", (11, 10)).save(tmp_path / name)
        with pytest.raises(UsageError, match="100 at most"):
            read_image(tmp_path / name)


def test_text_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_bytes(b"1," * (2**20 + 1))
    with pytest.raises(UsageError, match="a line of more than 2097152 letters"):
        read_labels(tmp_path / "a.csv")
    monkeypatch.setattr("ssnbench.io.text_maps.MOST_TEXT", 1000)
    with pytest.raises(UsageError, match="more than the 1000 bytes"):
        read_labels(tmp_path / "a.csv")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(8),
        struct.pack("<II", 2**31, 2**31) + zlib.compress(b""),
        struct.pack("<II", 2, 2) + b"nonsense",
        struct.pack("<II", 2, 2) + zlib.compress(bytes(15)),
        struct.pack("<II", 2, 2) + zlib.compress(bytes(2**20)),
        pack(np.zeros((3, 3), np.int32))[:-6],
    ],
)
def test_a_kept_map_that_is_none(data: bytes) -> None:
    with pytest.raises(UsageError, match="a kept label map"):
        unpack(data)


def test_messages_end_and_steer_no_terminal() -> None:
    text = str(UsageError("\x1b[2J\u202e" + "x" * 10_000))
    assert text.startswith("\\x1b[2J\\u202e")
    assert len(text) < 4100
