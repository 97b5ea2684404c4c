"""The file beside a store that holds how well the annotators of its images agree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

FILE = "annotators.csv"

_PAIR = (
    *("dataset", "split", "image", "protocol", "protocol_version"),
    *("annotator", "truth"),
)


def read(folder: Path) -> pd.DataFrame:
    """Read the scores of the annotators of a run folder; empty where there are none."""
    path = folder / FILE
    table = pd.read_csv(path, dtype={"image": str}) if path.is_file() else pd.DataFrame()
    return table if table.empty or "protocol_version" in table else _migrated(table)


def join(folders: Sequence[Path], out: Path) -> None:
    """Write what the folders know of annotators into ``out``: each pair once, the first counts."""
    tables = [table for table in map(read, folders) if len(table)]
    if tables:
        whole = pd.concat(tables, ignore_index=True)
        whole.drop_duplicates(list(_PAIR)).to_csv(out / FILE, index=False)


def _migrated(table: pd.DataFrame) -> pd.DataFrame:
    """Part name and version of the protocol, which older files hold in one: ``seal(r=2)/1``."""
    parts = table["protocol"].str.extract(r"(?P<name>.*?)(?:/(?P<version>\d+))?$")
    place = table.columns.get_loc("protocol")
    table = table.assign(protocol=parts["name"])
    table.insert(place + 1, "protocol_version", parts["version"].fillna(0).astype(int))
    return table
