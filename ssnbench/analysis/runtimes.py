"""Run times of a store: the median over images of the median over repeats, stage by stage."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

STAGES = ("segment", "colour", "network", "clustering", "joining", "other", "connectivity")
"""Stages of a run time in the order in which they happen; ``total`` = segment + connectivity."""


def of_current_version(timings: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Leave out times of a plug-in that was edited since, where the records tell its version.

    The records of the images' own dataset and split tell first, then those of others.
    """
    method = ["algorithm", "params"]
    place = [*method, "dataset", "split"]

    def known(columns: list[str]) -> NDArray[np.bool_]:
        wanted, present = (pd.MultiIndex.from_frame(f[columns]) for f in (timings, records))
        return np.asarray(wanted.isin(present))

    current = np.where(
        known(place), known([*place, "code_version"]), known([*method, "code_version"])
    )
    return timings[current | ~known(method)]


def runtimes(timings: pd.DataFrame) -> pd.DataFrame:
    """Median seconds over images by method, count, size, device and threads; a column a stage."""
    images = list(zip(timings["dataset"], timings["split"], timings["image"], strict=True))
    megapixels = timings["height"] * timings["width"] / 1e6
    timings = timings.assign(megapixels=megapixels, whole=images)
    keys = ["n_asked", "megapixels", "device", "threads", "label"]
    total = timings[timings["stage"] == "total"].groupby(keys)
    frame = total.agg(
        size=("width", lambda width: _size(timings.loc[width.index])),
        images=("whole", "nunique"),
        repeats=("repeats", "min"),
        total=("seconds", "median"),
        fastest=("fastest", "min"),
        slowest=("slowest", "max"),
        peak_mb=("peak_mb", "max"),
        bare_mb=("bare_mb", "max"),
        load=("load", "max"),
        image=("image", "min"),
    )
    stages = timings.pivot_table(index=keys, columns="stage", values="seconds", aggfunc="median")
    parts = [stage for stage in STAGES if stage in stages]
    frame = frame.join(stages[parts]).reset_index()
    return frame.sort_values([*keys[:-1], "total"], ignore_index=True)


def _size(rows: pd.DataFrame) -> str:
    """Width x height; landscape where an image set holds both."""
    sides = sorted((int(rows["height"].iloc[0]), int(rows["width"].iloc[0])), reverse=True)
    same = rows[["height", "width"]].drop_duplicates()
    if len(same) == 1:
        sides = [int(rows["width"].iloc[0]), int(rows["height"].iloc[0])]
    return f"{sides[0]} x {sides[1]}"
