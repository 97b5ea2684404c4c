"""Unpack an archive that may be hostile: every entry is checked before a byte of it is written."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any, Self

from ssnbench.contracts import UsageError
from ssnbench.io.limits import one_error

MOST_FILES = 200_000
"""Files and folders that an archive may hold: ten times as many as the largest data set."""

_CHUNK = 1 << 20
_LONGEST_LISTING = 1 << 25  # bytes of a zip's own list of what it holds
_LONGEST_NAME, _LONGEST_HEADER, _SHOWN = 4096, 1 << 16, 200
_LONG_HEADERS = (
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
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
    left, folders = most_bytes, {into}
    with one_error(archive, "cannot be unpacked"), closing(_entries(archive)) as entries:
        for number, entry in enumerate(entries):
            path = into / _checked(entry, archive)
            if entry.kind != "link":
                _make(path if entry.kind == "folder" else path.parent, folders)
            if number + len(folders) > MOST_FILES:
                raise UsageError(f"{archive} has more than {MOST_FILES} files and folders")
            if entry.open is not None:
                left -= _written(entry.open, path, left)
            if left < 0:
                raise UsageError(f"{archive} unpacks to more than {most_bytes} bytes")


def _make(folder: Path, folders: set[Path]) -> None:
    """Make a folder, and note it and those above it."""
    if folder not in folders:
        folder.mkdir(parents=True, exist_ok=True)
        while folder not in folders:
            folders.add(folder)
            folder = folder.parent


class _Guarded(io.FileIO):
    """A file of which no more is read at once than a zip's list of what it holds may have."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read so many bytes, or raise UsageError where they are too many."""
        if size is None or size < 0:
            size = os.fstat(self.fileno()).st_size - self.tell()
        if size > _LONGEST_LISTING:
            raise UsageError(f"{self.name!s} lists more than an archive of {MOST_FILES} files has")
        return super().read(size) or b""


class _Header(tarfile.TarInfo):
    """A header of a tar, unless it is longer than names and notes are."""

    def _proc_member(self, archive: Any) -> Self:
        # The library reads whole what stands before a file: its long name, its notes.
        if self.type in _LONG_HEADERS and self.size > _LONGEST_HEADER:
            raise UsageError(f"{archive.name} has a header of {self.size} bytes")
        if self.type == tarfile.GNUTYPE_SPARSE:
            self._proc_gnusparse_10(self, {}, archive)
        member: Self = super()._proc_member(archive)  # type: ignore[misc]
        return member

    def _proc_gnusparse_10(self, _next: Any, _headers: Any, archive: Any) -> None:
        raise UsageError(f"{archive.name} has files with holes, whose lists have no end")


def _entries(archive: Path) -> Generator[_Entry, None, None]:
    if zipfile.is_zipfile(archive):
        with _Guarded(archive) as file, zipfile.ZipFile(file) as zipped:
            yield from (_of_zip(zipped, info) for info in zipped.infolist())
    else:
        try:
            taped = tarfile.open(archive, tarinfo=_Header)  # noqa: SIM115
        except tarfile.ReadError:
            raise UsageError(f"{archive} is neither a zip nor a tar") from None
        with taped:
            yield from (_of_tar(taped, member) for member in taped)


def _of_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Entry:
    name = info.orig_filename  # ZipInfo.filename was made harmless, which hides what was meant
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        with archive.open(info) as target:
            return _Entry(name, "link", target.read(_LONGEST_NAME).decode(errors="replace"))
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
    name, link = entry.name[:_SHOWN], entry.link[:_SHOWN]
    if parts is None or max(len(entry.name), len(entry.link)) > _LONGEST_NAME:
        raise UsageError(f"{archive} is not safe: entry {name!r} leads out of its folder")
    if entry.kind == "device":
        raise UsageError(f"{archive} is not safe: entry {name!r} is no file")
    if entry.kind == "link" and not _stays(parts[:-1], entry.link):
        raise UsageError(
            f"{archive} is not safe: link {name!r} leads out of its folder, to {link!r}"
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
