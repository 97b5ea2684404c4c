"""Unpack an archive that may be hostile: every entry is checked before a byte of it is written."""

from __future__ import annotations

import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from ssnbench.contracts import UsageError

MOST_FILES = 500_000
_CHUNK = 1 << 20
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    NotImplementedError,  # a zip with a compression that Python does not know
    RuntimeError,  # a zip with a password
)


@dataclass(frozen=True)
class _Entry:
    """One entry of an archive: a folder, a file that can be opened, or a link and where to."""

    name: str
    kind: str
    link: str = ""
    open: Callable[[], IO[bytes] | None] | None = None


def unpack(archive: Path, into: Path, most_bytes: int) -> None:
    """Unpack a zip or a tar (plain, gz, bz2, xz) into a folder.

    Links that stay inside are left out: no data set needs them.

    Parameters
    ----------
    archive : Path
        The file.
    into : Path
        An empty folder.
    most_bytes : int
        Unpacked files may have so many bytes in all.

    Raises
    ------
    UsageError
        When the archive is broken or of another kind; when it holds an absolute path, a ``..``, a
        link that leads out, a device; or when it is larger than allowed. What was unpacked until
        then stays in ``into``.
    """
    left = most_bytes
    try:
        with closing(_entries(archive)) as entries:
            for number, entry in enumerate(entries):
                if number >= MOST_FILES:
                    raise UsageError(f"{archive} has more than {MOST_FILES} entries")
                path = into / _checked(entry, archive)
                if entry.kind == "folder":
                    path.mkdir(parents=True, exist_ok=True)
                elif entry.open is not None:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    left -= _written(entry.open, path, left)
                if left < 0:
                    raise UsageError(f"{archive} unpacks to more than {most_bytes} bytes")
    except _BROKEN as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(f"{archive} cannot be unpacked: {reason}") from error


def _entries(archive: Path) -> Generator[_Entry, None, None]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            yield from (_of_zip(zipped, info) for info in zipped.infolist())
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as taped:
            yield from (_of_tar(taped, member) for member in taped)
    else:
        raise UsageError(f"{archive} is neither a zip nor a tar")


def _of_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Entry:
    name = info.orig_filename  # ZipInfo.filename was made harmless, which hides what was meant
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return _Entry(name, "link", archive.read(info)[:4096].decode(errors="replace"))
    if info.is_dir():
        return _Entry(name, "folder")
    plain = kind in (0, stat.S_IFREG)
    return _Entry(name, "file" if plain else "device", open=lambda: archive.open(info))


def _of_tar(archive: tarfile.TarFile, member: tarfile.TarInfo) -> _Entry:
    if member.issym():
        return _Entry(member.name, "link", member.linkname)
    if member.islnk():  # told from the archive's top, not from the link's folder
        up = "../" * (len(PurePosixPath(member.name).parts) - 1)
        inside = "" if member.linkname.startswith("/") else up
        return _Entry(member.name, "link", inside + member.linkname)
    if member.isdir():
        return _Entry(member.name, "folder")
    kind = "file" if member.isreg() else "device"
    return _Entry(member.name, kind, open=lambda: archive.extractfile(member))


def _checked(entry: _Entry, archive: Path) -> Path:
    """Return the entry's relative path, or raise when it is not harmless."""
    parts = _inside(entry.name)
    if parts is None:
        raise UsageError(f"{archive} is not safe: entry {entry.name!r} leads out of its folder")
    if entry.kind == "device":
        raise UsageError(f"{archive} is not safe: entry {entry.name!r} is no file")
    if entry.kind == "link" and not _stays(parts[:-1], entry.link):
        raise UsageError(
            f"{archive} is not safe: link {entry.name!r} leads out of its folder, to {entry.link!r}"
        )
    return Path(*parts)


def _inside(name: str) -> tuple[str, ...] | None:
    """Parts of a relative path without ``..``; None for any other, on any system."""
    foreign = PureWindowsPath(name)
    if "\\" in name or "\0" in name or foreign.drive or foreign.root:
        return None
    parts = PurePosixPath(name).parts
    return None if ".." in parts else parts


def _stays(folder: tuple[str, ...], target: str) -> bool:
    """Whether a link in a folder leads to a place inside the archive."""
    foreign = PureWindowsPath(target)
    if foreign.drive or foreign.root or "\\" in target:
        return False
    depth = len(folder)
    for part in PurePosixPath(target).parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return False
    return True


def _written(opened: Callable[[], IO[bytes] | None], path: Path, most_bytes: int) -> int:
    """Write a file, counting what really comes; stop once it is too much."""
    written = 0
    source = opened()
    if source is None:
        return written
    with source, path.open("wb") as target:
        while written <= most_bytes and (chunk := source.read(_CHUNK)):
            target.write(chunk)
            written += len(chunk)
    return written
