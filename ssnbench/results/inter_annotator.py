"""The file beside a store that holds how well the annotators of its images agree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

FILE = "annotators.csv"


_PAIR = ("dataset", "split", "image", "protocol", "annotator", "truth")


def join(folders: Sequence[Path], out: Path) -> None:
    """Write what the folders know of annotators into ``out``: each pair once, the first counts."""
    tables = [pd.read_csv(f / FILE, dtype={"image": str}) for f in folders if (f / FILE).is_file()]
    if tables:
        whole = pd.concat(tables, ignore_index=True)
        whole.drop_duplicates(list(_PAIR)).to_csv(out / FILE, index=False)
