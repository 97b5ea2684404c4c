"""What the numbers of a section rest on: how many rows, images, truths; what is missing."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ssnbench.analysis.sections import Section

_MOST_WARNINGS = 5


@dataclass(frozen=True)
class Basis:
    """How much the numbers of a section rest on.

    Attributes
    ----------
    n_rows, n_scored : int
        Rows of the store, and those whose job ended well.
    n_images, n_truths, n_methods : int
        Images, (image, annotator) pairs, and methods.
    n_dataset : int
        Images that the split has; those of the rows at least.
    asked : tuple of int
        Counts asked for, rising; 0 for label maps that were made elsewhere.
    incomplete : mapping of str to int
        Methods whose mean at some count rests on fewer images, with the fewest.
    warnings : tuple of (str, str)
        The first methods with a warning, and the warning.
    """

    n_rows: int
    n_scored: int
    n_images: int
    n_truths: int
    n_methods: int
    n_dataset: int
    asked: tuple[int, ...]
    incomplete: dict[str, int]
    warnings: tuple[tuple[str, str], ...]


def basis(section: Section, summary: pd.DataFrame, n_dataset: int) -> Basis:
    """Count what a section rests on; ``summary`` is what `summary.summarise` made of it."""
    rows, labels = section.rows, section.labels
    truths = rows.loc[rows["truth"] >= 0, ["image", "truth"]].drop_duplicates()
    n_images = rows["image"].nunique()
    fewest = summary.groupby("label")["n_images"].min().reindex(labels, fill_value=0)
    return Basis(
        len(rows),
        len(section.scored),
        n_images,
        len(truths),
        len(labels),
        max(n_images, n_dataset),
        tuple(sorted(int(n) for n in rows["n_asked"].unique())),
        {str(label): int(n) for label, n in fewest.items() if n < n_images},
        _warnings(section.scored),
    )


def _warnings(scored: pd.DataFrame) -> tuple[tuple[str, str], ...]:
    warned = scored.loc[scored["reason"].fillna("") != "", ["label", "reason"]].drop_duplicates()
    first = warned.head(_MOST_WARNINGS)
    return tuple(zip(first["label"], first["reason"], strict=True))
