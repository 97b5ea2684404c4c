"""Label maps in .mat files: the matrix of the image's size among all that lies in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssnbench.contracts import UsageError
from ssnbench.io import hdf5_file, mat_file
from ssnbench.io.limits import one_error

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
    held = matrices(path)
    maps = {name: value for name, value in held.items() if _is_map(value)}
    large = {name: value for name, value in maps.items() if min(value.shape) > 1} or maps
    if shape is not None:
        large = {name: v for name, v in large.items() if v.shape == shape} or large
    groups: dict[str, list[NDArray[Any]]] = {}
    for name, value in large.items():
        groups.setdefault(re.sub(r"\{\d+\}", "{}", name), []).append(value)
    return _chosen(groups, path, held)


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


def matrices(path: Path) -> dict[str, NDArray[Any]]:
    """All numeric arrays of a file by name, such as ``segs{2}`` or ``groundTruth{1}{1}.labels``.

    Raises
    ------
    UsageError
        When the file is broken, or larger or more deeply nested than a file of label maps is.
    """
    arrays = hdf5_file.numeric_arrays if is_hdf5(path) else mat_file.numeric_arrays
    with one_error(path, "cannot be read as a .mat"):
        return _few(arrays(path), path)


def _few(found: Iterator[tuple[str, NDArray[Any]]], path: Path) -> dict[str, NDArray[Any]]:
    few: dict[str, NDArray[Any]] = {}
    for name, value in found:
        few[name] = value
        if len(few) > _MOST_MATRICES:
            raise UsageError(
                f"{path} holds more than {_MOST_MATRICES} matrices: save the map alone"
            )
    return few
