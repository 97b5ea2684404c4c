"""Which algorithms can be trained: those whose class names a :class:`Trainable`.

Nothing heavy is imported until one of them is loaded.
"""

from __future__ import annotations

import dataclasses
import importlib
import sys
from typing import Any

from ssnbench import plugins
from ssnbench.contracts import Trainable, UsageError


def trainable_names() -> list[str]:
    """Names of the algorithms that can be trained, as they say in their files."""
    entries = plugins.entries("algorithms")
    return [name for name, entry in entries.items() if entry.fact("TRAINABLE")]


def load_trainable(name: str) -> type[Trainable]:
    """Import what an algorithm names as its ``TRAINABLE``.

    Raises
    ------
    UsageError
        When there is no such algorithm, when it cannot be trained (the error says which can), or
        when what it names is not there, or no :class:`Trainable`.
    """
    if name not in plugins.names("algorithms"):
        raise UsageError(
            f"no algorithm is called {name!r}; these can be trained: {', '.join(trainable_names())}"
        )
    algorithm = plugins.load("algorithms", name)
    where = getattr(algorithm, "TRAINABLE", "")
    if not where:
        raise UsageError(f"{name} cannot be trained; these can: {', '.join(trainable_names())}")
    trainable = _import(name, where, algorithm.__module__)
    missing = [member for member in _members() if not hasattr(trainable, member)]
    is_dataclass = isinstance(trainable, type) and dataclasses.is_dataclass(trainable)
    if missing or not is_dataclass:
        lacks = f"lacks {', '.join(missing)}" if missing else "is no dataclass"
        raise UsageError(f"{name} cannot be trained: its {where} {lacks}")
    checked: type[Trainable] = trainable
    return checked


def _import(name: str, where: str, own_module: str) -> Any:
    """The object called ``module:object``; without a module, it is the plug-in's own."""
    module, _, attribute = where.partition(":")
    try:
        imported = importlib.import_module(module) if module else sys.modules[own_module]
        return getattr(imported, attribute)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"{name} cannot be trained: {where}: {error}") from error


def _members() -> list[str]:
    """What the contract asks for."""
    return [m for m in (*Trainable.__annotations__, *vars(Trainable)) if not m.startswith("_")]
