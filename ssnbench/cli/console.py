"""Where the command line prints; apart, since a listing needs no bars."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from rich.console import Console

console = Console()


@contextmanager
def any_encoding() -> Iterator[None]:
    """Print on terminals and into files of any encoding: what one lacks is written as an escape.

    A number is not lost because a path or the unit beside it has a letter that Latin-1 has not.
    """
    with ExitStack() as undo:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                undo.callback(stream.reconfigure, errors=stream.errors)
                stream.reconfigure(errors="backslashreplace")
        yield
