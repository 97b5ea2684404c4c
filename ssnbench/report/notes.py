"""What a section rests on, and what a reader of its numbers should know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ssnbench.analysis.inter_annotator import Band
from ssnbench.analysis.sections import Section, short_name
from ssnbench.report import tables

_MOST_WARNINGS = 5


def counted(section: Section) -> dict[str, Any]:
    """How much the numbers of a section rest on."""
    rows = section.rows
    truths = rows.loc[rows["truth"] >= 0, ["image", "truth"]].drop_duplicates()
    return {
        "rows": len(rows),
        "scored": len(section.scored),
        "images": rows["image"].nunique(),
        "truths": len(truths),
        "methods": len(section.labels),
        "asked": [tables.asked(int(n)).text for n in sorted(rows["n_asked"].unique())],
    }


def notes(section: Section, summary: pd.DataFrame, has_range: bool) -> list[str]:
    """What a reader of the numbers should know: what is missing, and from whose mean."""
    notes = []
    if not section.metrics:
        notes.append("No scores: no job of this section ended well.")
    if (section.rows["truth"] < 0).all() and section.metrics:
        notes.append("No segmentation truths: only metrics that need none are given.")
    if not has_range and section.metrics:
        notes.append(
            "No comparison at equal counts: it takes at least two counts far enough apart."
        )
    n_images = section.rows["image"].nunique()
    fewest = summary.groupby("label")["n_images"].min().reindex(section.labels, fill_value=0)
    short = [f"{label} ({int(n)})" for label, n in fewest.items() if n < n_images]
    if short:
        notes.append(
            f"Some means rest on fewer than the {n_images} images, at one count at least: "
            f"{', '.join(short)}. See the column “Images” and the failures below."
        )
    scored = section.scored
    warned = scored.loc[scored["reason"].fillna("") != "", ["label", "reason"]].drop_duplicates()
    notes += [f"{row.label}: {row.reason}." for row in warned.head(_MOST_WARNINGS).itertuples()]
    if n_images == 1:
        notes.append("One image only: no intervals, and no claim about others.")
    return notes


def of_annotators(bands: Mapping[str, Band]) -> list[str]:
    """What the band in the curves is; nothing where there is none."""
    if not bands:
        return []
    n_images = max(band.n_images for band in bands.values())
    told = ", ".join(
        f"{short_name(name)} {band.mean:.4f} ({band.low:.4f} to {band.high:.4f})"
        for name, band in bands.items()
    )
    return [
        f"Annotators scored against one another on {n_images} "
        f"image{'' if n_images == 1 else 's'}, the grey band: {told}; in brackets the means of "
        "each image's lowest and highest annotator."
    ]
