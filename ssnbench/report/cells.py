"""Cells of tables: numbers, names, places, headings."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ssnbench.analysis.sections import better, short_name
from ssnbench.report.table_formats import Cell

MISSING = "—"


def named(text: object) -> Cell:
    """Return a cell that holds a name and sorts by it."""
    return Cell(str(text), str(text))


def number(value: float, digits: int, place: int = 0) -> Cell:
    """Return a cell of fixed decimals; a dash for what is missing."""
    value = float(value)
    if not np.isfinite(value):
        return Cell(MISSING)
    return Cell(f"{value:.{digits}f}", value, place)


def n_of(n: int, n_all: int) -> Cell:
    """Return a cell that says of how many things a number is, and of how many it might be."""
    return Cell(str(n) if n == n_all else f"{n} of {n_all}", float(n))


def asked(n_asked: int) -> Cell:
    """Return the cell of an asked count; maps made elsewhere were asked for nothing."""
    return Cell(str(n_asked), float(n_asked)) if n_asked else Cell(MISSING, 0.0)


def scored(
    values: pd.Series[float], metric: str, by: str, compared: pd.Series[bool]
) -> Mapping[tuple[int, str], Cell]:
    """Cells of one metric: places are given within a level of the index, on what is printed.

    Only those that are ``compared`` have a place: the same images were scored.
    """
    digits = 4 if values.abs().max() < 10 else 2
    printed = values.round(digits).where(compared)
    ranked = printed.groupby(level=by).transform(lambda s: places(s, better(metric)))
    cells = [number(v, digits, int(p)) for v, p in zip(values, ranked, strict=True)]
    return dict(zip(values.index, cells, strict=True))


def places(values: pd.Series[float], way: str) -> pd.Series[float]:
    """1 for the best, 2 for the second best, 0 for the rest; equal values share a place."""
    if not way or values.notna().sum() < 2 or values.nunique() < 2:
        return pd.Series(0.0, index=values.index)
    ranks = values.rank(method="dense", ascending=way == "lower").fillna(0)
    return ranks.where(ranks <= 2, 0)


def heading(metric: str) -> str:
    """Heading of a metric's column: its abbreviation, and which way is better."""
    arrow = {"higher": " ↑", "lower": " ↓"}.get(better(metric), "")
    return f"{short_name(metric)}{arrow}"


def p_value(p: float) -> str:
    """Return a p value as it is printed."""
    if pd.isna(p):
        return MISSING
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}"
