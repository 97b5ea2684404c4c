"""What the user should know of files that are read, in one line that is said once.

A note is a Python warning: programs may filter it, and the command line prints its text alone.
Of notes with the same text Python shows one, so a note that may concern many images names none.
"""

from __future__ import annotations

import warnings


class DataNote(UserWarning):
    """Something about the user's files that changes no result by itself."""


def note(text: str) -> None:
    """Say one line about the user's files."""
    warnings.warn(text, DataNote, stacklevel=1)
