"""Rules of the house that imports alone do not tell, each with the reason beside it."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "ssnbench"
MODULES = sorted(PACKAGE.rglob("*.py"))

TOP = {
    *("__init__.py", "__main__.py", "api.py", "contracts.py"),
    *("count_search.py", "labels.py", "perturb.py", "stages.py"),
}
"""The files that stand in no room; a ninth wants a room."""

ONLY_IN = {
    "click": {"cli"},
    "rich": {"cli"},
    "matplotlib": {"plots", "reproduce"},
    "torch": {"ssn", "learning"},
}
"""Libraries that only some rooms know, so that they can be exchanged or left out."""

ON_DEMAND = {"torch": {"reproduce", "run"}}
"""Where a library may be imported inside a function, for the device or the method that needs it."""

DRAWN_FROM_RESULTS = ("analysis", "plots", "report")
"""A report never runs anything again, so these rooms do not know how."""

MOST_PARAMETERS, MOST_LINES = 6, 300


def room(path: Path) -> str:
    """The folder below the package, or the file that stands in none."""
    return path.relative_to(PACKAGE).parts[0]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(nodes: Iterator[ast.AST] | list[ast.stmt]) -> set[str]:
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def for_types(path: Path) -> set[str]:
    """What only type checkers import."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            found |= imports(node.body)
    return found


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef))


def test_eight_files_stand_in_no_room() -> None:
    assert {path.name for path in PACKAGE.glob("*.py")} == TOP


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_stays_in_its_rooms(library: str) -> None:
    for path in MODULES:
        modules = imports(ast.walk(tree(path))) - for_types(path)
        tops = {module.partition(".")[0] for module in modules}
        if library in tops and room(path) not in ONLY_IN[library]:
            assert room(path) in ON_DEMAND.get(library, ()), f"{name(path)} imports {library}"
            assert library not in imports(tree(path).body), f"{name(path)} imports it at its top"


@pytest.mark.parametrize("drawn", DRAWN_FROM_RESULTS)
def test_what_draws_cannot_run(drawn: str) -> None:
    for path in sorted((PACKAGE / drawn).rglob("*.py")):
        known = imports(ast.walk(tree(path)))
        assert not [m for m in known if m.startswith("ssnbench.run")], name(path)


def test_one_public_class_name_has_one_meaning() -> None:
    classes = Counter(
        node.name
        for path in MODULES
        for node in tree(path).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [each for each, number in classes.items() if number > 1] == []


CUTTERS = {"partition", "rpartition", "split", "rsplit"}
KEY_MARKS = {"/", "~", "("}
KEYED = ("analysis", "plots", "report", "results", "run")
"""Rooms that handle keys: what a key is made of is typed there, never cut out of a text."""

CUTS_OLD_KEYS = "ssnbench/results/migrations.py"
"""Older files did pack keys into names."""


def cuttings(path: Path) -> Iterator[int]:
    """Lines on which a text is cut at a mark that a key might be packed with."""
    for node in ast.walk(tree(path)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in CUTTERS
            and node.args
            and isinstance(node.args[0], ast.Constant)
            and node.args[0].value in KEY_MARKS
        ):
            yield node.lineno


def test_no_key_is_cut_out_of_a_text() -> None:
    for keyed in KEYED:
        for path in sorted((PACKAGE / keyed).rglob("*.py")):
            assert name(path) == CUTS_OLD_KEYS or list(cuttings(path)) == [], name(path)


def test_what_draws_takes_few_parameters() -> None:
    for drawn in DRAWN_FROM_RESULTS:
        for path in sorted((PACKAGE / drawn).rglob("*.py")):
            for function in functions(path):
                arguments = function.args
                n = len(arguments.posonlyargs + arguments.args + arguments.kwonlyargs)
                n -= bool(arguments.args) and arguments.args[0].arg in ("self", "cls")
                assert n <= MOST_PARAMETERS, f"{name(path)}: {function.name} takes {n}"


def test_what_draws_stands_in_short_modules() -> None:
    for drawn in DRAWN_FROM_RESULTS:
        for path in sorted((PACKAGE / drawn).rglob("*.py")):
            assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES, name(path)
