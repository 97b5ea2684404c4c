"""The label maps that a store kept, joined with what its records say of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ssnbench.results.schema import SEGMENTATION
from ssnbench.results.store import Store

_BEST_COUNT = 200  # superpixels are told apart best by eye at about this count


def kept_maps(store: Store, records: pd.DataFrame) -> pd.DataFrame:
    """List the label maps that a store kept and the records know.

    Returns
    -------
    DataFrame
        One row per map: what made it, as in the records, with ``label`` and ``n_made``, and
        ``content``, by which the store has it.
    """
    names = list(SEGMENTATION)
    kept = pd.DataFrame([vars(item) for item in store.kept()], columns=[*names, "content"])
    kept = kept[kept["perturbation"] == ""]
    labelled = records.drop_duplicates(names)[[*names, "label", "n_made"]]
    return kept.merge(labelled, on=names)


def shown_count(maps: pd.DataFrame) -> int:
    """Count asked for that has the most label maps; of several, the one that is seen best."""
    counts = maps.groupby("n_asked")["content"].count()
    fullest = counts[counts == counts.max()].index
    return int(min(fullest, key=lambda count: abs(np.log(max(count, 1) / _BEST_COUNT))))
