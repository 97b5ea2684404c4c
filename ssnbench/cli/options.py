"""Options that several commands share, so that they stay alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ssnbench.contracts import UsageError, whole_count

if TYPE_CHECKING:
    from ssnbench.run.timing import TimingRules

_Command = TypeVar("_Command", bound=Callable[..., Any])

PATH = click.Path(path_type=Path)

_WAIT_AT_TERMINAL, _WAIT_ELSEWHERE = 60.0, 5.0  # seconds

plugin = click.option(
    "--plugin", "plugin_files", type=PATH, multiple=True, help="Python file with a plug-in."
)
data_root = click.option(
    "--data-root", type=PATH, help="Where the datasets lie [else $SSNBENCH_DATA]."
)
metrics = click.option(
    "--metrics",
    default="",
    metavar="[+]NAME,...",
    help="Score these, or with + these beside the protocol's own, such as +mine.",
)

wait = click.option(
    "--wait",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="How long to wait for an idle machine to take times on [60 at a terminal, else 5]. "
    "Times taken under load are left out of tables.",
)
even_if_busy = click.option(
    "--even-if-busy", is_flag=True, help="Take times at once; under load they count, too, marked."
)
mine = click.option(
    "--mine", metavar="NAME", help="Your method: all others are compared with it, not the best."
)

settings = click.option(
    "--set", "settings", multiple=True, metavar="ALGO.PARAM=VALUE", help="Set a parameter."
)


def together(*options: Callable[[_Command], _Command]) -> Callable[[_Command], _Command]:
    """Several options as one decorator."""

    def decorate(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def add_plugins(files: Sequence[Path]) -> None:
    """Register the files of ``--plugin``."""
    from ssnbench import plugins

    for file in files:
        plugins.add_file(file)


def numbers(text: str, option: str) -> list[int]:
    """Read numbers of superpixels separated by commas.

    Raises
    ------
    UsageError
        When they are none; it names the option.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise UsageError(f"{option} takes numbers such as 100,200, got {text!r}")
    return [whole_count(part, what=option) for part in parts]


def count(_context: click.Context, option: click.Parameter, value: str | None) -> int | None:
    """Read one number of superpixels; :class:`UsageError` when it is none."""
    return None if value is None else whole_count(value, what=option.opts[0])


def timing_rules(wait: float | None, even_if_busy: bool, again: bool = False) -> TimingRules:
    """When times are taken; at a terminal somebody sees what is waited for."""
    from ssnbench.cli.console import console
    from ssnbench.run.timing import TimingRules

    default = _WAIT_AT_TERMINAL if console.is_terminal else _WAIT_ELSEWHERE
    return TimingRules(again, default if wait is None else wait, even_if_busy)


def size(text: str) -> tuple[int, int]:
    """Read ``HEIGHTxWIDTH``; :class:`UsageError` when it is none."""
    try:
        height, width = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise UsageError(f"--size takes HEIGHTxWIDTH such as 512x1024, got {text!r}") from None
    return height, width
