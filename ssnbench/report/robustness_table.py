"""The table of all perturbations by method."""

from __future__ import annotations

from ssnbench.analysis.robustness import TO_ORIGINAL
from ssnbench.analysis.section_analysis import SectionAnalysis
from ssnbench.analysis.sections import short_name
from ssnbench.metrics import with_role
from ssnbench.perturb import KINDS
from ssnbench.report.cells import named, number
from ssnbench.report.table_formats import Table


def robustness_table(analysis: SectionAnalysis) -> Table:
    """Table of all perturbations by method, from the original image to the strongest change."""
    section, scores = analysis.section, analysis.robustness
    order = {kind: place for place, kind in enumerate(KINDS)}
    change = (scores["strength"] - scores["kind"].map(lambda kind: KINDS[kind].neutral)).abs()
    scores = scores.assign(place=scores["kind"].map(order), change=change).sort_values(
        ["place", "change", "strength", "label"], na_position="last"
    )
    names = (*with_role("followed"), *TO_ORIGINAL)
    metrics = [name for name in names if (scores["metric"] == name).any()]
    index = ["kind", "dataset", "label"]
    wide = scores.pivot(index=index, columns="metric", values="image_mean")
    keys = list(dict.fromkeys(map(tuple, scores[index].to_numpy().tolist())))
    rows = [
        (
            named(label),
            named(dataset),
            *(number(wide.loc[(kind, dataset, label), metric], 4) for metric in metrics),
        )
        for kind, dataset, label in keys
    ]
    heads = [TO_ORIGINAL[m][0] if m in TO_ORIGINAL else short_name(m) for m in metrics]
    return Table(
        f"{section.slug}-robustness",
        f"Perturbed images, at {analysis.count} superpixels",
        f"{section.title}: means over images at {analysis.count} superpixels made. The method saw "
        "the perturbed image; its map, brought back to the original's frame, is judged by the "
        "truths and colours of the original, and compared with the method's own map of the "
        "original.",
        ("Method", "Image", *heads),
        tuple(rows),
        tuple(kind for kind, _, _ in keys),
        scores.drop(columns=["place", "change"]),
    )
