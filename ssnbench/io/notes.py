"""What the user should know of files that are read, in one line that is said once.

A note is a Python warning: programs may filter it. The command line prints its text alone, and no
text twice, so that a note which may concern many images names none. Worker processes say nothing:
what they read the first process lists, and reads again for the report.
"""

from __future__ import annotations

import warnings

from ssnbench.contracts import shown


class DataNote(UserWarning):
    """Something about the user's files that changes no result by itself."""


def note(text: str) -> None:
    """Say one line about the user's files."""
    import multiprocessing  # not at the top: the command line imports this room at every start

    if multiprocessing.current_process().name == "MainProcess":
        warnings.warn(shown(text), DataNote, stacklevel=1)
