"""All metrics there are: the built-in rows, and those of plug-ins."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from ssnbench import plugins
from ssnbench.contracts import Metric, Role, UsageError
from ssnbench.metrics.protocols import Protocol
from ssnbench.metrics.table import BUILT_IN, MATCHED

_BUILT_IN = {metric.name: metric for metric in BUILT_IN}


class _Metrics(Mapping[str, Metric]):
    """Rows by name, the built-in ones first: a plug-in is found as soon as it is there.

    Raises
    ------
    UsageError
        When a plug-in goes by the name of a built-in metric.
    """

    def __getitem__(self, name: str) -> Metric:
        return _BUILT_IN[name] if name in _BUILT_IN else _plugged()[name]

    def __iter__(self) -> Iterator[str]:
        return iter((*_BUILT_IN, *_plugged()))

    def __len__(self) -> int:
        return len(_BUILT_IN) + len(_plugged())


METRICS: Mapping[str, Metric] = _Metrics()
"""Every metric by name."""


def with_role(role: Role) -> list[str]:
    """Names of the metrics that have a role, in the order of METRICS."""
    return [name for name, metric in METRICS.items() if role in metric.roles]


def find_metric(name: str) -> Metric:
    """Look up a metric; :class:`UsageError` when there is none, or its plug-in cannot be used."""
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    if name in plugins.entries("metrics"):
        return plugins.load("metrics", name)
    raise plugins.unknown("metric", name, METRICS, hint="ssnbench list metrics")


def with_metrics(protocol: Protocol, text: str) -> Protocol:
    """Let a protocol score other metrics than its own.

    Parameters
    ----------
    protocol : Protocol
        Which boundary, tolerance and counting.
    text : str
        As of ``--metrics``: ``+name,name`` adds to the protocol's own, ``name,name`` takes these
        alone; nothing leaves it as it is.

    Returns
    -------
    Protocol
        With counts beside the metrics that are pooled from them. Its `selection` says what is
        scored, with a hash of each plug-in's file: part of a job's key, so that it is scored anew.

    Raises
    ------
    UsageError
        When there is no metric of a name, or none is left.
    """
    given = [part.strip().removeprefix("+") for part in text.split(",") if part.strip("+ ")]
    if not given:
        return protocol
    wanted = {*given, *(protocol.metrics if text.strip().startswith("+") else ())}
    rows = [find_metric(name) for name in sorted(wanted)]
    counts = {name for row in rows if row.pool for name in row.pool.counts}
    wanted |= {name for name in counts if is_counted(protocol, name)}
    chosen = tuple(name for name in METRICS if name in wanted)
    return replace(protocol, metrics=chosen, selection=_selection(protocol, chosen))


def is_counted(protocol: Protocol, name: str) -> bool:
    """Whether a metric exists under a protocol: matched pixels only where they are matched."""
    return protocol.counting == "one-to-one" or name not in MATCHED


def metric_files(protocol: Protocol) -> tuple[Path, ...]:
    """Loose plug-in files of a protocol's metrics, which a worker process must know."""
    plugged = plugins.entries("metrics")
    files = (plugged[name].loose_file for name in protocol.metrics if name in plugged)
    return tuple(file for file in files if file)


def covers(scored: str, wanted: str) -> bool:
    """Whether rows of one `Protocol.selection` hold all that another asks for."""
    return scored == wanted or (not wanted and scored.startswith("+"))


def _selection(protocol: Protocol, chosen: tuple[str, ...]) -> str:
    """``+mine@4f2a9c`` when metrics were added, ``asa+br`` when others are gone."""
    more = [name for name in chosen if name not in protocol.metrics]
    if set(protocol.metrics) <= set(chosen):
        return "".join(f"+{_versioned(name)}" for name in more)
    return "+".join(map(_versioned, chosen))


def _versioned(name: str) -> str:
    """A built-in metric is of the protocol's own version; one of a plug-in is known by its file."""
    return name if name in _BUILT_IN else f"{name}@{plugins.find('metrics', name).version}"


def _plugged() -> dict[str, Metric]:
    """Rows of plug-ins by name; one that cannot be used is left out with a warning."""
    rows = {}
    for name, entry in plugins.entries("metrics").items():
        if name in _BUILT_IN:
            raise UsageError(
                f"two metrics are called {name!r}: built-in and {entry.source}; "
                "rename or uninstall one"
            )
        try:
            rows[name] = plugins.load("metrics", name)
        except UsageError as error:
            warnings.warn(f"left out: {error}", stacklevel=2)
    return rows
