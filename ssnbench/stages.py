"""Name the stages of a computation, so that a clock can report them apart.

A method writes ``with stage("colour"):`` around its colour conversion; whoever measures it
collects the seconds with :func:`collect`. When nobody measures, a stage costs next to nothing.
It lives at the bottom of the layers because plug-ins and the SSN package both mark stages.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Seconds = dict[str, float]

_collected: ContextVar[Seconds | None] = ContextVar("stages", default=None)
_synchronise: ContextVar[Callable[[], None] | None] = ContextVar("synchronise", default=None)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Add the time spent inside to the stage ``name`` of the enclosing :func:`collect`."""
    seconds = _collected.get()
    if seconds is None:
        yield
        return
    wait = _synchronise.get() or _nothing
    wait()
    start = time.perf_counter()
    try:
        yield
    finally:
        wait()
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - start


@contextmanager
def collect(synchronise: Callable[[], None] | None = None) -> Iterator[Seconds]:
    """Collect the seconds of all stages inside; ``synchronise`` waits for a device to finish."""
    seconds: Seconds = {}
    marks = _collected.set(seconds), _synchronise.set(synchronise)
    try:
        yield seconds
    finally:
        _collected.reset(marks[0])
        _synchronise.reset(marks[1])


def _nothing() -> None:
    """Wait for nothing: the processor is synchronous."""
