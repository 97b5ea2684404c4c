"""Short hashes by which results know the code and the files that they rest on.

They are of content alone, not of places and times of change: two machines that hold the same code
and data agree, and results of both can be merged.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
_FRAME = ("contracts", "stages", "plugins", "data", "learning")
"""Rooms that carry a plug-in but compute nothing of what it returns."""

_SEALED = (".png", ".jpg", ".jpeg", ".webp", ".mat", ".gz", ".npz", ".pt")
"""Compressed files: a change inside shows in their length, or in a checksum at the end."""

_WHOLE = 2**20  # bytes; larger sealed files are not read as a whole
_BLOCK, _BLOCKS = 2**14, 16

_LENGTH = 12
_IMPORTERS = ("import_module", "__import__")


def code_version(path: Path) -> str:
    """Hash of a plug-in's file and of all that it imports, in turn, of this package or beside it.

    Imports are found by syntax; nothing is imported. Of this package everything counts that
    computes (kernels, learned methods, label maps, image files); of other packages nothing, unless
    the plug-in is one of them.

    Parameters
    ----------
    path : Path
        File of the plug-in.

    Returns
    -------
    str
        12 hexadecimal digits.
    """
    return combined(_parsed(file)[0] for file in _closure(path.resolve()))


def file_version(path: Path) -> str:
    """Hash of a file's content; ``missing`` for one that is not there.

    Files are read as a whole, but for large compressed ones: of those the length, and blocks from
    the beginning to the end.

    Raises
    ------
    OSError
        When the file cannot be read.
    """
    try:
        length = path.stat().st_size
        if length <= _WHOLE or path.suffix.lower() not in _SEALED:
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return "missing"
    total = hashlib.sha256(str(length).encode())
    with path.open("rb") as file:
        for number in range(_BLOCKS):
            file.seek((length - _BLOCK) * number // (_BLOCKS - 1))
            total.update(file.read(_BLOCK))
    return total.hexdigest()


def combined(versions: Iterable[str]) -> str:
    """One hash of several, in their order."""
    return hashlib.sha256("\n".join(versions).encode()).hexdigest()[:_LENGTH]


def files_imported(path: Path) -> list[Path]:
    """Files of a plug-in's own that it imports, in turn: those that are not of this package."""
    return [file for file in _closure(path.resolve())[1:] if _PACKAGE not in file.parents]


def imported_file(file: Path, level: int, name: str) -> Path | None:
    """File that an import in a file means: of its own package, beside it, or of this package.

    Parameters
    ----------
    file : Path
        Where the import stands.
    level : int
        Dots before the name.
    name : str
        Dotted name of a module, or of something in it.
    """
    return _resolved(file.resolve(), _root(file.resolve()), level, name.strip("."))


def _closure(path: Path) -> list[Path]:
    """The file, then what it imports, each file once, in the order of the imports."""
    root = _root(path)
    files = [path]
    for file in files:  # grows meanwhile
        files += dict.fromkeys(each for each in _imported(file, root) if each not in files)
    return files


def _imported(file: Path, root: Path) -> Iterator[Path]:
    for level, name in _parsed(file)[1]:
        target = _resolved(file, root, level, name)
        if target is not None:
            yield target


def _resolved(file: Path, root: Path, level: int, name: str) -> Path | None:
    """File of an imported module, or of the package that it is a name of; None for others."""
    parts = name.split(".") if name else []
    if level:
        start = file.parents[level - 1]
    elif parts[0] == _PACKAGE.name:
        if len(parts) < 2 or parts[1] in _FRAME:
            return None
        start = _PACKAGE.parent
    else:
        start = root
    for place in (start.joinpath(*parts), start.joinpath(*parts[:-1])):
        for path in (place.with_name(f"{place.name}.py"), place / "__init__.py"):
            if place not in (start, _PACKAGE) and path.is_file():
                return path
    return None


def _root(path: Path) -> Path:
    """Folder that absolute imports of the plug-in's own files start from."""
    folder = path.parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder


def _parsed(path: Path) -> tuple[str, tuple[tuple[int, str], ...]]:
    stat = path.stat()
    return _read(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=1024)
def _read(path: Path, _size: int, _changed: int) -> tuple[str, tuple[tuple[int, str], ...]]:
    """Hash of a file, and the (level, dotted name) of what it imports anywhere."""
    code = path.read_bytes()
    try:
        imports = tuple(dict.fromkeys(_imports(ast.parse(code))))
    except SyntaxError:  # told when it is imported
        imports = ()
    return hashlib.sha256(code).hexdigest(), imports


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = f"{node.module}." if node.module else ""
            yield from ((node.level, f"{base}{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(_IMPORTERS):
            name = node.args[0] if node.args else None
            if (
                isinstance(name, ast.Constant)
                and isinstance(name.value, str)
                and name.value[:1] != "."
            ):
                yield 0, name.value
