"""The same label maps under every yard-stick: how far a score moves when only the ruler changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

import pandas as pd

from ssnbench.analysis.sections import Section, short_name, slugged
from ssnbench.report.table_formats import Cell, Table
from ssnbench.report.tables import asked, number

MOVING = ("br", "bp", "f")
"""Metrics that the protocols define differently; overlap does not depend on the ruler."""


def yardsticks_tables(found: Iterable[tuple[Section, pd.DataFrame]]) -> Iterator[Table]:
    """Yield a table for every dataset and split that was scored under several protocols.

    Parameters
    ----------
    found : pairs of Section and DataFrame
        Each section with what ``stats.summarise`` made of it.
    """
    by_data = sorted(found, key=lambda pair: (pair[0].dataset, pair[0].split))
    for (dataset, split), group in groupby(by_data, key=lambda p: (p[0].dataset, p[0].split)):
        summaries = {
            section.yardstick: summary
            for section, summary in group
            if summary["metric"].isin(MOVING).any()
        }
        if len(summaries) > 1:
            yield _table(dataset, split, summaries)


def _table(dataset: str, split: str, summaries: dict[str, pd.DataFrame]) -> Table:
    frame = pd.concat(summary.assign(protocol=name) for name, summary in summaries.items())
    frame = frame[frame["metric"].isin(MOVING)]
    wide = frame.pivot(
        index=["n_asked", "label"], columns=["metric", "protocol"], values="pair_mean"
    )
    columns = [(m, p) for m in MOVING for p in summaries if (m, p) in wide.columns]
    rows = [
        (
            Cell(str(label), str(label)),
            asked(n_asked),
            *(number(wide.loc[(n_asked, label), column], 4) for column in columns),
        )
        for n_asked, label in wide.index
    ]
    return Table(
        slugged(f"yardsticks-{dataset}-{split}"),
        f"The same label maps under every yard-stick: {dataset} {split}",
        f"{dataset} {split}: boundary scores of one set of label maps by the protocols "
        f"{', '.join(summaries)}. Only the ruler differs from column to column.",
        ("Method", "Asked", *(f"{short_name(m)} {p}" for m, p in columns)),
        tuple(rows),
        tuple(asked(n_asked).text for n_asked, _ in wide.index),
        frame[["label", "n_asked", "n_made", "protocol", "metric", "pair_mean"]],
    )
