"""Label maps as text: numbers in rows, in the dialects of many programs."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssnbench.contracts import UsageError
from ssnbench.io.limits import MOST_TEXT, read_at_most

Shape = tuple[int, int]
_SPLIT_AT = (";", ",")  # otherwise at blanks
_LONGEST_LINE = 2**21  # letters: more than the widest map takes


def from_text(path: Path, shape: Shape | None) -> NDArray[Any]:
    """Read a table of numbers.

    They are separated by commas, semicolons or blanks, also at the end of a line, perhaps in
    quotes. A header of words and an index under an empty corner are left out; a header or an index
    of running numbers where the table has the given shape without it; a first line with the size.
    """
    lines = [line.rstrip(" \t\r,;") for line in _text(path).replace('"', "").split("\n")]
    lines = [line for line in lines if line and not line.lstrip().startswith("#")]
    if not lines:
        raise UsageError(f"{path} is empty")
    if max(map(len, lines)) > _LONGEST_LINE:
        raise UsageError(f"{path} has a line of more than {_LONGEST_LINE} letters")
    table = _table(lines)
    return table if shape is None else _of_shape(table, shape)


def _text(path: Path) -> str:
    data = read_at_most(path, MOST_TEXT)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    return data.decode("utf-8-sig")


def _table(lines: list[str]) -> NDArray[np.float64]:
    separator = next((mark for mark in _SPLIT_AT if mark in lines[0] or mark in lines[-1]), None)
    if separator is None and lines[0].startswith("\t"):
        separator = "\t"
    if separator == ";":
        lines = [line.replace(",", ".") for line in lines]
    head = [cell.strip() for cell in lines[0].split(separator)]
    if _is_header(head):
        table = _numbers(lines[1:], separator)
        indexed = head[0] == "" or len(head) == table.shape[1] - 1
        return table[:, 1:] if indexed and _runs(table[:, 0]) else table
    if _is_size(head, lines, separator):
        lines = lines[1:]
    return _numbers(lines, separator)


def _numbers(lines: list[str], separator: str | None) -> NDArray[np.float64]:
    if not lines:
        raise ValueError("it has a header and no numbers")
    table: NDArray[np.float64] = np.loadtxt(lines, delimiter=separator, ndmin=2)
    return table


def _is_header(cells: list[str]) -> bool:
    """Words alone, or running numbers behind a corner that is none (as pandas writes them)."""
    numeric = [_is_number(cell) for cell in cells]
    if not any(numeric):
        return True
    return not numeric[0] and all(numeric[1:]) and _runs(np.array(cells[1:], float))


def _is_size(head: list[str], lines: list[str], separator: str | None) -> bool:
    """Whether the first line says height and width, or width and height, of those below."""
    if len(head) != 2 or len(lines) < 3:
        return False
    width = len(lines[1].split(separator))
    size = sorted((len(lines) - 1, width))
    return width != 2 and sorted(float(cell) for cell in head if _is_number(cell)) == size


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _of_shape(table: NDArray[np.float64], shape: Shape) -> NDArray[np.float64]:
    """Leave out a header or an index of running numbers when the rest has the shape."""
    above, left = (n - wanted for n, wanted in zip(table.shape, shape, strict=True))
    if (above, left) not in ((0, 1), (1, 0), (1, 1)):
        return table
    if (above and not _runs(table[0, left:])) or (left and not _runs(table[above:, 0])):
        return table
    return table[above:, left:]


def _runs(numbers: NDArray[np.float64]) -> bool:
    """Whether they count up from 0 or 1."""
    return numbers[0] in (0, 1) and bool((np.diff(numbers) == 1).all())
