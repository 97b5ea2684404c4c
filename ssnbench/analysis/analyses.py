"""From the rows of a store to an analysis of every section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pandas as pd

from ssnbench.analysis import robustness, sections
from ssnbench.analysis.section_analysis import SectionAnalysis


def analyse(
    records: pd.DataFrame,
    timings: pd.DataFrame | None = None,
    annotators: pd.DataFrame | None = None,
    runs: Sequence[Mapping[str, Any]] = (),
    n_images: Mapping[tuple[str, str], int] = MappingProxyType({}),
    mine: str = "",
) -> list[SectionAnalysis]:
    """Return an analysis of every section of a store; perturbed images stand beside the original.

    Parameters
    ----------
    records, timings : DataFrame
        Rows of ``Store.records()`` and ``Store.timings()``.
    annotators : DataFrame, optional
        What `inter_annotator.read` returned.
    runs : sequence of mapping
        What ``Store.runs()`` returned: it says what is not defined on a dataset.
    n_images : mapping from (dataset, split) to int
        What ``Store.n_images()`` returned.
    mine : str
        The method that the user calls theirs, by label.
    """
    plain, perturbed = robustness.parted(sections.split(records))
    undefined = sections.undefined_by(runs)
    nothing = pd.DataFrame()
    return [
        SectionAnalysis(
            section,
            nothing if timings is None else timings,
            nothing if annotators is None else annotators,
            robustness.perturbed_of(section, perturbed),
            undefined.get(section.dataset, {}),
            n_images.get((section.dataset, section.split), 0),
            mine,
        )
        for section in plain
    ]
