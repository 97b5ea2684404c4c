"""The same label maps under every protocol: how far a score moves when only that changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from ssnbench.analysis.section_analysis import SectionAnalysis
from ssnbench.analysis.sections import short_name, slugged
from ssnbench.metrics import with_role
from ssnbench.report.cells import asked, named, number
from ssnbench.report.table_formats import Table


def protocol_tables(analyses: Iterable[SectionAnalysis]) -> Iterator[Table]:
    """Yield a table for every dataset and split that was scored under several protocols."""
    names = with_role("protocol-dependent")
    for group in by_data(analyses).values():
        scored = [each for each in group if each.summary["metric"].isin(names).any()]
        if len(scored) > 1:
            yield _table(scored, names)


def by_data(
    analyses: Iterable[SectionAnalysis],
) -> dict[tuple[str, str], list[SectionAnalysis]]:
    """Group analyses by dataset and split, in sorted order: the same label maps by protocols."""
    groups: dict[tuple[str, str], list[SectionAnalysis]] = {}
    for analysis in analyses:
        key = (analysis.section.dataset, analysis.section.split)
        groups.setdefault(key, []).append(analysis)
    return dict(sorted(groups.items()))


def _table(analyses: Sequence[SectionAnalysis], names: Sequence[str]) -> Table:
    """Table of the metrics that depend on the protocol; all analyses are of the same data."""
    dataset, split = analyses[0].section.dataset, analyses[0].section.split
    protocols = [each.section.protocol_title for each in analyses]
    frame = pd.concat(
        each.summary.assign(protocol=title) for each, title in zip(analyses, protocols, strict=True)
    )
    frame = frame[frame["metric"].isin(names)]
    wide = frame.pivot(
        index=["n_asked", "label"], columns=["metric", "protocol"], values="image_mean"
    )
    columns = [(m, p) for m in names for p in protocols if (m, p) in wide.columns]
    rows = [
        (
            named(label),
            asked(n_asked),
            *(number(wide.loc[(n_asked, label), column], 4) for column in columns),
        )
        for n_asked, label in wide.index
    ]
    return Table(
        slugged(f"protocols-{dataset}-{split}"),
        f"The same label maps under every protocol: {dataset} {split}",
        f"{dataset} {split}: boundary scores of one set of label maps by the protocols "
        f"{', '.join(protocols)}, means over images. Only the protocol differs from column to "
        "column.",
        ("Method", "Asked", *(f"{short_name(m)} {p}" for m, p in columns)),
        tuple(rows),
        tuple(asked(n_asked).text for n_asked, _ in wide.index),
        frame[["label", "n_asked", "n_made", "protocol", "metric", "image_mean", "pair_mean"]],
    )
