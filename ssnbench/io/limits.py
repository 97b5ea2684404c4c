"""How large what is read may be: checked against what a file states, before memory is taken."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path

from ssnbench.contracts import UsageError
from ssnbench.io.notes import DataNote

MOST_PIXELS = 2**27
"""Pixels that a picture or a label map may have at most: 11585 x 11585."""

MOST_BYTES = 16 * MOST_PIXELS
"""Bytes that a file of pixels may have, and what is packed in it may unpack to."""

MOST_TEXT = 2**28
"""Bytes that a file of text may have."""

MOST_SETTINGS = 2**24
"""Bytes that a list of names, a log or a header may have."""

_DEFLATE = 1032
"""Bytes to which one byte can unpack at most, by deflate."""

_LONGEST_REASON = 300


def check_size(size: Sequence[int], path: Path, what: str = "a label map") -> None:
    """Raise UsageError when a file states more elements than a label map may have."""
    n_pixels = prod(int(n) for n in size)
    if n_pixels > MOST_PIXELS:
        raise UsageError(
            f"{path} states {n_pixels} elements of {what}; it may have {MOST_PIXELS} at most"
        )


def check_packed(n_bytes: int, n_stored: int, path: Path) -> None:
    """Raise UsageError when so few bytes cannot hold what a file states, however packed."""
    if n_bytes > _DEFLATE * n_stored:
        raise UsageError(f"{path} is cut short: it states {n_bytes} bytes and stores {n_stored}")


def read_at_most(path: Path, most: int = MOST_BYTES) -> bytes:
    """Read a file that may have so many bytes.

    Raises
    ------
    UsageError
        When it has more, also one that never ends.
    OSError
        When it cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise UsageError(f"{path} has more than the {most} bytes that such a file may have")
    return data


def inflated_start(data: bytes | memoryview, n_bytes: int) -> bytes:
    """Unpack the first bytes of what zlib packed; ValueError when it is broken."""
    try:
        return zlib.decompressobj().decompress(data, n_bytes)
    except zlib.error as error:
        raise ValueError(f"what is packed in it is broken: {error}") from None


def inflated(data: bytes | memoryview, most: int) -> bytes:
    """Unpack what zlib packed to at most so many bytes.

    Raises
    ------
    ValueError
        When it unpacks to more, or is broken.
    """
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(data, most + 1)
    except zlib.error as error:
        raise ValueError(f"what is packed in it is broken: {error}") from None
    if len(unpacked) > most:
        raise ValueError(f"what is packed in it unpacks to more than {most} bytes")
    return unpacked


@contextmanager
def one_error(path: object, what: str) -> Iterator[None]:
    """Turn whatever a reader stumbles over in a broken file into one UsageError."""
    try:
        yield
    except (UsageError, DataNote):  # a note is an error only where the user wants it so
        raise
    except Exception as error:
        raise UsageError(f"{path} {what}: {one_line(error)}") from error


def one_line(error: BaseException) -> str:
    """Return the message of an error without line breaks, cut short, or the name of its class."""
    text = str(error.strerror) if isinstance(error, OSError) and error.strerror else str(error)
    text = " ".join(text[: 4 * _LONGEST_REASON].split())
    return text[:_LONGEST_REASON] or type(error).__name__
