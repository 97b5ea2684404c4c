"""Imports run downwards only, so that a room can be understood without those above it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# From top to bottom; a module may import what stands in a lower row, or in its own package.
LAYERS = [
    ["ssnbench.cli"],
    ["ssnbench.api", "ssnbench.reproduce"],
    ["ssnbench.report"],
    ["ssnbench.plots"],
    ["ssnbench.analysis"],
    ["ssnbench.run"],
    ["ssnbench.results"],
    ["ssnbench.ssn"],
    ["ssnbench.learning"],
    ["ssnbench.metrics"],
    ["ssnbench.data"],
    ["ssnbench.plugins"],
    ["ssnbench.synthesis", "ssnbench.flow", "ssnbench.perturb", "ssnbench.count_search"],
    ["ssnbench.io"],
    ["ssnbench.labels"],
    ["ssnbench.kernels"],
    ["ssnbench.contracts", "ssnbench.stages"],
]
CORE = sorted((ROOT / "ssnbench").rglob("*.py"))
PLUGINS = sorted([*(ROOT / "algorithms").glob("*.py"), *(ROOT / "datasets").glob("*.py")])


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path} imports relatively"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def row(module: str) -> tuple[int, str] | None:
    for level, packages in enumerate(LAYERS):
        for package in packages:
            if module == package or module.startswith(f"{package}."):
                return level, package
    return None


@pytest.mark.parametrize("path", CORE, ids=module_name)
def test_core_imports_downwards(path: Path) -> None:
    name = module_name(path)
    if name in ("ssnbench", "ssnbench.__main__"):
        return
    here = row(name)
    assert here is not None, f"{name} has no place in LAYERS"
    for module in imported(path):
        there = row(module)
        if there is not None and there[1] != here[1]:
            assert there[0] > here[0], f"{name} imports {module}, which stands above it"


@pytest.mark.parametrize("path", PLUGINS, ids=module_name)
def test_plugins_import_no_plugin(path: Path) -> None:
    shelves = ("algorithms", "datasets", "ssnbench.plugins.algorithms", "ssnbench.plugins.datasets")
    for module in imported(path):
        assert not module.startswith(shelves)


@pytest.mark.parametrize("path", CORE, ids=module_name)
def test_core_reaches_plugins_only_through_the_registry(path: Path) -> None:
    assert not [m for m in imported(path) if m.startswith(("algorithms", "datasets"))]


def test_listing_imports_nothing_heavy() -> None:
    code = (
        "import sys; from ssnbench.cli import main; main(['list', 'algos']); "
        "print([m for m in ('torch', 'numba', 'cv2', 'skimage', 'scipy', 'pandas', 'matplotlib') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
