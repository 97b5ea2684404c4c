"""A plug-in as it is listed, before it is imported."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from ssnbench.plugins import syntax
from ssnbench.plugins.versions import code_version, combined

Kind = Literal["algorithms", "datasets", "metrics"]


KINDS: tuple[Kind, ...] = get_args(Kind)


OPTIONS = ("root", "split")  # fields of a dataset that have options of their own: no parameters


@dataclass(frozen=True)
class Entry:
    """A plug-in as it is listed, before it is imported.

    Attributes
    ----------
    name : str
        What the user types.
    kind : {"algorithms", "datasets", "metrics"}
        What it is.
    source : str
        ``built-in``, the name of another distribution, or the path of a single file.
    module : str
        Module to import; for a single file, the name it is imported under.
    attribute : str
        Name of the plug-in in the module: of a class, an instance of one, or a function.
    path : Path or None
        The file, where it can be found without importing anything.
    """

    name: str
    kind: Kind
    source: str
    module: str
    attribute: str
    path: Path | None

    @property
    def summary(self) -> str:
        """First line of the docstring of the file that defines it."""
        found = syntax.definition(self.path, self.attribute)
        doc = ast.get_docstring(found.tree if found else syntax.tree_of(self.path))
        return doc.splitlines()[0] if doc else ""

    @property
    def signature(self) -> str:
        """The parameters and their defaults, as they stand in the file."""
        found = syntax.definition(self.path, self.attribute)
        fields = syntax.defaults(found) if found else ()
        return ", ".join(f"{name}={text}" for name, text in fields if name not in OPTIONS)

    def fact(self, name: str) -> str:
        """A text that the class has as an attribute, such as LICENCE; nothing when it has none."""
        found = syntax.definition(self.path, self.attribute)
        return dict(syntax.texts(found)).get(name, "") if found else ""

    @property
    def missing(self) -> tuple[str, ...]:
        """Modules that the file imports at its top and that are not installed."""
        if self.path is None:
            return (self.module,)
        return syntax.not_installed(syntax.tree_of(self.path))

    @property
    def version(self) -> str:
        """Short hash of the code: results of an edited plug-in are not mixed with older ones."""
        return code_version(self.path) if self.path else combined([self.module])

    @property
    def loose_file(self) -> Path | None:
        """The file that the user named, which worker processes must be told of."""
        return self.path if self.path and self.source == str(self.path) else None
