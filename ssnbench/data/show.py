"""What ``ssnbench data`` shows: transfers and tables."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import rich.progress
from rich.markup import escape
from rich.table import Table

from ssnbench.data.state import State
from ssnbench.terminal import console


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


def show_states(rows: Iterable[tuple[State, Path | None, int]]) -> None:
    """Print the states of splits, with the folders that hold the data sets and their bytes."""
    columns = ("dataset", "split", "images", "of", "state", "MB", "where")
    table = Table(*columns, header_style="bold", box=None, pad_edge=False)
    for state, home, n_bytes in rows:
        counts = (str(state.found), str(state.complete), state.text)
        place = (f"{n_bytes / 1e6:.1f}", escape(str(home))) if home else ("", "")
        table.add_row(escape(state.dataset), state.split, *counts, *place)
    console.print(table)
