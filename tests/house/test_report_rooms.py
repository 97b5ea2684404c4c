"""The rooms from rows to page: analysis computes, plots draw, report writes; none runs a method."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "ssnbench"
ROOMS = ("analysis", "plots", "report")
MODULES = [path for room in ROOMS for path in sorted((PACKAGE / room).glob("*.py"))]


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_report_never_runs_anything_and_knows_no_terminal(path: Path) -> None:
    forbidden = ("ssnbench.run.", "click", "rich")
    assert not [name for name in imports(path) if f"{name}.".startswith(forbidden)]


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=name_of)
def test_only_what_draws_imports_matplotlib(path: Path) -> None:
    draws = path.relative_to(PACKAGE).parts[0] in ("plots", "reproduce")
    assert draws or not [name for name in imports(path) if name.startswith("matplotlib")]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_functions_take_six_parameters_at_most(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            assert len([arg for arg in given if arg.arg not in ("self", "cls")]) <= 6, node.name


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_have_three_hundred_lines_at_most(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_a_class_of_these_rooms_has_a_name_of_its_own() -> None:
    places = defaultdict(list)
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                places[node.name].append(name_of(path))
    twice = {
        name: files
        for name, files in places.items()
        if len(files) > 1 and any(file.split("/")[0] in ROOMS for file in files)
    }
    assert twice == {}
