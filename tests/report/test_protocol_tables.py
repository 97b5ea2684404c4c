from __future__ import annotations

import pandas as pd

from ssnbench.analysis.analyses import analyse
from ssnbench.analysis.section_analysis import SectionAnalysis
from ssnbench.report.protocol_tables import protocol_tables


def scored(protocol: str, br: float, split: str = "test", version: int = 1) -> SectionAnalysis:
    key = {"dataset": "toys", "split": split, "perturbation": "", "protocol": protocol}
    row = {"algorithm": "m", "params": "{}", "label": "m", "n_asked": 100, "n_made": 90}
    rest = {
        "protocol_version": version,
        "image": "a",
        "truth": 0,
        "status": "ok",
        "reason": "",
        "asa": 0.9,
        "br": br,
    }
    (analysis,) = analyse(pd.DataFrame([key | row | rest]))
    return analysis


def test_one_table_beside_each_other() -> None:
    (table,) = protocol_tables([scored("seal", 0.5), scored("stutz", 0.7)])
    assert table.headings == ("Method", "Asked", "BR seal", "BR stutz")
    assert [cell.text for cell in table.rows[0]] == ["m", "100", "0.5000", "0.7000"]
    assert set(table.frame.metric) == {"br"}  # what does not depend on the protocol is left out
    assert table.slug == "protocols-toys-test"


def test_one_protocol_is_nothing_to_compare() -> None:
    assert not list(protocol_tables([scored("seal", 0.5), scored("stutz", 0.7, "val")]))


def test_versions_of_one_protocol_are_told_apart() -> None:
    former, today = scored("seal", 0.5, version=0), scored("seal", 0.7)
    (table,) = protocol_tables([former, today])
    assert table.headings == ("Method", "Asked", "BR seal/0", "BR seal")
    assert former.section.title == "toys · test · seal/0"
    assert today.section.title == "toys · test · seal"
