"""A training on TensorBoard: curves, and superpixels drawn over validation images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ssnbench.contracts import UsageError
from ssnbench.learning.outcome import Progress
from ssnbench.learning.validate import Trial
from ssnbench.plots.overlay import painted, standing_out

FOLDER = "tensorboard"
"""Below the folder of the training."""


class Board:
    """Writes what a training tells as TensorBoard events.

    Parameters
    ----------
    folder : Path
        Folder of the training; events go into ``tensorboard`` below it. When a training goes on
        from an earlier step, TensorBoard drops the events of the steps beyond.
    counts : sequence of int
        Numbers of superpixels that are validated.

    Raises
    ------
    UsageError
        When TensorBoard is not installed.
    """

    def __init__(self, folder: Path, counts: tuple[int, ...]) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise UsageError(
                "--tensorboard needs tensorboard: pip install 'ssnbench[train]'"
            ) from None
        self._make, self._folder, self._counts = SummaryWriter, folder / FOLDER, counts
        self._events: Any = None

    def __enter__(self) -> Board:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._events is not None:
            self._events.close()

    def progress(self, told: Progress) -> None:
        """Add losses, rate, and the share of time spent waiting for data."""
        events = self._open(told.step)
        for name in ("loss", "reconstruction", "compactness", "rate", "waiting"):
            events.add_scalar(f"training/{name}", getattr(told, name), told.step)

    def tried(self, step: int, trial: Trial) -> None:
        """Add the scores of a validation, and its pictures."""
        events = self._open(step)
        events.add_scalar("validation/mean", trial.score, step)
        for count, mean in zip(self._counts, trial.means, strict=True):
            events.add_scalar(f"validation/{count}", mean, step)
        for sample, labels in trial.shown:
            height, width = labels.shape
            size = (2 * width, 2 * height)
            drawn = painted(sample.image, labels, standing_out([sample.image]), size)
            events.add_image(f"superpixels/{sample.key}", drawn, step, dataformats="HWC")

    def _open(self, step: int) -> Any:
        """Open the file of events at the first of them: only then is the step known."""
        if self._events is None:
            self._events = self._make(str(self._folder), purge_step=step)
        return self._events
