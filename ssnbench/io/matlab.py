"""Label maps in .mat files: the matrix of the image's size among all that lies in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat, whosmat

from ssnbench.contracts import UsageError
from ssnbench.io.limits import check_size

Shape = tuple[int, int]

LABEL_NAMES = (
    *("labels", "label", "segmentation", "segs", "seg", "superpixels", "superpixel", "spixels"),
    *("sulabel", "inst_map", "labelmap", "label_map", "L"),
)
"""Variables or fields that are taken for the label map, in this order, whatever their case."""

_MOST_MATRICES = 10_000  # in one file; a cell per superpixel holds no map


def from_mat(path: Path, shape: Shape | None) -> list[NDArray[Any]]:
    """Read the label maps of a .mat file of any version.

    Parameters
    ----------
    path : Path
        The file.
    shape : (int, int) or None
        Height and width of the image: of several matrices, those of this size are its label maps.

    Returns
    -------
    list of arrays (H, W)
        One; several where a cell or an array of structs holds one in each element.

    Raises
    ------
    UsageError
        When there is none, or several that are called by different names, none of `LABEL_NAMES`.
    """
    matrices = _matrices(path)
    maps = {name: value for name, value in matrices.items() if _is_map(value)}
    large = {name: value for name, value in maps.items() if min(value.shape) > 1} or maps
    if shape is not None:
        large = {name: v for name, v in large.items() if v.shape == shape} or large
    groups: dict[str, list[NDArray[Any]]] = {}
    for name, value in large.items():
        groups.setdefault(re.sub(r"\{\d+\}", "{}", name), []).append(value)
    return _chosen(groups, path, matrices)


def is_hdf5(path: Path) -> bool:
    """Whether a .mat is of version 7.3, which scipy does not read."""
    with path.open("rb") as file:
        return file.read(128).startswith((b"MATLAB 7.3", b"\x89HDF"))


def _chosen(
    groups: Mapping[str, list[NDArray[Any]]], path: Path, matrices: Mapping[str, NDArray[Any]]
) -> list[NDArray[Any]]:
    if len(groups) == 1:
        return next(iter(groups.values()))
    for wanted in LABEL_NAMES:
        for name, maps in groups.items():
            last = re.split(r"[.{]", name.replace("{}", ""))[-1]
            if last.casefold() == wanted.casefold():
                return maps
    held = ", ".join(f"{name} {_size(value)}" for name, value in list(matrices.items())[:8])
    raise UsageError(
        f"{path} holds {len(groups)} matrices of integers among {held or 'nothing'}: "
        "call the label map 'labels'"
    )


def _size(value: NDArray[Any]) -> str:
    return " x ".join(map(str, value.shape))


def _is_map(value: NDArray[Any]) -> bool:
    if value.ndim != 2 or value.size == 0 or value.dtype.kind not in "iubf":
        return False
    with np.errstate(invalid="ignore"):
        return value.dtype.kind != "f" or bool((value % 1 == 0).all())


def _matrices(path: Path) -> dict[str, NDArray[Any]]:
    """All numeric arrays of a file by name, such as ``segs{2}`` or ``groundTruth{1}.labels``."""
    if is_hdf5(path):
        return _from_hdf5(path)
    for name, size, _ in whosmat(path):
        check_size(size, path, name)
    variables = loadmat(path)
    found = (
        each
        for name, value in variables.items()
        if not name.startswith("__")
        for each in _walked(name, value)
    )
    return _few(found, path)


def _walked(name: str, value: Any) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the arrays in a value of scipy's: in cells and structs, too."""
    if not isinstance(value, np.ndarray):
        return
    if value.dtype.names is not None or value.dtype == object:
        for number, element in enumerate(value.ravel(order="F"), 1):
            place = f"{name}{{{number}}}"
            if value.dtype.names is None:
                yield from _walked(place, element)
                continue
            for field in value.dtype.names:
                yield from _walked(f"{place}.{field}", element[field])
    elif value.dtype.kind in "iubf":
        yield name, value


def _from_hdf5(path: Path) -> dict[str, NDArray[Any]]:
    """Read version 7.3, which is HDF5 with rows and columns exchanged."""
    try:
        import h5py
    except ImportError:
        raise UsageError(f"{path} is a .mat of version 7.3: pip install h5py to read it") from None
    with h5py.File(path, "r") as file:
        variables = [(name, file[name]) for name in file if not name.startswith("#")]
        found = (each for name, node in variables for each in _opened(name, node, file, path))
        return _few(found, path)


def _opened(name: str, node: Any, file: Any, path: Path) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the arrays in a variable of HDF5: cells are references, structs are groups."""
    if hasattr(node, "keys"):
        for field in node:
            yield from _opened(f"{name}.{field}", node[field], file, path)
        return
    if node.shape is None or "MATLAB_empty" in node.attrs:
        return
    check_size(node.shape, path, name)
    if node.dtype == object:
        before, dot, field = name.rpartition(".")  # a field of several structs is kept so, too
        for number, reference in enumerate(node[()].ravel(), 1):
            place = f"{before}{{{number}}}.{field}" if dot else f"{name}{{{number}}}"
            yield from _opened(place, file[reference], file, path)
    elif node.dtype.kind in "iubf" and node.attrs.get("MATLAB_class") != b"char":
        yield name, node[()].T


def _few(found: Iterator[tuple[str, NDArray[Any]]], path: Path) -> dict[str, NDArray[Any]]:
    matrices: dict[str, NDArray[Any]] = {}
    for name, value in found:
        matrices[name] = value
        if len(matrices) > _MOST_MATRICES:
            raise UsageError(
                f"{path} holds more than {_MOST_MATRICES} matrices: save the map alone"
            )
    return matrices
