"""Find and load plug-ins: the only place that knows where they lie.

Listing reads the files as text; only :func:`load` imports one. What was read is remembered until
a folder changes that plug-ins may lie in.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import pkgutil
import sys
import time
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import lru_cache
from importlib.metadata import Distribution, EntryPoint, distributions
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, TypeAlias, overload

from ssnbench.contracts import Algorithm, Dataset, Metric, UsageError
from ssnbench.plugins import syntax
from ssnbench.plugins.as_class import as_class
from ssnbench.plugins.contract import check
from ssnbench.plugins.entry import KINDS, Entry, Kind
from ssnbench.plugins.versions import files_imported

_Stamp: TypeAlias = tuple[tuple[str, int], ...]
_PACKAGE = __name__.rpartition(".")[0]
_LATELY = 50_000_000
"""Nanoseconds within which a folder may change twice without showing it in its time stamp."""


_registered: dict[tuple[Kind, str], Entry] = {}
"""Plug-ins in single files that the user named."""

_checked: set[Entry] = set()
"""Plug-ins that are known to keep their contract."""


def entries(kind: Kind) -> dict[str, Entry]:
    """All plug-ins of a kind by name, sorted; nothing is imported.

    Raises
    ------
    UsageError
        When two plug-ins go by the same name.
    """
    stamp = _stamp()
    if time.time_ns() - max(modified for _, modified in stamp) < _LATELY:
        _read.cache_clear()
        _points.cache_clear()
    known = _read(kind, stamp)
    single = [entry for entry in _registered.values() if entry.kind == kind]
    return _by_name([*known.values(), *single]) if single else dict(known)


def names(kind: Kind) -> list[str]:
    """Names of all plug-ins of a kind, sorted."""
    return list(entries(kind))


def find(kind: Kind, name: str) -> Entry:
    """Look up one plug-in; an unknown name raises :class:`UsageError` with the nearest ones."""
    known = entries(kind)
    if name not in known:
        listed = "algos" if kind == "algorithms" else kind
        raise unknown(kind[:-1], name, known, hint=f"ssnbench list {listed}")
    return known[name]


@overload
def load(kind: Literal["algorithms"], name: str) -> type[Algorithm]: ...
@overload
def load(kind: Literal["datasets"], name: str) -> type[Dataset]: ...
@overload
def load(kind: Literal["metrics"], name: str) -> Metric: ...
def load(kind: Kind, name: str) -> Any:
    """Import one plug-in and return its class; of a metric, its row.

    Raises
    ------
    UsageError
        When there is none of this name, when it needs a module that is not installed, or when
        it does not import or breaks the contract of its kind.
    """
    entry = find(kind, name)
    module = sys.modules.get(entry.module) or _imported(entry)
    try:
        plugin = as_class(attrgetter(entry.attribute)(module))
    except AttributeError:
        raise UsageError(f"{entry.path or entry.module} has no {entry.attribute}") from None
    if entry not in _checked:
        check(kind, plugin, name, entry.source)
        _checked.add(entry)
    return plugin


def add_file(path: Path) -> Entry:
    """Register a single file as a plug-in; doing so again changes nothing.

    Its kind follows from its ``PLUGIN``: a row of :class:`~ssnbench.contracts.Metric`, a class
    with ``keys`` (a dataset), or another class (an algorithm). A metric goes by its own name, the
    others by the file's.

    Raises
    ------
    UsageError
        When it is no plug-in, does not keep the contract, or takes a name that is taken.
    """
    path = path.resolve()
    for entry in _registered.values():
        if entry.path == path:
            return entry
    module = _from_file(path)
    plugin = as_class(getattr(module, "PLUGIN", None))
    if plugin is None:
        raise UsageError(f"{path} is no plug-in: its last line should be PLUGIN = YourClass")
    kind = _kind_of(plugin)
    name = plugin.name if isinstance(plugin, Metric) else _display_name(path.stem)
    check(kind, plugin, name, str(path))
    entry = Entry(name, kind, str(path), module.__name__, "PLUGIN", path)
    _by_name([*entries(kind).values(), entry])
    _registered[kind, entry.name] = entry
    return entry


def unknown(kind: str, name: str, known: Any, hint: str) -> UsageError:
    """Error for a name that does not exist, with the nearest that do."""
    near = get_close_matches(name, [str(k) for k in known], n=3, cutoff=0.4)
    offer = f"did you mean {' or '.join(near)}?" if near else f"see: {hint}"
    return UsageError(f"no {kind} is called {name!r}; {offer}")


def root() -> Path:
    """Folder that holds the folders of built-in plug-ins: this package, or a checkout's top."""
    here = Path(__file__).resolve().parent
    return here if (here / "algorithms").is_dir() else here.parents[1]


def _kind_of(plugin: Any) -> Kind:
    if isinstance(plugin, Metric):
        return "metrics"
    return "datasets" if hasattr(plugin, "keys") else "algorithms"


def _stamp() -> _Stamp:
    """Places that plug-ins may lie in, with times that change when a file is added or removed."""
    return tuple((place, _modified(place)) for place in (*_FOLDERS, *sys.path))


_ROOT = root()
_FOLDERS = tuple(str(_ROOT / kind) for kind in KINDS)


def _modified(place: str) -> int:
    try:
        return os.stat(place or os.curdir).st_mtime_ns  # noqa: PTH116 - often, and strings
    except OSError:
        return 0


@lru_cache(maxsize=8)
def _read(kind: Kind, stamp: _Stamp) -> dict[str, Entry]:
    return _by_name((*_built_in(kind), *_from_distributions(kind, stamp)))


def _by_name(listed: Iterable[Entry]) -> dict[str, Entry]:
    taken: dict[str, Entry] = {}
    for entry in listed:
        other = taken.setdefault(entry.name, entry)
        if other is not entry:
            raise UsageError(
                f"two {entry.kind} are called {entry.name!r}: {other.source} and {entry.source}; "
                "rename or uninstall one"
            )
    return dict(sorted(taken.items()))


def _built_in(kind: Kind) -> Iterator[Entry]:
    """Files of a folder; there is none of metrics, whose built-in rows are a table."""
    folder = _ROOT / kind
    for module in pkgutil.iter_modules([str(folder)]):
        if not module.name.startswith("_"):
            path = folder / f"{module.name}.py"
            name, full = _display_name(module.name), f"{_PACKAGE}.{kind}.{module.name}"
            yield Entry(name, kind, "built-in", full, "PLUGIN", path)


def _from_distributions(kind: Kind, stamp: _Stamp) -> Iterator[Entry]:
    for point in _points(stamp):
        if point.group == f"ssnbench.{kind}":  # others, such as console_scripts, are not ours
            source = point.dist.name if point.dist else "another distribution"
            module, attribute = point.module, point.attr or "PLUGIN"
            path = _file_of(module)
            inner = _file_of(f"{module}.{attribute}")
            if inner is not None and syntax.definition(path, attribute) is None:
                module, attribute, path = f"{module}.{attribute}", "PLUGIN", inner
            yield Entry(point.name, kind, source, module, attribute, path)


@lru_cache(maxsize=2)
def _points(_stamp: _Stamp) -> tuple[EntryPoint, ...]:
    """Entry points of all kinds; of most distributions, which have none, nothing is parsed."""
    offering: dict[str, Distribution] = {}
    for distribution in distributions():
        if "[ssnbench." in (distribution.read_text("entry_points.txt") or ""):
            offering.setdefault(distribution.name, distribution)  # the first on the path counts
    return tuple(point for each in offering.values() for point in each.entry_points)


def _imported(entry: Entry) -> ModuleType:
    if entry.missing:
        raise UsageError(f"{entry.name} needs {', '.join(entry.missing)}: pip install it first")
    try:
        return importlib.import_module(entry.module)
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        raise UsageError(f"{entry.name} ({entry.source}) does not import: {why}") from error


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageError(f"no plug-in file at {path}")
    name = f"{_PACKAGE}.single.{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    if str(path.parent) not in sys.path:  # a plug-in may import the files beside it, also later
        sys.path.append(str(path.parent))
    _check_imports(path)
    sys.modules[name] = module  # dataclasses look their module up while it is being executed
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, Exception):
            raise UsageError(f"{path} does not import: {type(error).__name__}: {error}") from error
        raise
    return module


def _check_imports(path: Path) -> None:
    """Refuse a plug-in that would get another file than the one beside it that it imports.

    Two methods may each have a ``model.py``, and Python knows but one module of a name.
    """
    for file in files_imported(path):
        top = file.relative_to(path.parent).parts[0].removesuffix(".py")
        loaded = sys.modules.get(top)
        spec = loaded.__spec__ if loaded else importlib.util.find_spec(top)
        origin = spec.origin if spec else None
        if origin is not None and path.parent not in Path(origin).resolve().parents:
            raise UsageError(
                f"{path} imports {file.name} beside it, but {top!r} is already the name of "
                f"{origin}: rename it, or run the two apart"
            )


def _file_of(module: str) -> Path | None:
    """File of a module of another distribution, found without importing its package."""
    top, *rest = module.split(".")
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


def _display_name(stem: str) -> str:
    return stem.replace("_", "-")
