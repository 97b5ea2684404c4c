"""Notes on the user's files, as lines of the terminal."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from ssnbench.io.notes import DataNote


@contextmanager
def notes_in_plain_words() -> Iterator[None]:
    """Print a note's text alone, once, instead of a warning with its place in the code."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", DataNote)
        shown, said = warnings.showwarning, set[str]()

        def show(message: Any, category: Any, *place: Any, **more: Any) -> None:
            if not issubclass(category, DataNote):
                shown(message, category, *place, **more)
            elif str(message) not in said:
                said.add(str(message))
                click.echo(f"note: {message}", err=True)

        warnings.showwarning = show
        yield
