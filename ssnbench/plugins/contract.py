"""Does a plug-in keep the contract of its kind? One line says what it breaks."""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ssnbench import contracts
from ssnbench.contracts import ATTRIBUTES, RESERVED, Attribute, Metric, UsageError


def check(kind: str, plugin: Any, name: str, source: str = "") -> None:
    """Check a plug-in against :mod:`ssnbench.contracts`.

    Parameters
    ----------
    kind : {"algorithms", "datasets", "metrics"}
        What it should be.
    plugin : class, or Metric
        What its file calls PLUGIN.
    name, source : str
        Its name, and where it comes from, for the message.

    Raises
    ------
    UsageError
        When it breaks the contract; one line says where and what is expected.
    """
    for problem in _PROBLEMS[kind](plugin, name):
        whose = f"{name} ({source})" if source else name
        raise UsageError(f"{whose} breaks the contract of {kind}: {problem}")


def _of_algorithm(cls: Any, _name: str) -> Iterator[str]:
    yield from _of_class(cls)
    if "__call__" not in dir(cls):
        yield "it should have __call__(image, n_segments)"
    try:
        inspect.signature(cls.__call__).bind(None, None, None)
    except TypeError:
        yield "its __call__ should take (image, n_segments)"
    yield from _of_attributes("algorithms", cls)


def _of_dataset(cls: Any, _name: str) -> Iterator[str]:
    yield from _of_class(cls)
    if not {"root", "split"} <= {field.name for field in dataclasses.fields(cls)}:
        yield "it should have the fields root and split"
    for method in ("keys", "__getitem__"):
        if not callable(getattr(cls, method, None)):
            yield f"it should have a method {method}"
    yield from _of_attributes("datasets", cls)
    if hasattr(cls, "LAYOUT") and set(getattr(cls, "N_IMAGES", ())) != set(cls.SPLITS):
        yield "with a LAYOUT it should have N_IMAGES of each of its SPLITS"
    if cls.split not in cls.SPLITS:
        yield f"its split {cls.split!r} is none of its SPLITS"


def _of_metric(row: Any, name: str) -> Iterator[str]:
    if not isinstance(row, Metric):
        yield f"it should be a Metric, got {_shown(row)}"
        return
    if not re.fullmatch(r"[a-z][a-z0-9_]*", row.name) or row.name in RESERVED:
        yield f"a column of the results cannot be called {row.name!r}"
    if row.name != name:
        yield f"its row is called {row.name!r}: the two names should be the same"
    for field, known in _CHOICES.items():
        if getattr(row, field) not in known:
            yield f"{field} should be one of {known}, got {getattr(row, field)!r}"
    if not set(row.roles) <= set(_ROLES):
        yield f"roles should be of {_ROLES}, got {row.roles!r}"
    if not callable(row.function):
        yield f"function should be callable, got {_shown(row.function)}"


def _of_class(cls: Any) -> Iterator[str]:
    if not (dataclasses.is_dataclass(cls) and isinstance(cls, type)):
        yield f"its PLUGIN should be a frozen dataclass, got {_shown(cls)}"
        return
    if not cls.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        yield "its dataclass should be frozen: @dataclass(frozen=True)"
    for field in dataclasses.fields(cls):
        if field.init and field.default is field.default_factory is dataclasses.MISSING:
            yield f"its field {field.name} should have a default"


def _of_attributes(kind: str, cls: Any) -> Iterator[str]:
    for attribute in ATTRIBUTES[kind]:
        if hasattr(cls, attribute.name):
            value = getattr(cls, attribute.name)
            if not fits(value, attribute.type):
                yield f"{attribute.name} should be {_written(attribute)}, got {_shown(value)}"
        elif attribute.needed:
            yield f"it should have {attribute.name}: {attribute.meaning}"


def fits(value: Any, annotation: Any) -> bool:
    """Whether a value is of an annotated type: a class, ``tuple[X, ...]`` or ``Mapping[X, Y]``."""
    origin, inner = typing.get_origin(annotation) or annotation, typing.get_args(annotation)
    if origin is Callable:
        return callable(value)
    if annotation is float:
        return isinstance(value, (int, float))
    if not isinstance(value, origin):
        return False
    if origin is tuple:
        return all(fits(each, inner[0]) for each in value)
    if isinstance(value, Mapping):
        return all(fits(k, inner[0]) and fits(v, inner[1]) for k, v in value.items())
    return True


def _written(attribute: Attribute) -> str:
    known = attribute.type
    return known.__name__ if isinstance(known, type) else str(known).replace("collections.abc.", "")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


_ROLES: tuple[str, ...] = typing.get_args(contracts.Role)
_CHOICES: dict[str, tuple[str, ...]] = {
    "better": typing.get_args(contracts.Better),
    "needs": typing.get_args(contracts.Needs),
    "join": typing.get_args(contracts.Join),
}
_PROBLEMS: dict[str, Callable[[Any, str], Iterator[str]]] = {
    "algorithms": _of_algorithm,
    "datasets": _of_dataset,
    "metrics": _of_metric,
}
