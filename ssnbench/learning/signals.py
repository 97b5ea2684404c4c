"""Stop long work politely: a wish to stop that the work looks at between steps."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Literal

Cause = Literal["", "signal", "time"]
"""Why work stopped before its end, if it did."""


class StopRequest:
    """A wish to stop: that of a signal, or of a time that has come.

    Parameters
    ----------
    until : datetime, optional
        When the work has to be over. It is compared with the clock on the wall, which goes on
        while a machine sleeps.

    Attributes
    ----------
    cause : {"", "signal", "time"}
        What the wish was found to be when somebody asked.
    """

    def __init__(self, until: datetime | None = None) -> None:
        self.signalled = False
        self.cause: Cause = ""
        self._until = float("inf") if until is None else until.timestamp()

    def is_set(self, ahead: float = 0.0) -> bool:
        """Whether to stop now, since what is next takes ``ahead`` seconds."""
        if self.signalled:
            self.cause = "signal"
        elif not self.cause and time.time() + ahead >= self._until:
            self.cause = "time"
        return bool(self.cause)


@contextmanager
def stop_on_signals(until: datetime | None = None) -> Iterator[StopRequest]:
    """Request that SIGINT and SIGTERM set while the block runs; a second SIGINT interrupts at once.

    Only the main thread may listen to signals: elsewhere time alone sets it.
    """
    stop = StopRequest(until)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(number: int, _frame: object) -> None:
        if stop.signalled and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.signalled = True

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, ask) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
