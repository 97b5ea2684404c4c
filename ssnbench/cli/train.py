"""``ssnbench train``: parse, call, print; torch is imported only once there is something to do."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from ssnbench.cli import options

if TYPE_CHECKING:
    from ssnbench.contracts import Sample
    from ssnbench.learning.config import Recipe
    from ssnbench.learning.outcome import Outcome, Progress
    from ssnbench.learning.validate import Trial, Validation

STOPPED = 130
"""Exit code of a training that was asked to stop."""

_recipe = options.together(
    click.option(
        "--learns",
        type=click.Choice(["segments", "flow"]),
        help="What superpixels are to follow [segments]; flow is learnt from pairs of frames.",
    ),
    click.option("--variant", type=click.Choice(["deep", "linear"]), help="Which SSN [deep]."),
    click.option("--k", type=int, help="Channels of the features [20]."),
    click.option("--start", help="Weights to begin with, by name or file [random ones]."),
    click.option("--steps", type=int, help="Steps of Adam [50000]."),
    click.option("--batch", type=int, help="Patches of a step [8]."),
    click.option("--annotators", type=int, help="People whose segments of a patch count [4]."),
    click.option("--patch", type=int, help="Height and width of a patch, pixels [201]."),
    click.option("--segments", "n_segments", type=int, help="Superpixels in a patch [100]."),
    click.option("--iterations", "n_iter", type=int, help="Iterations of the clustering [5]."),
    click.option("--rate", type=float, help="Rate of Adam, at its peak [0.001]."),
    click.option("--schedule", type=click.Choice(["one-cycle", "constant"]), help="[one-cycle]"),
    click.option("--seed", type=int, help="Start of all randomness [0]."),
    click.option("--device", help="cpu or cuda [cuda where there is one]."),
    click.option(
        "--precision",
        type=click.Choice(["auto", "float32", "bfloat16"]),
        help="Of the convolutions [auto: bfloat16 where the hardware has it].",
    ),
)
_data = options.together(
    click.option("--dataset", default="collage(n_images=100)", show_default=True, help="Dataset."),
    click.option("--train-split", default="train", show_default=True, help="Part to learn from."),
    click.option("--limit", type=click.IntRange(min=1), help="Only its first N images."),
    click.option("--val-split", default="val", show_default=True, help="Part to validate with."),
    click.option(
        "--val-limit",
        type=click.IntRange(min=0),
        default=20,
        show_default=True,
        help="Only N of its images, spread evenly; 0: keep the last network, without validation.",
    ),
    click.option(
        "--val-segments", default="100,300,800", show_default=True, help="Superpixels asked for."
    ),
    options.data_root,
    options.plugin,
)


@click.command()
@click.argument("method", type=click.Choice(["ssn"]))
@click.option(
    "--network",
    type=click.Choice(["default", "released", "paper"]),
    default="default",
    show_default=True,
    help="What learned best, the network of the authors' code, or that of their text.",
)
@_recipe
@_data
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Any other field of a training; --set ?= lists them.",
)
@click.option("--tensorboard", is_flag=True, help="Write curves and pictures for TensorBoard, too.")
@click.option("--out", type=options.PATH, help="Folder [reports/training/MODEL.DATASET].")
def train(
    method: str,  # noqa: ARG001 - so far there is one
    network: Any,
    dataset: str,
    train_split: str,
    limit: int | None,
    val_split: str,
    val_limit: int,
    val_segments: str,
    data_root: Path | None,
    plugin_files: tuple[Path, ...],
    settings: tuple[str, ...],
    tensorboard: bool,
    out: Path | None,
    **given: Any,
) -> int:
    """Train a network on a dataset with segmentations or flow.

    A training that was stopped, even killed, goes on where it was when the same command is given
    again. Fields of --set are those of ssnbench.learning.config.Recipe and of its architecture and
    scaling, such as width=32, decay=0 or scaling.std=0.25.
    """
    from ssnbench.learning import data
    from ssnbench.learning import settings as recipes
    from ssnbench.learning.distributed import is_first
    from ssnbench.plugins.dataset_ref import dataset_ref

    options.add_plugins(plugin_files)
    given["device"] = given["device"] or recipes.best_device()
    given["frames"] = 2 if given["learns"] == "flow" else None
    recipe = recipes.recipe_of(network, given, settings)
    source = dataset_ref(dataset, train_split, data_root)
    if is_first():
        click.echo(f"reading {source.label}")
    validation = None
    if val_limit:
        counts = options.numbers(val_segments, "--val-segments")
        validated = dataset_ref(dataset, val_split, data_root)
        validation = data.validation_of(validated, recipe.learns, counts, val_limit)
    samples = data.samples_of(source, recipe.learns, limit)
    name = f"{recipes.name_of(recipe.architecture)}.{source.label}"
    if recipe.learns == "flow":
        name += "-flow"
    folder = out or Path("reports") / "training" / name
    if is_first():
        _announce(name, recipe, samples, folder)
    outcome = _fit(recipe, samples, folder, validation, tensorboard)
    if is_first():
        _report(outcome, recipe, dataset)
    return 0 if outcome.finished else STOPPED


def _announce(name: str, recipe: Recipe, samples: list[Sample], folder: Path) -> None:
    """Say what is about to be done, and where."""
    n_truths = sum(len(sample.truths) + (sample.flow is not None) for sample in samples)
    numbers = "bfloat16" if recipe.uses_bfloat16() else "float32"
    click.echo(
        f"{name}: {recipe.steps} steps of {recipe.batch} patches of {recipe.patch} x "
        f"{recipe.patch} from {len(samples)} images with {n_truths} truths, on {recipe.device} "
        f"in {numbers}, in {folder}"
    )


def _fit(
    recipe: Recipe,
    samples: list[Sample],
    folder: Path,
    validation: Validation | None,
    tensorboard: bool,
) -> Outcome:
    """Train, and show how it fares."""
    from ssnbench.cli.progress import TrainingProgress
    from ssnbench.learning.train import train as fit

    with ExitStack() as stack:
        watchers: list[Any] = [stack.enter_context(TrainingProgress())]
        if tensorboard:
            from ssnbench.learning.tensorboard import Board

            counts = validation.counts if validation else ()
            watchers.append(stack.enter_context(Board(folder, counts)))

        def progress(told: Progress) -> None:
            for watcher in watchers:
                watcher.progress(told)

        def tried(step: int, trial: Trial) -> None:
            for watcher in watchers:
                watcher.tried(step, trial)

        return fit(recipe, samples, folder, validation=validation, progress=progress, tried=tried)


def _report(outcome: Outcome, recipe: Recipe, dataset: str) -> None:
    """Say where the training stands and what to do next."""
    if not outcome.finished:
        click.echo(
            f"stopped after step {outcome.step} of {recipe.steps}; "
            "the same command goes on from here"
        )
        return
    measure = "ASA" if recipe.learns == "segments" else "minus the end-point error"
    score = "" if outcome.score is None else f", {measure} {outcome.score:.4f}"
    click.echo(f"best network: {outcome.weights} (after step {outcome.best_step}{score})")
    weights = quote(f"ssn.weights={outcome.weights}")
    uses = [f"ssnbench run --algos ssn,slic --dataset {quote(dataset)} --set {weights}"]
    if recipe.architecture.frames == 1:
        uses.insert(0, f"ssnbench segment IMAGE --set {weights}")
    for start, use in zip(("use it:", "       "), uses, strict=False):
        click.echo(f"{start} {use}")
