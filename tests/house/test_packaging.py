from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_subpackage_is_in_the_wheel() -> None:
    listed = PROJECT["tool"]["setuptools"]["packages"]
    folders = {".".join(p.parent.relative_to(ROOT).parts) for p in ROOT.glob("ssnbench/**/*.py")}
    assert folders <= set(listed)


def test_shelves_have_no_init() -> None:
    # with one, `import datasets` from the repository root would find ours, not Hugging Face's
    assert not [s for s in ("algorithms", "datasets") if (ROOT / s / "__init__.py").exists()]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"])
def test_pages_are_there(page: str) -> None:
    assert (ROOT / page).read_text().strip()
