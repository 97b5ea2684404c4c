"""A report drawn again leaves no figure of the former one behind, and no file of the user out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ssnbench.report.manifest import FILE, renewed


def drawn(folder: Path, *names: str) -> None:
    with renewed(folder):
        for name in names:
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(name)


def test_what_is_no_longer_made_goes(tmp_path: Path) -> None:
    drawn(tmp_path, "figures/a.png", "figures/b.png", "tables/a.csv")
    drawn(tmp_path, "figures/a.png")
    assert [path.name for path in tmp_path.glob("*/*")] == ["a.png"]


def test_what_the_user_put_there_or_changed_stays(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    mine = tmp_path / "figures" / "mine.png"
    mine.write_text("mine")
    drawn(tmp_path, "figures/a.png")
    changed = tmp_path / "figures" / "a.png"
    changed.write_text("changed")
    os.utime(changed, ns=(1, 1))
    drawn(tmp_path)
    drawn(tmp_path)
    assert mine.read_text() == "mine"
    assert changed.read_text() == "changed"


def test_a_report_that_fails_removes_nothing(tmp_path: Path) -> None:
    drawn(tmp_path, "figures/a.png")
    with pytest.raises(ValueError, match="no"), renewed(tmp_path):
        raise ValueError("no")
    assert (tmp_path / "figures" / "a.png").is_file()


@pytest.mark.parametrize("text", ["", "[]", '{"figures/a.png": 3}', '{"../a": [1, 2]}', "{"])
def test_a_list_that_cannot_be_read_names_nothing(text: str, tmp_path: Path) -> None:
    outside = tmp_path / "a"
    outside.write_text("x")
    run = tmp_path / "run"
    (run / "figures").mkdir(parents=True)
    (run / "figures" / "a.png").write_text("x")
    (run / FILE).write_text(text)
    drawn(run)
    assert outside.is_file()
    assert (run / "figures" / "a.png").is_file()
