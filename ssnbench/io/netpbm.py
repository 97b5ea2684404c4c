"""Netpbm pictures (.pbm, .pgm, .ppm, .pnm), plain or raw, with the largest value that they state.

Pillow brings every picture to 8 or 16 bits. A label map must keep its numbers, and a picture of 10
bits its scale, hence a reader of our own.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssnbench.contracts import UsageError
from ssnbench.io.limits import MOST_BYTES, check_size, one_line, read_at_most

ENDINGS = (".pbm", ".pgm", ".ppm", ".pnm")

_GAP = rb"(?:\s|#[^\r\n]*[\r\n])+"
_HEADER = re.compile(
    rb"P(?:([14])%b(\d+)%b(\d+)|([2356])%b(\d+)%b(\d+)%b(\d+))\s" % (5 * (_GAP,)), re.DOTALL
)
_LONGEST_HEADER = 4096
_MOST_PLAIN = 2**26  # bytes: numbers as text take forty times as many while they are read


def read_netpbm(path: Path) -> tuple[NDArray[Any], int]:
    """Read a picture as it is stored.

    Returns
    -------
    pixels : uint8 or uint16 (H, W) or (H, W, 3)
        Of a bitmap (.pbm) 1 is black.
    maximum : int
        The largest value that the file states, 1..65535.

    Raises
    ------
    UsageError
        When the file is missing, cut short, or no Netpbm picture.
    """
    try:
        data = read_at_most(path, MOST_BYTES)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    header = _HEADER.match(data, 0, _LONGEST_HEADER)
    if header is None:
        raise UsageError(f"{path} is no Netpbm picture: it should begin with P1 to P6 and its size")
    kind, width, height, maximum = _fields(header)
    if width < 1 or height < 1 or not 1 <= maximum <= 65535:
        raise UsageError(f"{path} states {width} x {height} pixels of up to {maximum}")
    check_size((height, width), path)
    shape = (height, width, 3) if kind in (3, 6) else (height, width)
    body = memoryview(data)[header.end() :]
    if kind < 4:
        return _plain(body, kind, shape, maximum, path), maximum
    return _raw(body, kind, shape, maximum, path), maximum


def _fields(header: re.Match[bytes]) -> tuple[int, int, int, int]:
    """Kind 1..6, width, height and maximum."""
    if header[1]:
        return int(header[1]), int(header[2]), int(header[3]), 1
    return int(header[4]), int(header[5]), int(header[6]), int(header[7])


def _raw(
    body: memoryview, kind: int, shape: tuple[int, ...], maximum: int, path: Path
) -> NDArray[Any]:
    if kind == 4:
        row = -(-shape[1] // 8)
        _check_length(len(body), shape[0] * row, shape, path)
        packed = np.frombuffer(body, np.uint8, shape[0] * row).reshape(shape[0], row)
        return np.unpackbits(packed, axis=1, count=shape[1])
    stored = np.dtype(">u2") if maximum > 255 else np.dtype(np.uint8)
    n_values = int(np.prod(shape, dtype=np.int64))
    _check_length(len(body), n_values * stored.itemsize, shape, path)
    values = np.frombuffer(body, stored, n_values).reshape(shape)
    return values.astype(stored.newbyteorder("="))


def _plain(
    body: memoryview, kind: int, shape: tuple[int, ...], maximum: int, path: Path
) -> NDArray[Any]:
    if len(body) > _MOST_PLAIN:
        raise UsageError(f"{path} has {len(body)} bytes of text: save it raw, as P4 to P6")
    text = re.sub(rb"#[^\r\n]*", b"", bytes(body))
    n_values = int(np.prod(shape, dtype=np.int64))
    if kind == 1:
        bits = np.frombuffer(text, np.uint8) - np.uint8(ord("0"))
        bits = bits[bits < 2]  # between them may be blanks or nothing
        _check_length(len(bits), n_values, shape, path)
        return bits[:n_values].reshape(shape)
    words = text.split()
    _check_length(len(words), n_values, shape, path)
    try:
        values = np.array(list(map(int, words[:n_values])), np.int64)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{path} holds what is no number: {one_line(error)}") from None
    if values.min() < 0 or values.max() > 65535:
        raise UsageError(f"{path} holds {values.min()}..{values.max()}: beyond 16 bits")
    return values.astype(np.uint16 if maximum > 255 else np.uint8).reshape(shape)


def _check_length(n_present: int, n_wanted: int, shape: tuple[int, ...], path: Path) -> None:
    if n_present < n_wanted:
        raise UsageError(
            f"{path} is cut short: it should hold {shape[1]} x {shape[0]} pixels "
            f"({n_wanted} values or bytes, not {n_present})"
        )
