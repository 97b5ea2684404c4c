"""Every reader of files, with small valid files of the kinds that it takes."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import h5py
import numpy as np
import PIL.Image
import tifffile
import torch
from scipy.io import savemat

from ssnbench.data.unpack import unpack
from ssnbench.flow.files import read_flow, write_flow
from ssnbench.io.images import read_image
from ssnbench.io.label_maps import read_label_maps
from ssnbench.io.packing import pack
from ssnbench.io.packing import unpack as unpack_labels
from ssnbench.learning.card import read_validations
from ssnbench.learning.checkpoint import CsvLog, Learner, TrainState
from ssnbench.learning.sessions import Clock, Sessions
from ssnbench.plugins.variant import parse_list
from ssnbench.ssn.architecture import Architecture
from ssnbench.ssn.network import FeatureNetwork
from ssnbench.ssn.weights import load_network, save_network
from tests.fuzz import mutate

H, W = 12, 16
MAP = (np.arange(H)[:, None] // 4 * 4 + np.arange(W) // 4).astype(np.int32)
PHOTO = np.random.default_rng(0).integers(0, 256, (H, W, 3), dtype=np.uint8)
FLOW = np.random.default_rng(1).normal(0, 3, (H, W, 2)).astype(np.float32)

Files = Mapping[str, bytes]
"""Valid files by name; the ending says how each is read."""


class Reader(NamedTuple):
    """How a kind of file is read, what valid ones are, and how they are spoilt."""

    read: Callable[[Path], object]
    files: Callable[[], Files]
    spoil: mutate.Spoil


def _written(write: Callable[[Path], object], name: str) -> bytes:
    """Bytes of a file that is written by name."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / name)
        return (Path(folder) / name).read_bytes()


def _picture(pixels: Any, name: str, **how: Any) -> bytes:
    return _written(lambda path: PIL.Image.fromarray(pixels).save(path, **how), name)


def _saved(pixels: Any, ending: str) -> bytes:
    return bytes(cv2.imencode(ending, pixels)[1])


def _npy() -> Files:
    def saved(array: Any) -> bytes:
        file = io.BytesIO()
        np.save(file, array)
        return file.getvalue()

    return {"a.npy": saved(MAP), "f.npy": saved(np.asfortranarray(MAP.astype(float)))}


def _npz() -> Files:
    def saved(*args: Any, **arrays: Any) -> bytes:
        file = io.BytesIO()
        np.savez_compressed(file, *args, **arrays)
        return file.getvalue()

    return {"a.npz": saved(labels=MAP), "b.npz": saved(labels=MAP, other=MAP.astype(float))}


def _label_png() -> Files:
    palette = PIL.Image.fromarray(PHOTO).quantize(16)
    coloured = np.dstack([MAP, MAP * 2, MAP * 3]).astype(np.uint8)
    return {
        "a.png": _picture(MAP.astype(np.uint8), "a.png"),
        "deep.png": _picture(MAP.astype(np.uint16), "a.png"),
        "palette.png": _written(palette.save, "a.png"),
        "colours.png": _picture(coloured, "a.png"),
    }


def _label_pictures() -> Files:
    def tif(**how: Any) -> bytes:
        return _written(lambda path: tifffile.imwrite(path, MAP.astype(np.uint16), **how), "a.tif")

    return {
        "a.tif": tif(),
        "b.tif": tif(compression="zlib"),
        "c.tif": _picture(MAP.astype(np.uint8), "c.tif", compression="tiff_lzw"),
        "a.bmp": _picture(MAP.astype(np.uint8), "a.bmp"),
        "a.gif": _picture(MAP.astype(np.uint8), "a.gif"),
        "a.pgm": b"P5\n16 12\n255\n" + MAP.astype(np.uint8).tobytes(),
        "b.pgm": b"P2\n16 12\n300\n" + " ".join(map(str, MAP.ravel())).encode(),
        "a.pbm": b"P1\n16 12\n" + " ".join(map(str, (MAP % 2).ravel())).encode(),
        "b.pbm": b"P4\n16 12\n" + np.packbits((MAP % 2).astype(np.uint8), axis=1).tobytes(),
        "a.ppm": b"P6\n16 12\n255\n" + np.dstack(3 * [MAP]).astype(np.uint8).tobytes(),
    }


def _text() -> Files:
    rows = "\n".join(",".join(map(str, row)) for row in MAP.tolist())
    return {
        "a.csv": rows.encode(),
        "b.csv": ("," + ",".join(map(str, range(W))) + "\n" + rows).encode(),
        "a.txt": (f"{H} {W}\n" + rows.replace(",", " ")).encode(),
        "a.tsv": rows.replace(",", "\t").encode("utf-16"),
    }


def _mat_contents() -> dict[str, Any]:
    cell = np.empty((1, 3), object)
    cell[0, :] = [MAP, MAP // 2, "text"]
    return {
        "labels": MAP,
        "segs": cell,
        "result": {"L": MAP.astype(float), "name": "x", "deep": {"er": np.eye(3) > 0}},
        "z": np.ones((2, 2)) * 1j,
    }


def _mat() -> Files:
    def saved(contents: dict[str, Any], **how: Any) -> bytes:
        file = io.BytesIO()
        savemat(file, contents, **how)
        return file.getvalue()

    whole = _mat_contents()
    return {
        "plain.mat": saved(whole),
        "packed.mat": saved(whole, do_compression=True),
        "small.mat": saved({"labels": MAP}, do_compression=True),
        "old.mat": saved({"labels": MAP, "k": np.ones((3, 2))}, format="4"),
    }


def _mat_7_3() -> Files:
    def write(path: Path) -> None:
        with h5py.File(path, "w", userblock_size=512) as file:
            file.create_dataset("labels", data=MAP.T, compression="gzip", shuffle=True)
            file["out/L"] = MAP.T.astype(float)
            held = file.create_group("#refs#")
            held["a"] = MAP.T
            file.create_dataset("segs", data=np.array([[held["a"].ref]], h5py.ref_dtype))
        with path.open("r+b") as raw:
            raw.write(b"MATLAB 7.3 MAT-file".ljust(128))

    def plain(path: Path) -> None:
        with h5py.File(path, "w", libver="latest") as file:
            file["labels"] = MAP.T

    return {"a.mat": _written(write, "a.mat"), "b.mat": _written(plain, "b.mat")}


def _bsds() -> Files:
    cell = np.empty((1, 2), object)
    cell[0, :] = [{"Segmentation": MAP.astype(np.uint16), "Boundaries": n < MAP} for n in (2, 3)]
    file = io.BytesIO()
    savemat(file, {"groundTruth": cell}, do_compression=True)
    return {"a.mat": file.getvalue()}


def _read_bsds(path: Path) -> object:
    from ssnbench import plugins

    home = path.parent / "BSDS500" / "data"
    for part in ("images", "groundTruth"):
        (home / part / "test").mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(PHOTO).save(home / "images" / "test" / "1.jpg")
    shutil.copyfile(path, home / "groundTruth" / "test" / "1.mat")
    return plugins.load("datasets", "bsds500")(path.parent, "test")["1"]


def _flow() -> Files:
    pfm = np.dstack([FLOW, np.zeros((H, W), np.float32)])[::-1]
    return {
        "a.flo": _written(lambda path: write_flow(path, FLOW), "a.flo"),
        "a.pfm": f"PF\n{W} {H}\n-1.0\n".encode() + pfm.astype("<f4").tobytes(),
    }


def _kitti() -> Files:
    return {"a.png": _written(lambda path: write_flow(path, FLOW), "a.png")}


def _image_png() -> Files:
    return {
        "a.png": _picture(PHOTO, "a.png"),
        "deep.png": _saved(PHOTO.astype(np.uint16) * 257, ".png"),
        "alpha.png": _picture(np.dstack([PHOTO, PHOTO[..., :1]]), "a.png"),
        "grey.png": _picture(PHOTO[..., 0].astype(np.uint16) * 257, "a.png"),
    }


def _image_jpg() -> Files:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    return {
        "a.jpg": _picture(PHOTO, "a.jpg"),
        "b.jpg": _picture(PHOTO, "b.jpg", progressive=True, exif=exif),
        "c.jpg": _picture(PHOTO[..., 0], "c.jpg"),
    }


def _image_others() -> Files:
    names = ("bmp", "gif", "webp", "tif", "jp2", "tga", "ppm")
    files = {f"a.{name}": _picture(PHOTO, f"a.{name}") for name in names}
    files["deep.tif"] = _saved(PHOTO.astype(np.uint16) * 257, ".tif")
    files["lossless.webp"] = _picture(PHOTO, "a.webp", lossless=True)
    if ".avif" in PIL.Image.registered_extensions():
        files["a.avif"] = _picture(PHOTO, "a.avif")
    return files


@cache
def _network() -> FeatureNetwork:
    torch.manual_seed(0)
    return FeatureNetwork(Architecture(variant="linear", width=4, k=8))


def _weights() -> Files:
    facts = {"steps": 3, "score": 0.5, "data": "x"}
    return {
        "a.safetensors": _written(lambda path: save_network(path, _network(), facts), "a"),
    }


def _learner() -> Learner:
    network, average = _network(), FeatureNetwork(_network().architecture)
    adam = torch.optim.Adam(network.parameters())
    return Learner(network, average, adam, TrainState())


_TRAINING = {"data": "x", "validation": {"data": "y", "counts": [1, 2]}, "trainable": "Toy"}


def _checkpoint() -> Files:
    learner = _learner()
    for parameter in learner.network.parameters():
        parameter.grad = torch.ones_like(parameter)
    learner.adam.step()
    return {"a.safetensors": _written(lambda path: learner.save(path, _TRAINING), "a")}


def _logs() -> Files:
    return {
        "log.csv": b"step,loss,rate\n1,0.5,0.001\n2,0.25,0.001\n",
        "sessions.csv": b"started,machine,device,first,last,seconds,validating,waiting\n"
        b"2026-01-01T00:00:00+00:00,cpu,cpu,0,10,1.0,0.5,0.1\n",
        "validation.csv": b"step,100,mean\n1,0.9,0.9\n",
    }


def _read_log(path: Path) -> object:
    kind = path.name.partition(".")[0]
    if kind == "sessions":
        return Sessions(path, "machine", "cpu", 0, Clock())
    if kind == "validation":
        return read_validations(path)
    with CsvLog(path, ("step", "loss", "rate"), 10) as log:
        return log


def _packed() -> Files:
    return {"a.bin": pack(MAP), "b.bin": pack(np.zeros((1, 7), np.int32))}


def _zip() -> Files:
    def zipped(kind: int) -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", kind) as archive:
            archive.writestr("data/a.txt", "x" * 500)
            archive.writestr("data/sub/b.txt", "y")
            link = zipfile.ZipInfo("data/link")
            link.external_attr = 0o120777 << 16
            archive.writestr(link, "a.txt")
        return file.getvalue()

    return {"a.zip": zipped(zipfile.ZIP_DEFLATED), "b.zip": zipped(zipfile.ZIP_STORED)}


def _tar() -> Files:
    def taped(kind: int) -> bytes:
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w", format=kind) as archive:
            for name in ("data/a.txt", f"data/{'long' * 40}.txt"):
                info = tarfile.TarInfo(name)
                info.size = 9
                archive.addfile(info, io.BytesIO(b"x" * 9))
            link = tarfile.TarInfo("data/link")
            link.type, link.linkname = tarfile.SYMTYPE, "a.txt"
            archive.addfile(link)
        return file.getvalue()

    pax, gnu = taped(tarfile.PAX_FORMAT), taped(tarfile.GNU_FORMAT)
    return {"a.tar": pax, "b.tar": gnu, "c.tar.gz": gzip.compress(pax, mtime=0)}


def _read_archive(path: Path) -> object:
    into = path.parent / "into"
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir()
    before = set(path.parent.iterdir())
    try:
        unpack(path, into, 10**6)
    finally:
        links = [each for each in into.rglob("*") if each.is_symlink()]
        assert not links, f"a link was made: {links}"
        assert set(path.parent.iterdir()) == before, "something was written outside"
    return into


def _texts() -> Files:
    return {
        "a.txt": b"slic(compactness=20),ssn(weights='bsds500'),grid,etps(lambda_pos=3)",
        "b.txt": b"slic(compactness=1e-3),snic(compactness=20)",
    }


def _read_text(path: Path) -> object:
    text = path.read_bytes().decode(errors="surrogateescape")
    return [each.build("algorithms") for each in parse_list("algorithms", text)]


_labels = partial(read_label_maps, shape=(H, W))

READERS: dict[str, Reader] = {
    "npy": Reader(_labels, _npy, mutate.spoilt),
    "npz": Reader(_labels, _npz, mutate.npz),
    "label-png": Reader(_labels, _label_png, mutate.png),
    "label-pictures": Reader(_labels, _label_pictures, mutate.spoilt),
    "text": Reader(_labels, _text, mutate.words),
    "mat": Reader(_labels, _mat, mutate.mat),
    "mat-7.3": Reader(_labels, _mat_7_3, mutate.spoilt),
    "bsds": Reader(_read_bsds, _bsds, mutate.mat),
    "flow": Reader(read_flow, _flow, mutate.spoilt),
    "kitti": Reader(read_flow, _kitti, mutate.png),
    "png": Reader(partial(read_image, upright=True), _image_png, mutate.png),
    "jpg": Reader(partial(read_image, upright=True), _image_jpg, mutate.spoilt),
    "pictures": Reader(read_image, _image_others, mutate.spoilt),
    "weights": Reader(load_network, _weights, mutate.safetensors),
    "checkpoint": Reader(
        lambda path: _learner().load(path, json.loads(json.dumps(_TRAINING))),
        _checkpoint,
        mutate.safetensors,
    ),
    "logs": Reader(_read_log, _logs, mutate.words),
    "kept-maps": Reader(lambda path: unpack_labels(path.read_bytes()), _packed, mutate.packed),
    "zip": Reader(_read_archive, _zip, mutate.spoilt),
    "tar": Reader(_read_archive, _tar, mutate.tar),
    "settings": Reader(_read_text, _texts, mutate.words),
}
"""Readers by name."""
