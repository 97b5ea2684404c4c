"""A plug-in together with values for its parameters, as users write it: ``slic(compactness=20)``.

The parameters are the fields of the plug-in's dataclass; names, types and defaults all come from
there, so that the command line, the records and the help never disagree.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import os
import re
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import NoneType, UnionType
from typing import Any

from ssnbench import plugins
from ssnbench.contracts import UsageError
from ssnbench.plugins.versions import combined, file_version

_QUOTED = re.compile(r"""(?<![^=,(\[\s])('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")(?=\s*(?:[,)\]]|$))""")
_SPEC = re.compile(r"\s*([\w.-]+)\s*(?:\((.*)\))?\s*", re.DOTALL)


@dataclass(frozen=True)
class Variant:
    """The name of a plug-in and the parameters that differ from its defaults.

    Attributes
    ----------
    name : str
        Name of the plug-in.
    params : tuple of (str, value)
        Sorted by name; values are of the field's type.
    file : Path or None
        The single file that it comes from, if it does: another process has to register it first.
    """

    name: str
    params: tuple[tuple[str, Any], ...] = ()
    file: Path | None = None

    @property
    def label(self) -> str:
        """The variant as the user would write it; the name alone when all is default."""
        given = ",".join(f"{key}={_written(value)}" for key, value in self.params)
        return f"{self.name}({given})" if given else self.name

    def load(self, kind: plugins.Kind) -> Any:
        """Load the plug-in and return its class."""
        if self.file is not None:
            plugins.add_file(self.file)
        return plugins.load(kind, self.name)

    def build(self, kind: plugins.Kind, **more: Any) -> Any:
        """Load the plug-in and make an instance."""
        return self.load(kind)(**dict(self.params), **more)

    def version(self, kind: plugins.Kind) -> str:
        """Short hash of all that results depend on beside parameters: code, and files it names.

        Raises
        ------
        UsageError
            When such a file cannot be read.
        """
        entry = plugins.find(kind, self.name)
        paths = list(self._files(kind))
        if not paths:
            return entry.version
        try:
            return combined([entry.version, *map(_present, paths)])
        except OSError as error:
            beside = entry.path and entry.path.with_name(Path(error.filename).name)
            mend = (
                f"; one lies beside the plug-in: Path(__file__).with_name({beside.name!r})"
                if beside and beside.is_file()
                else ""
            )
            raise UsageError(
                f"{self.label} needs {error.filename}: {error.strerror}{mend}"
            ) from None

    def _files(self, kind: plugins.Kind) -> Iterator[Path]:
        """Files that the plug-in names by its method ``files``: one, or any number."""
        named = getattr(self.build(kind), "files", None)
        if not callable(named):
            return
        try:
            files = named()
            several = () if files is None else paths_of(files)
        except UsageError:
            raise
        except Exception as error:
            why = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise UsageError(f"files() of {self.label} fails: {why}") from error
        yield from several

    def canonical(self, kind: plugins.Kind) -> str:
        """All parameters, defaults too, as JSON with sorted keys: what a record is filed under."""
        plugin = self.build(kind)
        parameters(kind, self.name)
        values = dataclasses.asdict(plugin)
        return json.dumps(values, sort_keys=True, default=str)


def paths_of(files: Any) -> list[Path]:
    """Paths that a plug-in names: one, or any number of them, as text or as paths."""
    if isinstance(files, (str, os.PathLike)):
        files = (files,)
    return [Path(file).expanduser() for file in files]


def base_name(text: str) -> str:
    """Name of the plug-in in ``name(key=value,...)``; whether there is one is not asked."""
    match = _SPEC.fullmatch(text)
    return match[1] if match else text


def parse(kind: plugins.Kind, text: str) -> Variant:
    """Read ``name`` or ``name(key=value,...)``.

    Raises
    ------
    UsageError
        For an unknown name or parameter (with the nearest ones), or a value of another type.
    """
    match = _SPEC.fullmatch(text)
    if match is None:
        raise UsageError(f"cannot read {text!r}; write name or name(parameter=value,...)")
    name, arguments = match.groups()
    file = plugins.find(kind, name).loose_file
    pairs = [_pair(part, text) for part in split(arguments or "")]
    return with_params(kind, Variant(name, file=file), pairs)


def parse_list(kind: plugins.Kind, text: str) -> list[Variant]:
    """Read several variants separated by commas; one that is named twice counts once."""
    return list(dict.fromkeys(parse(kind, part) for part in split(text)))


def with_params(kind: plugins.Kind, variant: Variant, pairs: Iterable[tuple[str, str]]) -> Variant:
    """Set parameters, given as text, on top of those that the variant has."""
    pairs = list(pairs)
    if not pairs:
        return variant
    fields = parameters(kind, variant.name)
    values = dict(variant.params)
    for key, text in pairs:
        if key not in fields:
            hint = f"{variant.name} takes {', '.join(fields) or 'no parameters'}"
            raise plugins.unknown(f"parameter of {variant.name}", key, fields, hint)
        values[key] = read_value(fields[key].type, text, f"{variant.name}.{key}")
    given = {key: value for key, value in values.items() if value != fields[key].default}
    return replace(variant, params=tuple(sorted(given.items())))


@dataclass(frozen=True)
class Parameter:
    """One parameter of a plug-in."""

    name: str
    type: Any
    default: Any


def parameters(kind: plugins.Kind, name: str) -> dict[str, Parameter]:
    """Parameters of a plug-in by name: its dataclass fields."""
    cls = plugins.load(kind, name)
    if not dataclasses.is_dataclass(cls):
        raise UsageError(f"{name} is no plug-in: its PLUGIN should be a frozen dataclass")
    hints = typing.get_type_hints(cls)
    return {
        field.name: Parameter(field.name, hints[field.name], field.default)
        for field in dataclasses.fields(cls)
        if field.init and field.name not in plugins.OPTIONS
    }


def split(text: str) -> Iterator[str]:
    """Split at commas outside brackets and quotes; empty parts are dropped."""
    depth, start = 0, 0
    quoted = [match.span() for match in _QUOTED.finditer(text)]
    for place, letter in enumerate(text):
        if any(first <= place < last for first, last in quoted):
            continue
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            if text[start:place].strip():
                yield text[start:place].strip()
            start = place + 1
    if text[start:].strip():
        yield text[start:].strip()


def read_value(kind: Any, text: str, where: str) -> Any:
    """Turn text into a value of the annotated type ``kind``.

    Raises
    ------
    UsageError
        When it is none; the error names the parameter by ``where``.
    """
    kinds = typing.get_args(kind) if isinstance(kind, UnionType) else (kind,)
    if NoneType in kinds and text in ("None", "none"):
        return None
    for each in kinds:
        value = _as_kind(each, text)
        if value is not None:
            return value
    wanted = " or ".join(getattr(each, "__name__", str(each)) for each in kinds)
    raise UsageError(f"{where} should be {wanted}, got {text!r}")


def _present(path: Path) -> str:
    """Version of a file that has to be there."""
    path.stat()
    return file_version(path)


def _pair(text: str, whole: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(
            f"cannot read {text!r} in {whole!r}; write parameter=value, and put a value with a "
            "comma in quotes"
        )
    return key.strip(), value.strip()


def _as_kind(kind: Any, text: str) -> Any:
    """Return a value, or None when the text is not of this kind."""
    if kind is str:
        return _unquoted(text)
    choices = typing.get_args(kind)
    if typing.get_origin(kind) is typing.Literal:
        return text if text in choices else None
    try:
        value = ast.literal_eval({"true": "True", "false": "False"}.get(text, text))
    except (ValueError, SyntaxError):
        return None
    if kind is float and type(value) is int:
        return float(value)
    origin = typing.get_origin(kind) or kind
    return value if type(value) is origin else None


def _unquoted(text: str) -> str:
    """Text without the quotes around it, if there are any, as :func:`_written` adds them."""
    if not _QUOTED.fullmatch(text):
        return text
    try:
        return str(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        return text[1:-1]


def _written(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str) and not re.fullmatch(r"[\w.-]*", value):
        return repr(value)
    return str(value)
