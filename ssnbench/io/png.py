"""What a PNG states of itself, before a decoder takes memory for it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

from ssnbench.io.limits import check_packed

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}

HEADER_BYTES = 26
"""How much of a file :func:`png_header` looks at."""


class PngHeader(NamedTuple):
    """Size in pixels, bits per channel, and colour type (0 grey, 2 RGB, 3 palette, 4, 6 alpha)."""

    width: int
    height: int
    depth: int
    colour_type: int


def png_header(start: bytes) -> PngHeader | None:
    """Read the header of a PNG from the beginning of its file; None when it is no PNG."""
    if len(start) < HEADER_BYTES or not start.startswith(_SIGNATURE):
        return None
    return PngHeader(*struct.unpack_from(">IIBB", start, 16))


def check_png(start: bytes, n_bytes: int, path: Path) -> None:
    """Raise UsageError when a PNG of so many bytes cannot hold the pixels that it states."""
    header = png_header(start)
    if header is not None:
        bits = header.width * header.depth * _CHANNELS.get(header.colour_type, 1)
        check_packed(header.height * (bits // 8), n_bytes, path)
