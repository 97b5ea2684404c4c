"""``ssnbench data``: parse, call, print."""

from __future__ import annotations

from pathlib import Path

import click

from ssnbench.cli import options

_name = click.argument("name", required=False)


@click.group()
def data() -> None:
    """See, check and fetch data sets."""


@data.command()
@_name
@options.data_root
def status(name: str | None, data_root: Path | None) -> int:
    """Say what is there, where, and how much of it [all data sets]."""
    from ssnbench.cli.tables import show_states
    from ssnbench.data import state
    from ssnbench.data.fetch import layout_of
    from ssnbench.data.layout import data_root as resolved

    names = [layout_of(name).dataset] if name else state.on_disk()
    rows = []
    for each in names:
        home = state.home_of(each, data_root)
        size = state.n_bytes(home) if home else 0
        rows += [(part, home, size) for part in state.states(each, data_root)]
    click.echo(f"data root: {resolved(data_root)}")
    show_states(rows)
    return 0


@data.command()
@_name
@options.data_root
def verify(name: str | None, data_root: Path | None) -> int:
    """Count, read a sample of every split, and compare known checksums [what is there]."""
    from ssnbench.data import state
    from ssnbench.data.fetch import layout_of

    names = [layout_of(name).dataset] if name else state.on_disk()
    n_wrong = 0
    for each in names:
        present = [part for part in state.states(each, data_root) if part.found]
        if not present:
            click.echo(f"{each}: not there")
            n_wrong += name is not None
            continue
        wrong = list(state.problems(each, data_root))
        counts = ", ".join(f"{part.split} {part.found} of {part.complete}" for part in present)
        click.echo(f"{each}: {counts}: {'wrong' if wrong else 'readable'}")
        for problem in wrong:
            click.echo(f"  {problem}")
        n_wrong += len(wrong)
    return int(n_wrong > 0)


@data.command()
@click.argument("name")
@click.option(
    "--archive",
    "archives",
    type=options.PATH,
    multiple=True,
    help="Archive that was downloaded already; may be given several times.",
)
@options.data_root
def fetch(name: str, archives: tuple[Path, ...], data_root: Path | None) -> int:
    """Download the data set NAME from its official address and unpack it in the data root.

    Interrupted, the same command goes on. What its licence asks of you: ssnbench list datasets.
    """
    from ssnbench.cli.progress import TransferProgress
    from ssnbench.data.fetch import fetch as bring
    from ssnbench.data.layout import data_root as resolved

    with TransferProgress() as progress:
        home = bring(name, resolved(data_root), archives, progress.told)
    click.echo(f"{name} is in {home}")
    return 0
