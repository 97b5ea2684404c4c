"""Flow files: Middlebury's ``.flo``, KITTI's 16-bit ``.png``, Freiburg's ``.pfm``."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np

from ssnbench.contracts import Flow, Mask, PathLike, UsageError
from ssnbench.flow.segments import known
from ssnbench.io.limits import one_error, read_at_most
from ssnbench.io.png import check_chunks, check_png, png_header

_MAGIC = b"PIEH"  # 202021.25 as a little-endian float32
_MARK = np.float32(1e10)  # what Middlebury's code writes for unknown flow
_PFM = re.compile(rb"P([Ff])\s+(\d+)\s+(\d+)\s+([-+]?\d*\.?\d+(?:[eE][-+]?\d+)?)\r?\s")
_LONGEST_HEADER = 200
_MOST_VECTORS = 2**25
"""Vectors that a flow may have at most: 7680 x 4320 pixels."""

_MOST_BYTES = 12 * _MOST_VECTORS + _LONGEST_HEADER
_KITTI_SCALE, _KITTI_ZERO = 64.0, 32768.0


def read_flow(path: PathLike) -> tuple[Flow, Mask]:
    """Read flow and where it is known.

    Parameters
    ----------
    path : path
        ``.flo`` (Middlebury, Sintel), ``.png`` of three channels of 16 bits (KITTI), or ``.pfm``
        of three channels, of which the last is not used (FlyingThings3D and its kin).

    Returns
    -------
    flow : float32 (H, W, 2)
        Pixels, along the row and down the column; NaN where unknown.
    valid : bool (H, W)
        Where it is known.

    Raises
    ------
    UsageError
        When the file is missing, broken, cut short, or holds no flow.
    """
    path = Path(path)
    readers = {".flo": _from_flo, ".png": _from_png, ".pfm": _from_pfm}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UsageError(f"flow is read from .flo, .png or .pfm, not {path.name}")
    try:
        data = read_at_most(path, _MOST_BYTES)
    except OSError as error:
        raise UsageError(f"no flow at {path}: {error.strerror}") from None
    with one_error(path, "cannot be read as flow"):
        return reader(data, path)


def write_flow(path: PathLike, flow: Flow, valid: Mask | None = None) -> None:
    """Write flow float32 (H, W, 2) as ``.flo``, or as KITTI ``.png`` in steps of 1/64 px.

    Pixels that are not ``valid`` or not finite are marked unknown.

    Raises
    ------
    UsageError
        When the ending is another, the place cannot be written, or a component does not fit into
        a .png, which ends at 512 px.
    """
    path = Path(path)
    writer = {".flo": _to_flo, ".png": _to_png}.get(path.suffix.lower())
    if writer is None:
        raise UsageError(f"flow is written to .flo or .png, not {path.name}")
    is_known = known(flow) if valid is None else known(flow) & valid
    data = writer(flow, is_known, path)
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None


def pack_flow(flow: Flow, valid: Mask | None = None) -> bytes:
    """Flow as the bytes of a KITTI .png, cut off at 512 px: small, and fit to be painted."""
    there = known(flow) if valid is None else known(flow) & valid
    longest = (2**15 - 1) / _KITTI_SCALE
    return _to_png(np.clip(flow, -longest, longest), there, Path("flow"))


def unpack_flow(data: bytes) -> Flow:
    """Flow float32 (H, W, 2) from the bytes of a KITTI .png; NaN where it is unknown."""
    return _from_png(data, Path("flow"))[0]


def _from_flo(data: bytes, path: Path) -> tuple[Flow, Mask]:
    if data[:4] != _MAGIC or len(data) < 12:
        raise UsageError(f"{path} is no .flo file: it should begin with PIEH, width and height")
    width, height = (int(n) for n in np.frombuffer(data, "<i4", 2, offset=4))
    _check_size(width, height, path)
    expected = 12 + 8 * width * height
    if width < 1 or height < 1 or len(data) != expected:
        raise UsageError(
            f"{path} is broken: {width} x {height} flow takes {expected} bytes, it has {len(data)}"
        )
    flow = np.frombuffer(data, "<f4", offset=12).reshape(height, width, 2).astype(np.float32)
    return _told(flow, known(flow))


def _from_png(data: bytes, path: Path) -> tuple[Flow, Mask]:
    picture, header = None, png_header(data)
    if header is not None:
        _check_size(header.width, header.height, path)
        check_png(data, len(data), path)
        check_chunks(data, path)
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.dtype != np.uint16 or picture.ndim != 3 or picture.shape[2] != 3:
        got = "no picture" if picture is None else f"{picture.dtype} of shape {picture.shape}"
        raise UsageError(f"{path} is no KITTI flow: three channels of 16 bits wanted, got {got}")
    flow = np.empty((*picture.shape[:2], 2), np.float32)
    flow[...] = picture[..., :0:-1]  # stored B, G, R
    flow -= _KITTI_ZERO
    flow /= _KITTI_SCALE
    return _told(flow, picture[..., 0] > 0)


def _from_pfm(data: bytes, path: Path) -> tuple[Flow, Mask]:
    header = _PFM.match(data, 0, _LONGEST_HEADER)
    if header is None:
        raise UsageError(f"{path} is no flow in .pfm: it should begin with PF, its size and scale")
    width, height, scale = int(header[2]), int(header[3]), float(header[4])
    if header[1] == b"f":
        raise UsageError(f"{path} has one channel, a disparity; flow has two, and a third unused")
    _check_size(width, height, path)
    expected = 12 * width * height
    if width < 1 or height < 1 or scale == 0 or len(data) - header.end() != expected:
        raise UsageError(
            f"{path} is broken: {width} x {height} flow takes {expected} bytes, it has "
            f"{len(data) - header.end()}"
        )
    stored = np.dtype("<f4" if scale < 0 else ">f4")  # the sign of the scale is the byte order
    values = np.frombuffer(data, stored, offset=header.end()).reshape(height, width, 3)
    flow = np.ascontiguousarray(values[::-1, :, :2], np.float32)  # rows are stored from below
    return _told(flow, known(flow))


def _check_size(width: int, height: int, path: Path) -> None:
    if width * height > _MOST_VECTORS:
        raise UsageError(
            f"{path} states {width} x {height} vectors; flow may have {_MOST_VECTORS} at most"
        )


def _told(flow: Flow, there: Mask) -> tuple[Flow, Mask]:
    flow[~there] = np.nan
    return flow, there


def _to_flo(flow: Flow, there: Mask, _path: Path) -> bytes:
    height, width = there.shape
    size = np.array([width, height], "<i4").tobytes()
    return _MAGIC + size + np.where(there[..., None], flow, _MARK).astype("<f4").tobytes()


def _to_png(flow: Flow, there: Mask, path: Path) -> bytes:
    steps = np.rint(np.where(there[..., None], flow, 0.0) * _KITTI_SCALE + _KITTI_ZERO)
    if steps.min() < 0 or steps.max() > 65535:
        raise UsageError(f"{path}: flow beyond 512 px does not fit into .png: write .flo")
    picture = np.zeros((*there.shape, 3), np.uint16)
    picture[..., 0] = there
    picture[..., :0:-1][there] = steps[there]
    _, data = cv2.imencode(".png", picture)
    return bytes(data)
