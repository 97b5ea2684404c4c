"""Robustness: what is left of a score when the image is perturbed, and how far superpixels move."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from ssnbench.analysis.equal_counts import at_equal_counts
from ssnbench.analysis.sections import Section
from ssnbench.perturb import KINDS, parse

SCORED = ("asa", "br", "ev")
"""Metrics that are followed; those that a section has."""

ALIKE = {
    "vi_original": ("VI to original [bit] ↓", "Variation of information to the original's map"),
    "asa_original": ("ASA to original ↑", "Mutual accuracy with the original's map"),
}
"""Axis and title of what compares the label maps of the perturbed and the original image."""


def parted(found: Iterable[Section]) -> tuple[list[Section], list[Section]]:
    """Part the sections of original images from those of perturbed ones."""
    plain: list[Section] = []
    perturbed: list[Section] = []
    for section in found:
        (perturbed if section.perturbation else plain).append(section)
    return plain, perturbed


def followed(level: pd.DataFrame, perturbed: Iterable[Section], count: int) -> pd.DataFrame:
    """Return the scores of all methods under every perturbation, at one made count.

    Parameters
    ----------
    level : DataFrame
        What `equal.at_equal_counts` made of the section of the original images.
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
    names = [*SCORED, *ALIKE]
    start = level[(level["n_made"] == count) & level["metric"].isin(names)]
    tables = []
    kinds = set()
    for other in perturbed:
        (done,) = parse(other.perturbation)
        kinds.add(done.kind)
        here = at_equal_counts(other, [count])
        here = here[here["metric"].isin(names)]
        tables.append(here.assign(kind=done.kind, strength=done.strength, dataset=done.label))
    tables += [start.assign(kind=k, strength=KINDS[k].neutral, dataset="original") for k in kinds]
    found = pd.concat(tables, ignore_index=True).astype({"strength": float})
    columns = ["kind", "strength", "dataset", "label", "metric", "n_made", "image_mean"]
    return found[found["image_mean"].notna()][columns].sort_values(
        ["kind", "strength", "label", "metric"], ignore_index=True
    )


def _is_of(other: Section, section: Section) -> bool:
    places = ((s.dataset, s.split, s.protocol, s.protocol_version) for s in (other, section))
    return len(set(places)) == 1
