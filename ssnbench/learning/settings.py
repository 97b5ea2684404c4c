"""From what the user writes to a configuration: any field of trainer and method, by name.

Names, types, defaults, choices and meanings come from the dataclasses and their docstrings, so
that a new field needs no new code here.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch

from ssnbench.contracts import Trainable, UsageError
from ssnbench.learning.config import TrainConfig
from ssnbench.plugins import unknown
from ssnbench.plugins.variant import read_value


class Field(NamedTuple):
    """One field of a training that can be set.

    Attributes
    ----------
    name : str
        What the user types.
    type : type
        Its annotation.
    default : object
        Of the trainer and of the method's ``default`` preset.
    meaning : str
        First sentence of what its docstring says.
    path : tuple of str
        Fields that lead to it: ``("scaling", "std")``.
    """

    name: str
    type: Any
    default: Any
    meaning: str
    path: tuple[str, ...]


def configure(
    cls: type[Trainable], preset: str, given: Mapping[str, Any], settings: Sequence[str] = ()
) -> tuple[Trainable, TrainConfig]:
    """Configure a training.

    Parameters
    ----------
    cls : type of Trainable
        What is to be trained.
    preset : str
        One of its ``PRESETS``, to start from.
    given : mapping
        Values by field (``k``, ``steps``, ``scaling.std``); None leaves a field as it is.
    settings : sequence of str
        ``field=value`` each, on top of ``given``.

    Raises
    ------
    UsageError
        For an unknown preset or field (with the nearest ones), a value of another type or out of
        range, a device that this machine does not have, or a method that has a field of a name
        that the trainer's has, too.
    """
    if preset not in cls.PRESETS:
        raise unknown("network of this method", preset, cls.PRESETS, ", ".join(cls.PRESETS))
    own, common = fields(cls), fields(TrainConfig)
    clashes = sorted(own.keys() & common.keys())
    if clashes:
        raise UsageError(f"{cls.__name__} has fields that are the trainer's: {', '.join(clashes)}")
    known = own | common
    values = {name: value for name, value in given.items() if value is not None}
    for name in values:
        _check_known(name, known)
    values |= dict(_read(settings, known))
    config = _with(TrainConfig(), {common[k].path: v for k, v in values.items() if k in common})
    _check_device(config.device)
    trainable = cls(**cls.PRESETS[preset])
    trainable = _with(trainable, {own[k].path: v for k, v in values.items() if k in own})
    if config.learns not in cls.LEARNS:
        raise UsageError(f"{trainable.name} learns {' or '.join(cls.LEARNS)}, not {config.learns}")
    return trainable, config


def fields(cls: type) -> dict[str, Field]:
    """All fields that can be set, by name.

    Those of parts of the trainer, such as the scaling, go by ``part.name``; those of parts of a
    method, such as an architecture, by their own names.
    """
    prefixed = cls is TrainConfig
    listed: dict[str, Field] = {}
    hints, meanings = typing.get_type_hints(cls), _meanings(cls)
    for field in dataclasses.fields(cls):
        kind = hints[field.name]
        if dataclasses.is_dataclass(kind):
            start = f"{field.name}." if prefixed else ""
            for name, part in fields(typing.cast("type", kind)).items():
                path = (field.name, *part.path)
                listed[start + name] = part._replace(name=start + name, path=path)
        else:
            default, meaning = field.default, meanings.get(field.name, "")
            listed[field.name] = Field(field.name, kind, default, meaning, (field.name,))
    return listed


def values_of(config: Any) -> dict[str, Any]:
    """Value of every field that can be set, by the name that the user types."""
    values = {}
    for name, field in fields(type(config)).items():
        values[name] = functools.reduce(getattr, field.path, config)
    return values


class FieldText(NamedTuple):
    """One field in words.

    Attributes
    ----------
    setting : str
        As the user types it, with its default: ``rate=0.001``.
    kind : str
        Its type: ``int``, ``float``, ``bool``, ``text``, or ``choice``.
    meaning : str
        What it means, and which choices there are.
    """

    setting: str
    kind: str
    meaning: str


def described(cls: type[Any]) -> list[FieldText]:
    """Every field of a method or of the trainer with its default, type and meaning."""
    return [_in_words(field) for field in fields(cls).values()]


def _in_words(field: Field) -> FieldText:
    choices = typing.get_args(field.type)
    setting = f"{field.name}={field.default}"
    if typing.get_origin(field.type) is typing.Literal:
        known = "|".join(map(str, choices))
        return FieldText(setting, "choice", f"{field.meaning} [{known}]")
    kind = field.type.__name__ if isinstance(field.type, type) else str(field.type)
    return FieldText(setting, {"str": "text"}.get(kind, kind), field.meaning)


def best_device() -> str:
    """``cuda`` where PyTorch sees a GPU, else ``cpu``."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def _read(settings: Sequence[str], known: Mapping[str, Field]) -> Iterable[tuple[str, Any]]:
    for setting in settings:
        name, equals, text = setting.partition("=")
        name = name.strip()
        if not equals:
            raise UsageError(f"cannot read --set {setting!r}; write field=value")
        _check_known(name, known)
        yield name, read_value(known[name].type, text.strip(), name)


def _check_known(name: str, known: Mapping[str, Field]) -> None:
    if name not in known:
        raise unknown("field of a training", name, known, ", ".join(known))


def _with(config: Any, values: Mapping[tuple[str, ...], Any]) -> Any:
    """Return a configuration with these values, each in the part that it belongs to."""
    changes = {path[0]: value for path, value in values.items() if len(path) == 1}
    parts: dict[str, dict[tuple[str, ...], Any]] = {}
    for path, value in values.items():
        if len(path) > 1:
            parts.setdefault(path[0], {})[path[1:]] = value
    changes |= {name: _with(getattr(config, name), inner) for name, inner in parts.items()}
    return dataclasses.replace(config, **changes)


_ENTRY = re.compile(r"^(\S[^:\n]*) :[^\n]*\n((?:    [^\n]*\n?|\n)+)", re.MULTILINE)
"""Names of attributes and what a docstring in numpydoc style says of them."""


_ROLE = re.compile(r":\w+:`~?([^`]*)`|``?([^`]*)``?")
"""What reStructuredText marks: the name of a function, code."""


def _meanings(cls: type) -> dict[str, str]:
    """First sentence that the docstring says of each attribute."""
    _, _, section = (inspect.getdoc(cls) or "").partition("Attributes\n----------\n")
    meanings: dict[str, str] = {}
    for entry in _ENTRY.finditer(re.split(r"\n\n\w+\n---", section)[0]):
        sentence = " ".join(entry[2].split()).partition(". ")[0].rstrip(".")
        sentence = _ROLE.sub(lambda marked: marked[1] or marked[2], sentence)
        meanings |= {name.strip(): sentence for name in entry[1].split(",")}
    return meanings


def _check_device(name: str) -> None:
    try:
        kind = torch.device(name).type
    except RuntimeError:
        raise UsageError(f"device must be cpu or cuda, got {name!r}") from None
    if kind == "cuda" and not torch.cuda.is_available():
        raise UsageError("no GPU is to be seen by this PyTorch: use --device cpu")
    if kind not in ("cpu", "cuda"):
        raise UsageError(f"device must be cpu or cuda, got {name!r}")
