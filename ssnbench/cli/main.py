"""The command line: parse, call, print."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ssnbench.cli import options
from ssnbench.cli.console import any_encoding
from ssnbench.cli.data import data
from ssnbench.cli.folders import folder_name
from ssnbench.cli.notes import notes_in_plain_words
from ssnbench.cli.reproduce import reproduce
from ssnbench.cli.results import annotators, compare, forget, merge
from ssnbench.cli.segment import segment
from ssnbench.cli.time import time_
from ssnbench.cli.train import train
from ssnbench.contracts import UsageError
from ssnbench.io.listing import NOT_TEXT
from ssnbench.run.engines import ENGINES

if TYPE_CHECKING:
    from ssnbench.run.plan import Plan


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``ssnbench``; return 0 done, 1 some jobs failed, 2 wrong use."""
    with any_encoding():
        return _main(argv)


def _main(argv: Sequence[str] | None) -> int:
    try:
        for argument in sys.argv[1:] if argv is None else argv:
            argument.encode()  # at once, since what is no text cannot be kept among the results
        with notes_in_plain_words():
            return commands.main(argv, prog_name="ssnbench", standalone_mode=False) or 0
    except UsageError as error:
        click.echo(f"ssnbench: {error}", err=True)
        return 2
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except UnicodeEncodeError as error:
        name = error.object[max(error.start - 40, 0) : error.end + 40]
        click.echo(f"ssnbench: {name!r} {NOT_TEXT}", err=True)
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped; the same command goes on from here", err=True)
        return 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="ssnbench")
def commands() -> None:
    """Benchmark and evaluation suite for superpixel algorithms."""


for _command in (segment, train, time_, data, compare, merge, forget, annotators, reproduce):
    commands.add_command(_command)

_split = click.option("--split", help="Part of the dataset [its own default, mostly test].")
_limit = click.option("--limit", type=click.IntRange(min=1), help="Only the first N images.")
_workers = click.option(
    "--jobs", "n_workers", type=click.IntRange(min=1), help="Worker processes [one per core]."
)
_backend = click.option(
    "--backend",
    type=click.Choice(list(ENGINES)),
    default="loky",
    show_default=True,
    help="How the jobs are distributed.",
)
_on_data = options.together(_split, _limit, _workers, _backend, options.plugin, options.data_root)


@commands.command()
@click.option("--algos", help="Algorithms, such as slic,ssn(variant=pix) [a handful].")
@click.option("--dataset", default="collage", show_default=True, help="Dataset.")
@click.option("--segments", help="Numbers of superpixels, such as 100,200 [100,200,400,800].")
@click.option("--protocol", default="seal", show_default=True, help="Definitions of the metrics.")
@options.metrics
@_on_data
@options.settings
@click.option("--out", type=options.PATH, help="Folder of the results [reports/DATASET-SPLIT].")
@click.option("--keep-labels", is_flag=True, help="Keep every label map, to score it again later.")
@click.option("--perturb", help="Also perturb the images, such as noise,blur(2): robustness.")
@click.option(
    "--times",
    type=click.Choice(["missing", "again", "no"]),
    is_flag=False,
    flag_value="missing",
    default="missing",
    show_default=True,
    help="Which times of the algorithms to take, too; again replaces those that are there.",
)
@click.option("--no-times", "times", flag_value="no", help="The same as --times no.")
@options.wait
@options.even_if_busy
@options.mine
@click.option("--fresh", is_flag=True, help="Forget the results that the folder holds.")
def run(
    algos: str | None,
    dataset: str,
    segments: str | None,
    protocol: str,
    metrics: str,
    split: str | None,
    limit: int | None,
    n_workers: int | None,
    backend: str,
    plugin_files: tuple[Path, ...],
    data_root: Path | None,
    settings: tuple[str, ...],
    out: Path | None,
    keep_labels: bool,
    perturb: str | None,
    times: str,
    wait: float | None,
    even_if_busy: bool,
    mine: str | None,
    fresh: bool,
) -> int:
    """Run algorithms over a dataset, score them, and write a report.

    A run that was stopped goes on where it was: only what is missing is computed.
    """
    from ssnbench.cli.progress import Progress
    from ssnbench.plugins.dataset_ref import dataset_ref
    from ssnbench.results.store import Store
    from ssnbench.run import benchmark, plan

    options.add_plugins(plugin_files)
    images = dataset_ref(dataset, split, data_root)
    todo = plan.make(
        plan.choose_algorithms(algos or plan.DEFAULT_ALGORITHMS, settings),
        images,
        options.numbers(segments, "--segments") if segments is not None else plan.DEFAULT_SEGMENTS,
        protocol,
        limit,
        keep_labels,
        perturb,
        metrics,
    )
    rules = options.timing_rules(wait, even_if_busy, times == "again")
    folder = out or Path("reports") / folder_name(f"{images.label}-{images.split}")
    if mine is not None:
        _check_mine(mine, todo, folder)
    if fresh:
        benchmark.clear(folder)
    with Store(folder) as store, Progress() as progress:
        changed = benchmark.compute(
            todo.jobs, store, n_workers or _cores(), backend, progress.listener
        )
        timed = benchmark.take_times(todo, store, progress.listener, rules) if times != "no" else 0
    changed = changed or timed > 0 or mine is not None
    return _finish(folder, changed=changed, data_root=data_root, mine=mine)


@commands.command()
@click.argument("folder", type=options.PATH)
@click.option("--single", is_flag=True, help="Write report.html, one file with a choice of images.")
@options.mine
@options.plugin
@options.data_root
def report(folder: Path, plugin_files: tuple[Path, ...], **how: Any) -> int:
    """Draw tables, figures and page of FOLDER again from what is stored there."""
    options.add_plugins(plugin_files)
    return _finish(folder, changed=True, **how)


@commands.command()
@click.argument("labels", type=options.PATH)
@click.option("--dataset", help="Dataset that the label maps belong to.")
@click.option("--name", help="Name of the method [that of the folder].")
@click.option("--protocol", default="seal", show_default=True, help="Definitions of the metrics.")
@options.metrics
@click.option(
    "--enforce-connectivity", is_flag=True, help="Make the maps connected first, as run does."
)
@_on_data
@click.option(
    "--out",
    type=options.PATH,
    help="Folder of the results [reports/NAME-on-DATASET-SPLIT; that of the run].",
)
def evaluate(
    labels: Path,
    dataset: str | None,
    name: str | None,
    protocol: str,
    metrics: str,
    enforce_connectivity: bool,
    split: str | None,
    limit: int | None,
    n_workers: int | None,
    backend: str,
    plugin_files: tuple[Path, ...],
    data_root: Path | None,
    out: Path | None,
) -> int:
    """Score label maps that exist already.

    LABELS is a folder of label maps as their tool left it: files or subfolders with the image's
    name somewhere, and perhaps the count asked for, such as slic_200/IMAGE.csv (then --dataset says
    what they belong to); or the folder of a run with --keep-labels, whose maps are scored again
    under another --protocol or by other --metrics.
    """
    from ssnbench.cli.progress import Progress
    from ssnbench.cli.tables import show_certificates
    from ssnbench.plugins.dataset_ref import dataset_ref
    from ssnbench.results.store import FILE, Store
    from ssnbench.run import benchmark, precomputed

    options.add_plugins(plugin_files)
    if (labels / FILE).is_file():
        if dataset or name or enforce_connectivity or split or limit:
            raise UsageError(
                f"{labels} is the folder of a run, which knows its images and methods: leave out "
                "--dataset, --name, --enforce-connectivity, --split and --limit"
            )
        folder = out or labels
        jobs = precomputed.of_run(labels, protocol, data_root, metrics)
    elif dataset is None:
        raise UsageError(f"{labels} is no folder of a run; say which images: --dataset NAME")
    else:
        images = dataset_ref(dataset, split, data_root)
        called = name or labels.resolve().name
        default = folder_name(f"{called}-on-{images.label}-{images.split}")
        folder = out or Path("reports") / default
        maps = precomputed.label_map_folder(labels, folder, name)
        jobs = precomputed.of_folder(maps, images, protocol, enforce_connectivity, limit, metrics)
    with Store(folder) as results, Progress() as progress:
        changed = benchmark.compute(
            jobs, results, n_workers or _cores(), backend, progress.listener
        )
        table = results.records()
    show_certificates(table)
    return _finish(folder, changed=changed, data_root=data_root)


@commands.command("list")
@click.argument("what", type=click.Choice(["algos", "datasets", "metrics", "protocols"]))
@options.plugin
def list_(what: str, plugin_files: tuple[Path, ...]) -> int:
    """List what there is, with parameters, licences, formulas."""
    from ssnbench.cli import tables

    options.add_plugins(plugin_files)
    getattr(tables, f"list_{what}")()
    return 0


def _finish(folder: Path, changed: bool, **how: Any) -> int:
    """Draw the report unless it is up to date, say where it lies, and tell success from failure."""
    from ssnbench.cli.tables import show_summary

    page = folder / "index.html"
    if changed or not page.is_file():
        from ssnbench.report import draw

        page = draw(folder, **how)
    n_failed = show_summary(folder)
    click.echo(f"report: {page}")
    return int(n_failed > 0)


def _check_mine(mine: str, todo: Plan, folder: Path) -> None:
    """Refuse a name that is neither in the run nor in its folder, before anything is computed."""
    from ssnbench.analysis.sections import method_called
    from ssnbench.results.store import FILE, Store

    known: dict[str, str] = {}
    if (folder / FILE).is_file():
        with Store(folder, create=False) as store:
            known = store.algorithms_of_labels()
    method_called(known | {variant.label: variant.name for variant in todo.variants}, mine)


def _cores() -> int:
    import joblib

    return int(joblib.cpu_count())


if __name__ == "__main__":
    sys.exit(main())
