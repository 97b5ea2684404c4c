from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_subpackage_is_in_the_wheel() -> None:
    listed = PROJECT["tool"]["setuptools"]["packages"]
    folders = {".".join(p.parent.relative_to(ROOT).parts) for p in ROOT.glob("ssnbench/**/*.py")}
    assert folders <= set(listed)


def test_folders_of_plug_ins_have_no_init() -> None:
    # with one, `import datasets` from the repository root would find ours, not Hugging Face's
    assert not [s for s in ("algorithms", "datasets") if (ROOT / s / "__init__.py").exists()]


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "CITATION.cff"]
)
def test_pages_are_there(page: str) -> None:
    assert (ROOT / page).read_text().strip()


def test_one_version() -> None:
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert cited is not None
    assert cited[1] == PROJECT["project"]["version"]


def test_ci_tests_the_pythons_that_the_project_names() -> None:
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    pythons = re.search(r"python: \[(.+)\]", workflow)
    assert pythons is not None
    oldest = PROJECT["project"]["requires-python"].removeprefix(">=")
    assert pythons[1].split(", ")[0] == f'"{oldest}"'
    systems = re.search(r"os: \[(.+)\]", workflow)
    assert systems is not None
    assert {name.partition("-")[0] for name in systems[1].split(", ")} == {
        *("ubuntu", "macos", "windows")
    }
