"""How busy the machine is with other things: a time is honest only where nothing else runs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from ssnbench.contracts import MOST_LOAD

SHORTEST = 0.4
"""Seconds that a look at the load takes at least: the system counts in hundredths of a second."""


class LoadWatch:
    """From when it is made: which share of the machine's cores others use, beside this process."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._busy, self._own = _busy_seconds(), time.process_time()

    def load(self) -> float | None:
        """Share, 0..1; None where the system does not tell. Waits until it has seen enough."""
        time.sleep(max(0.0, SHORTEST - (time.perf_counter() - self._start)))
        now = _busy_seconds()
        if now is None or self._busy is None:
            return None
        others = now - self._busy - (time.process_time() - self._own)
        share = others / (time.perf_counter() - self._start) / (os.cpu_count() or 1)
        return min(max(share, 0.0), 1.0)


def is_idle() -> bool:
    """Whether others use little of the machine now; a system that does not tell counts as idle."""
    load = LoadWatch().load()
    return load is None or load <= MOST_LOAD


def wait_until_idle(seconds: float, told: Callable[[], None]) -> float:
    """Wait until the machine is idle, at most some seconds; return those that are left.

    Parameters
    ----------
    seconds : float
        Nothing is waited for where it is 0 or less.
    told : callable
        Called once, before the first wait.
    """
    end = time.monotonic() + seconds
    told_yet = False
    while time.monotonic() < end and not is_idle():
        if not told_yet:
            told()
            told_yet = True
    return end - time.monotonic() if told_yet else seconds


def _busy_seconds() -> float | None:
    """Seconds that all cores have worked since the machine began; only Linux tells."""
    try:
        line = Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0]
        user, nice, system, _idle, _iowait, *rest = map(int, line.removeprefix("cpu").split())
    except (OSError, ValueError):
        return None
    return (user + nice + system + sum(rest[:3])) / os.sysconf("SC_CLK_TCK")
