"""Robustness: what is left of a score when the image is perturbed, and how far superpixels move."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.ticker import MaxNLocator

from ssnbench.perturb import KINDS, original, perturbation_of
from ssnbench.report.comparisons import Comparisons
from ssnbench.report.equal import at_equal_counts, fullest_count
from ssnbench.report.figures import STYLE, Drawing, axis_name, canvas, curves_of, written
from ssnbench.report.looks import gid, look, name_curves
from ssnbench.report.sections import Section, long_name, short_name
from ssnbench.report.tables import number
from ssnbench.report.typeset import Cell, Table

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
        known = original(section.dataset) == section.dataset
        (plain if known else perturbed).append(section)
    return plain, perturbed


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
        ``n_segments`` and ``image_mean``. The original stands in every kind, at its neutral
        strength; a kind without strength has none (NaN).
    """
    names = [*SCORED, *ALIKE]
    start = level[(level["n_segments"] == count) & level["metric"].isin(names)]
    tables = []
    kinds = set()
    for other in perturbed:
        done = perturbation_of(other.dataset)
        if done is None:
            raise ValueError(f"the images of {other.dataset} were not perturbed")
        kinds.add(done.kind)
        here = at_equal_counts(other, [count])
        here = here[here["metric"].isin(names)]
        tables.append(here.assign(kind=done.kind, strength=done.strength, dataset=done.label))
    tables += [start.assign(kind=k, strength=KINDS[k].neutral, dataset="original") for k in kinds]
    found = pd.concat(tables, ignore_index=True).astype({"strength": float})
    columns = ["kind", "strength", "dataset", "label", "metric", "n_segments", "image_mean"]
    return found[found["image_mean"].notna()][columns].sort_values(
        ["kind", "strength", "label", "metric"], ignore_index=True
    )


def draw_robustness(
    section: Section, data: pd.DataFrame, labels: Sequence[str], folder: Path
) -> Drawing:
    """Draw one metric over the strength of one kind of perturbation, a curve per method.

    Parameters
    ----------
    section : Section
        Gives dataset and protocol.
    data : DataFrame
        Rows of `followed` of one kind and one metric.
    labels : sequence of str
        All methods of the report, so that one looks the same in every figure.
    folder : Path
        Where the files go.
    """
    name, metric = str(data["kind"].iloc[0]), str(data["metric"].iloc[0])
    kind = KINDS[name]
    curves = curves_of(data.rename(columns={"strength": "x", "image_mean": "y"}))
    falling = kind.neutral == kind.high
    if falling:  # the original stands on the left, whatever its strength
        curves = {label: curve[::-1] for label, curve in curves.items()}
    with mpl.rc_context(fname=STYLE):
        figure, axes = canvas(section, len(curves), f"{data['n_segments'].iloc[0]} superpixels")
        for label, curve in curves.items():
            axes.plot(curve["x"], curve["y"], **look(label, labels), gid=gid(label, labels))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel(kind.what)
        axes.set_ylabel(ALIKE[metric][0] if metric in ALIKE else axis_name(metric, section))
        if falling:
            axes.invert_xaxis()
        name_curves(figure, axes, curves, labels)
        titled = ALIKE[metric][1] if metric in ALIKE else long_name(metric)
        title = f"{titled} over {kind.what.partition(' (')[0]}"
        return written(figure, f"{section.slug}-{name}-{metric}", title, data, folder)


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


def _is_of(other: Section, section: Section) -> bool:
    return (original(other.dataset), other.split, other.protocol) == (
        section.dataset,
        section.split,
        section.protocol,
    )
