"""Which methods may be compared at all: those that were scored on the same images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pandas as pd


def on_same_images(
    scored: pd.DataFrame, metrics: Sequence[str], by: Sequence[str] = ()
) -> pd.DataFrame:
    """Tell which methods have scores on the images that the others have, too.

    Of several sets of images that methods were scored on, the largest counts; of two as large, the
    one that more methods share.

    Parameters
    ----------
    scored : DataFrame
        Rows of jobs that ended well.
    metrics : sequence of str
        Columns of scores.
    by : sequence of str
        Columns within whose values methods are compared, such as ``n_asked``.

    Returns
    -------
    DataFrame of bool
        Indexed by `by` and ``label``, a column for each metric.
    """
    keys = [*by, "label"]
    present = scored.groupby([*keys, "image"])[list(metrics)].count() > 0
    return pd.DataFrame(
        {
            metric: _are_alike(present[metric].unstack("image", fill_value=False), by)
            for metric in metrics
        }
    )


def _are_alike(present: pd.DataFrame, by: Sequence[str]) -> pd.Series[bool]:
    """Whether a method's row of images is the one that counts, by groups of rows."""
    rows = pd.Series([tuple(row) for row in present.to_numpy()], index=present.index)
    groups = rows.groupby(level=list(by)) if by else [("", rows)]
    parts = []
    for _, group in groups:
        shared = Counter(group)
        chosen = max(shared, key=lambda images: (sum(images), shared[images]))
        parts.append(group.map(lambda images, chosen=chosen: images == chosen))
    return pd.concat(parts).astype(bool)
