"""Page and picture of a training, drawn now and then while it runs, and at its end."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ssnbench.cli.moments import duration

if TYPE_CHECKING:
    import pandas as pd

    from ssnbench.learning.card import Provenance
    from ssnbench.learning.result import TrainProgress
    from ssnbench.learning.validate import ValidationResult
    from ssnbench.plots.training import TrainingCurves
    from ssnbench.report.training_page import TrainingPage

PAGE, PICTURE = "progress.html", "curves.png"

_FIRST_SECONDS, _EVERY_SECONDS, _PAUSE = 10.0, 300.0, 100.0
"""Before the first drawing; between two, unless there was a validation; and how many times longer
than a drawing took no other is made, so that they take a hundredth of the time at most."""

_RELOADS = 'http-equiv="refresh"'
"""What a page has that is of a running training."""

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
    steps : int
        Steps in all.
    """

    def __init__(self, folder: Path, provenance: Provenance, measure: str, steps: int) -> None:
        self._folder, self._provenance, self._measure = folder, provenance, measure
        for leftover in folder.glob(f".{PAGE}.*"):  # of a run that was killed while it wrote
            leftover.unlink(missing_ok=True)
        self._page, self._steps = folder / PAGE, steps
        self._last: TrainProgress | None = None
        self._written, self._cost, self._is_due = time.monotonic(), 0.0, False
        self._most = _FIRST_SECONDS  # seconds to the next drawing

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
        if self._last is not None or self._is_stale():
            self._write(state, is_running=False)

    def _pause(self) -> float:
        return self._cost * _PAUSE if self._is_due else max(self._most, self._cost * _PAUSE)

    def _is_stale(self) -> bool:
        """Whether the page is of a run that was killed."""
        return self._page.is_file() and _RELOADS in self._page.read_text(encoding="utf-8")

    def _write(self, state: str, *, is_running: bool) -> None:
        from ssnbench.learning.weights import write_whole
        from ssnbench.plots.training import write_training

        start = time.monotonic()
        curves = _read(self._folder, self._provenance.title, self._measure)
        if curves.log.empty:
            return
        svg = write_training(curves, None if is_running else self._folder / PICTURE)
        page = self._filled(curves, state=state, svg=svg, is_running=is_running)
        write_whole(self._page, page.html().encode(), lasting=False)
        self._written, self._is_due, self._most = time.monotonic(), False, _EVERY_SECONDS
        self._cost = self._written - start

    def _filled(
        self, curves: TrainingCurves, *, state: str, svg: str, is_running: bool
    ) -> TrainingPage:
        from ssnbench.learning.card import commands_of
        from ssnbench.report.training_page import TrainingPage

        provenance = self._provenance
        return TrainingPage(
            title=provenance.title,
            state=state,
            done=int(curves.log["step"].iloc[-1]) / self._steps,
            is_running=is_running,
            written=f"{datetime.now():%Y-%m-%d %H:%M}",
            facts=_facts(curves.log, self._last, provenance),
            validations=_table(curves.validation),
            best=_best(curves.validation),
            commands=commands_of(provenance),
            svg=svg,
        )


def _read(folder: Path, title: str, measure: str) -> TrainingCurves:
    import pandas as pd

    from ssnbench.learning.log import LOG, VALIDATION
    from ssnbench.plots.training import TrainingCurves

    log, validation = (pd.read_csv(folder / name) for name in (LOG, VALIDATION))
    return TrainingCurves(title, log, validation, measure)


def _so_far(now: TrainProgress) -> str:
    return f"step {now.step} of {now.steps}, {duration(now.remaining)} left (hours and minutes)"


def _facts(log: pd.DataFrame, now: TrainProgress | None, provenance: Provenance) -> dict[str, str]:
    last = {str(name): f"{value:.4g}" for name, value in log.iloc[-1].items() if name != "step"}
    pace = {}
    if now is not None:
        shares = f"{now.validating:.1%} validation, {now.waiting:.1%} cutting of patches"
        pace = {"steps per second": f"{now.speed:.3g}", "time": shares}
    said = {
        "data": provenance.data,
        "validation": provenance.validated_on,
        "licence of the data": provenance.licence,
        "machine": provenance.machine,
    }
    return last | pace | {name: text for name, text in said.items() if text}


def _best(validation: pd.DataFrame) -> str:
    """Step of the best validation."""
    return str(validation["step"][validation["mean"].idxmax()]) if len(validation) else ""


def _table(validation: pd.DataFrame) -> list[list[str]]:
    """The last validations, the newest first."""
    rows = validation.iloc[::-1].head(_MOST_ROWS).to_numpy().tolist()
    cells = [[f"{row[0]:.0f}", *(f"{score:.4f}" for score in row[1:])] for row in rows]
    return [list(validation.columns), *cells]
