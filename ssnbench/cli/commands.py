"""Commands as text, to be typed again: the one that runs, and those that use what it made."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from ssnbench.contracts import Trainable


def command_line(context: click.Context, without: Sequence[str] = ()) -> str:
    """The command as it was typed, for a shell, but for the options named ``without``."""
    words = ["ssnbench", str(context.info_name)]
    for parameter in context.command.params:
        name = str(parameter.name)
        typed = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if typed and name not in without:
            words += _words(parameter, context.params[name])
    return shlex.join(words)


def _words(parameter: click.Parameter, value: Any) -> list[str]:
    if isinstance(parameter, click.Argument):
        return [str(value)]
    option = parameter.opts[0]
    if value is True:
        return [option]
    values = value if parameter.multiple else (value,)
    return [word for each in values for word in (option, str(each))]


def launcher() -> str:
    """What stands before the command where several processes train."""
    n_processes = int(os.environ.get("LOCAL_WORLD_SIZE", os.environ.get("WORLD_SIZE", 1)))
    return f"torchrun --nproc-per-node {n_processes} -m " if n_processes > 1 else ""


def uses_of(
    weights: Path,
    trainable: Trainable,
    method: str,
    dataset: str,
    plugin_files: tuple[Path, ...],
) -> tuple[str, ...]:
    """Commands that use the new weights."""
    parameters = trainable.parameters(weights)
    more = [f"--set {quote(f'{method}.{name}={value}')}" for name, value in parameters.items()]
    more += [f"--plugin {quote(str(file))}" for file in plugin_files]
    end = " ".join(more)
    run = f"ssnbench run --algos {method},slic --dataset {quote(dataset)} {end}"
    if trainable.frames != 1:
        return (run,)
    algo = "" if method == "ssn" else f"--algo {method} "
    return f"ssnbench segment IMAGE {algo}{end}", run
