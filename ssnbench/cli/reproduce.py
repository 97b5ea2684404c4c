"""``ssnbench reproduce``: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ssnbench.cli import options

if TYPE_CHECKING:
    from ssnbench.reproduce.figure import RecipeResult

FOLDER = Path("reports") / "reproduce"


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="FIGURE...")
@options.data_root
@click.option("--limit", type=click.IntRange(min=1), help="Curves from the first N images only.")
@click.option("--segments", help="Superpixels of the curves, such as 100,500 [the recipe's].")
@click.option(
    "--jobs", "n_workers", type=click.IntRange(min=1), help="Worker processes [one per core]."
)
@click.option(
    "--out", type=options.PATH, default=FOLDER, show_default=True, help="Folder of the figures."
)
def reproduce(
    names: tuple[str, ...],
    data_root: Path | None,
    limit: int | None,
    segments: str | None,
    n_workers: int | None,
    out: Path,
) -> int:
    """Make figures of the SSN paper, and its Table 1, again.

    FIGURE is fig2, fig4, fig5, fig6, fig7, fig8a, fig8b, fig9, table1, or all.

    Only what --out does not hold yet is run. Where a dataset or weights are not there, the part
    that is there or built-in pictures stand in, and the figure says so.
    """
    import joblib

    from ssnbench.cli.progress import Progress
    from ssnbench.reproduce.run_recipe import RecipeOptions, choose_recipes, run_recipe
    from ssnbench.reproduce.work import RecipeContext
    from ssnbench.results.store import Store
    from ssnbench.run.plan import check_counts

    recipes = choose_recipes(names)
    counts = check_counts(options.numbers(segments, "--segments")) if segments else ()
    wanted = RecipeOptions(data_root, limit, counts)
    with Store(out) as store, Progress() as progress:
        context = RecipeContext(store, n_workers or int(joblib.cpu_count()), progress.listener)
        results = [run_recipe(recipe, wanted, context) for recipe in recipes]
    _show(results)
    return int(any(each.n_failed for each in results))


def _show(results: list[RecipeResult]) -> None:
    """Print what was drawn, from what, and where it differs from the paper."""
    from rich.markup import escape
    from rich.table import Table

    from ssnbench.cli.console import console

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("figure", "drawn from", "methods", "other than in the paper"):
        table.add_column(column, overflow="fold")
    for each in results:
        failed = [f"{each.n_failed} jobs failed"] if each.n_failed else []
        differs = "; ".join([*failed, *each.notes])
        table.add_row(
            each.recipe.name, escape(each.images), str(len(each.methods)), escape(differs)
        )
    console.print(table)
    for each in results:
        click.echo(f"{each.recipe.name}: {next(iter(each.files), '')}")
