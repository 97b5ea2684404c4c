"""Which files a report wrote, so that the next one clears away what it no longer makes.

A method that is gone, or a metric, would else leave its figure behind, as if it still held.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

FILE = ".report.json"
FOLDERS = ("figures", "tables")

Stamps = Mapping[str, tuple[int, int]]
"""Size in bytes and time of change in ns of files, by their path below the run folder."""


@contextmanager
def renewed(folder: Path) -> Iterator[None]:
    """Remove what the last report of a folder wrote and this one does not.

    Whatever the user put there, or changed since, stays. Nothing is removed when the drawing fails.
    """
    before = _stamps(folder)
    yield
    now = _stamps(folder)
    written = {path: stamp for path, stamp in now.items() if before.get(path) != stamp}
    for path, stamp in _read(folder).items():
        if path not in written and now.get(path) == stamp:
            (folder / path).unlink(missing_ok=True)
    (folder / FILE).write_text(json.dumps(written, indent=0), encoding="utf-8")


def _stamps(folder: Path) -> Stamps:
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_size, path.stat().st_mtime_ns)
        for name in FOLDERS
        for path in sorted((folder / name).rglob("*"))
        if path.is_file()
    }


def _read(folder: Path) -> Stamps:
    """What the last report wrote; nothing where there was none, or its list cannot be read."""
    try:
        listed = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return {str(path): (int(size), int(time)) for path, (size, time) in listed.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
