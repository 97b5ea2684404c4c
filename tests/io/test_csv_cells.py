"""Tables that a spreadsheet may open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ssnbench.contracts import UsageError
from ssnbench.io.csv_cells import read_csv, to_csv, write_csv

HOSTILE = ["=cmd|' /C calc'!A0", "+1+cmd", "-2+3", "@SUM(A1)", "\tx", "\rx", "'=x", "''@x"]


def test_what_a_spreadsheet_would_run_is_text_and_comes_back(tmp_path: Path) -> None:
    table = pd.DataFrame({"image": [*HOSTILE, "plain", "it's", "'quoted'"]})
    table["=name()"] = np.arange(len(table)) - 3.5
    write_csv(table, tmp_path / "a.csv")
    for cell in pd.read_csv(tmp_path / "a.csv")["image"]:
        assert cell[0] not in "=+-@\t\r\n"
    assert to_csv(table).splitlines()[0] == "image,'=name()"
    back = read_csv(tmp_path / "a.csv")
    assert list(back["image"]) == [text.replace("\r", "\n") for text in table["image"]]
    assert list(back["=name()"]) == list(table["=name()"])


def test_numbers_stay_as_they_are() -> None:
    table = pd.DataFrame({"a": [-1, 2], "b": [-0.5, None], "c": ["-3", "+1e-5"], "d": [None, "x"]})
    assert to_csv(table) == table.to_csv(index=False)
    assert to_csv(table.assign(e=pd.Categorical(["-", "=b"]))).endswith(",'-\n2,,+1e-5,x,'=b\n")


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b'\xff"')
    with pytest.raises(UsageError, match=r"a\.csv cannot be read as a table"):
        read_csv(tmp_path / "a.csv")
