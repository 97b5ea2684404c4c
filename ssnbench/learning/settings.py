"""From what the user writes to a recipe: any field of recipe and architecture, by name.

Names, types and choices come from the dataclasses, so that a new field needs no new code here.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import torch

from ssnbench.contracts import UsageError
from ssnbench.learning.config import Recipe
from ssnbench.plugins import unknown
from ssnbench.plugins.variant import read_value
from ssnbench.ssn.architecture import Architecture

Preset = Literal["default", "released", "paper"]

_PRESETS: dict[Preset, Callable[[], Architecture]] = {
    "default": Architecture,
    "released": Architecture.released,
    "paper": Architecture.paper,
}


def recipe_of(preset: Preset, given: Mapping[str, Any], settings: Sequence[str] = ()) -> Recipe:
    """Make a recipe.

    Parameters
    ----------
    preset : {"default", "released", "paper"}
        Network to start from: see :class:`ssnbench.ssn.architecture.Architecture`.
    given : mapping
        Values by field (``k``, ``steps``, ``scaling.std``); None leaves a field as it is.
    settings : sequence of str
        ``field=value`` each, on top of ``given``.

    Raises
    ------
    UsageError
        For an unknown field (with the nearest ones), a value of another type or out of range, or a
        device that this machine does not have.
    """
    values = {name: value for name, value in given.items() if value is not None}
    values |= dict(_read(settings))
    recipe = _set(Recipe(architecture=_PRESETS[preset]()), values)
    _check_device(recipe.device)
    return recipe


def fields() -> dict[str, Any]:
    """Types of all fields that can be set, by name.

    Those of the architecture go by their own names; those of other parts, such as the scaling, by
    ``part.name``.
    """
    found: dict[str, Any] = {}
    for name, kind in typing.get_type_hints(Recipe).items():
        if dataclasses.is_dataclass(kind):
            start = "" if kind is Architecture else f"{name}."
            hints = typing.get_type_hints(kind)
            found |= {
                f"{start}{field.name}": hints[field.name] for field in dataclasses.fields(kind)
            }
        else:
            found[name] = kind
    return found


def best_device() -> str:
    """``cuda`` where PyTorch sees a GPU, else ``cpu``."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def name_of(architecture: Architecture) -> str:
    """Name of a model as its weights carry it: ``ssn``, ``ssn-linear``, ``ssn-k10`` ..."""
    plain = Architecture()
    parts = ["ssn"]
    if architecture.variant != plain.variant:
        parts.append(architecture.variant)
    if architecture.k != plain.k:
        parts.append(f"k{architecture.k}")
    return "-".join(parts)


def _read(settings: Sequence[str]) -> Iterable[tuple[str, Any]]:
    known = fields()
    for setting in settings:
        name, equals, text = setting.partition("=")
        name = name.strip()
        if not equals:
            raise UsageError(f"cannot read --set {setting!r}; write field=value")
        if name not in known:
            raise unknown("field of a training", name, known, ", ".join(known))
        yield name, read_value(known[name], text.strip(), name)


def _set(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """Return the recipe with these values, each in the part that it belongs to."""
    own = {field.name for field in dataclasses.fields(recipe)}
    parts: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        if name in own:
            parts.setdefault("", {})[name] = value
        else:
            part, _, field = name.rpartition(".")
            parts.setdefault(part or "architecture", {})[field] = value
    changes = parts.pop("", {})
    for part, inner in parts.items():
        changes[part] = dataclasses.replace(getattr(recipe, part), **inner)
    return dataclasses.replace(recipe, **changes)


def _check_device(name: str) -> None:
    try:
        kind = torch.device(name).type
    except RuntimeError:
        raise UsageError(f"device must be cpu or cuda, got {name!r}") from None
    if kind == "cuda" and not torch.cuda.is_available():
        raise UsageError("no GPU is to be seen by this PyTorch: use --device cpu")
    if kind not in ("cpu", "cuda"):
        raise UsageError(f"device must be cpu or cuda, got {name!r}")
