from __future__ import annotations

import pandas as pd

from ssnbench.analysis.sections import Section
from ssnbench.report.protocol_tables import yardsticks_tables


def scored(protocol: str, br: float, split: str = "test") -> tuple[Section, pd.DataFrame]:
    section = Section("toys", split, f"{protocol}/1", "slug", pd.DataFrame(), ("asa", "br"))
    rows = [("m", 100, 90.0, "br", br), ("m", 100, 90.0, "asa", 0.9)]
    names = ["label", "n_asked", "n_made", "metric", "pair_mean"]
    return section, pd.DataFrame(rows, columns=names)


def test_one_table_beside_each_other() -> None:
    (table,) = yardsticks_tables([scored("seal", 0.5), scored("stutz", 0.7)])
    assert table.headings == ("Method", "Asked", "BR seal", "BR stutz")
    assert [cell.text for cell in table.rows[0]] == ["m", "100", "0.5000", "0.7000"]
    assert set(table.frame.metric) == {"br"}  # what no ruler moves is left out


def test_one_protocol_is_nothing_to_compare() -> None:
    assert not list(yardsticks_tables([scored("seal", 0.5), scored("stutz", 0.7, "val")]))
