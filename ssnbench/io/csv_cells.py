"""Tables as CSV that a spreadsheet shows and never runs.

A cell of text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line break is a formula to a
spreadsheet, and may start a program. An apostrophe before it makes it text; it is taken away again
when the file is read here. Numbers are left as they are.

Source: OWASP, CSV Injection.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssnbench.io.limits import MOST_TEXT, one_error, read_at_most

if TYPE_CHECKING:
    import pandas as pd

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?")


def to_csv(table: pd.DataFrame) -> str:
    """Return a table as CSV without its index, texts made harmless."""
    table = table.rename(columns=_harmless)
    _replace_texts(table, _harmless)
    text: str = table.to_csv(index=False)
    return text


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write what :func:`to_csv` returns; OSError when it cannot be written."""
    path.write_text(to_csv(table), encoding="utf-8", newline="")


def read_csv(path: Path, **how: Any) -> pd.DataFrame:
    """Read a table that :func:`write_csv` wrote; ``how`` is for pandas.

    Raises
    ------
    UsageError
        When it is larger than a table may be, or none.
    """
    import pandas as pd

    with one_error(path, "cannot be read as a table"):
        text = read_at_most(path, MOST_TEXT).decode()
        table = pd.read_csv(io.StringIO(text), **how).rename(columns=_as_it_was)
        _replace_texts(table, _as_it_was)
    return table


def _replace_texts(table: pd.DataFrame, change: Callable[[Any], Any]) -> None:
    """Change the texts of a table; of each column every text is looked at once."""
    for place in range(table.shape[1]):
        values = table.iloc[:, place]
        if values.dtype.kind not in "iufb":
            texts = [value for value in values.unique() if isinstance(value, str)]
            changed = {text: change(text) for text in texts if change(text) != text}
            if changed:
                table.isetitem(place, values.astype(object).replace(changed))


def _harmless(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    text = text.replace("\r", "\n")  # which alone would end a row
    is_formula = _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text


def _as_it_was(text: Any) -> Any:
    return text[1:] if isinstance(text, str) and text[:1] == "'" and _FORMULA.match(text) else text
