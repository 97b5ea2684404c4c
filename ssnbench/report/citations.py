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

_FILE = Path(__file__).with_name("references.bib")
_ENTRY = re.compile(r"^@.*?^\}$", re.DOTALL | re.MULTILINE)
_SERVES = re.compile(r"^ *serves *= *\{(.*?)\},\n", re.MULTILINE)


@dataclass(frozen=True)
class Use:
    """Something that a report uses.

    Attributes
    ----------
    shelf : {"algorithms", "datasets", "protocols"}
        What kind of thing it is.
    name : str
        Its name on the shelf.
    told : str
        What it is, in a line; a dataset's citation. Empty where it is not known here.
    licence : str
        Of data; empty for the rest.
    bibtex : tuple of str
        Its references, in BibTeX; empty where none is known.
    """

    shelf: str
    name: str
    told: str
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
        _use(shelf, name)
        for shelf, column in names.items()
        for name in sorted({_base(str(value)) for value in column.unique()})
    ]


def bibtex(uses: list[Use]) -> str:
    """Return the references of all that is used, each once, as the text of a ``.bib`` file."""
    entries = dict.fromkeys(entry for use in uses for entry in use.bibtex)
    return "\n\n".join(entries)


def _base(text: str) -> str:
    """Name without parameters; of label maps made elsewhere, the folder's name."""
    return Path(text.partition("(")[0]).name


def _use(shelf: str, name: str) -> Use:
    known = tuple(_references().get(f"{shelf}/{name}", ()))
    if shelf == "protocols":
        protocol = PROTOCOLS.get(name)
        return Use(shelf, name, protocol.title if protocol else "", "", known)
    entry = plugins.catalog("algorithms" if shelf == "algorithms" else "datasets").get(name)
    if entry is None:
        return Use(shelf, name, "", "", known)
    own = entry.fact("BIBTEX").strip()
    told = entry.fact("CITATION") or entry.summary
    return Use(shelf, name, told, entry.fact("LICENCE"), (own,) if own else known)


@cache
def _references() -> dict[str, list[str]]:
    """Entries of the package's file by what they serve."""
    found: dict[str, list[str]] = {}
    for served, entry in _entries():
        for name in served:
            found.setdefault(name, []).append(entry)
    return found


def _entries() -> Iterator[tuple[list[str], str]]:
    for match in _ENTRY.finditer(_FILE.read_text(encoding="utf-8")):
        serves = _SERVES.search(match[0])
        if serves is None:
            raise ValueError(f"an entry of {_FILE.name} does not say what it serves: {match[0]}")
        yield serves[1].split(), _SERVES.sub("", match[0])
