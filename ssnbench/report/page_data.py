"""What a page loads: values as scripts beside it, or as blocks inside it.

A browser lets no page that is opened from a disk fetch files or read the pixels of images that lie
beside it, but it does let it add scripts. So a value is written as a script that hands it over,
``ssnbench.give(name, value)``, and the page adds that script when it needs the value. In a page of
one file every value is a block of JSON, which is parsed when it is needed.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

WEB = Path(__file__).with_name("web")
STYLES = ("vendor/uPlot.min.css", "base.css", "parts.css", "images.css")
SCRIPTS = (
    *("core.js", "vendor/uPlot.iife.min.js", "sections.js", "tables.js", "figures.js"),
    *("chart.js", "curves.js", "maps.js", "viewer.js", "gestures.js", "worst.js", "images.js"),
)
"""In the order in which they are loaded; ``theme.js`` comes before the first paint."""


class PageData(Protocol):
    """Where values go, by a name of lower-case letters, digits, ``-`` and ``/``."""

    def add(self, name: str, value: Any) -> None:
        """Add a value that JSON can hold; numbers that are not finite become null."""
        ...

    def has(self, name: str) -> bool:
        """Whether a value of this name is there, from now or from an earlier page."""
        ...


class ScriptFiles:
    """Values as scripts in a folder.

    Parameters
    ----------
    folder : Path
        Belongs to the page alone: scripts in ``data`` that are not added again are removed by
        `finish`, styles and scripts of the page are put in ``assets``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: set[Path] = set()

    def add(self, name: str, value: Any) -> None:
        """Write a value; see `PageData`."""
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"ssnbench.give({encoded(name)},{encoded(value)})\n", encoding="ascii")
        self._kept.add(path)

    def has(self, name: str) -> bool:
        """Whether a value is there; if so, it is kept."""
        path = self._path(name)
        if path.is_file():
            self._kept.add(path)
        return path in self._kept

    def finish(self) -> None:
        """Write styles and scripts; remove what an earlier page needed and this one does not."""
        for path in (self.folder / "data").rglob("*.js"):
            if path not in self._kept:
                path.unlink()
        for name in (*STYLES, "theme.js", *SCRIPTS, "vendor/uPlot.LICENSE"):
            target = self.folder / "assets" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(WEB / name, target)

    def _path(self, name: str) -> Path:
        return self.folder / "data" / f"{name}.js"


@dataclass
class JsonBlocks:
    """Values as JSON, by name, to stand inside a page."""

    blocks: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, value: Any) -> None:
        """Keep a value; see `PageData`."""
        self.blocks[name] = encoded(value)

    def has(self, name: str) -> bool:
        """Whether a value was added."""
        return name in self.blocks


def encoded(value: Any) -> str:
    """Return a value as JSON in ASCII that may stand inside ``<script>``."""
    text = json.dumps(_plain(value), separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def _plain(value: Any) -> Any:
    """Return nothing but what JSON knows; what is not finite is missing."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
