"""Plug-ins: algorithms, datasets and metrics, each one Python file, found by name.

A plug-in file ends in ``PLUGIN = TheClass`` (of a metric: ``PLUGIN = Metric(...)``). It comes from
one of three places: the folders ``algorithms/`` and ``datasets/`` of this repository (shipped
inside this package), another distribution (entry-point groups ``ssnbench.algorithms``,
``ssnbench.datasets`` and ``ssnbench.metrics``), or a single file that the user names
(:func:`add_file`). What a plug-in promises stands in :mod:`ssnbench.contracts`.
"""

from ssnbench.plugins.catalog import add_file, entries, find, load, names, unknown
from ssnbench.plugins.catalog import root as _root
from ssnbench.plugins.contract import check
from ssnbench.plugins.entry import KINDS, OPTIONS, Entry, Kind

__all__ = [
    "KINDS",
    "OPTIONS",
    "Entry",
    "Kind",
    "add_file",
    "check",
    "entries",
    "find",
    "load",
    "names",
    "unknown",
]

if str(_root()) not in __path__:  # a checkout: the folders are at the repository's top level
    __path__.append(str(_root()))
