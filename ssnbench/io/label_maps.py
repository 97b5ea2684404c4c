"""Label maps as files: numpy, pictures, text, MATLAB."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from scipy.io import savemat

from ssnbench.contracts import Labels, PathLike, UsageError
from ssnbench.io.images import one_line
from ssnbench.io.limits import MOST_PIXELS, check_size
from ssnbench.io.matlab import LABEL_NAMES, from_mat
from ssnbench.io.picture_maps import from_netpbm, from_picture, from_tiff
from ssnbench.io.text_maps import from_text

Shape = tuple[int, int]


def read_labels(
    path: PathLike,
    shape: Shape | None = None,
    *,
    colours: bool | None = None,
    member: int | None = None,
) -> Labels:
    """Read a label map made elsewhere as int32 (H, W).

    Parameters
    ----------
    path : path
        ``.npy``, ``.npz``; ``.png``, ``.tif``, ``.bmp``, ``.gif``, ``.pgm`` and its kin (of a
        palette picture the indices); ``.csv``, ``.tsv`` or ``.txt``; ``.mat`` of any version;
        ``.dat``, bare numbers, where the shape is known; in capitals, too. Labels may be any
        integers, also whole numbers stored as floats; those that need more than 32 bits become
        ranks.
    shape : (int, int), optional
        Height and width of the image, where known: of several matrices in a file the one of this
        size is the label map, and a table may have a header and an index beside it.
    colours : bool, optional
        Whether each colour of a colour picture is a label; by default when the picture consists of
        areas of one colour and can be nothing else.
    member : int, optional
        Which of the label maps of a file that holds several, from 0.

    Raises
    ------
    UsageError
        When the file is missing, broken, of another kind, or holds no label map, or several.
    """
    maps = read_label_maps(path, shape, colours=colours)
    if member is not None and member < len(maps):
        return maps[member]
    if len(maps) > 1 or member is not None:
        raise UsageError(f"{path} holds {len(maps)} label maps; one is wanted")
    return maps[0]


def read_label_maps(
    path: PathLike, shape: Shape | None = None, *, colours: bool | None = None
) -> list[Labels]:
    """Read all label maps of a file: one, or those in the cell or structs of a .mat.

    Parameters and errors are those of :func:`read_labels`.
    """
    path = Path(path)
    reader = _chosen(_READERS, path)
    if not path.is_file():
        raise UsageError(f"no label map at {path}")
    try:
        arrays = reader(path, shape, colours)
        return [_whole(array, path) for array in arrays]
    except UsageError:
        raise
    except Exception as error:  # readers of broken files raise whatever they stumble over
        raise UsageError(f"{path} cannot be read as a label map: {one_line(error)}") from error


def write_labels(path: PathLike, labels: Labels) -> None:
    """Write int32 (H, W) labels as ``.npy``, ``.png`` (16 bits), ``.csv`` or ``.mat``.

    Raises
    ------
    UsageError
        When the ending is another, the place cannot be written, or the labels do not fit into 16
        bits.
    """
    path = Path(path)
    writer = _chosen(_WRITERS, path)
    try:
        writer(path, labels)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


def _from_npy(path: Path) -> Any:
    with path.open("rb") as file:  # numpy leaves the file open when it is broken
        _check_header(file, path, path.stat().st_size)
        return np.load(file, allow_pickle=False)


def _check_header(file: Any, path: Path, n_bytes: int) -> None:
    """Compare what a .npy states with what it has, then go back to its beginning."""
    version = np.lib.format.read_magic(file)
    read = {(1, 0): np.lib.format.read_array_header_1_0}.get(
        version, np.lib.format.read_array_header_2_0
    )
    shape, _, dtype = read(file)
    check_size(shape, path)
    if not dtype.hasobject and int(np.prod(shape, dtype=object)) * dtype.itemsize > n_bytes:
        raise UsageError(f"{path} is cut short: it states {dtype} of shape {shape}")
    file.seek(0)


def _from_raw(path: Path, shape: Shape | None) -> NDArray[Any]:
    """Read bare numbers of 32 or 16 bits, row by row, as the programs of Achanta et al. write."""
    if shape is None:
        raise UsageError(f"{path} holds bare numbers: say the size of its image, shape=(H, W)")
    height, width = shape
    data = path.read_bytes()
    stored = {4 * height * width: "<i4", 2 * height * width: "<u2"}.get(len(data))
    if stored is None:
        raise UsageError(
            f"{path} has {len(data)} bytes; {height} x {width} labels of 32 bits take "
            f"{4 * height * width}"
        )
    return np.frombuffer(data, stored).reshape(shape)


def _from_npz(path: Path, shape: Shape | None) -> list[NDArray[Any]]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.file_size > 8 * MOST_PIXELS:
                raise UsageError(f"{path} holds {member.filename} of {member.file_size} bytes")
    with np.load(path, allow_pickle=False) as arrays:
        held = {name: np.squeeze(arrays[name]) for name in arrays.files}
    maps = {name: a for name, a in held.items() if a.ndim == 2 and _is_integral(a)}
    if shape is not None:
        maps = {name: a for name, a in maps.items() if a.shape == shape} or maps
    for name in maps if len(maps) == 1 else LABEL_NAMES:
        if name in maps:
            return [maps[name]]
    sizes = ", ".join(f"{name} of shape {a.shape}" for name, a in held.items()) or "nothing"
    raise UsageError(f"{path} holds {sizes}: save the label map as 'labels'")


def _is_integral(array: NDArray[Any]) -> bool:
    if array.size == 0 or array.dtype.kind not in "iubf":
        return False
    with np.errstate(invalid="ignore"):
        return array.dtype.kind != "f" or bool((array % 1 == 0).all())


def _whole(array: Any, path: Path) -> Labels:
    if isinstance(array, np.ndarray) and array.ndim == 3 and 1 in (len(array), array.shape[2]):
        array = array[0] if len(array) == 1 else array[:, :, 0]
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.size == 0:
        shape = getattr(array, "shape", "no shape")
        raise UsageError(f"{path} should hold a label map of shape (H, W), got {shape}")
    if not _is_integral(array):
        raise UsageError(f"{path} should hold integer labels, got {array.dtype}")
    limits = np.iinfo(np.int32)
    if array.min() < limits.min or array.max() > limits.max:
        array = np.unique(array, return_inverse=True)[1].reshape(array.shape)
    return np.ascontiguousarray(array, dtype=np.int32)


def _to_png(path: Path, labels: Labels) -> None:
    if labels.min() < 0 or labels.max() > 65535:
        raise UsageError(
            f"labels {labels.min()}..{labels.max()} do not fit into a 16-bit {path.name}: "
            f"write {path.with_suffix('.npy').name}"
        )
    PIL.Image.fromarray(labels.astype(np.uint16)).save(path, format="PNG")


def _to_npy(path: Path, labels: Labels) -> None:
    with path.open("wb") as file:  # np.save appends its own ending to one in capitals
        np.save(file, labels)


def _to_csv(path: Path, labels: Labels) -> None:
    np.savetxt(path, labels, fmt="%d", delimiter=",")


def _to_mat(path: Path, labels: Labels) -> None:
    with path.open("wb") as file:
        savemat(file, {"labels": labels}, do_compression=True)


def not_read(path: Path, known: Iterable[str] = ()) -> str:
    """Say that a file's ending is none of a label map, and for some endings why."""
    why = _WHY_NOT.get(path.suffix.lower(), "")
    return f"a label map is one of {', '.join(known or LABEL_ENDINGS)}, not {path.name}{why}"


def _chosen(table: Mapping[str, Any], path: Path) -> Any:
    try:
        return table[path.suffix.lower()]
    except KeyError:
        raise UsageError(not_read(path, table)) from None


_LOSSY = ": such compression changes the labels"
_PICKLED = ": it holds Python code, which is never run; save it with numpy.save"
_PACKED = ": unpack it first"
_WHY_NOT = {
    **dict.fromkeys((".jpg", ".jpeg", ".webp"), _LOSSY),
    **dict.fromkeys((".pt", ".pth", ".pkl", ".pickle"), _PICKLED),
    **dict.fromkeys((".gz", ".bz2", ".xz", ".zip", ".7z", ".tar", ".tgz"), _PACKED),
}


def _single(
    reader: Callable[[Path, bool | None], Any], path: Path, _shape: Shape | None, how: bool | None
) -> list[Any]:
    return [reader(path, how)]


_Reader = Callable[[Path, Shape | None, bool | None], list[Any]]
_READERS: dict[str, _Reader] = {
    ".npy": lambda path, _shape, _colours: [_from_npy(path)],
    ".png": partial(_single, from_picture),
    ".csv": lambda path, shape, _colours: [from_text(path, shape)],
    ".mat": lambda path, shape, _colours: from_mat(path, shape),
    ".npz": lambda path, shape, _colours: _from_npz(path, shape),
    ".txt": lambda path, shape, _colours: [from_text(path, shape)],
    ".tsv": lambda path, shape, _colours: [from_text(path, shape)],
    ".dat": lambda path, shape, _colours: [_from_raw(path, shape)],
    **dict.fromkeys((".tif", ".tiff"), partial(_single, from_tiff)),
    **dict.fromkeys((".pgm", ".ppm", ".pnm", ".pbm"), partial(_single, from_netpbm)),
    **dict.fromkeys((".bmp", ".gif"), partial(_single, from_picture)),
}

LABEL_ENDINGS = tuple(_READERS)
"""Endings of the files that :func:`read_labels` reads, in small letters."""

_WRITERS: dict[str, Callable[[Path, Labels], None]] = {
    ".npy": _to_npy,
    ".png": _to_png,
    ".csv": _to_csv,
    ".mat": _to_mat,
}
