"""MATLAB's files of version 7.3, which are HDF5: numbers in variables, cells and structs.

What a file states of a matrix is held against what it stores of it before any of it is read. Links
to other files, data kept in other files and filters that are not HDF5's own are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssnbench.contracts import UsageError
from ssnbench.io.limits import MOST_BYTES, check_packed, check_size

Named = tuple[str, NDArray[Any]]

_MOST_NODES = 200_000
_DEEPEST = 32
_FILTERS = {1, 2, 3}
"""Deflate, shuffle and Fletcher's checksum, by HDF5's numbers: what MATLAB and h5py use."""


def numeric_arrays(path: Path) -> Iterator[Named]:
    """Yield the numeric arrays of a file by name, rows and columns exchanged as MATLAB wants them.

    Names are those of :func:`ssnbench.io.mat_file.numeric_arrays`; a field of an array of structs
    is called ``groundTruth{2}.labels``, too.

    Raises
    ------
    UsageError
        When h5py is not installed; when the file states more than it stores, or is larger or more
        deeply nested than a file of label maps is.
    """
    try:
        import h5py
    except ImportError:
        raise UsageError(f"{path} is a .mat of version 7.3: pip install h5py to read it") from None
    with h5py.File(path, "r") as file:
        walk = _Walk(file, path, h5py)
        for name in file:
            if not name.startswith("#"):
                yield from walk.link(file, name, name, 0)


class _Walk:
    """What is left of the limits while a file is read."""

    def __init__(self, file: Any, path: Path, h5py: Any) -> None:
        self._file, self._path, self._h5py = file, path, h5py
        self._n_nodes, self._n_bytes = _MOST_NODES, MOST_BYTES

    def link(self, group: Any, key: str, name: str, depth: int) -> Iterator[Named]:
        """Yield the arrays in what a group lists, unless it lies somewhere else."""
        if isinstance(group.get(key, getlink=True), self._h5py.HardLink):
            yield from self._node(name, group[key], depth)

    def _node(self, name: str, node: Any, depth: int) -> Iterator[Named]:
        self._n_nodes -= 1
        if self._n_nodes < 0:
            raise UsageError(f"{self._path} has more than {_MOST_NODES} parts: save the map alone")
        if depth > _DEEPEST:
            raise UsageError(f"{self._path} is nested deeper than {_DEEPEST}")
        if isinstance(node, self._h5py.Group):
            for key in node:
                yield from self.link(node, key, f"{name}.{key}", depth + 1)
        elif isinstance(node, self._h5py.Dataset):
            yield from self._dataset(name, node, depth)

    def _dataset(self, name: str, node: Any, depth: int) -> Iterator[Named]:
        if node.shape is None or "MATLAB_empty" in node.attrs:
            return
        is_reference = self._h5py.check_ref_dtype(node.dtype) is self._h5py.Reference
        if not is_reference and node.dtype.kind not in "iubf":
            return
        check_size(node.shape, self._path, name)
        self._check_stored(name, node)
        if is_reference:
            before, dot, field = name.rpartition(".")  # a field of several structs is kept so, too
            for number, reference in enumerate(node[()].ravel(), 1):
                place = f"{before}{{{number}}}.{field}" if dot else f"{name}{{{number}}}"
                if reference:
                    yield from self._node(place, self._file[reference], depth + 1)
        elif node.attrs.get("MATLAB_class") != b"char":
            yield name, np.asarray(node[()]).T

    def _check_stored(self, name: str, node: Any) -> None:
        """Refuse what is not stored in this file, or not whole, or not by filters of HDF5's own."""
        properties = node.id.get_create_plist()
        filters = {properties.get_filter(i)[0] for i in range(properties.get_nfilters())}
        if node.external or node.is_virtual or not filters <= _FILTERS:
            raise UsageError(f"{self._path} keeps {name} in another file, or by a foreign filter")
        chunk = int(np.prod(node.chunks or (0,), dtype=object)) * node.dtype.itemsize
        n_bytes, stored = node.nbytes, node.id.get_storage_size()
        self._n_bytes -= n_bytes
        if self._n_bytes < 0 or chunk > MOST_BYTES:
            raise UsageError(f"{self._path} holds more than {MOST_BYTES} bytes")
        check_packed(max(n_bytes, chunk), stored, self._path)
        if not filters and n_bytes > stored:
            raise UsageError(f"{self._path} is cut short: {name} is not whole")
