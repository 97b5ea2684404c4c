"""What lies in a folder: the files that are somebody's data, and a drawing of the rest."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest
from pathlib import Path

from ssnbench.io.notes import note

_SYSTEM_FILES = {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir"}

NOT_TEXT = f"is no text in {sys.getfilesystemencoding()}, the encoding of file names: rename it"
"""What is said of a name that holds bytes of another encoding: no result could name its image."""

_DEPTH, _PER_FOLDER, _LINES = 3, 6, 24
"""How much of a folder is drawn: levels, entries of a folder, lines in all."""


def is_system_file(name: str) -> bool:
    """Whether a file or folder belongs to an operating system and is nobody's data.

    Hidden ones are (``._a.png`` of macOS among them), what Windows and file servers leave, and the
    marks of files that an office program has open (``~$a.png``).
    """
    return name.startswith((".", "~$")) or name.casefold() in _SYSTEM_FILES


def files_below(folder: Path, depth: int = 1) -> Iterator[Path]:
    """Yield the files of a folder and of so many levels below it, sorted, without system files.

    One whose name is no text is left out with a note.
    """
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if is_system_file(entry.name):
            continue
        if not _is_text(entry.name):
            note(f"left out: {entry.path!r} {NOT_TEXT}")
        elif entry.is_file():
            yield Path(entry.path)
        elif depth > 1 and entry.is_dir():
            yield from files_below(Path(entry.path), depth - 1)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def beside(expected: Sequence[str], folder: Path) -> list[str]:
    """Lines that show what is expected beside what lies in a folder."""
    left = ["expected", *expected]
    right = [f"found in {folder}", *_drawn(folder)]
    width = max(map(len, left)) + 3
    return [f"  {a:{width}}{b}".rstrip() for a, b in zip_longest(left, right, fillvalue="")]


def _drawn(folder: Path) -> list[str]:
    """Draw a folder as an indented tree of few lines."""
    if not folder.is_dir():
        return ["nothing: there is no such folder"]
    lines = list(islice(_walked(folder, 0), _LINES + 1))
    if len(lines) > _LINES:
        lines[-1] = "..."
    return lines or ["nothing: it is empty"]


def _walked(folder: Path, depth: int) -> Iterator[str]:
    indent = "  " * depth
    try:
        with os.scandir(folder) as found:
            entries = sorted(islice(found, 10_000), key=lambda entry: (entry.is_file(), entry.name))
    except OSError as error:
        yield f"{indent}({error.strerror})"
        return
    for entry in entries[:_PER_FOLDER]:
        yield f"{indent}{entry.name}{'/' if entry.is_dir() else ''}"
        if entry.is_dir() and depth + 1 < _DEPTH:
            yield from _walked(Path(entry.path), depth + 1)
    if len(entries) > _PER_FOLDER:
        yield f"{indent}and {len(entries) - _PER_FOLDER} more"
