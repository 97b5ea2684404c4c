"""MATLAB's files up to version 7, read by ourselves: numbers in variables, cells and structs.

The common reader does not check what a file states: 184 bytes make it take 12.7 GB, a wrong type
or deep nesting ends the interpreter. Here every size is held against the bytes that are there, so
that nothing is taken which a file does not pay for, and no library in C sees the file.

Source: MAT-File Format, MathWorks, R2024b.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssnbench.io.limits import MOST_PIXELS, inflated, inflated_start, read_at_most

Named = tuple[str, NDArray[Any]]

_NUMBERS = {
    **{1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4"},
    **{7: "f4", 9: "f8", 12: "i8", 13: "u8"},
}
"""Type of the numbers in an element by its code; numbers lie in a smaller type than their own
where they fit into it."""

_INT32, _UINT32, _INT8, _MATRIX, _COMPRESSED = 5, 6, 1, 14, 15
_CELL, _STRUCT, _OBJECT = 1, 2, 3
_LEFT_OUT = (4, 5, 16, 17)  # text, sparse, functions, what only MATLAB can open
_NUMERIC = range(6, 16)
_IS_COMPLEX = 0x0800

_MOST_ELEMENTS = 200_000
_DEEPEST = 32
_LONGEST_NAME = 64  # MATLAB's own are 63 letters at most
_MOST_DIMENSIONS = 32

_OLD_NUMBERS = ("f8", "f4", "i4", "i2", "u2", "u1")
_OLD_HEADER = 20


class _Element(NamedTuple):
    kind: int
    body: memoryview


def numeric_arrays(path: Path) -> Iterator[Named]:
    """Yield the real numeric arrays of a .mat file of versions 4 to 7 by name.

    A cell's elements are called ``segs{2}``, a struct's fields ``result{1}.labels``. Text, sparse
    and complex matrices, functions and objects of classes are left out.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    ValueError
        When it is broken, or larger or more deeply nested than a file of label maps is.
    """
    data = memoryview(read_at_most(path))
    if 0 in data[:4]:
        yield from _of_version_4(data)
        return
    order = {b"IM": "<", b"MI": ">"}.get(bytes(data[126:128]))
    if order is None:
        raise ValueError("it does not begin as a MATLAB file does")
    walk = _Walk(order)
    for element in walk.elements(data[128:]):
        if element.kind == _COMPRESSED:
            unpacked = memoryview(walk.unpacked(element.body))
            for inner in walk.elements(unpacked):
                yield from walk.matrix(inner, "", 0)
        else:
            yield from walk.matrix(element, "", 0)


class _Walk:
    """What is left of the limits while a file is read, and its byte order."""

    def __init__(self, order: str) -> None:
        self._order = order
        self._n_elements, self._n_bytes = _MOST_ELEMENTS, 8 * MOST_PIXELS

    def unpacked(self, body: memoryview) -> bytes:
        """Unpack a compressed variable, once it says that it is not larger than it may be."""
        start = inflated_start(body, 8)
        kind, size = struct.unpack(f"{self._order}II", start.ljust(8, b"\0"))
        if kind != _MATRIX or size + 16 > self._n_bytes:
            raise ValueError(f"a packed variable is of type {kind} and has {size} bytes")
        data = inflated(body, size + 16)
        self._n_bytes -= len(data)
        return data

    def elements(self, data: memoryview) -> Iterator[_Element]:
        """Yield the elements that lie one behind the other."""
        at = 0
        while at + 8 <= len(data):
            self._n_elements -= 1
            if self._n_elements < 0:
                raise ValueError(f"it has more than {_MOST_ELEMENTS} elements: save the map alone")
            kind, size = struct.unpack_from(f"{self._order}II", data, at)
            start = at + 8
            if kind >> 16:  # four bytes or fewer stand in the tag itself
                kind, size, start = kind & 0xFFFF, kind >> 16, at + 4
                at += 8
                if size > 4:
                    raise ValueError(f"a short element has {size} bytes")
            else:
                padding = 0 if kind == _COMPRESSED else -size % 8
                at = start + size + padding
            if start + size > len(data):
                raise ValueError(f"it is cut short: an element of {size} bytes is not whole")
            yield _Element(kind, data[start : start + size])

    def matrix(self, element: _Element, name: str, depth: int) -> Iterator[Named]:
        """Yield what a matrix holds; the name of a variable stands in itself."""
        if element.kind != _MATRIX:
            raise ValueError(f"an element of type {element.kind} stands where a matrix should")
        if not element.body:  # MATLAB's short form of []
            return
        if depth > _DEEPEST:
            raise ValueError(f"its cells and structs are nested deeper than {_DEEPEST}")
        parts = self.elements(element.body)
        flags = self._integers(next(parts, None), _UINT32, 2)[0]
        kind = flags & 0xFF
        if kind in _LEFT_OUT:
            return
        shape = self._integers(next(parts, None), _INT32, _MOST_DIMENSIONS)
        own_name = _text(next(parts, None))
        name = name if depth else own_name
        if not name or name.startswith("__"):
            return
        n_values = _count(shape)
        if kind in _NUMERIC and not flags & _IS_COMPLEX:
            yield name, self._numbers(next(parts, None), shape, n_values)
        elif kind == _CELL:
            yield from self._cell(parts, name, n_values, depth)
        elif kind in (_STRUCT, _OBJECT):
            if kind == _OBJECT:
                next(parts, None)  # the name of its class
            yield from self._struct(parts, name, n_values, depth)

    def _cell(self, parts: Iterator[_Element], name: str, n: int, depth: int) -> Iterator[Named]:
        for number in range(1, n + 1):
            yield from self.matrix(_present(next(parts, None)), f"{name}{{{number}}}", depth + 1)

    def _struct(self, parts: Iterator[_Element], name: str, n: int, depth: int) -> Iterator[Named]:
        length = self._integers(next(parts, None), _INT32, 1)[0]
        names = bytes(_present(next(parts, None)).body)
        if not 1 <= length <= _LONGEST_NAME:
            raise ValueError(f"names of fields have {length} letters")
        fields = [names[i : i + length] for i in range(0, len(names), length)]
        words = [field.split(b"\0")[0].decode("latin-1") for field in fields]
        for number in range(1, n + 1 if words else 1):
            for word in words:
                place = f"{name}{{{number}}}.{word}"
                yield from self.matrix(_present(next(parts, None)), place, depth + 1)

    def _numbers(
        self, element: _Element | None, shape: tuple[int, ...], n_values: int
    ) -> NDArray[Any]:
        element = _present(element)
        stored = _NUMBERS.get(element.kind)
        if stored is None:
            raise ValueError(f"numbers are stored as type {element.kind}, which is none of numbers")
        return _array(element.body, np.dtype(self._order + stored), shape, n_values)

    def _integers(self, element: _Element | None, kind: int, most: int) -> tuple[int, ...]:
        """One to ``most`` numbers of 32 bits."""
        element = _present(element)
        n = len(element.body) // 4
        if element.kind != kind or not 1 <= n <= most or len(element.body) % 4:
            raise ValueError("the header of a matrix is broken")
        return struct.unpack(f"{self._order}{n}{'i' if kind == _INT32 else 'I'}", element.body)


def _of_version_4(data: memoryview) -> Iterator[Named]:
    """Yield the matrices of a file of version 4: headers of five numbers, no cells, no structs."""
    order = "<" if 0 <= struct.unpack_from("<i", data)[0] <= 5000 else ">"
    at, left = 0, _MOST_ELEMENTS
    while at + _OLD_HEADER <= len(data):
        code, rows, columns, is_complex, length = struct.unpack_from(f"{order}5i", data, at)
        at += _OLD_HEADER
        precision, kind = code // 10 % 10, code % 10
        left -= 1
        if left < 0 or not 1 <= length <= _LONGEST_NAME or is_complex not in (0, 1):
            raise ValueError("it does not begin as a MATLAB file does")
        if code % 1000 > 99 or precision >= len(_OLD_NUMBERS) or kind > 2:
            raise ValueError(f"a matrix is of type {code}, which is none")
        name = bytes(data[at : at + length]).split(b"\0")[0].decode("latin-1")
        at += length
        stored = np.dtype(order + _OLD_NUMBERS[precision])
        n_values = _count((rows, columns))
        n_bytes = n_values * stored.itemsize * (1 + is_complex)
        if at + n_bytes > len(data):
            raise ValueError(f"it is cut short: a matrix {rows} x {columns} is not whole")
        if kind == 0 and not is_complex:
            yield name, _array(data[at : at + n_bytes], stored, (rows, columns), n_values)
        at += n_bytes


def _count(shape: tuple[int, ...]) -> int:
    if min(shape) < 0 or prod(shape) > MOST_PIXELS:
        raise ValueError(
            f"it states a matrix of shape {shape}; {MOST_PIXELS} elements are the most"
        )
    return prod(shape)


def _array(
    body: memoryview, stored: np.dtype[Any], shape: tuple[int, ...], n_values: int
) -> NDArray[Any]:
    if len(body) < n_values * stored.itemsize:
        raise ValueError(f"it is cut short: a matrix of shape {shape} is not whole")
    return np.frombuffer(body, stored, n_values).reshape(shape, order="F")


def _present(element: _Element | None) -> _Element:
    if element is None:
        raise ValueError("it is cut short: a matrix is not whole")
    return element


def _text(element: _Element | None) -> str:
    element = _present(element)
    if element.kind != _INT8 or len(element.body) > _LONGEST_NAME:
        raise ValueError("the name of a matrix is broken")
    return bytes(element.body).split(b"\0")[0].decode("latin-1")
