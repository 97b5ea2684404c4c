"""The card of a training: what was trained, on what, how, for how long, and how good it became."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

import torch

from ssnbench.contracts import Trainable
from ssnbench.learning.checkpoint import TrainState
from ssnbench.learning.config import TrainConfig
from ssnbench.learning.sessions import Session
from ssnbench.learning.settings import values_of

MOST_ROWS = 12
"""Validations that a card lists; all of them stand in ``validation.csv``."""


@dataclass(frozen=True)
class Provenance:
    """What a card tells beside what the trainer knows itself.

    Attributes
    ----------
    title : str
        What is trained, on what.
    data, validated_on : str
        Which images are trained on, and which are validated with.
    licence : str
        Of the data, in a few words.
    machine : str
        Where the training runs.
    command : str
        What trains it, and goes on with it.
    uses : tuple of str
        Commands that use its weights.
    picture : str
        File of its curves, in its folder.
    """

    title: str = ""
    data: str = ""
    validated_on: str = ""
    licence: str = ""
    machine: str = ""
    command: str = ""
    uses: tuple[str, ...] = ()
    picture: str = ""


@dataclass(frozen=True)
class Standing:
    """How far a training is.

    Attributes
    ----------
    state : TrainState
        Steps and best network.
    n_weights : int
        Numbers in the network.
    sessions : sequence of Session
        Its runs.
    validations : sequence of sequence of str
        Header and rows of ``validation.csv``.
    measure : str
        What validation scores are.
    """

    state: TrainState
    n_weights: int
    sessions: Sequence[Session]
    validations: Sequence[Sequence[str]]
    measure: str


def card(
    trainable: Trainable, config: TrainConfig, standing: Standing, provenance: Provenance
) -> str:
    """Markdown of the card of a training."""
    parts = [
        f"# {provenance.title or trainable.name}",
        _progress(config, standing),
        _table([["", ""], *map(list, rows(trainable, config, standing, provenance).items())]),
        *_validations(standing, provenance),
        "## Recipe",
        "Every field as `--set` takes it; those in bold are not the default.",
        _recipe(trainable, config),
        *_commands(provenance),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def rows(
    trainable: Trainable, config: TrainConfig, standing: Standing, provenance: Provenance
) -> dict[str, str]:
    """What a card says in one line each, by name."""
    state, every = standing.state, f", {config.annotators} annotators of each"
    best = "" if state.best is None else f"{standing.measure} {state.best:.4f}, "
    listed = {
        "method": f"{trainable.name}, {standing.n_weights} weights"
        + (f", begun with {config.start}" if config.start else ""),
        "learns": config.learns,
        "data": provenance.data,
        "validation": provenance.validated_on,
        "licence of the data": provenance.licence,
        "steps": f"{state.step} of {config.steps}, Adam, seed {config.seed}",
        "batch": f"{config.batch} patches of {config.patch} x {config.patch} pixels"
        + (every if config.learns == "segments" and config.annotators > 1 else ""),
        "rate": f"{config.schedule}, {config.rate:g}",
        "best": f"{best}after step {state.best_step}" if state.best_step else "",
        "time": _time(standing.sessions),
        "machine": "; ".join(dict.fromkeys(_place(session) for session in standing.sessions)),
        "software": f"ssnbench {importlib.metadata.version('ssnbench')}, torch {torch.__version__}",
    }
    return {name: text for name, text in listed.items() if text}


def commands_of(provenance: Provenance) -> dict[str, tuple[str, ...]]:
    """Commands that are known, by what they are for."""
    parts = {
        "Train it, or go on with it": (provenance.command,),
        "Use it": provenance.uses,
    }
    return {title: commands for title, commands in parts.items() if any(commands)}


def read_validations(path: Path) -> list[list[str]]:
    """Header and rows of ``validation.csv``; nothing where there is none."""
    if not path.is_file():
        return []
    return [line.split(",") for line in path.read_text(encoding="ascii").splitlines()]


def hours(seconds: float) -> str:
    """Duration in words: ``40 s``, ``3 min``, ``2.5 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.2g} min" if seconds < 5940 else f"{seconds / 3600:.3g} h"


def some(items: Sequence[Any], most: int, kept: int) -> list[Any]:
    """At most so many items, spread evenly, the last one and that at ``kept`` among them."""
    if len(items) <= most:
        return list(items)
    places = {round(i * (len(items) - 1) / (most - 2)) for i in range(most - 1)} | {kept}
    return [items[place] for place in sorted(places)]


def _progress(config: TrainConfig, standing: Standing) -> str:
    step = standing.state.step
    if step == config.steps:
        return "Trained with ssnbench to the end of its recipe."
    return f"Trained with ssnbench; not at its end yet: {step} of {config.steps} steps."


def _time(sessions: Sequence[Session]) -> str:
    if not sessions:
        return ""
    total, tried = (sum(getattr(s, name) for s in sessions) for name in ("seconds", "validating"))
    runs = f" in {len(sessions)} runs" if len(sessions) > 1 else ""
    share = f", {tried / total:.1%} of it validation" if total and tried else ""
    return f"{hours(total)}{runs}{share}"


def _place(session: Session) -> str:
    return ", ".join(part for part in (session.machine, f"on {session.device}") if part)


def _validations(standing: Standing, provenance: Provenance) -> list[str]:
    header, *tried = standing.validations or [[]]
    picture = f"![Loss and validation over the steps]({provenance.picture})"
    parts = [picture] if provenance.picture else []
    if tried:
        best = next((i for i, r in enumerate(tried) if int(r[0]) == standing.state.best_step), -1)
        shown = [_marked(row, standing.state.best_step) for row in some(tried, MOST_ROWS, best)]
        what = f"Mean {standing.measure} over the images, by the number of superpixels asked for"
        left = " (some of the validations; all: `validation.csv`)" * (len(shown) < len(tried))
        parts = [f"{what}{left}; the best network in bold:", _table([header, *shown]), *parts]
    return ["## Validation", *parts] if parts else []


def _marked(row: Sequence[str], best_step: int) -> list[str]:
    step, *scores = row[0], *(f"{float(score):.4f}" for score in row[1:])
    is_best = int(step) == best_step
    return [f"**{cell}**" if is_best else cell for cell in (step, *scores)]


def _recipe(trainable: Trainable, config: TrainConfig) -> str:
    plain = {f: v for part in (type(trainable), TrainConfig) for f, v in _defaults(part).items()}
    values = values_of(trainable) | values_of(config)
    written = (f"{name}={value}" for name, value in values.items())
    marked = zip(written, (plain.get(n) == v for n, v in values.items()), strict=True)
    return ", ".join(f"`{text}`" if usual else f"**`{text}`**" for text, usual in marked)


def _defaults(cls: type[Any]) -> dict[str, Any]:
    """Values of all fields as they are by default; none where a field has no default."""
    bare = [f for f in fields(cls) if MISSING is f.default and MISSING is f.default_factory]
    return {} if bare else values_of(cls())


def _commands(provenance: Provenance) -> list[str]:
    texts = []
    for title, commands in commands_of(provenance).items():
        texts += [f"## {title}", "\n".join(("```sh", *commands, "```"))]
    return texts


def _table(table: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; the first row is its header."""
    lines = (" | ".join(cell.replace("|", r"\|") for cell in row) for row in table)
    header, *body = (f"| {line} |" for line in lines)
    return "\n".join((header, "|" + " --- |" * len(table[0]), *body))
