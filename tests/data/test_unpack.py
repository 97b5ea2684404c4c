"""Archives that take memory or time before anything is written."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from ssnbench.contracts import UsageError
from ssnbench.data import unpack as module
from ssnbench.data.unpack import unpack


def taped(path: Path, kind: bytes, size: int, **more: str) -> Path:
    with tarfile.open(path, "w") as archive:
        entry = tarfile.TarInfo("a")
        entry.type, entry.size = kind, size
        entry.pax_headers = more
        archive.addfile(entry, io.BytesIO(bytes(size)))
    return path


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, b"x", b"g"])
def test_long_headers_are_not_read(tmp_path: Path, kind: bytes) -> None:
    archive = taped(tmp_path / "a.tar", kind, 2**17)
    with pytest.raises(UsageError, match="has a header of 131072 bytes"):
        unpack(archive, tmp_path, 10)


def test_files_with_holes_are_refused(tmp_path: Path) -> None:
    archive = taped(tmp_path / "a.tar", tarfile.GNUTYPE_SPARSE, 512)
    with pytest.raises(UsageError, match="with holes"):
        unpack(archive, tmp_path, 10)
    headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
    archive = taped(tmp_path / "b.tar", tarfile.REGTYPE, 512, **headers)
    with pytest.raises(UsageError, match="with holes"):
        unpack(archive, tmp_path, 10)


def test_folders_count_as_files_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FILES", 20)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("/".join("abcdefghijklmnopqrstuvwxyz"), b"x")
    with pytest.raises(UsageError, match="more than 20 files and folders"):
        unpack(tmp_path / "a.zip", tmp_path / "into", 10)


def test_a_list_without_end_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(100):
            archive.writestr(f"{number}/", b"")
    unpack(tmp_path / "a.zip", tmp_path, 10)
    monkeypatch.setattr(module, "_LONGEST_LISTING", 4000)
    with pytest.raises(UsageError, match="lists more than"):
        unpack(tmp_path / "a.zip", tmp_path, 10)


def test_names_end(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("a/" * 3000 + "b"))
    with pytest.raises(UsageError, match="leads out") as caught:
        unpack(tmp_path / "a.tar", tmp_path, 10)
    assert len(str(caught.value)) < 4100
