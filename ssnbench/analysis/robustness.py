"""Robustness: what is left of a score when the image is perturbed, and how far superpixels move."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from ssnbench.analysis.equal_counts import at_equal_counts, image_curves
from ssnbench.analysis.sections import Section
from ssnbench.metrics import with_role
from ssnbench.perturb import KINDS, parse

TO_ORIGINAL = {
    "vi_original": ("VI to original [bit] ↓", "Variation of information to the original's map"),
    "asa_original": ("ASA to original ↑", "Mutual accuracy with the original's map"),
}
"""Axis and title of what compares the label maps of the perturbed and the original image."""


def parted(sections: Iterable[Section]) -> tuple[list[Section], list[Section]]:
    """Part the sections of original images from those of perturbed ones."""
    plain: list[Section] = []
    perturbed: list[Section] = []
    for section in sections:
        (perturbed if section.perturbation else plain).append(section)
    return plain, perturbed


def followed(scores: pd.DataFrame, perturbed: Iterable[Section], count: int) -> pd.DataFrame:
    """Return the scores of all methods under every perturbation, at one made count.

    Parameters
    ----------
    scores : DataFrame
        What `equal_counts.at_equal_counts` made of the section of the original images.
    perturbed : iterable of Section
        The perturbed images of that section.
    count : int
        Superpixels made.

    Returns
    -------
    DataFrame
        One row per (kind, strength, label, metric): ``dataset`` (what was done to which),
        ``n_made`` and ``image_mean``. The original stands in every kind, at its neutral
        strength; a kind without strength has none (NaN).
    """
    names = [*with_role("followed"), *TO_ORIGINAL]
    start = scores[(scores["n_made"] == count) & scores["metric"].isin(names)]
    tables = []
    kinds = set()
    for other in perturbed:
        (change,) = parse(other.perturbation)
        kinds.add(change.kind)
        rows = at_equal_counts(image_curves(other), [count])
        rows = rows[rows["metric"].isin(names)]
        tables.append(rows.assign(kind=change.kind, strength=change.strength, dataset=change.label))
    tables += [start.assign(kind=k, strength=KINDS[k].neutral, dataset="original") for k in kinds]
    joined = pd.concat(tables, ignore_index=True).astype({"strength": float})
    columns = ["kind", "strength", "dataset", "label", "metric", "n_made", "image_mean"]
    return joined[joined["image_mean"].notna()][columns].sort_values(
        ["kind", "strength", "label", "metric"], ignore_index=True
    )


def perturbed_of(section: Section, perturbed: Iterable[Section]) -> tuple[Section, ...]:
    """Those of the perturbed sections that were made of a section's images, by its protocol."""
    return tuple(other for other in perturbed if other.place == section.place)
