"""How large a label map may be: checked against what a file states, before memory is taken."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from pathlib import Path

from ssnbench.contracts import UsageError

MOST_PIXELS = 2**28
"""Pixels that a label map may have at most: 16384 x 16384."""


def check_size(size: Sequence[int], path: Path, what: str = "a label map") -> None:
    """Raise UsageError when a file states more elements than a label map may have."""
    n_pixels = prod(int(n) for n in size)
    if n_pixels > MOST_PIXELS:
        raise UsageError(
            f"{path} states {n_pixels} elements of {what}; it may have {MOST_PIXELS} at most"
        )
