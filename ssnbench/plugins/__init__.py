"""Find and load plug-ins: the only place that knows where they lie.

A plug-in is one Python file that ends in ``PLUGIN = TheClass``. It comes from one of three
places: the shelves ``algorithms/`` and ``datasets/`` of this repository (shipped inside this
package), another distribution (entry-point groups ``ssnbench.algorithms`` and
``ssnbench.datasets``), or a single file that the user names (:func:`add_file`).

Listing reads the files as text; only :func:`load` imports one.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args

from ssnbench.contracts import UsageError
from ssnbench.plugins.versions import code_version, combined

Shelf = Literal["algorithms", "datasets"]
SHELVES: tuple[Shelf, ...] = get_args(Shelf)
OPTIONS = ("root", "split")  # fields of a dataset that have options of their own: no parameters

_HERE = Path(__file__).resolve().parent
if not (_HERE / "algorithms").is_dir():  # a checkout: the shelves are at the repository's top level
    __path__.append(str(_HERE.parents[1]))


@dataclass(frozen=True)
class Entry:
    """A plug-in as it is listed, before it is imported.

    Attributes
    ----------
    name : str
        What the user types.
    shelf : {"algorithms", "datasets"}
        What kind of plug-in it is.
    source : str
        ``built-in``, the name of another distribution, or the path of a loose file.
    module : str
        Module to import; for a loose file, the name it is imported under.
    attribute : str
        Name of the class in the module.
    path : Path or None
        The file, where it can be found without importing anything.
    """

    name: str
    shelf: Shelf
    source: str
    module: str
    attribute: str
    path: Path | None

    @property
    def summary(self) -> str:
        """First line of the file's docstring."""
        doc = ast.get_docstring(_syntax(self.path)) if self.path else None
        return doc.splitlines()[0] if doc else ""

    @property
    def signature(self) -> str:
        """The parameters and their defaults, as they stand in the file."""
        fields = _fields(_syntax(self.path)) if self.path else ()
        return ", ".join(f"{name}={text}" for name, text in fields if name not in OPTIONS)

    def fact(self, name: str) -> str:
        """A text that the class has as an attribute, such as LICENCE; nothing when it has none."""
        tree = _syntax(self.path) if self.path else ast.Module([], [])
        texts = dict(_texts(tree))
        return texts.get(name, "")

    @property
    def missing(self) -> tuple[str, ...]:
        """Modules that the file imports at its top and that are not installed."""
        if self.path is None:
            return (self.module,)
        tops = sorted({name.partition(".")[0] for name in _imports(_syntax(self.path))})
        return tuple(top for top in tops if not _is_installed(top))

    @property
    def version(self) -> str:
        """Short hash of the code: results of an edited plug-in are not mixed with older ones."""
        return code_version(self.path) if self.path else combined([self.module])


_loose: dict[tuple[Shelf, str], Entry] = {}


def catalog(shelf: Shelf) -> dict[str, Entry]:
    """All plug-ins of a shelf by name, sorted; nothing is imported.

    Raises
    ------
    UsageError
        When two plug-ins go by the same name.
    """
    found: dict[str, Entry] = {}
    for entry in (*_built_in(shelf), *_from_distributions(shelf), *_loose_files(shelf)):
        _check_free(entry, found)
        found[entry.name] = entry
    return dict(sorted(found.items()))


def names(shelf: Shelf) -> list[str]:
    """Names of all plug-ins of a shelf, sorted."""
    return list(catalog(shelf))


def find(shelf: Shelf, name: str) -> Entry:
    """Look up one plug-in; an unknown name raises :class:`UsageError` with the nearest ones."""
    entries = catalog(shelf)
    if name not in entries:
        raise unknown(shelf[:-1], name, entries, hint=f"ssnbench list {_listed_as(shelf)}")
    return entries[name]


def load(shelf: Shelf, name: str) -> Any:
    """Import one plug-in and return its class.

    Raises
    ------
    UsageError
        When there is none of this name, when it needs a module that is not installed, or when
        the file has no ``PLUGIN``.
    """
    entry = find(shelf, name)
    if entry.missing:
        raise UsageError(f"{name} needs {', '.join(entry.missing)}: pip install it first")
    try:
        module = sys.modules.get(entry.module) or importlib.import_module(entry.module)
        return getattr(module, entry.attribute)
    except AttributeError:
        raise UsageError(f"{entry.path or entry.module} has no {entry.attribute}") from None


def add_file(path: Path) -> Entry:
    """Register a single file as a plug-in; doing so again changes nothing.

    Its name is the file's, its shelf follows from what its ``PLUGIN`` can do: a class that can be
    called is an algorithm, one with ``keys`` a dataset.
    """
    path = path.resolve()
    for entry in _loose.values():
        if entry.path == path:
            return entry
    module = _import_file(path)
    plugin = getattr(module, "PLUGIN", None)
    if plugin is None:
        raise UsageError(f"{path} is no plug-in: its last line should be PLUGIN = YourClass")
    shelf: Shelf = "datasets" if hasattr(plugin, "keys") else "algorithms"
    entry = Entry(_spoken(path.stem), shelf, str(path), module.__name__, "PLUGIN", path)
    _check_free(entry, catalog(shelf))
    _loose[shelf, entry.name] = entry
    return entry


def unknown(kind: str, name: str, known: Any, hint: str) -> UsageError:
    """Error for a name that does not exist, with the nearest that do."""
    near = get_close_matches(name, [str(k) for k in known], n=3, cutoff=0.4)
    offer = f"did you mean {' or '.join(near)}?" if near else f"see: {hint}"
    return UsageError(f"no {kind} is called {name!r}; {offer}")


def _built_in(shelf: Shelf) -> Iterator[Entry]:
    package = f"{__name__}.{shelf}"
    folder = next(Path(p) / shelf for p in __path__ if (Path(p) / shelf).is_dir())
    for module in pkgutil.iter_modules([str(folder)]):
        if not module.name.startswith("_"):
            path = folder / f"{module.name}.py"
            name, full = _spoken(module.name), f"{package}.{module.name}"
            yield Entry(name, shelf, "built-in", full, "PLUGIN", path)


def _from_distributions(shelf: Shelf) -> Iterator[Entry]:
    for point in entry_points(group=f"ssnbench.{shelf}"):
        source = point.dist.name if point.dist else "another distribution"
        attribute = point.attr or "PLUGIN"
        yield Entry(point.name, shelf, source, point.module, attribute, _file_of(point))


def _loose_files(shelf: Shelf) -> Iterator[Entry]:
    return (entry for entry in list(_loose.values()) if entry.shelf == shelf)


def _check_free(entry: Entry, taken: dict[str, Entry]) -> None:
    other = taken.get(entry.name)
    if other is not None:
        raise UsageError(
            f"two {entry.shelf} are called {entry.name!r}: {other.source} and {entry.source}; "
            "rename or uninstall one"
        )


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageError(f"no plug-in file at {path}")
    name = f"{__name__}.loose.{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up while it is being executed
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, Exception):
            raise UsageError(f"{path} does not import: {type(error).__name__}: {error}") from error
        raise
    return module


def _file_of(point: EntryPoint) -> Path | None:
    """File behind an entry point, found without importing its package."""
    top, *rest = point.module.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin else None
    for folder in spec.submodule_search_locations or ():
        base = Path(folder).joinpath(*rest)
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return path
    return None


@cache
def _syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes())


def _fields(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Fields with their defaults of the class that the file names as its PLUGIN."""
    for field in _annotated(tree):
        if field.value is not None and "ClassVar" not in ast.unparse(field.annotation):
            yield ast.unparse(field.target), ast.unparse(field.value)


def _texts(tree: ast.Module) -> Iterator[tuple[str, str]]:
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


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module


@cache
def _is_installed(top: str) -> bool:
    return importlib.util.find_spec(top) is not None


def _spoken(stem: str) -> str:
    return stem.replace("_", "-")


def _listed_as(shelf: Shelf) -> str:
    return "algos" if shelf == "algorithms" else shelf
