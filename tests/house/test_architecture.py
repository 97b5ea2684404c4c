"""The page that draws the rooms is made from the imports, and is up to date."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def architecture() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "architecture", ROOT / "docs/make_architecture.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(architecture: ModuleType) -> None:
    page = architecture.PAGE.read_text(encoding="utf-8")
    assert page == architecture.page(), "run: python docs/make_architecture.py"


def test_floors_and_arrows_of_a_small_house(architecture: ModuleType) -> None:
    rooms = {
        "roof": frozenset({"hall", "cellar"}),
        "hall": frozenset({"cellar"}),
        "cellar": frozenset(),
    }
    assert architecture.floors(rooms) == {"cellar": 0, "hall": 1, "roof": 2}
    assert architecture.needed(rooms)["roof"] == {"hall"}  # the cellar is reached through it
    drawing = architecture.drawing(rooms)
    assert "roof --> hall" in drawing
    assert "roof --> cellar" not in drawing


def test_an_import_that_only_types_need_is_no_arrow(
    architecture: ModuleType, tmp_path: Path
) -> None:
    file = tmp_path / "module.py"
    file.write_text(
        "from typing import TYPE_CHECKING\nfrom ssnbench import labels\n"
        "if TYPE_CHECKING:\n    from ssnbench.run.job import Job\n"
    )
    assert set(architecture.imported(file)) == {"typing", "ssnbench.labels"}


def test_every_room_says_what_it_is(architecture: ModuleType) -> None:
    assert [room for room in architecture.arrows() if not architecture.purpose(room)] == []
