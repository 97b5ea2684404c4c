"""Label maps as few bytes, without loss.

Superpixels are blobs: most pixels repeat the one above. What is left after subtracting the row
above is mostly zeros, which deflate packs some forty times smaller than int32.
"""

from __future__ import annotations

import hashlib
import struct
import zlib

import numpy as np

from ssnbench.contracts import Labels, UsageError
from ssnbench.io.limits import MOST_PIXELS, inflated

_HEADER = struct.Struct("<II")


def pack(labels: Labels) -> bytes:
    """Return int32 (H, W) labels as compressed bytes."""
    above = np.zeros_like(labels)
    above[1:] = labels[:-1]
    body = zlib.compress(np.subtract(labels, above, dtype="<i4").tobytes(), level=3)
    return _HEADER.pack(*labels.shape) + body


def unpack(data: bytes) -> Labels:
    """Return the int32 (H, W) labels that :func:`pack` was given.

    Raises
    ------
    UsageError
        When the bytes are not what :func:`pack` returned.
    """
    if len(data) < _HEADER.size:
        raise UsageError("a kept label map is cut short")
    height, width = _HEADER.unpack_from(data)
    if not 0 < height * width <= MOST_PIXELS:
        raise UsageError(f"a kept label map states {height} x {width} pixels")
    try:
        body = inflated(data[_HEADER.size :], 4 * height * width)
        steps = np.frombuffer(body, "<i4").reshape(height, width)
    except ValueError as error:
        raise UsageError(f"a kept label map is broken: {error}") from None
    return np.cumsum(steps, axis=0, dtype=np.int32)


def content_key(data: bytes) -> str:
    """Return the name of packed labels: equal maps have equal keys."""
    return hashlib.sha256(data).hexdigest()[:24]
