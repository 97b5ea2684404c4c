"""The file beside a store that holds how well the annotators of its images agree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ssnbench.io.csv_cells import read_csv, write_csv
from ssnbench.io.limits import one_error

FILE = "annotators.csv"

_PAIR = (
    *("dataset", "split", "image", "protocol", "protocol_version"),
    *("annotator", "truth"),
)


def read(folder: Path) -> pd.DataFrame:
    """Read the scores of the annotators of a run folder; empty where there are none."""
    path = folder / FILE
    if not path.is_file():
        return pd.DataFrame()
    table = read_csv(path, dtype={"image": str})
    with one_error(path, "is no table of annotators"):
        if "protocol_version" not in table:
            table = _migrated(table)
        missing = [name for name in _PAIR if name not in table]
        if missing:
            raise ValueError(f"it lacks {', '.join(missing)}")
    return table


def join(folders: Sequence[Path], out: Path) -> None:
    """Write what the folders know of annotators into ``out``: each pair once, the first counts."""
    tables = [table for table in map(read, folders) if len(table)]
    if tables:
        whole = pd.concat(tables, ignore_index=True)
        write_csv(whole.drop_duplicates(list(_PAIR)), out / FILE)


def _migrated(table: pd.DataFrame) -> pd.DataFrame:
    """Part name and version of the protocol, which older files hold in one: ``seal(r=2)/1``."""
    parts = table["protocol"].str.extract(r"(?P<name>.*?)(?:/(?P<version>\d+))?$")
    place = table.columns.get_loc("protocol")
    table = table.assign(protocol=parts["name"])
    table.insert(place + 1, "protocol_version", parts["version"].fillna(0).astype(int))
    return table
