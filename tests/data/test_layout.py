from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssnbench.contracts import UsageError
from ssnbench.data import layout
from ssnbench.data.layout import Layout, data_root


def test_given_then_variable_then_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSNBENCH_DATA", str(tmp_path / "named"))
    assert data_root(tmp_path) == tmp_path
    assert data_root(None) == tmp_path / "named"
    monkeypatch.setenv("SSNBENCH_DATA", "")
    monkeypatch.setattr(layout, "user_data_path", lambda name: tmp_path / "user" / name)
    assert data_root(None) == tmp_path / "user" / "ssnbench"


def test_home_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSNBENCH_DATA", "~/data")
    assert data_root(None) == Path.home() / "data"
    assert data_root(Path("~/x")) == Path.home() / "x"


LAYOUT = Layout("toy", ("a/b", "b", ""), "a/b/\n  pictures/*.png", "draw them")


@pytest.mark.parametrize("home", ["a/b", "b", ""])
def test_first_home_with_the_marker(tmp_path: Path, home: str) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / home / "pictures").mkdir(parents=True)
    assert LAYOUT.find(tmp_path, "pictures") == tmp_path / home


def test_mismatch_shows_the_expected_tree_beside_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "picture" / "deep" / "deeper" / "deepest").mkdir(parents=True)
    for number in range(9):
        (tmp_path / f"{number}.png").touch()
    with pytest.raises(UsageError) as caught:
        LAYOUT.find(tmp_path, "pictures")
    first, *tree = str(caught.value).splitlines()
    for part in ("toy", str(tmp_path), "a/b/pictures or b/pictures or pictures", "draw them"):
        assert part in first
    assert "--data-root" in first
    assert [line.split() for line in tree] == [
        ["expected", "found", "in", str(tmp_path)],
        ["a/b/", "picture/"],
        ["pictures/*.png", "deep/"],
        ["deeper/"],
        *([f"{number}.png"] for number in range(5)),
        ["and", "4", "more"],
    ]
    columns = {line.index(name) for line, name in zip(tree[:2], ("found", "picture/"), strict=True)}
    assert len(columns) == 1


@pytest.mark.parametrize(("make", "told"), [(True, "it is empty"), (False, "no such folder")])
def test_mismatch_of_nothing(tmp_path: Path, make: bool, told: str) -> None:
    root = tmp_path / "data"
    if make:
        root.mkdir()
    with pytest.raises(UsageError, match=told):
        LAYOUT.find(root, "pictures")


def test_a_large_folder_is_drawn_in_few_lines(tmp_path: Path) -> None:
    for i, j, k in np.ndindex(6, 6, 6):
        (tmp_path / str(i) / str(j) / str(k)).mkdir(parents=True)
    with pytest.raises(UsageError) as caught:
        LAYOUT.find(tmp_path, "pictures")
    assert len(str(caught.value).splitlines()) < 30
    assert str(caught.value).endswith("...")
