"""When, where and for how long a training ran: one row for each time that it was started."""

from __future__ import annotations

import csv
import io
import time
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path

from ssnbench.io.limits import MOST_SETTINGS, one_error, read_at_most
from ssnbench.learning.weights import write_whole


@dataclass
class Clock:
    """Seconds of a run, and what they went into.

    Attributes
    ----------
    waiting, validating : float
        Seconds that went into cutting patches, and into validations.
    started : float
        When it began, by :func:`time.perf_counter`.
    """

    waiting: float = 0.0
    validating: float = 0.0
    started: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return time.perf_counter() - self.started

    def share(self, part: float) -> float:
        """Share of all seconds so far."""
        return part / max(self.seconds, 1e-9)


@dataclass(frozen=True)
class Session:
    """One run of a training, up to its last checkpoint.

    Attributes
    ----------
    started : str
        Date and time, UTC.
    machine, device : str
        Where.
    first, last : int
        Steps that were done before and after it.
    seconds, validating, waiting : float
        Its time in all, and what of it went into validations and into cutting patches.
    """

    started: str
    machine: str
    device: str
    first: int
    last: int
    seconds: float
    validating: float
    waiting: float


class Sessions:
    """The runs of a training, kept as ``sessions.csv`` in its folder.

    Parameters
    ----------
    path : Path
        The file; runs that it lists already are kept.
    machine, device : str
        Where this run takes place.
    first : int
        Step from which it goes on.
    clock : Clock
        Its time.
    """

    def __init__(self, path: Path, machine: str, device: str, first: int, clock: Clock) -> None:
        self._path, self._machine, self._device = path, machine, device
        self._first, self._clock = first, clock
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        self._earlier = _read(path)

    def all(self, step: int) -> list[Session]:
        """All runs, this one up to a step; it is none as long as it has done nothing."""
        clock = self._clock
        if step == self._first and not clock.validating:
            return self._earlier
        times = (round(x, 3) for x in (clock.seconds, clock.validating, clock.waiting))
        now = Session(self._started, self._machine, self._device, self._first, step, *times)
        return [*self._earlier, now]

    def write(self, step: int) -> None:
        """Write all runs, this one up to a step."""
        sessions = self.all(step)
        if not sessions:
            return
        text = io.StringIO()
        writer = csv.DictWriter(text, [f.name for f in fields(Session)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(asdict, sessions))
        write_whole(self._path, text.getvalue().encode())


def _read(path: Path) -> list[Session]:
    if not path.is_file():
        return []
    with one_error(path, "is no list of the runs of a training"):
        text = read_at_most(path, MOST_SETTINGS).decode("utf-8")
        return [_session(row) for row in csv.DictReader(io.StringIO(text, newline=""))]


def _session(row: dict[str, str]) -> Session:
    steps = (int(row[name]) for name in ("first", "last"))
    times = (float(row[name]) for name in ("seconds", "validating", "waiting"))
    return Session(row["started"], row["machine"], row["device"], *steps, *times)
