"""Page and picture of a training, drawn now and then while it runs, and at its end."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssnbench.cli.moments import duration

if TYPE_CHECKING:
    from ssnbench.learning.card import Provenance
    from ssnbench.learning.result import TrainProgress
    from ssnbench.learning.validate import ValidationResult
    from ssnbench.plots.training import TrainingCurves

PAGE, PICTURE = "progress.html", "curves.png"

_EVERY_SECONDS, _PAUSE = 300.0, 100.0
"""Between two drawings, unless there was a validation; and how many times longer than a drawing
took no other is made, so that they take a hundredth of the time at most."""

_MOST_ROWS = 20


class TrainingFiles:
    """Writes ``progress.html`` and, at the end, ``curves.png``.

    Parameters
    ----------
    folder : Path
        Folder of the training, which holds its tables.
    provenance : Provenance
        Title, data, machine and commands, as on the card.
    measure : str
        What validation scores are.
    """

    def __init__(self, folder: Path, provenance: Provenance, measure: str) -> None:
        self._folder, self._provenance, self._measure = folder, provenance, measure
        self._last: TrainProgress | None = None
        self._written, self._cost, self._is_due = time.monotonic(), 0.0, False

    def progress(self, now: TrainProgress) -> None:
        """Write the page when it is time to."""
        self._last = now
        since = time.monotonic() - self._written
        if since >= self._pause():
            self._write(f"Running: {_so_far(now)}.", is_running=True)

    def validated(self, _step: int, _result: ValidationResult) -> None:
        """Let the page be written soon."""
        self._is_due = True

    def end(self, state: str) -> None:
        """Write page and picture when the training has ended; ``state`` says how."""
        self._write(state, is_running=False)

    def _pause(self) -> float:
        return self._cost * _PAUSE if self._is_due else max(_EVERY_SECONDS, self._cost * _PAUSE)

    def _write(self, state: str, *, is_running: bool) -> None:
        if self._last is None:  # nothing was done: what an earlier run wrote still holds
            return
        from ssnbench.learning.weights import write_whole
        from ssnbench.plots.training import write_training

        start = time.monotonic()
        curves = _read(self._folder, self._provenance.title, self._measure)
        svg = write_training(curves, None if is_running else self._folder / PICTURE)
        html = self._page(state, svg, curves, is_running)
        write_whole(self._folder / PAGE, html.encode())
        self._written, self._is_due = time.monotonic(), False
        self._cost = self._written - start

    def _page(self, state: str, svg: str, curves: TrainingCurves, is_running: bool) -> str:
        from ssnbench.learning.card import commands_of
        from ssnbench.report.training_page import TrainingPage

        now, provenance = self._last, self._provenance
        assert now is not None
        page = TrainingPage(
            title=provenance.title,
            state=state,
            done=now.step / now.steps,
            is_running=is_running,
            written=f"{datetime.now():%Y-%m-%d %H:%M}",
            facts=_facts(now, provenance),
            validations=_table(curves.validation),
            best=_best(curves.validation),
            commands=commands_of(provenance),
            svg=svg,
        )
        return page.html()


def _read(folder: Path, title: str, measure: str) -> TrainingCurves:
    import pandas as pd

    from ssnbench.learning.log import LOG, VALIDATION
    from ssnbench.plots.training import TrainingCurves

    log, validation = (pd.read_csv(folder / name) for name in (LOG, VALIDATION))
    return TrainingCurves(title, log, validation, measure)


def _so_far(now: TrainProgress) -> str:
    return f"step {now.step} of {now.steps}, {duration(now.remaining)} left (hours and minutes)"


def _facts(now: TrainProgress, provenance: Provenance) -> dict[str, str]:
    losses = {name: f"{value:.5g}" for name, value in now.losses.items()}
    shares = f"{now.validating:.1%} validation, {now.waiting:.1%} cutting of patches"
    own = {"rate": f"{now.rate:.3g}", "steps per second": f"{now.speed:.3g}", "time": shares}
    said = {
        "data": provenance.data,
        "validation": provenance.validated_on,
        "licence of the data": provenance.licence,
        "machine": provenance.machine,
    }
    return losses | own | {name: text for name, text in said.items() if text}


def _best(validation: Any) -> str:
    """Step of the best validation."""
    return str(validation["step"][validation["mean"].idxmax()]) if len(validation) else ""


def _table(validation: Any) -> list[list[str]]:
    """The last validations, the newest first."""
    rows = validation.iloc[::-1].head(_MOST_ROWS).to_numpy().tolist()
    cells = [[f"{row[0]:.0f}", *(f"{score:.4f}" for score in row[1:])] for row in rows]
    return [list(validation.columns), *cells]
