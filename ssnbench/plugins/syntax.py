"""What a plug-in file says of itself, read as text: nothing is imported."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

from ssnbench.plugins.versions import imported_file


def tree_of(path: Path | None) -> ast.Module:
    """Syntax of a file as it is now; that of an empty one where there is no file."""
    if path is None:
        return ast.Module([], [])
    state = path.stat()
    return _parsed(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=256)
def _parsed(path: Path, _modified: int, _size: int) -> ast.Module:
    return ast.parse(path.read_bytes())


@dataclass(frozen=True)
class Definition:
    """What a plug-in's name stands for in its file.

    Attributes
    ----------
    node : ast.ClassDef or ast.FunctionDef
        The class, or the function.
    tree : ast.Module
        The file in which it stands.
    given : mapping of str to str
        Values of fields that an instance of the class was made with, as they are written.
    """

    node: ast.ClassDef | ast.FunctionDef
    tree: ast.Module
    given: Mapping[str, str]


def definition(path: Path | None, name: str, depth: int = 8) -> Definition | None:
    """Find what a name stands for: through other names, calls of a class, and imports."""
    if path is None or depth == 0:
        return None
    tree = tree_of(path)
    head, _, inner = name.partition(".")
    for node in reversed(tree.body):
        if isinstance(node, ast.ClassDef) and node.name == head and inner:
            values = (_assigned(each, inner) for each in node.body)
            value = next((each for each in values if each is not None), None)
            return None if value is None else definition(path, ast.unparse(value), depth - 1)
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == head:
            return Definition(node, tree, {})
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == head:
                    module = imported_file(path, node.level, f"{node.module or ''}.{alias.name}")
                    return definition(module, alias.name, depth - 1)
        value = _assigned(node, head)
        if isinstance(value, ast.Name | ast.Attribute):
            return definition(path, ast.unparse(value), depth - 1)
        if isinstance(value, ast.Call):
            made = definition(path, ast.unparse(value.func), depth - 1)
            return replace(made, given=_given(value, made.node)) if made else None
    return None


def defaults(found: Definition) -> Iterator[tuple[str, str]]:
    """Parameters with their defaults, as they are written."""
    if isinstance(found.node, ast.FunctionDef):
        yield from _of_function(found.node.args)
        return
    for field in found.node.body:
        if isinstance(field, ast.AnnAssign) and "ClassVar" not in ast.unparse(field.annotation):
            name = ast.unparse(field.target)
            if field.value is not None:
                yield name, found.given.get(name, ast.unparse(field.value))


def texts(found: Definition) -> Iterator[tuple[str, str]]:
    """Attributes that are plain text: of the class; of a function also those of its file."""
    if isinstance(found.node, ast.ClassDef):
        yield from _texts(found.node.body)
        return
    yield from _texts(found.tree.body)
    of_function = f"{found.node.name}."
    for name, text in _texts(found.tree.body):
        if name.startswith(of_function):
            yield name.removeprefix(of_function), text


def _texts(body: Iterable[ast.stmt]) -> Iterator[tuple[str, str]]:
    for node in body:
        if isinstance(node, ast.AnnAssign):
            target: ast.expr = node.target
        elif isinstance(node, ast.Assign):
            target = node.targets[0]
        else:
            continue
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield ast.unparse(target), node.value.value


def _assigned(node: ast.stmt, name: str) -> ast.expr | None:
    """What a statement assigns to a name."""
    if isinstance(node, ast.Assign):
        return node.value if name in map(ast.unparse, node.targets) else None
    return (
        node.value if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == name else None
    )


def _given(call: ast.Call, node: ast.ClassDef | ast.FunctionDef) -> dict[str, str]:
    fields = [ast.unparse(f.target) for f in node.body if isinstance(f, ast.AnnAssign)]
    given = {name: ast.unparse(value) for name, value in zip(fields, call.args, strict=False)}
    return given | {word.arg: ast.unparse(word.value) for word in call.keywords if word.arg}


def _of_function(arguments: ast.arguments) -> Iterator[tuple[str, str]]:
    """Arguments behind image and count that have defaults, but for the second frame."""
    placed = [*arguments.posonlyargs, *arguments.args]
    n_free = len(placed) - len(arguments.defaults)
    pairs = [*zip(placed[n_free:], arguments.defaults, strict=True)]
    pairs += [(a, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d]
    beyond = {each.arg for each in (*placed[2:], *arguments.kwonlyargs)} - {"second"}
    return ((a.arg, ast.unparse(value)) for a, value in pairs if a.arg in beyond)


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
