"""What a section says of perturbed images: figures and the table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from ssnbench.analysis.equal_counts import fullest_count
from ssnbench.analysis.robustness import ALIKE, SCORED, _is_of, followed
from ssnbench.analysis.sections import Section, short_name
from ssnbench.perturb import KINDS
from ssnbench.plots.robustness import draw_robustness
from ssnbench.report.comparisons import Comparisons
from ssnbench.report.table_formats import Cell, Table
from ssnbench.report.tables import number


def robustness(
    section: Section,
    level: pd.DataFrame,
    perturbed: Iterable[Section],
    labels: Sequence[str],
    folder: Path,
) -> Comparisons:
    """Draw the scores over the strength of every kind of perturbation, and tabulate all.

    Parameters
    ----------
    section : Section
        The original images.
    level : DataFrame
        What `equal.at_equal_counts` made of it.
    perturbed : iterable of Section
        Sections of perturbed images; those of other data, splits or protocols are left out.
    labels : sequence of str
        All methods of the report, so that one looks the same in every figure.
    folder : Path
        Where the figures go.

    Returns
    -------
    Comparisons
        Nothing where no image of the section was perturbed, or no method reaches the count.
    """
    made = Comparisons()
    count = fullest_count(level)
    mine = [other for other in perturbed if _is_of(other, section)]
    if count is None or not mine:
        return made
    found = followed(level, mine, count)
    for kind in (kind for kind in KINDS if KINDS[kind].strengths):
        for metric in (*SCORED, "vi_original"):
            data = found[(found["kind"] == kind) & (found["metric"] == metric)]
            if data["strength"].nunique() > 1:
                made.figures.append(draw_robustness(section, data, labels, folder))
    made.tables.append(robustness_table(section, found, count))
    return made


def robustness_table(section: Section, found: pd.DataFrame, count: int) -> Table:
    """Table of all perturbations by method.

    Parameters
    ----------
    section : Section
        Gives dataset and protocol.
    found : DataFrame
        What `followed` returned.
    count : int
        Superpixels made.
    """
    places = {kind: place for place, kind in enumerate(KINDS)}
    change = (found["strength"] - found["kind"].map(lambda kind: KINDS[kind].neutral)).abs()
    found = found.assign(place=found["kind"].map(places), change=change).sort_values(
        ["place", "change", "strength", "label"], na_position="last"
    )
    metrics = [name for name in (*SCORED, *ALIKE) if (found["metric"] == name).any()]
    index = ["kind", "dataset", "label"]
    wide = found.pivot(index=index, columns="metric", values="image_mean")
    keys = list(dict.fromkeys(map(tuple, found[index].to_numpy().tolist())))
    rows = [
        (
            Cell(label, label),
            Cell(dataset, dataset),
            *(number(wide.loc[(kind, dataset, label), metric], 4) for metric in metrics),
        )
        for kind, dataset, label in keys
    ]
    heads = [ALIKE[m][0] if m in ALIKE else short_name(m) for m in metrics]
    return Table(
        f"{section.slug}-robustness",
        f"Perturbed images, at {count} superpixels",
        f"{section.title}: means over images at {count} superpixels made. The method saw the "
        "perturbed image; its map, brought back to the original's frame, is judged by the truths "
        "and colours of the original, and compared with the method's own map of the original.",
        ("Method", "Image", *heads),
        tuple(rows),
        tuple(kind for kind, _, _ in keys),
        found.drop(columns=["place", "change"]),
    )
