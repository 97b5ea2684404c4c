"""A training on TensorBoard: curves, and superpixels drawn over validation images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ssnbench.contracts import Image, Labels, UsageError
from ssnbench.learning.result import TrainProgress
from ssnbench.learning.validate import ValidationResult

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
    draw : callable
        From an image and its labels to a picture, uint8 (H, W, 3).

    Raises
    ------
    UsageError
        When TensorBoard is not installed.
    """

    def __init__(
        self, folder: Path, counts: tuple[int, ...], draw: Callable[[Image, Labels], Image]
    ) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise UsageError(
                "--tensorboard needs tensorboard: pip install 'ssnbench[train]'"
            ) from None
        self._make, self._folder, self._counts = SummaryWriter, folder / FOLDER, counts
        self._draw = draw
        self._events: Any = None

    def __enter__(self) -> Board:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._events is not None:
            self._events.close()

    def progress(self, now: TrainProgress) -> None:
        """Add losses, rate, and the share of time spent waiting for data."""
        events = self._open(now.step)
        for name, value in {**now.losses, "rate": now.rate, "waiting": now.waiting}.items():
            events.add_scalar(f"training/{name}", value, now.step)

    def validated(self, step: int, result: ValidationResult) -> None:
        """Add the scores of a validation, and its pictures."""
        events = self._open(step)
        events.add_scalar("validation/mean", result.score, step)
        for count, mean in zip(self._counts, result.means, strict=True):
            events.add_scalar(f"validation/{count}", mean, step)
        for sample, labels in result.shown:
            picture = self._draw(sample.image, labels)
            events.add_image(f"superpixels/{sample.key}", picture, step, dataformats="HWC")

    def _open(self, step: int) -> Any:
        """Open the file of events at the first of them: only then is the step known."""
        if self._events is None:
            self._events = self._make(str(self._folder), purge_step=step)
        return self._events
