"""What a training leaves on disk so that it can go on after any interruption.

A checkpoint is one safetensors file, replaced whole or not at all. Logs are CSV files that are cut
back to the checkpoint when a training goes on, so that they end up as those of an unbroken run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from ssnbench.contracts import UsageError
from ssnbench.learning.weights import read_tensors, write_tensors, write_whole

FORMAT = "ssnbench.checkpoint/1"
_FORMAT_OF_SSN = "ssnbench.ssn.checkpoint/1"  # when SSN alone could be trained


@dataclass
class TrainState:
    """How far a training has come.

    Attributes
    ----------
    step : int
        Steps done.
    validated : int
        Step after which the last validation was made.
    best, best_step : float or None, int
        Highest score so far, and after which step.
    """

    step: int = 0
    validated: int = 0
    best: float | None = None
    best_step: int = 0


@dataclass(frozen=True)
class Learner:
    """Everything that a step changes.

    Attributes
    ----------
    network, average : Module
        The network in training, and the running average of its weights.
    adam : Adam
        Its optimiser.
    state : TrainState
        How far it has come.
    """

    network: nn.Module
    average: nn.Module
    adam: torch.optim.Adam
    state: TrainState

    def save(self, path: Path, facts: dict[str, Any]) -> None:
        """Write a checkpoint; ``facts`` say which training it belongs to."""
        tensors = {f"network.{name}": x for name, x in self.network.state_dict().items()}
        tensors |= {f"average.{name}": x for name, x in self.average.state_dict().items()}
        for index, moments in self.adam.state_dict()["state"].items():
            tensors |= {f"adam.{index}.{name}": x for name, x in moments.items()}
        write_tensors(path, tensors, {"of": facts, "state": asdict(self.state)}, kind=FORMAT)

    def load(self, path: Path, facts: dict[str, Any]) -> None:
        """Go back to a checkpoint.

        Raises
        ------
        UsageError
            When it belongs to another training: the error names what differs.
        """
        tensors, header = read_tensors(path, kind=(FORMAT, _FORMAT_OF_SSN))
        differing = _differing(_completed(header["of"]), json.loads(json.dumps(facts)))
        if differing:
            raise UsageError(
                f"{path} is of another training ({'; '.join(differing)}): "
                "resume with the same settings and data, or choose a new folder"
            )
        self.network.load_state_dict(_below("network", tensors))
        self.average.load_state_dict(_below("average", tensors))
        groups = self.adam.state_dict()["param_groups"]
        moments = self._moments(_below("adam", tensors))
        self.adam.load_state_dict({"state": moments, "param_groups": groups})
        for name, value in header["state"].items():
            setattr(self.state, name, value)

    def _moments(self, tensors: dict[str, Tensor]) -> dict[int, dict[str, Tensor]]:
        """Adam's moments by parameter, laid out in memory as their parameters are."""
        parameters = list(self.network.parameters())
        moments: dict[int, dict[str, Tensor]] = {}
        for name, values in tensors.items():
            index, _, kind = name.partition(".")
            like = parameters[int(index)]
            if values.shape == like.shape:
                values = torch.empty_like(like).copy_(values)
            moments.setdefault(int(index), {})[kind] = values
        return moments


class CsvLog:
    """A CSV file whose first column is the step.

    Parameters
    ----------
    path : Path
        The file; rows of steps beyond ``last_step``, and one that was cut short, are removed.
    columns : sequence of str
        Names of all columns.
    last_step : int
        Step of the checkpoint from which the training goes on.
    """

    def __init__(self, path: Path, columns: Sequence[str], last_step: int) -> None:
        self.path = path
        header = ",".join(columns) + "\n"
        write_whole(path, (header + "".join(_rows(path, last_step))).encode())
        self._file = path.open("a", encoding="ascii")

    def write(self, step: int, values: Sequence[float]) -> None:
        """Append a row; nine digits give float32 back exactly."""
        self._file.write(",".join((str(step), *(f"{x:.9g}" for x in values))) + "\n")

    def flush(self) -> None:
        """Hand rows to the system, so that they outlive the process."""
        try:
            self._file.flush()
        except OSError as error:
            raise UsageError(f"cannot write {self.path}: {error.strerror}") from error

    def __enter__(self) -> CsvLog:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        try:
            self._file.close()
        except OSError as failure:  # rows that could not be written: that has been said already
            if error is None:
                raise UsageError(f"cannot write {self.path}: {failure.strerror}") from failure


def _rows(path: Path, last_step: int) -> list[str]:
    if not path.is_file():
        return []
    lines = path.read_text(encoding="ascii").splitlines(keepends=True)[1:]
    whole = [line for line in lines if line.endswith("\n")]
    return [line for line in whole if int(line.partition(",")[0]) <= last_step]


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}


def _completed(facts: dict[str, Any]) -> dict[str, Any]:
    """Which training a checkpoint is of, also where it is from the time of SSN alone."""
    if "trainable" not in facts:
        facts["trainable"] = "TrainableSSN"
        if facts["validation"]:
            facts["validation"].pop("n_iter")
    return facts


def _differing(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> list[str]:
    differences = []
    for name in sorted(old.keys() | new.keys()):
        a, b = old.get(name), new.get(name)
        if isinstance(a, dict) and isinstance(b, dict):
            differences += _differing(a, b, f"{name}.")
        elif a != b:
            differences.append(f"{prefix}{name} {a}, not {b}")
    return differences
