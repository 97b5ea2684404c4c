"""Label maps as files: numpy, 16-bit PNG, CSV, MATLAB."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from scipy.io import loadmat, savemat

from ssnbench.contracts import Labels, PathLike, UsageError
from ssnbench.io.images import decoded, one_line

LABEL_NAMES = ("labels", "label", "segmentation", "segs", "seg", "superpixels", "L")
"""Variables of a .mat file that are taken for the label map, in this order."""


def read_labels(path: PathLike) -> Labels:
    """Read a label map made elsewhere as int32 (H, W).

    Parameters
    ----------
    path : path
        ``.npy``; ``.png`` of 1, 8 or 16 bits (of a palette picture the indices); ``.csv`` or
        ``.txt``, separated by commas or blanks; ``.mat`` up to version 7, with one matrix of
        integers or one that is called by a name of `LABEL_NAMES`. Labels may be any integers,
        also whole numbers stored as floats; those that need more than 32 bits become ranks.

    Raises
    ------
    UsageError
        When the file is missing, broken, of another kind, or holds no label map.
    """
    path = Path(path)
    reader = _chosen(_READERS, path)
    if not path.is_file():
        raise UsageError(f"no label map at {path}")
    try:
        array = reader(path)
    except UsageError:
        raise
    except Exception as error:  # readers of broken files raise whatever they stumble over
        raise UsageError(f"{path} cannot be read as a label map: {one_line(error)}") from error
    return _whole(array, path)


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
        return np.load(file, allow_pickle=False)


def _from_png(path: Path) -> NDArray[Any]:
    picture = decoded(path)
    if picture.mode not in ("1", "L", "P", "I") and not picture.mode.startswith("I;16"):
        raise UsageError(f"{path} is a colour picture ({picture.mode}); labels need one channel")
    return np.asarray(picture)


def _from_text(path: Path) -> NDArray[Any]:
    text = path.read_text()
    if not text.strip():
        raise UsageError(f"{path} is empty")
    delimiter = "," if "," in text.lstrip().partition("\n")[0] else None
    table: NDArray[np.float64] = np.loadtxt(text.splitlines(), delimiter=delimiter, ndmin=2)
    return table


def _from_mat(path: Path) -> NDArray[Any]:
    try:
        variables = loadmat(path)
    except NotImplementedError:
        raise UsageError(f"{path} is a .mat of version 7.3: save it with -v7") from None
    found = {name: _unwrapped(value) for name, value in variables.items() if name[:2] != "__"}
    maps = {name: value for name, value in found.items() if _is_map(value)}
    for name in (*LABEL_NAMES, *(maps if len(maps) == 1 else ())):
        if name in maps:
            return np.asarray(maps[name])
    raise UsageError(
        f"{path} holds {len(maps)} matrices of integers among {', '.join(found) or 'nothing'}: "
        "call the label map 'labels'"
    )


def _unwrapped(value: Any) -> Any:
    """Take the matrix out of a cell that holds but one."""
    if isinstance(value, np.ndarray) and value.dtype == object and value.size == 1:
        return value.item()
    return value


def _is_map(value: Any) -> bool:
    if not isinstance(value, np.ndarray) or value.ndim != 2 or value.size == 0:
        return False
    return value.dtype.kind in "iub" or (value.dtype.kind == "f" and bool((value % 1 == 0).all()))


def _whole(array: Any, path: Path) -> Labels:
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.size == 0:
        shape = getattr(array, "shape", "no shape")
        raise UsageError(f"{path} should hold a label map of shape (H, W), got {shape}")
    if not _is_map(array):
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


def _chosen(table: Mapping[str, Any], path: Path) -> Any:
    try:
        return table[path.suffix.lower()]
    except KeyError:
        raise UsageError(f"a label map is one of {', '.join(table)}, not {path.name}") from None


_READERS: dict[str, Callable[[Path], Any]] = {
    ".npy": _from_npy,
    ".png": _from_png,
    ".csv": _from_text,
    ".txt": _from_text,
    ".mat": _from_mat,
}


_WRITERS: dict[str, Callable[[Path, Labels], None]] = {
    ".npy": _to_npy,
    ".png": _to_png,
    ".csv": _to_csv,
    ".mat": _to_mat,
}
