"""A plug-in that is an instance, a function or a module as the class that the contract wants."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from types import ModuleType
from typing import Any

from ssnbench.contracts import Metric, UsageError

_ADAPTED: dict[int, tuple[Any, type]] = {}
"""Classes that were made, by the identity of what they were made from, which is kept alive."""


def as_class(plugin: Any) -> Any:
    """Return the class of a plug-in.

    Of an instance it is its class with the instance's values as defaults; of a function one whose
    fields are the arguments behind image and count; of a module that of its ``PLUGIN``. What is
    none of these, and the row of a metric, comes back as it is.

    Raises
    ------
    UsageError
        When a function takes too few arguments.
    """
    if isinstance(plugin, ModuleType):
        return as_class(getattr(plugin, "PLUGIN", plugin))
    if isinstance(plugin, Metric):
        return plugin
    is_function = inspect.isfunction(plugin)
    if isinstance(plugin, type) or not (is_function or dataclasses.is_dataclass(plugin)):
        return plugin
    if id(plugin) not in _ADAPTED:
        made = _of_function(plugin) if is_function else _of_instance(plugin)
        _ADAPTED[id(plugin)] = (plugin, made)
    return _ADAPTED[id(plugin)][1]


def _of_instance(instance: Any) -> type:
    cls = type(instance)
    hints = typing.get_type_hints(cls)
    fields = [
        (field.name, hints[field.name], _default(getattr(instance, field.name)))
        for field in dataclasses.fields(instance)
        if field.init
    ]
    made = dataclasses.make_dataclass(
        cls.__name__, fields, bases=(cls,), frozen=cls.__dataclass_params__.frozen
    )
    made.__module__, made.__doc__ = cls.__module__, cls.__doc__
    return made


def _of_function(function: Any) -> type:
    """A class that calls the function with its fields; its attributes are the function's."""
    hints = typing.get_type_hints(function)
    arguments = list(inspect.signature(function).parameters.values())
    if len(arguments) < 2:
        raise UsageError(f"{function.__name__} is no algorithm: it should take (image, n_segments)")
    more = arguments[2:]
    second = any(each.name == "second" for each in more)
    fields: list[Any] = []
    for each in (each for each in more if each.name != "second"):
        if each.default is each.empty:
            fields.append((each.name, hints.get(each.name, Any)))
        else:
            kind = hints.get(each.name, type(each.default))
            fields.append((each.name, kind, _default(each.default)))

    def call(self: Any, image: Any, n_segments: int) -> Any:
        return function(image, n_segments, **dataclasses.asdict(self))

    def call_with_second(self: Any, image: Any, n_segments: int, second: Any = None) -> Any:
        return function(image, n_segments, second=second, **dataclasses.asdict(self))

    namespace = dict(vars(function)) | {"__call__": call_with_second if second else call}
    made = dataclasses.make_dataclass(
        function.__name__, fields, namespace=namespace, frozen=True, kw_only=True
    )
    made.__module__, made.__doc__ = function.__module__, function.__doc__
    return made


def _default(value: Any) -> Any:
    """A field's default; values that may change are copied for each instance, as lists must be."""
    if type(value).__hash__ is None:
        return dataclasses.field(default_factory=lambda: type(value)(value))
    return dataclasses.field(default=value)
