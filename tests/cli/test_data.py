"""``ssnbench data``: status, verify and fetch, from a server on this machine that misbehaves."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from ssnbench import plugins
from ssnbench.cli import main
from ssnbench.contracts import UsageError
from ssnbench.data import download as downloads
from ssnbench.data.download import CHUNK, download
from ssnbench.data.fetch import fetch
from ssnbench.data.layout import Archive
from ssnbench.data.unpack import unpack

BODY = np.random.default_rng(0).bytes(300_000)
SHA256 = f"sha256:{hashlib.sha256(BODY).hexdigest()}"


@dataclass
class Server:
    """What a server sends, how it misbehaves, and what it was asked for.

    ``cuts``: after how many bytes of the body each connection breaks; none left: it does not.
    """

    body: bytes = BODY
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    length: bool = True
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    address: str = ""


class Handler(BaseHTTPRequestHandler):
    """Serve ``/file``; ``/moved`` leads there, everything else is missing."""

    def __init__(self, server_state: Server, *args: Any) -> None:
        self.state = server_state
        super().__init__(*args)

    def do_GET(self) -> None:
        state, wanted = self.state, self.headers.get("Range")
        state.asked.append((self.path, wanted))
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/file")
            self.end_headers()
            return
        if self.path != "/file":
            self.send_error(404)
            return
        start = int(wanted[6:-1]) if wanted and state.ranges else 0
        if start >= len(state.body) > 0:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(state.body)}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            last = len(state.body) - 1
            self.send_header("Content-Range", f"bytes {start}-{last}/{len(state.body)}")
        if state.length:
            self.send_header("Content-Length", str(len(state.body) - start))
        self.end_headers()
        rest = state.body[start:]
        self.wfile.write(rest[: state.cuts.pop(0)] if state.cuts else rest)

    def log_message(self, *args: Any) -> None:
        """Keep the tests' output clean."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(downloads, "PAUSE", 0.0)
    state = Server()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, state)) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        state.address = f"http://127.0.0.1:{http.server_address[1]}"
        yield state
        http.shutdown()
        thread.join()


def get(server: Server, folder: Path, what: str = "file", **more: Any) -> Path:
    options: dict[str, Any] = {"known_hash": SHA256, "most_bytes": 10**6}
    options |= {"progress": lambda _done, _total: None} | more
    return download(f"{server.address}/{what}", path=folder / "a.bin", **options)


# ---------------------------------------------------------------------- download


@pytest.mark.parametrize("what", ["file", "moved"])
def test_download(server: Server, tmp_path: Path, what: str) -> None:
    told: list[tuple[int, int | None]] = []
    path = get(server, tmp_path, what, progress=lambda *numbers: told.append(numbers))
    assert path.read_bytes() == BODY
    assert told[-1] == (len(BODY), len(BODY))
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_what_is_there_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    get(server, tmp_path)
    get(server, tmp_path)
    assert len(server.asked) == 1


def test_a_body_without_a_length(server: Server, tmp_path: Path) -> None:
    server.length = False
    assert get(server, tmp_path).read_bytes() == BODY


@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "whole only"])
def test_goes_on_when_the_body_is_cut(server: Server, tmp_path: Path, ranges: bool) -> None:
    server.cuts, server.ranges = [6 * CHUNK, 9 * CHUNK], ranges
    assert get(server, tmp_path).read_bytes() == BODY
    first, second, third = (asked for _, asked in server.asked)
    assert (first, second) == (None, f"bytes={6 * CHUNK}-")
    assert third == f"bytes={(15 if ranges else 9) * CHUNK}-"


def test_goes_on_in_another_call(server: Server, tmp_path: Path) -> None:
    server.cuts = [12 * CHUNK] + [0] * downloads.ATTEMPTS
    with pytest.raises(UsageError, match="cannot fetch"):
        get(server, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin.part"]
    assert (tmp_path / "a.bin.part").read_bytes() == BODY[: 12 * CHUNK]
    assert get(server, tmp_path).read_bytes() == BODY
    assert server.asked[-1] == ("/file", f"bytes={12 * CHUNK}-")
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_a_part_that_is_whole_already(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.bin.part").write_bytes(BODY)
    assert get(server, tmp_path).read_bytes() == BODY


def test_a_part_of_a_longer_file_is_dropped(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.bin.part").write_bytes(BODY + b"more")
    assert get(server, tmp_path).read_bytes() == BODY


def test_a_part_of_another_file_leaves_nothing(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.bin.part").write_bytes(b"another")
    with pytest.raises(UsageError, match="checksum"):
        get(server, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert get(server, tmp_path).read_bytes() == BODY


def test_wrong_checksum_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.body = BODY[:-1] + b"!"
    with pytest.raises(UsageError, match="not the file that was published"):
        get(server, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_missing(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="404"):
        get(server, tmp_path, "nothing")
    assert list(tmp_path.iterdir()) == []
    assert len(server.asked) == 1


@pytest.mark.parametrize("length", [True, False])
def test_too_large_a_body(server: Server, tmp_path: Path, length: bool) -> None:
    server.length = length
    with pytest.raises(UsageError, match="more than the 1000 bytes"):
        get(server, tmp_path, most_bytes=1000)
    assert list(tmp_path.iterdir()) == []


def test_nobody_answers(server: Server, tmp_path: Path) -> None:
    server.address = "http://127.0.0.1:1"
    with pytest.raises(UsageError, match="cannot fetch"):
        get(server, tmp_path)


# ---------------------------------------------------------------------- unpacking


def tar_of(path: Path, entries: dict[str, Any]) -> Path:
    """Write a tar; a value is the content, or a TarInfo that says what else it is."""
    with tarfile.open(path, "w:gz") as archive:
        for name, value in entries.items():
            info = value if isinstance(value, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.name = name
            data = value if isinstance(value, bytes) else b""
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def zip_of(path: Path, entries: dict[str, Any]) -> Path:
    """Write a zip; a value is the content, or (mode, content)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in entries.items():
            mode, data = value if isinstance(value, tuple) else (0o100644, value)
            info = zipfile.ZipInfo("placeholder")
            info.filename = info.orig_filename = name
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return path


def special(kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo()
    info.type, info.linkname = kind, target
    return info


def link(target: str) -> tuple[int, bytes]:
    return 0o120777, target.encode()


SOUND = {"top/a.txt": b"a", "top/sub/b.txt": b"bb", "./top/c.txt": b"", "top/none/": b""}


IN_TAR = {
    "top/none/": special(tarfile.DIRTYPE),
    "top/inside": special(tarfile.SYMTYPE, "sub/../a.txt"),
    "top/sub/same": special(tarfile.LNKTYPE, "top/a.txt"),
}


@pytest.mark.parametrize(
    ("make", "more"), [(tar_of, IN_TAR), (zip_of, {"top/inside": link("sub/b.txt")})]
)
def test_unpack(tmp_path: Path, make: Callable[..., Path], more: dict[str, Any]) -> None:
    entries: dict[str, Any] = {**SOUND, **more}
    into = tmp_path / "into"
    into.mkdir()
    unpack(make(tmp_path / "archive", entries), into, 3)
    found = {str(p.relative_to(into)): p.read_bytes() for p in into.rglob("*") if p.is_file()}
    assert found == {"top/a.txt": b"a", "top/sub/b.txt": b"bb", "top/c.txt": b""}
    assert (into / "top" / "none").is_dir()


HOSTILE: dict[str, tuple[Callable[..., Path], dict[str, Any], str]] = {
    "tar absolute": (tar_of, {"/tmp/evil": b"x"}, "leads out"),
    "tar parent": (tar_of, {"top/../../evil": b"x"}, "leads out"),
    "tar drive": (tar_of, {"C:/evil": b"x"}, "leads out"),
    "tar backslash": (tar_of, {"..\\evil": b"x"}, "leads out"),
    "tar link": (tar_of, {"top/l": special(tarfile.SYMTYPE, "../../evil")}, "leads out"),
    "tar absolute link": (tar_of, {"top/l": special(tarfile.SYMTYPE, "/etc")}, "leads out"),
    "tar hard link": (tar_of, {"top/l": special(tarfile.LNKTYPE, "../evil")}, "leads out"),
    "tar absolute hard link": (tar_of, {"t/l": special(tarfile.LNKTYPE, "/etc/passwd")}, "leads"),
    "tar device": (tar_of, {"top/d": special(tarfile.CHRTYPE)}, "is no file"),
    "tar pipe": (tar_of, {"top/p": special(tarfile.FIFOTYPE)}, "is no file"),
    "tar bomb": (tar_of, {"top/a": bytes(2_000_001)}, "more than 2000000 bytes"),
    "tar many": (tar_of, {f"top/{i}": bytes(10**6) for i in range(3)}, "more than 2000000"),
    "zip absolute": (zip_of, {"/tmp/evil": b"x"}, "leads out"),
    "zip parent": (zip_of, {"../evil": b"x"}, "leads out"),
    "zip drive": (zip_of, {"C:evil": b"x"}, "leads out"),
    "zip backslash": (zip_of, {"top\\..\\..\\evil": b"x"}, "leads out"),
    "zip link": (zip_of, {"top/l": link("../../evil")}, "leads out"),
    "zip absolute link": (zip_of, {"top/l": link("/etc")}, "leads out"),
    "zip pipe": (zip_of, {"top/p": (0o010644, b"")}, "is no file"),
    "zip bomb": (zip_of, {"top/a": bytes(2_000_001)}, "more than 2000000 bytes"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives(tmp_path: Path, name: str) -> None:
    make, entries, message = HOSTILE[name]
    into = tmp_path / "deep" / "into"
    into.mkdir(parents=True)
    archive = make(tmp_path / "archive", {"top/harmless": b"x", **entries})
    with pytest.raises(UsageError, match=message):
        unpack(archive, into, 2_000_000)
    for path in (p for p in tmp_path.rglob("*") if p != archive):
        assert not path.is_symlink()
        assert path.is_dir() or path.is_relative_to(into / "top")


def test_a_link_in_the_way_is_never_followed(tmp_path: Path) -> None:
    entries = {"top/l": special(tarfile.SYMTYPE, "sub"), "top/l/a": b"x"}
    into = tmp_path / "into"
    into.mkdir()
    unpack(tar_of(tmp_path / "archive", entries), into, 100)
    assert (into / "top" / "l" / "a").read_bytes() == b"x"
    assert not (into / "top" / "l").is_symlink()


def test_a_zip_that_lies_about_its_size(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"top/a": bytes(3_000_000)})
    data = path.read_bytes()
    path.write_bytes(data.replace((3_000_000).to_bytes(4, "little"), (9).to_bytes(4, "little")))
    (tmp_path / "into").mkdir()
    with pytest.raises(UsageError):
        unpack(path, tmp_path / "into", 1_000_000)
    assert sum(p.stat().st_size for p in (tmp_path / "into").rglob("a")) <= 2_100_000


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.95])
@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_archives_cut_short(tmp_path: Path, make: Callable[..., Path], keep: float) -> None:
    whole = make(tmp_path / "whole", {f"top/{i}": BODY[i:] for i in range(3)}).read_bytes()
    broken = tmp_path / "broken"
    broken.write_bytes(whole[: int(keep * len(whole))])
    (tmp_path / "into").mkdir()
    with pytest.raises(UsageError, match="broken"):
        unpack(broken, tmp_path / "into", 10**7)


# ---------------------------------------------------------------------- fetch


def png() -> bytes:
    pixels = np.random.default_rng(1).integers(0, 256, (8, 10, 3), dtype=np.uint8)
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


def truth() -> bytes:
    labels = np.zeros((8, 10), np.uint8)
    labels[:, 5:] = 7
    image = PIL.Image.fromarray(labels)
    image.putpalette(list(range(256)) * 3)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


VOC = {
    "VOCdevkit/VOC2012/Annotations/other.bin": BODY,
    "VOCdevkit/VOC2012/ImageSets/Segmentation/train.txt": b"a\n",
    "VOCdevkit/VOC2012/ImageSets/Segmentation/val.txt": b"b\nc\n",
    **{f"VOCdevkit/VOC2012/JPEGImages/{key}.jpg": png() for key in "abc"},
    **{f"VOCdevkit/VOC2012/SegmentationClass/{key}.png": truth() for key in "abc"},
}


@pytest.fixture
def voc(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Let the server have a small PASCAL VOC."""
    server.body = tar_of(tmp_path / "voc.tar", VOC).read_bytes()
    cls: Any = plugins.load("datasets", "pascalvoc")
    sha256 = f"sha256:{hashlib.sha256(server.body).hexdigest()}"
    archive = Archive("voc.tar", f"{server.address}/file", sha256, 10**6, 10**6, ("VOCdevkit",))
    monkeypatch.setattr(cls, "LAYOUT", replace(cls.LAYOUT, archives=(archive,)))
    monkeypatch.setattr(cls, "N_IMAGES", {"train": 1, "val": 2, "trainval": 3})
    return server


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_fetch_status_verify(
    voc: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "root"
    assert main(["data", "fetch", "pascalvoc", "--data-root", str(root)]) == 0
    assert names(root) == ["VOCdevkit"]
    assert main(["data", "verify", "pascalvoc", "--data-root", str(root)]) == 0
    assert "train 1 of 1, val 2 of 2, trainval 3 of 3: readable" in capsys.readouterr().out
    (root / "VOCdevkit/VOC2012/JPEGImages/c.jpg").unlink()
    assert main(["data", "status", "pascalvoc", "--data-root", str(root)]) == 0
    rows = [line.split()[:5] for line in capsys.readouterr().out.splitlines()]
    assert ["pascalvoc", "train", "1", "1", "complete"] in rows
    assert ["pascalvoc", "val", "1", "2", "subset"] in rows


def test_fetch_goes_on_after_the_server_stopped(voc: Server, tmp_path: Path) -> None:
    root = tmp_path / "root"
    voc.cuts = [5 * CHUNK] + [0] * downloads.ATTEMPTS
    with pytest.raises(UsageError):
        fetch("pascalvoc", root)
    assert names(root) == ["voc.tar.part"]
    fetch("pascalvoc", root)
    assert voc.asked[-1] == ("/file", f"bytes={5 * CHUNK}-")
    assert names(root) == ["VOCdevkit"]


def test_fetch_goes_on_after_the_program_was_killed(
    voc: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"

    def killed(_archive: Path, into: Path, _most: int) -> None:
        (into / "VOCdevkit").mkdir()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("ssnbench.data.fetch.unpack", killed)
        with pytest.raises(KeyboardInterrupt):
            fetch("pascalvoc", root)
    assert not (root / "VOCdevkit").exists()
    fetch("pascalvoc", root)
    assert len(voc.asked) == 1  # the archive was there already
    assert names(root) == ["VOCdevkit"]


def test_fetch_goes_on_with_moving(voc: Server, tmp_path: Path) -> None:
    ready = tmp_path / "root" / ".ready-pascalvoc" / "VOCdevkit"
    ready.mkdir(parents=True)
    fetch("pascalvoc", tmp_path / "root")
    assert voc.asked == []
    assert names(tmp_path / "root") == ["VOCdevkit"]


def test_fetch_of_another_file(
    voc: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    voc.body = b"<html>moved</html>"
    assert main(["data", "fetch", "pascalvoc", "--data-root", str(tmp_path / "root")]) == 2
    assert "not the file that was published" in capsys.readouterr().err
    assert names(tmp_path / "root") == []


def test_fetch_of_a_hostile_archive_leaves_nothing(
    voc: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = tar_of(tmp_path / "evil.tar", VOC | {"../evil": b"x"}).read_bytes()
    voc.body = body
    cls: Any = plugins.load("datasets", "pascalvoc")
    (archive,) = cls.LAYOUT.archives
    sha256 = f"sha256:{hashlib.sha256(body).hexdigest()}"
    archives = (replace(archive, known_hash=sha256),)
    monkeypatch.setattr(cls, "LAYOUT", replace(cls.LAYOUT, archives=archives))
    with pytest.raises(UsageError, match="not safe"):
        fetch("pascalvoc", tmp_path / "root")
    assert names(tmp_path / "root") == ["voc.tar"]
    assert not (tmp_path / "evil").exists()


def test_nothing_is_overwritten(voc: Server, tmp_path: Path) -> None:
    mine = tmp_path / "root" / "VOCdevkit" / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(UsageError, match="there already"):
        fetch("pascalvoc", tmp_path / "root")
    assert voc.asked == []
    assert names(mine.parent) == ["mine.txt"]


def test_cityscapes_from_the_zips_of_an_account(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, frame = tmp_path / "root", "val/ulm/ulm_000000_000019"
    fetch_it = ["data", "fetch", "cityscapes", "--data-root", str(root)]
    assert main(fetch_it) == 2
    assert "account at https://www.cityscapes-dataset.com" in capsys.readouterr().err
    images = zip_of(
        tmp_path / "leftImg8bit_trainvaltest.zip",
        {f"leftImg8bit/{frame}_leftImg8bit.png": png(), "license.txt": b"", "README": b"1"},
    )
    truths = zip_of(
        tmp_path / "gtFine_trainvaltest.zip",
        {f"gtFine/{frame}_gtFine_labelIds.png": truth(), "license.txt": b"", "README": b"2"},
    )
    assert main([*fetch_it, "--archive", str(images)]) == 0
    assert main([*fetch_it, "--archive", str(truths)]) == 0
    assert names(root / "cityscapes") == ["README", "gtFine", "leftImg8bit", "license.txt"]
    assert images.is_file()
    capsys.readouterr()
    assert main(["data", "verify", "cityscapes", "--data-root", str(root)]) == 0
    assert "val 1 of 500: readable" in capsys.readouterr().out
    assert main([*fetch_it, "--archive", str(truths)]) == 2


def test_archives_that_are_none(tmp_path: Path) -> None:
    other = zip_of(tmp_path / "other.zip", {"a/b": b""})
    with pytest.raises(UsageError, match="no archive of cityscapes"):
        fetch("cityscapes", tmp_path / "root", [other])
    with pytest.raises(UsageError, match="no archive at"):
        fetch("cityscapes", tmp_path / "root", [tmp_path / "none.zip"])
    fake = zip_of(tmp_path / "MPI-Sintel-complete.zip", {"training/flow/a": b""})
    with pytest.raises(UsageError, match="not the file that was published"):
        fetch("sintel", tmp_path / "root", [fake])
    with pytest.raises(UsageError, match="comes with the program"):
        fetch("collage", tmp_path / "root")


# ---------------------------------------------------------------------- verify


def test_verify_names_what_is_wrong(
    voc: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "root"
    fetch("pascalvoc", root)
    home = root / "VOCdevkit" / "VOC2012"
    (home / "SegmentationClass" / "b.png").write_bytes(b"broken")
    for kind, ending in (("JPEGImages", "jpg"), ("SegmentationClass", "png")):
        (home / kind / f"2007_000042.{ending}").write_bytes(b"another")
    assert main(["data", "verify", "pascalvoc", "--data-root", str(root)]) == 1
    told = capsys.readouterr().out
    assert "val 2 of 2, trainval 3 of 3: wrong" in told
    assert "b.png" in told
    assert "2007_000042.jpg differs from the official file" in told
    assert "2007_000042.png differs from the official file" in told


def test_verify_of_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "verify", "--data-root", str(tmp_path)]) == 0
    assert "sintel: not there" in capsys.readouterr().out
    assert main(["data", "verify", "sintel", "--data-root", str(tmp_path)]) == 1


@pytest.mark.real
def test_verify_the_real_subsets(real_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "verify", "--data-root", str(real_data)]) == 0
    told = capsys.readouterr().out
    assert "bsds500: train 200 of 200, val 100 of 100, test 200 of 200: readable" in told
    assert "pascalvoc: train 3 of 1464, val 60 of 1449, trainval 63 of 2913: readable" in told
    assert "sintel: train 2 of 836, val 3 of 205, all 5 of 1041: readable" in told
