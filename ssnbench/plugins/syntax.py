"""What a plug-in file says of itself, read as text: nothing is imported."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path


def tree_of(path: Path | None) -> ast.Module:
    """Syntax of a file as it is now; that of an empty one where there is no file."""
    if path is None:
        return ast.Module([], [])
    state = path.stat()
    return _parsed(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=256)
def _parsed(path: Path, _modified: int, _size: int) -> ast.Module:
    return ast.parse(path.read_bytes())


def defaults(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Fields with their defaults, as they are written, of the class that is the plug-in."""
    for field in _annotated(tree):
        if field.value is not None and "ClassVar" not in ast.unparse(field.annotation):
            yield ast.unparse(field.target), ast.unparse(field.value)


def texts(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Attributes of that class that are plain text."""
    for field in _annotated(tree):
        if isinstance(field.value, ast.Constant) and isinstance(field.value.value, str):
            yield ast.unparse(field.target), field.value.value


def _annotated(tree: ast.Module) -> Iterator[ast.AnnAssign]:
    """What the class that the file names as its PLUGIN declares with a type."""
    chosen = {
        ast.unparse(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PLUGIN"
    }
    classes = (n for n in tree.body if isinstance(n, ast.ClassDef) and n.name in chosen)
    statements = (each for cls in classes for each in cls.body)
    return (each for each in statements if isinstance(each, ast.AnnAssign))


def not_installed(tree: ast.Module) -> tuple[str, ...]:
    """Packages that the file imports at its top and that are not installed, sorted."""
    tops = sorted({name.partition(".")[0] for name in _imports(tree)})
    return tuple(top for top in tops if not _is_installed(top))


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module


@cache
def _is_installed(top: str) -> bool:
    return importlib.util.find_spec(top) is not None
