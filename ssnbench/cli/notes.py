"""Notes on the user's files, as lines of the terminal."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from ssnbench.io.notes import DataNote

_NO_GLYPH = re.compile(r"Glyph \d+ .* missing from font")
_BOXES = "the figures' font lacks letters of some names: they are drawn as boxes"


@contextmanager
def notes_in_plain_words() -> Iterator[None]:
    """Print a note's text alone, once, instead of a warning with its place in the code."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", DataNote)
        shown, said = warnings.showwarning, set[str]()

        def show(message: Any, category: Any, *place: Any, **more: Any) -> None:
            text = _BOXES if _NO_GLYPH.match(str(message)) else str(message)
            if text is not _BOXES and not issubclass(category, DataNote):
                shown(message, category, *place, **more)
            elif text not in said:
                said.add(text)
                click.echo(f"note: {text}", err=True)

        warnings.showwarning = show
        yield
