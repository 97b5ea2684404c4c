"""The page of a training: how far it is, its curves, and how to go on. One file, no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ssnbench.report.templating import template


@dataclass(frozen=True)
class TrainingPage:
    """What the page shows.

    Attributes
    ----------
    title : str
        What is trained.
    state : str
        How far it is, in a sentence.
    done : float
        Share of the steps that are done.
    is_running : bool
        Whether the page is to load itself anew now and then.
    written : str
        When this is.
    facts : mapping of str to str
        Numbers and settings by name.
    validations : sequence of sequence of str
        Header and rows of a table; it may be empty.
    best : str
        First cell of the best of these rows.
    commands : mapping of str to sequence of str
        Commands by what they are for.
    svg : str
        The curves, as :func:`ssnbench.plots.training.write_training` made them.
    """

    title: str
    state: str
    done: float
    is_running: bool
    written: str
    facts: Mapping[str, str]
    validations: Sequence[Sequence[str]]
    best: str
    commands: Mapping[str, Sequence[str]]
    svg: str

    def html(self) -> str:
        """The page."""
        return template("training.html").render(page=self, curves=Markup(self.svg))
