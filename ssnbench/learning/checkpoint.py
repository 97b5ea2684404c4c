"""What a training leaves on disk so that it can go on after any interruption.

A checkpoint is one safetensors file, replaced whole or not at all. Logs are CSV files that are cut
back to the checkpoint when a training goes on, so that they end up as those of an unbroken run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from ssnbench.contracts import UsageError
from ssnbench.io.limits import MOST_TEXT, one_error, read_at_most
from ssnbench.learning.weights import (
    misfits,
    read_header,
    read_tensors,
    write_tensors,
    write_whole,
)

FORMAT = "ssnbench.checkpoint/1"
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")
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

    def restore(self, facts: dict[str, Any]) -> None:
        """Take over what :func:`dataclasses.asdict` gave.

        Raises
        ------
        ValueError
            When it is anything else.
        """
        best = facts.get("best")
        steps = [facts.get(name) for name in ("step", "validated", "best_step")]
        if facts.keys() != {field.name for field in fields(self)}:
            raise ValueError("it does not say how far the training has come")
        if not (best is None or type(best) in (int, float)):
            raise ValueError("its best score is none")
        if not all(type(step) is int and step >= 0 for step in steps):
            raise ValueError("its steps are no numbers")
        for field in fields(self):
            setattr(self, field.name, facts[field.name])


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
        shapes, header = read_header(path, kind=(FORMAT, _FORMAT_OF_SSN))
        of, state = header.get("of"), header.get("state")
        if not isinstance(of, dict) or not isinstance(state, dict):
            raise UsageError(f"{path} does not say which training it is of")
        differing = _differing(_completed(of), json.loads(json.dumps(facts)))
        if differing:
            raise UsageError(
                f"{path} is of another training ({'; '.join(differing)}): "
                "resume with the same settings and data, or choose a new folder"
            )
        with one_error(path, "is not as ssnbench writes it"):
            self._check(shapes)
            self.state.restore(state)
            self._take(read_tensors(path, kind=(FORMAT, _FORMAT_OF_SSN)).tensors)

    def _check(self, shapes: dict[str, tuple[int, ...]]) -> None:
        """Compare what a checkpoint holds with what there is to be filled, before it is read."""
        differences = misfits(shapes, self.network.state_dict(), "network.")
        differences += misfits(shapes, self.average.state_dict(), "average.")
        moments = {name: shape for name, shape in shapes.items() if name.startswith("adam.")}
        for index, like in enumerate(self.network.parameters()):
            own = tuple(like.shape)
            sizes = dict(zip(_MOMENTS, ((), own, own), strict=True))
            present = {kind: moments.pop(f"adam.{index}.{kind}", None) for kind in _MOMENTS}
            if present not in (sizes, dict.fromkeys(_MOMENTS)):
                differences.append(f"moments of parameter {index} are {present}")
        differences += [f"{name} is unknown" for name in moments]
        if differences:
            raise ValueError("; ".join(differences[:3]))

    def _take(self, tensors: dict[str, Tensor]) -> None:
        self.network.load_state_dict(_below("network", tensors))
        self.average.load_state_dict(_below("average", tensors))
        groups = self.adam.state_dict()["param_groups"]
        moments = self._moments(_below("adam", tensors))
        self.adam.load_state_dict({"state": moments, "param_groups": groups})

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
    with one_error(path, "is no log of a training"):
        text = read_at_most(path, MOST_TEXT).decode("ascii")
        whole = [line for line in text.splitlines(keepends=True)[1:] if line.endswith("\n")]
        return [line for line in whole if int(line.partition(",")[0]) <= last_step]


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}


def _completed(facts: dict[str, Any]) -> dict[str, Any]:
    """Which training a checkpoint is of, also where it is from the time of SSN alone."""
    if "trainable" not in facts:
        facts["trainable"] = "TrainableSSN"
        if isinstance(facts.get("validation"), dict):
            facts["validation"].pop("n_iter", None)
    return facts


def _differing(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> list[str]:
    differences = []
    for name in sorted(old.keys() | new.keys()):
        a, b = old.get(name), new.get(name)
        if isinstance(a, dict) and isinstance(b, dict):
            differences += _differing(a, b, f"{prefix}{name}.")
        elif a != b:
            differences.append(f"{prefix}{name} {a}, not {b}")
    return differences
