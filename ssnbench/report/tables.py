"""Tables of the scores: at each count asked for, at equal counts made, over all counts."""

from __future__ import annotations

from dataclasses import replace

from ssnbench.analysis.equal_counts import COVERAGE
from ssnbench.analysis.ranks import ALPHA
from ssnbench.analysis.section_analysis import SectionAnalysis
from ssnbench.metrics.curve import AREAS
from ssnbench.report.cells import MISSING, asked, heading, n_of, named, number, places, scored
from ssnbench.report.table_formats import MARK, Cell, Table

AREA_HEADINGS = {
    "area_asa": "ASA ↑",
    "area_br": "BR ↑",
    "amr": "AMR ↓",
    "aue": "AUE ↓",
    "auv": "AUV ↓",
}


def scores_table(analysis: SectionAnalysis) -> Table:
    """Table of the means over images at each asked count, with the counts that were made."""
    section, summary = analysis.section, analysis.summary
    wide = summary.pivot(index=["n_asked", "label"], columns="metric", values="image_mean")
    n_made = summary.groupby(["n_asked", "label"])["n_made"].first()
    n_images = summary.groupby(["n_asked", "label"])["n_images"].max()
    columns = {
        metric: scored(wide[metric], metric, "n_asked", analysis.compared_at_asked[metric])
        for metric in section.metrics
    }
    rows = [
        (
            named(label),
            asked(n_asked),
            number(n_made[n_asked, label], 0),
            n_of(int(n_images[n_asked, label]), analysis.basis.n_dataset),
            *(columns[metric][n_asked, label] for metric in section.metrics),
        )
        for n_asked, label in wide.index
    ]
    caption = (
        f"{section.title}: means over images, of the mean over an image's annotators, by the "
        f"{section.protocol} protocol. Best in bold, second best underlined, among the methods "
        f"asked for the same count{_if_alike(analysis, ' and')}; since they make different counts, "
        "compare them at equal counts. The CSV also holds the mean over (image, annotator) pairs, "
        "as papers have it: pair_mean."
    )
    return Table(
        f"{section.slug}-scores",
        "Scores at each count asked for",
        caption,
        ("Method", "Asked", "Made", "Images", *map(heading, section.metrics)),
        tuple(rows),
        tuple(asked(n_asked).text for n_asked, _ in wide.index),
        summary,
    )


def equal_counts_table(analysis: SectionAnalysis) -> Table:
    """Table of the scores that every method has at the same made counts."""
    section, level = analysis.section, analysis.not_told_apart
    keys = ["n_made", "label"]
    wide = analysis.at_equal_counts.pivot(index=keys, columns="metric", values="image_mean")
    metrics = [metric for metric in section.metrics if metric in wide]
    n_reached = analysis.at_equal_counts.groupby(keys)["n_reached"].max()
    columns = {
        metric: scored(
            wide[metric],
            metric,
            "n_made",
            analysis.compared[metric].reindex(wide.index, level="label"),
        )
        for metric in metrics
    }
    rows = [
        (
            named(label),
            number(count, 0),
            n_of(int(n_reached[count, label]), analysis.basis.n_dataset),
            *(_marked(columns[m][count, label], label in level[count, m]) for m in metrics),
        )
        for count, label in wide.index
    ]
    caption = (
        f"{section.title}: each image's curve over the count made, straight over its logarithm; "
        f"mean over images by the {section.protocol} protocol. Nothing is extrapolated: "
        f"{MISSING} where fewer than {COVERAGE:.0%} of a method's images reach the count. Best in "
        f"bold, second best underlined{_if_alike(analysis, ', among the methods')}."
    )
    if any(level.values()):
        compared = f"from {analysis.mine}, at" if analysis.mine else "from the best of"
        caption += (
            f" {MARK}: not told apart {compared} its column and count (Wilcoxon's "
            f"signed-rank test over images, corrected by Holm for the methods, p >= {ALPHA:g})."
        )
    return Table(
        f"{section.slug}-equal-counts",
        "Scores at equal counts made",
        caption,
        ("Method", "Made", "Images", *map(heading, metrics)),
        tuple(rows),
        tuple(str(count) for count, _ in wide.index),
        analysis.at_equal_counts,
    )


def areas_table(analysis: SectionAnalysis) -> Table:
    """Table of one number for each curve: its mean height over a range of made counts."""
    section, areas = analysis.section, analysis.areas
    wide = areas.pivot(index="label", columns="area", values="value")
    names = [name for name in AREA_HEADINGS if name in wide]
    alike = {n: analysis.compared[AREAS[n][0]].reindex(wide.index) for n in names}
    best = {
        n: places(wide[n].where(alike[n]), "higher" if n.startswith("area") else "lower")
        for n in names
    }
    rows = [
        (
            named(label),
            *(number(wide[name][label], 4, int(best[name][label])) for name in names),
        )
        for label in wide.index
    ]
    low, high = areas["low"].iloc[0], areas["high"].iloc[0]
    caption = (
        f"{section.title}: mean over {low:.0f} to {high:.0f} superpixels made, which every method "
        f"here covers, by the {section.protocol} protocol. AMR, AUE, AUV: average miss rate, "
        "undersegmentation error, unexplained variation. Best in bold, second best underlined."
    )
    return Table(
        f"{section.slug}-areas",
        "Over the counts made",
        caption,
        ("Method", *(AREA_HEADINGS[name] for name in names)),
        tuple(rows),
        tuple("" for _ in rows),
        areas,
    )


def _if_alike(analysis: SectionAnalysis, among: str) -> str:
    """Say that methods which were scored on other images have no place; nothing where none was."""
    return "" if analysis.compared.all(axis=None) else f"{among} scored on the same images"


def _marked(cell: Cell, mark: bool) -> Cell:
    return replace(cell, text=f"{cell.text}{MARK}") if mark and cell.value is not None else cell
