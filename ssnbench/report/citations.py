"""What to cite, and under which licence: exactly the methods, data and protocols of a report.

References of this package stand in ``references.bib``. A plug-in from elsewhere brings its own as
a text attribute of its class, ``BIBTEX: ClassVar[str]``; data have ``LICENCE`` and ``CITATION``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from ssnbench import plugins
from ssnbench.metrics import PROTOCOLS
from ssnbench.plugins.variant import base_name

_FILE = Path(__file__).with_name("references.bib")
_ENTRY = re.compile(r"^@.*?^\}$", re.DOTALL | re.MULTILINE)
_SERVES = re.compile(r"^ *serves *= *\{(.*?)\},\n", re.MULTILINE)


@dataclass(frozen=True)
class Use:
    """Something that a report uses.

    Attributes
    ----------
    kind : {"algorithms", "datasets", "protocols"}
        What kind of thing it is.
    name : str
        Its name among its kind.
    about : str
        What it is, in a line; a dataset's citation. Empty where it is not known here.
    licence : str
        Of data; empty for the rest.
    bibtex : tuple of str
        Its references, in BibTeX; empty where none is known.
    """

    kind: str
    name: str
    about: str
    licence: str
    bibtex: tuple[str, ...]

    @property
    def keys(self) -> list[str]:
        """Keys of its references."""
        return [entry.partition("{")[2].partition(",")[0] for entry in self.bibtex]


def used(records: pd.DataFrame) -> list[Use]:
    """List what the rows of a store use: methods, then data, then protocols.

    Parameters
    ----------
    records : DataFrame
        Rows of ``Store.records()``.
    """
    names = {
        "algorithms": records["algorithm"],
        "datasets": records["dataset"],
        "protocols": records["protocol"],
    }
    return [
        _use(kind, name)
        for kind, column in names.items()
        for name in sorted({Path(base_name(str(value))).name for value in column.unique()})
    ]


def bibtex(uses: list[Use]) -> str:
    """Return the references of all that is used, each once, as the text of a ``.bib`` file."""
    entries = dict.fromkeys(entry for use in uses for entry in use.bibtex)
    return "\n\n".join(entries)


def _use(kind: str, name: str) -> Use:
    known = tuple(_references().get(f"{kind}/{name}", ()))
    if kind == "protocols":
        protocol = PROTOCOLS.get(name)
        return Use(kind, name, protocol.title if protocol else "", "", known)
    entry = plugins.entries("algorithms" if kind == "algorithms" else "datasets").get(name)
    if entry is None:
        return Use(kind, name, "", "", known)
    own = entry.fact("BIBTEX").strip()
    about = entry.fact("CITATION") or entry.summary
    return Use(kind, name, about, entry.fact("LICENCE"), (own,) if own else known)


@cache
def _references() -> dict[str, list[str]]:
    """Entries of the package's file by what they serve."""
    by_use: dict[str, list[str]] = {}
    for served, entry in _entries():
        for name in served:
            by_use.setdefault(name, []).append(entry)
    return by_use


def _entries() -> Iterator[tuple[list[str], str]]:
    for match in _ENTRY.finditer(_FILE.read_text(encoding="utf-8")):
        serves = _SERVES.search(match[0])
        if serves is None:
            raise ValueError(f"an entry of {_FILE.name} does not say what it serves: {match[0]}")
        yield serves[1].split(), _SERVES.sub("", match[0])
