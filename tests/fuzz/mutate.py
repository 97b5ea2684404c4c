"""Valid files spoilt: deterministic, with checksums mended so that readers look further."""

from __future__ import annotations

import gzip
import io
import random
import re
import struct
import zipfile
import zlib
from collections.abc import Callable

Spoil = Callable[[random.Random, bytes], bytes]

_NUMBERS = (
    *(0, 1, 2, 3, 7, 8, 127, 128, 255, 256, 32767, 32768, 40000, 65535, 65536, 2**20, 2**24),
    *(2**26, 2**27 + 1, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1, 2**48, 2**63 - 1, 2**63, 2**64 - 1),
)
_WORDS = (
    *(b"", b"-1", b"0", b"1e999", b"nan", b"-inf", b"9" * 25, b"9" * 5000, b"0x10", b"1_0", b"1,5"),
    *(b"null", b"true", b'"text"', b"[]", b"{}", b"[" * 3000, b'{"a":' * 3000, b"(" * 3000),
    *(b"\xff\xfe", b"\x00", b"\x1b[2J", b"../../up", b"/etc/passwd", b"__class__", b"9e9", b"\n"),
)
_TOKEN = re.compile(rb'[-+.\w]+|"[^"]*"')


def spoilt(rng: random.Random, data: bytes) -> bytes:
    """Change a file at one to four places, anywhere."""
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        data = rng.choice(_BYTES)(rng, data)
    return data


def _bit(rng: random.Random, data: bytes) -> bytes:
    place = _place(rng, data)
    return data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]


def _byte(rng: random.Random, data: bytes) -> bytes:
    place = _place(rng, data)
    return data[:place] + bytes([rng.choice((0, 1, 127, 128, 205, 255))]) + data[place + 1 :]


def _number(rng: random.Random, data: bytes) -> bytes:
    size = rng.choice((2, 4, 4, 8))
    value = rng.choice(_NUMBERS) & (1 << 8 * size) - 1
    place = _place(rng, data)
    place -= rng.choice((0, place % 4))  # most formats keep numbers at multiples of four
    number: bytes = value.to_bytes(size, "little" if rng.random() < 0.5 else "big")
    return data[:place] + number + data[place + size :]


def _word(rng: random.Random, data: bytes) -> bytes:
    start = rng.randrange(max(1, len(data)))
    found = _TOKEN.search(data, start) or _TOKEN.search(data)
    if found is None:
        return data
    return data[: found.start()] + rng.choice(_WORDS) + data[found.end() :]


def _cut(rng: random.Random, data: bytes) -> bytes:
    return data[: _place(rng, data)]


def _gone(rng: random.Random, data: bytes) -> bytes:
    place = _place(rng, data)
    return data[:place] + data[place + rng.choice((1, 2, 4, 8, 64)) :]


def _twice(rng: random.Random, data: bytes) -> bytes:
    place, size = _place(rng, data), rng.choice((1, 4, 8, 64, 512))
    return data[:place] + data[place : place + size] * rng.choice((2, 3, 50)) + data[place + size :]


def _noise(rng: random.Random, data: bytes) -> bytes:
    place = _place(rng, data)
    return data[:place] + rng.randbytes(rng.choice((1, 4, 16))) + data[place:]


def _swapped(rng: random.Random, data: bytes) -> bytes:
    a, b = sorted((_place(rng, data), _place(rng, data)))
    size = min(rng.choice((4, 8, 16)), b - a)
    return (
        data[:a] + data[b : b + size] + data[a + size : b] + data[a : a + size] + data[b + size :]
    )


def _place(rng: random.Random, data: bytes) -> int:
    """Anywhere, but half of the time near the beginning, where headers are."""
    if not data:
        return 0
    return min(rng.randrange(len(data)), rng.choice((len(data), 64, 256)) - 1)


def _safe(spoil: Spoil) -> Spoil:
    return lambda rng, data: spoil(rng, data) if data else rng.randbytes(8)


_BYTES: list[Spoil] = [
    _safe(each)
    for each in (
        _bit,
        _byte,
        _number,
        _number,
        _number,
        _word,
        _cut,
        _gone,
        _twice,
        _noise,
        _swapped,
    )
]


def words(rng: random.Random, data: bytes) -> bytes:
    """Change a text: mostly whole words."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        data = _word(rng, data) if rng.random() < 0.7 else rng.choice(_BYTES)(rng, data)
    return data


def png(rng: random.Random, data: bytes) -> bytes:
    """Change a chunk, or the rows packed in it, and mend its checksum."""
    if rng.random() < 0.1:
        return spoilt(rng, data)
    chunks, at = [], 8
    while at + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += 12 + size
    place = rng.randrange(len(chunks))
    kind, body = chunks[place]
    if kind == b"IDAT" and rng.random() < 0.5:
        body = zlib.compress(spoilt(rng, zlib.decompress(body)))
    elif rng.random() < 0.1:
        kind = rng.choice((b"PLTE", b"tRNS", b"zTXt", b"iCCP", b"eXIf", b"acTL", b"IHDR"))
    else:
        body = spoilt(rng, body)
    chunks[place] = kind, body
    if rng.random() < 0.1:
        chunks.insert(rng.randrange(len(chunks)), rng.choice(chunks))
    return data[:8] + b"".join(_chunk(*each) for each in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def mat(rng: random.Random, data: bytes) -> bytes:
    """Change what is packed in a variable, and pack it anew."""
    kind, size = struct.unpack_from("<II", data, 128) if len(data) > 136 else (0, 0)
    if kind != 15 or rng.random() < 0.2:
        return spoilt(rng, data)
    body = zlib.compress(spoilt(rng, zlib.decompress(data[136 : 136 + size])))
    return data[:128] + struct.pack("<II", 15, len(body)) + body + data[136 + size :]


def safetensors(rng: random.Random, data: bytes) -> bytes:
    """Change the header, mostly its words, and mend its length."""
    if rng.random() < 0.2:
        return spoilt(rng, data)
    size = int.from_bytes(data[:8], "little")
    header = words(rng, data[8 : 8 + size])
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data[8 + size :]


def packed(rng: random.Random, data: bytes) -> bytes:
    """Change a kept label map: its size, or what is packed in it."""
    if rng.random() < 0.5:
        return spoilt(rng, data[:8])[:8] + data[8:]
    return data[:8] + zlib.compress(spoilt(rng, zlib.decompress(data[8:])))


def npz(rng: random.Random, data: bytes) -> bytes:
    """Change an array in an archive, or the archive."""
    if rng.random() < 0.4:
        return spoilt(rng, data)
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", 8) as new:
        for info in old.infolist():
            new.writestr(info.filename, spoilt(rng, old.read(info)))
    return out.getvalue()


def tar(rng: random.Random, data: bytes) -> bytes:
    """Change a header of a tar, packed or not, and mend its checksum."""
    is_packed = data[:2] == b"\x1f\x8b"
    plain = gzip.decompress(data) if is_packed else data
    if rng.random() < 0.3:
        plain = spoilt(rng, plain)
    else:
        heads = [
            at for at in range(0, len(plain) - 511, 512) if plain[at + 257 : at + 262] == b"ustar"
        ]
        at = rng.choice(heads)
        head = spoilt(rng, plain[at : at + 512]).ljust(512, b"\0")[:512]
        summed = sum(head[:148]) + 8 * 32 + sum(head[156:])
        head = head[:148] + f"{summed:06o}\0 ".encode() + head[156:]
        plain = plain[:at] + head + plain[at + 512 :]
    if is_packed and rng.random() < 0.9:
        return gzip.compress(plain, mtime=0)
    return spoilt(rng, gzip.compress(plain, mtime=0)) if is_packed else plain
