"""What a chapter says beyond its curves: who is better and how surely, how fast, how regular."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ssnbench.analysis import equal_counts, paired, ranks, tradeoffs
from ssnbench.analysis.ranks import ALPHA, Ranking
from ssnbench.analysis.sections import Section, better, short_name
from ssnbench.metrics import with_role
from ssnbench.plots.critical_difference import draw_ranks
from ssnbench.plots.figure import Drawing
from ssnbench.plots.tradeoffs import draw_front, draw_regularity
from ssnbench.report.table_formats import Cell, Table
from ssnbench.report.tables import number

TRADED = ("asa", "br")
"""Metrics that are set against time and regularity."""


@dataclass
class Comparisons:
    """Figures, tables and notes of the comparisons at one made count."""

    figures: list[Drawing] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def compare(
    section: Section,
    summary: pd.DataFrame,
    level: pd.DataFrame,
    timings: pd.DataFrame,
    labels: Sequence[str],
    folder: Path,
) -> Comparisons:
    """Compare the methods of a section at the made count that most of them reach.

    Parameters
    ----------
    section : Section
    summary, level : DataFrame
        What `stats.summarise` and `equal.at_equal_counts` made of it.
    timings : DataFrame
        Rows of ``Store.timings()``.
    labels : sequence of str
        All methods of the report, so that one looks the same in every figure.
    folder : Path
        Where the figures go.
    """
    made = Comparisons()
    count = equal_counts.fullest_count(level)
    if count is None:
        return made
    _judge(made, section, count, labels, folder)
    _set_against_time(made, section, summary, level, timings, count, labels, folder)
    _set_against_regularity(made, section, level, count, labels, folder)
    return made


def _judge(
    made: Comparisons, section: Section, count: int, labels: Sequence[str], folder: Path
) -> None:
    """Rank the methods, and compare each with the best."""
    scores = equal_counts.image_scores(section, count)
    rankings = [
        ranking
        for metric in tradeoffs.traded(section, with_role("ranked"))
        if (ranking := ranks.rank(scores, metric, count)) is not None
    ]
    if not rankings:
        made.notes.append(
            f"No ranks: at {count} superpixels made there are no two methods to compare."
        )
        return
    refused = sorted({label for ranking in rankings for label in ranking.refused})
    if refused:
        made.notes.append(
            f"Not compared at {count} superpixels made, which fewer than "
            f"{equal_counts.COVERAGE:.0%} of their images reach (nothing is extrapolated): "
            f"{', '.join(refused)}."
        )
    drawn = [draw_ranks(section, r, labels, folder) for r in rankings if r.metric in TRADED]
    made.figures += [drawing for drawing in drawn if drawing is not None]
    made.tables.append(ranks_table(section, rankings))
    pairs = {r.metric: paired.compare(scores, r.metric, count) for r in rankings}
    made.tables.append(paired_table(section, rankings, pairs))


def _set_against_time(
    made: Comparisons,
    section: Section,
    summary: pd.DataFrame,
    level: pd.DataFrame,
    timings: pd.DataFrame,
    count: int,
    labels: Sequence[str],
    folder: Path,
) -> None:
    found = tradeoffs.quality_and_time(section, summary, level, timings, count)
    for _, rows in found.groupby(["device", "threads"]):
        for metric in tradeoffs.traded(section, TRADED):
            drawing = draw_front(section, rows, metric, count, labels, folder)
            made.figures += [drawing] if drawing is not None else []
    untimed = [label for label in section.labels if label not in set(found["label"])]
    if untimed and len(found):
        made.notes.append(f"Not in the figures over time, not timed here: {', '.join(untimed)}.")


def _set_against_regularity(
    made: Comparisons,
    section: Section,
    level: pd.DataFrame,
    count: int,
    labels: Sequence[str],
    folder: Path,
) -> None:
    compared = []
    for metric in tradeoffs.traded(section, TRADED):
        found = tradeoffs.regularity(section, level, metric, count)
        drawing = draw_regularity(section, found, metric, count, labels, folder)
        made.figures += [drawing] if drawing is not None else []
        compared.append(tradeoffs.at_equal_regularity(found, [metric]))
    frame = pd.concat(compared) if compared else pd.DataFrame()
    if len(frame):
        made.tables.append(regularity_table(section, frame, count))


def ranks_table(section: Section, rankings: Sequence[Ranking]) -> Table:
    """Table of the mean ranks by several metrics at one made count, the best method first."""
    frame = pd.concat([ranking.frame for ranking in rankings], ignore_index=True)
    wide = frame.pivot(index="label", columns="metric", values="mean_rank")
    wide = wide.loc[wide.mean(axis=1).sort_values().index]
    rows = [
        (
            Cell(str(label), str(label)),
            *(number(wide.loc[label, r.metric], 2, _place(r, str(label))) for r in rankings),
        )
        for label in wide.index
    ]
    tests = "; ".join(_tested(ranking) for ranking in rankings)
    caption = (
        f"{section.title}: mean rank over images at {rankings[0].count} superpixels made, 1 the "
        f"best. {tests}. Nemenyi: ranks that differ by less than the critical difference (CD, "
        f"p = {ALPHA:g}) are not told apart. Best in bold, second best underlined."
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


def _tested(ranking: Ranking) -> str:
    what = f"{short_name(ranking.metric)} on {ranking.n_images} images"
    if pd.isna(ranking.p):
        return f"{what}: no Friedman test (it takes three methods that differ, and two images)"
    return (
        f"{what}: Friedman {ranking.statistic:.1f}, p {_p_value(ranking.p)}, "
        f"CD {ranking.critical:.2f}"
    )


def _place(ranking: Ranking, label: str) -> int:
    """1 for the best, 2 for the second best; 0 for the rest, and where all are level."""
    values = ranking.ranks.round(2)
    if label not in values or values.nunique() < 2:
        return 0
    place = int(values.rank(method="dense")[label])
    return place if place <= 2 else 0


def paired_table(
    section: Section, rankings: Sequence[Ranking], pairs: dict[str, pd.DataFrame]
) -> Table:
    """Table of each method against the one that ranks best; the CSV holds all pairs."""
    lines = list(_against_best(rankings, pairs))
    caption = (
        f"{section.title}: the method that ranks best minus each other one, image by image at "
        f"{rankings[0].count} superpixels made, with the 95 % bootstrap interval of the mean "
        "difference. Wins and losses: images on which the best is better or worse. p: Wilcoxon's "
        "signed-rank test, corrected by Holm for all pairs of a metric."
    )
    return Table(
        f"{section.slug}-pairs",
        "Pairs on the same images",
        caption,
        ("Best", "Metric", "Other", "Difference", "Low", "High", "Wins", "Ties", "Losses", "p"),
        tuple(row for _, row in lines),
        tuple(group for group, _ in lines),
        pd.concat([pairs[ranking.metric] for ranking in rankings], ignore_index=True),
    )


def _against_best(
    rankings: Sequence[Ranking], pairs: dict[str, pd.DataFrame]
) -> Iterator[tuple[str, tuple[Cell, ...]]]:
    for ranking in rankings:
        name = short_name(ranking.metric)
        best = str(ranking.ranks.index[0])
        for row in paired.against(pairs[ranking.metric], best).to_dict("records"):
            p = row["p_holm"]
            yield (
                name,
                (
                    Cell(best, best),
                    Cell(name, name),
                    Cell(str(row["other"]), str(row["other"])),
                    *(number(row[part], 4) for part in ("difference", "low", "high")),
                    *(number(row[part], 0) for part in ("wins", "ties", "losses")),
                    Cell(_p_value(p), None if pd.isna(p) else float(p)),
                ),
            )


def _p_value(p: float) -> str:
    if pd.isna(p):
        return "—"
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}"


def regularity_table(section: Section, frame: pd.DataFrame, count: int) -> Table:
    """Table of each method beside what tunable algorithms reach at its own regularity."""
    algorithms = sorted(frame["algorithm"].unique())
    wide = frame.pivot_table(
        index=["metric", "label", "co", "value"], columns="algorithm", values="there", dropna=False
    ).dropna(how="all")
    rows = [
        (
            Cell(str(label), str(label)),
            Cell(short_name(metric), short_name(metric)),
            number(co, 3),
            number(value, 4),
            *(number(wide.loc[(metric, label, co, value), name], 4) for name in algorithms),
        )
        for metric, label, co, value in wide.index
    ]
    ways = {short_name(m): better(m) for m in frame["metric"].unique()}
    told = ", ".join(f"{name} ({way} is better)" for name, way in ways.items())
    caption = (
        f"{section.title}: {told} at {count} superpixels made. Beside each method stands what the "
        "algorithms that were run with several parameters reach at its compactness (CO), straight "
        "between their variants; nothing is extrapolated."
    )
    return Table(
        f"{section.slug}-equal-regularity",
        "Scores at equal regularity",
        caption,
        ("Method", "Metric", "CO", "Its own", *(f"{name} there" for name in algorithms)),
        tuple(rows),
        tuple(short_name(metric) for metric, *_ in wide.index),
        frame,
    )
