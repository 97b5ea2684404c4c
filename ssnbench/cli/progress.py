"""What the command line shows while it works: bars, and lines where there is no terminal."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import rich.progress
from rich.console import RenderableType
from rich.markup import escape
from rich.text import Text

from ssnbench.cli.console import console
from ssnbench.cli.moments import duration

if TYPE_CHECKING:
    from ssnbench.learning.result import TrainProgress
    from ssnbench.learning.validate import ValidationResult
    from ssnbench.run.benchmark import Listener
    from ssnbench.run.job import Outcome
    from ssnbench.run.timing import TimingResult


_QUIET_SECONDS = 10.0
"""Between two lines about a training where there is no terminal to draw a bar on."""


WAITING = "other programs use this machine: waiting for it to be idle (--wait, --even-if-busy)"
_UNDER_LOAD = (
    "timed while other programs used the machine: left out of tables and charts (times that were "
    "good stay); once it is idle, the same command times anew what was"
)


class Progress:
    """A bar with counts of what went well or wrong, and the time that is left."""

    def __init__(self) -> None:
        self._bar = rich.progress.Progress(
            rich.progress.TextColumn("{task.description}"),
            rich.progress.BarColumn(),
            rich.progress.MofNCompleteColumn(),
            rich.progress.TextColumn("{task.fields[counts]}"),
            rich.progress.TimeElapsedColumn(),
            rich.progress.TextColumn("left"),
            rich.progress.TimeRemainingColumn(),
            console=console,
        )
        self._task = rich.progress.TaskID(0)
        self._counts: dict[str, int] = {}
        self._notes: set[str] = set()

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    @property
    def listener(self) -> Listener:
        """What a run tells its progress to."""
        from ssnbench.run.benchmark import Listener

        return Listener(self._planned, self._done, self._timed, lambda: self._note(WAITING))

    def _planned(self, what: str, n: int) -> None:
        self._counts = {}
        self._task = self._bar.add_task(f"{what:5}", total=n, counts="")

    def _done(self, outcome: Outcome) -> None:
        record = outcome.records[0]
        self._advance(record.status)
        if record.reason:
            self._note(f"{record.label}: {record.reason}", f" (first at {record.key.image})")

    def _timed(self, result: TimingResult) -> None:
        self._advance("failed" if result.reason else "ok")
        if result.reason:
            self._note(f"{result.task.variant.label}: no time: {result.reason}")
        if result.is_under_load and not any(each.even_if_busy for each in result.timings):
            self._note(_UNDER_LOAD)

    def _advance(self, status: str) -> None:
        self._counts[status] = self._counts.get(status, 0) + 1
        text = " ".join(f"{n} {status}" for status, n in sorted(self._counts.items()))
        self._bar.update(self._task, advance=1, counts=text)

    def _note(self, text: str, where: str = "") -> None:
        if text not in self._notes:
            self._notes.add(text)
            self._bar.print(escape(text + where), style="yellow", soft_wrap=True)


class _BarAndText(rich.progress.Progress):
    """A bar with a line of text below it."""

    text = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        """Draw the bar, then the text."""
        yield from super().get_renderables()
        yield Text(self.text)


class TrainingProgress:
    """How a training fares: a bar on a terminal, a line now and then where there is none.

    Every validation leaves a line of its own on both.
    """

    def __init__(self) -> None:
        self._bar = _BarAndText(
            rich.progress.BarColumn(bar_width=24),  # the rest needs room in 80 columns
            rich.progress.MofNCompleteColumn(),
            rich.progress.TextColumn("{task.fields[pace]}"),
            console=console,
        )
        self._task = self._bar.add_task("", total=None, pace="")
        self._line_at = -math.inf  # by `time.monotonic`
        self._best = -math.inf

    def __enter__(self) -> TrainingProgress:
        return self

    def __exit__(self, *exception: object) -> None:
        if console.is_terminal:  # elsewhere it would leave an empty line
            self._bar.stop()

    def progress(self, now: TrainProgress) -> None:
        """Show how far the training is."""
        if now.best is not None:  # of an earlier run, too
            self._best = max(self._best, now.best)
        pace = f"{_speed(now.speed)}, left {duration(now.remaining)}"
        if console.is_terminal:
            self._bar.start()  # only now: to the other processes of a training nothing is told
            self._bar.text = _losses(now)
            self._bar.update(self._task, completed=now.step, total=now.steps, pace=pace)
        elif self._is_time() or now.step == now.steps:
            name, loss = next(iter(now.losses.items()))
            self._print(f"step {now.step}/{now.steps}: {name} {loss:.4f}, {pace}")

    def validating(self, image: int, n_images: int) -> None:
        """Show at which image a validation is."""
        text = f"validation: image {image} of {n_images}"
        if console.is_terminal:
            self._bar.text = text
            self._bar.refresh()
        elif self._is_time():
            self._print(text)

    def validated(self, step: int, result: ValidationResult) -> None:
        """Show how a validation went."""
        self._best = max(self._best, result.score)
        means = ", ".join(f"{mean:.4f}" for mean in result.means)
        scores = f"{result.measure} {result.score:.4f} ({means}), best {self._best:.4f}"
        self._bar.text = ""
        cost = f"{result.seconds:.0f} s, {result.share:.1%} of the time"
        self._print(f"step {step}: {scores}; {cost}")

    def _is_time(self) -> bool:
        """Whether the last line was long ago."""
        return time.monotonic() - self._line_at >= _QUIET_SECONDS

    def _print(self, text: str) -> None:
        self._line_at = time.monotonic()
        self._bar.print(text, soft_wrap=True, highlight=False)


def _losses(now: TrainProgress) -> str:
    (name, loss), *parts = now.losses.items()
    more = ", ".join(f"{part} {value:.4g}" for part, value in parts)
    total = f"{name} {loss:.4f}" + (f" ({more})" if more else "")
    return f"{total}, rate {now.rate:.2g}, waiting {now.waiting:.1%}"


def _speed(steps_a_second: float) -> str:
    """Steps per second, or per minute where they are few."""
    if steps_a_second >= 0.5:
        return f"{steps_a_second:.3g} steps/s"
    return f"{60 * steps_a_second:.3g} steps/min"


class TransferProgress:
    """How far downloads and unpackings are: a bar each."""

    def __init__(self) -> None:
        self._bar = rich.progress.Progress(
            rich.progress.TextColumn("{task.description}"),
            rich.progress.BarColumn(),
            rich.progress.DownloadColumn(),
            rich.progress.TransferSpeedColumn(),
            rich.progress.TimeRemainingColumn(),
            console=console,
        )
        self._tasks: dict[str, rich.progress.TaskID] = {}

    def __enter__(self) -> TransferProgress:
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def told(self, what: str, done: int, total: int | None) -> None:
        """Show how many bytes are there."""
        if what not in self._tasks:
            self._bar.start()  # only now: without a bar it would draw an empty line
            self._tasks[what] = self._bar.add_task(what, total=total)
        self._bar.update(self._tasks[what], completed=done, total=total)
