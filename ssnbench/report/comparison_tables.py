"""Tables of the comparisons at one made count: ranks, pairs, equal regularity."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ssnbench.analysis.ranks import ALPHA, STRICTER, Ranking
from ssnbench.analysis.section_analysis import SectionAnalysis
from ssnbench.analysis.sections import better, short_name
from ssnbench.report.cells import named, number, p_value
from ssnbench.report.table_formats import MARK, Cell, Table


def ranks_table(analysis: SectionAnalysis) -> Table:
    """Table of the mean ranks by several metrics at one made count, the best method first."""
    section, rankings = analysis.section, analysis.rankings
    frame = pd.concat([ranking.frame for ranking in rankings], ignore_index=True)
    wide = frame.pivot(index="label", columns="metric", values="mean_rank")
    wide = wide.loc[wide.mean(axis=1).sort_values().index]
    rows = [
        (
            named(label),
            *(number(wide.loc[label, r.metric], 2, _place(r, str(label))) for r in rankings),
        )
        for label in wide.index
    ]
    tests = "; ".join(_test(ranking) for ranking in rankings)
    caption = (
        f"{section.title}: mean rank over images at {analysis.count} superpixels made, 1 the "
        f"best. {tests}. Nemenyi: ranks that differ by less than the critical difference (CD, "
        f"p = {ALPHA:g}) are not told apart. {STRICTER} Best in bold, second best underlined."
    )
    return Table(
        f"{section.slug}-ranks",
        "Ranks over images",
        caption,
        ("Method", *(f"{short_name(r.metric)} ↓" for r in rankings)),
        tuple(rows),
        tuple("" for _ in rows),
        frame,
    )


def _test(ranking: Ranking) -> str:
    what = f"{short_name(ranking.metric)} on {ranking.n_images} images"
    if pd.isna(ranking.p):
        return f"{what}: no Friedman test (it takes three methods that differ, and two images)"
    return (
        f"{what}: Friedman {ranking.statistic:.1f}, p {p_value(ranking.p)}, "
        f"CD {ranking.critical:.2f}"
    )


def _place(ranking: Ranking, label: str) -> int:
    """1 for the best, 2 for the second best; 0 for the rest, and where all are level."""
    values = ranking.ranks.round(2)
    if label not in values or values.nunique() < 2:
        return 0
    place = int(values.rank(method="dense")[label])
    return place if place <= 2 else 0


def paired_table(analysis: SectionAnalysis) -> Table:
    """Table of the best method, or the user's, against each other; the CSV holds all pairs."""
    section = analysis.section
    lines = list(_against_one(analysis))
    caption = (
        f"{section.title}: {analysis.mine or 'the method with the best mean'} minus each other "
        f"one, image by image at {analysis.count} superpixels made, with the 95 % bootstrap "
        "interval of the mean difference, of that pair alone. Wins and losses: images on which the "
        "first is better or worse. p: Wilcoxon's signed-rank test, corrected by Holm for the other "
        f"methods; the marks {MARK} of the scores and the words of the cards are of these same "
        "tests. The CSV holds all other pairs, too, with the p of one test alone."
    )
    return Table(
        f"{section.slug}-pairs",
        "Pairs on the same images",
        caption,
        (
            "Yours" if analysis.mine else "Best",
            "Metric",
            "Other",
            "Difference",
            "Low",
            "High",
            "Wins",
            "Ties",
            "Losses",
            "p",
        ),
        tuple(row for _, row in lines),
        tuple(group for group, _ in lines),
        pd.concat(analysis.pairs.values(), ignore_index=True),
    )


def _against_one(analysis: SectionAnalysis) -> Iterator[tuple[str, tuple[Cell, ...]]]:
    """Yield the abbreviation of the metric and the cells of a row."""
    for ranking in analysis.rankings:
        name = short_name(ranking.metric)
        compared = analysis.comparisons[ranking.count, ranking.metric]
        for row in compared.to_dict("records"):
            p = row["p_holm"]
            yield (
                name,
                (
                    named(row["label"]),
                    named(name),
                    named(row["other"]),
                    *(number(row[part], 4) for part in ("difference", "low", "high")),
                    *(number(row[part], 0) for part in ("wins", "ties", "losses")),
                    Cell(p_value(p), None if pd.isna(p) else float(p)),
                ),
            )


def regularity_table(analysis: SectionAnalysis) -> Table:
    """Table of each method beside what tunable algorithms reach at its own regularity."""
    section, frame = analysis.section, analysis.at_equal_regularity
    algorithms = sorted(frame["algorithm"].unique())
    wide = frame.pivot_table(
        index=["metric", "label", "co", "value"],
        columns="algorithm",
        values="at_equal_co",
        dropna=False,
    ).dropna(how="all")
    rows = [
        (
            named(label),
            named(short_name(metric)),
            number(co, 3),
            number(value, 4),
            *(number(wide.loc[(metric, label, co, value), name], 4) for name in algorithms),
        )
        for metric, label, co, value in wide.index
    ]
    ways = {short_name(m): better(m) for m in frame["metric"].unique()}
    metrics = ", ".join(f"{name} ({way} is better)" for name, way in ways.items())
    caption = (
        f"{section.title}: {metrics} at {analysis.count} superpixels made. Beside each method "
        "stands what the algorithms that were run with several parameters reach at its compactness "
        "(CO), straight between their variants; nothing is extrapolated."
    )
    return Table(
        f"{section.slug}-equal-regularity",
        "Scores at equal regularity",
        caption,
        ("Method", "Metric", "CO", "Its own", *(f"{name} at this CO" for name in algorithms)),
        tuple(rows),
        tuple(short_name(metric) for metric, *_ in wide.index),
        frame,
    )
