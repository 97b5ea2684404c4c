from __future__ import annotations

from pathlib import Path

import pytest

from ssnbench import dataroot
from ssnbench.contracts import UsageError
from ssnbench.dataroot import data_root, find_folder


def test_given_then_variable_then_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSNBENCH_DATA", str(tmp_path / "named"))
    assert data_root(tmp_path) == tmp_path
    assert data_root(None) == tmp_path / "named"
    monkeypatch.setenv("SSNBENCH_DATA", "")
    monkeypatch.setattr(dataroot, "user_data_path", lambda name: tmp_path / "user" / name)
    assert data_root(None) == tmp_path / "user" / "ssnbench"


def test_home_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSNBENCH_DATA", "~/data")
    assert data_root(None) == Path.home() / "data"
    assert data_root(Path("~/x")) == Path.home() / "x"


def test_first_folder_that_exists(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "c").mkdir()
    (tmp_path / "a").write_text("a file, not a folder")
    assert find_folder(tmp_path, ["a", "b", "c"], "toy", "pictures", "draw") == tmp_path / "b"


def test_no_folder_says_where_what_and_how(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        find_folder(tmp_path, ["a", "b"], "toy", "pictures", "draw them")
    line = str(caught.value)
    for part in ("toy", str(tmp_path), "a or b", "pictures", "draw them", "--data-root"):
        assert part in line
    assert "\n" not in line
