"""Where the data sets lie on this machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from platformdirs import user_data_path

from ssnbench.contracts import UsageError

VARIABLE = "SSNBENCH_DATA"
"""Environment variable that names the data root."""


def data_root(given: Path | None) -> Path:
    """Folder that holds the data sets: the one given, else ``$SSNBENCH_DATA``, else the user's.

    It need not exist.
    """
    if given is not None:
        return Path(given).expanduser()
    named = os.environ.get(VARIABLE)
    return Path(named).expanduser() if named else user_data_path("ssnbench")


def find_folder(
    root: Path, candidates: Sequence[str], dataset: str, expects: str, obtain: str
) -> Path:
    """Find the first of some folders below the data root.

    Parameters
    ----------
    root : Path
        From :func:`data_root`.
    candidates : sequence of str
        Folders relative to ``root``, the likeliest first.
    dataset : str
        Name of the data set, for the message.
    expects : str
        What should lie there.
    obtain : str
        How to get it.

    Raises
    ------
    UsageError
        When none exists: says where it looked, what it expected, and how to get it.
    """
    for candidate in candidates:
        if (root / candidate).is_dir():
            return root / candidate
    raise UsageError(
        f"no data for {dataset}: looked in {root} for {' or '.join(candidates)}; expected "
        f"{expects}; {obtain}, then name its folder with --data-root or ${VARIABLE}"
    )
