"""What a PNG states of itself, before a decoder takes memory for it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

from ssnbench.contracts import UsageError
from ssnbench.io.limits import check_packed

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}

_AROUND_CHUNK = 12  # length, kind and checksum

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


def check_chunks(data: bytes, path: Path) -> None:
    """Raise UsageError when a PNG has a chunk that is not whole.

    OpenCV takes memory for what a chunk states, 4 GB at most, before it reads it.
    """
    if png_header(data) is None:
        return
    at, kind = len(_SIGNATURE), b""
    while kind != b"IEND" and at + _AROUND_CHUNK <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        at += size + _AROUND_CHUNK
    if at > len(data) or kind != b"IEND":
        raise UsageError(f"{path} is cut short: a part of it is not whole")


def check_png(start: bytes, n_bytes: int, path: Path) -> None:
    """Raise UsageError when a PNG of so many bytes cannot hold the pixels that it states."""
    header = png_header(start)
    if header is not None:
        bits = header.width * header.depth * _CHANNELS.get(header.colour_type, 1)
        check_packed(header.height * (bits // 8), n_bytes, path)
