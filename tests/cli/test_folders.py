"""Folders that commands name themselves."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from ssnbench.cli import main
from ssnbench.cli.folders import folder_name


@pytest.mark.parametrize(
    "text",
    [
        "collage(n_images=100)-val",
        "folder(path='Berlin, 2024')-all",
        "folder(path=C:\\pictures)-all",
        "~$HOME & more; `x` * ?",
        "-rf",
        "été",
        "(((",
        "x" * 300,
    ],
)
def test_no_shell_asks_for_quotes(text: str) -> None:
    name = folder_name(text)
    assert shlex.quote(name) == name
    assert name[0] not in "-.~"
    assert 6 <= len(name) <= 100


def test_plain_names_stay_and_others_are_told_apart() -> None:
    assert folder_name("ssn-k10.bsds500-test") == "ssn-k10.bsds500-test"
    assert folder_name("collage(n_images=100)-val") == "collage-n_images-100-val-039012"
    alike = {folder_name(f"folder(path={path})") for path in ("a/b", "a-b", "a b", "A/b")}
    assert len(alike) == 4
    assert all(name.lower().startswith("folder-path-a-b-") for name in alike)


def test_a_run_s_folder_needs_no_quotes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    small = "collage(n_images=1,height=40,width=50)"
    assert main(["run", "--algos", "grid", "--dataset", small, "--segments", "6"]) == 0
    (folder,) = (tmp_path / "reports").iterdir()
    assert folder.name.startswith("collage-height-40-n_images-1-width-50-test-")
    assert shlex.quote(folder.name) == folder.name
