"""Which of the stored times count."""

from __future__ import annotations

import pandas as pd

from ssnbench.contracts import MOST_LOAD


def counted(timings: pd.DataFrame) -> pd.DataFrame:
    """Leave out times that were taken under load, unless the user wanted them all the same.

    Parameters
    ----------
    timings : DataFrame
        Rows of ``Store.timings()``.
    """
    busy = timings["load"].astype(float) > MOST_LOAD
    return timings[~busy | (timings["even_if_busy"] == 1)]
