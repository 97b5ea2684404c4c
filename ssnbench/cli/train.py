"""``ssnbench train``: parse, call, print; torch is imported only once there is something to do."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from ssnbench.cli import options

if TYPE_CHECKING:
    from ssnbench.contracts import Image, Labels, Sample, Trainable
    from ssnbench.learning.config import TrainConfig
    from ssnbench.learning.result import TrainProgress, TrainResult
    from ssnbench.learning.validate import Validation, ValidationResult

STOPPED = 130
"""Exit code of a training that was asked to stop."""

_training = options.together(
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
    click.option("--annotators", type=int, help="Annotators whose segments of a patch count [4]."),
    click.option("--patch", type=int, help="Height and width of a patch, pixels [201]."),
    click.option(
        "--segments",
        "n_segments",
        metavar="INTEGER",
        callback=options.count,
        help="Superpixels in a patch [100].",
    ),
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
@click.argument("method", metavar="NAME")
@click.option(
    "--network",
    default="default",
    show_default=True,
    help="For ssn: default (what learned best), released (the authors' code), paper (their text).",
)
@_training
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
    method: str,
    network: str,
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
    """Train the algorithm NAME, such as ssn, on a dataset with segmentations or flow.

    A training that was stopped, even killed, goes on where it was when the same command is given
    again. Fields of --set are the trainer's, such as decay=0 or scaling.std=0.25, and the method's
    own, such as width=32; --variant, --k, --segments and --iterations are fields of ssn.
    """
    from ssnbench.learning import catalog, data
    from ssnbench.learning import settings as configs
    from ssnbench.learning.distributed import is_main
    from ssnbench.plugins.dataset_ref import dataset_ref

    options.add_plugins(plugin_files)
    cls = catalog.load_trainable(method)
    if any(setting.partition("=")[0].strip() == "?" for setting in settings):
        _list_fields(configs.described(cls))
        return 0
    given["device"] = given["device"] or configs.best_device()
    if given["learns"] == "flow" and "frames" in configs.fields(cls):
        given["frames"] = 2
    trainable, config = configs.configure(cls, network, given, settings)
    train_set = dataset_ref(dataset, train_split, data_root)
    if is_main():
        click.echo(f"reading {train_set.label}")
    validation = None
    if val_limit:
        counts = options.numbers(val_segments, "--val-segments")
        val_set = dataset_ref(dataset, val_split, data_root)
        validation = data.validation_of(val_set, config.learns, counts, val_limit)
    samples = data.samples_of(train_set, config.learns, limit)
    name = f"{trainable.name}.{train_set.label}"
    if config.learns == "flow":
        name += "-flow"
    folder = out or Path("reports") / "training" / name
    if is_main():
        _announce(name, config, samples, folder)
    result = _fit(trainable, config, samples, folder, validation, tensorboard)
    if is_main():
        _report(result, config)
        if result.finished:
            _say_how_to_use(result, trainable, method, dataset, plugin_files)
    return 0 if result.finished else STOPPED


def _list_fields(rows: list[tuple[str, str, str, str]]) -> None:
    """Print name, type, default and meaning of what --set can set, in columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for *columns, meaning in rows:
        padded = (text.ljust(width) for text, width in zip(columns, widths, strict=True))
        click.echo("  ".join((*padded, meaning)).rstrip())


def _announce(name: str, config: TrainConfig, samples: list[Sample], folder: Path) -> None:
    """Say what is about to be done, and where."""
    n_truths = sum(len(sample.truths) + (sample.flow is not None) for sample in samples)
    numbers = "bfloat16" if config.uses_bfloat16() else "float32"
    click.echo(
        f"{name}: {config.steps} steps of {config.batch} patches of {config.patch} x "
        f"{config.patch} from {len(samples)} images with {n_truths} truths, on {config.device} "
        f"in {numbers}, in {folder}"
    )


def _fit(
    trainable: Trainable,
    config: TrainConfig,
    samples: list[Sample],
    folder: Path,
    validation: Validation | None,
    tensorboard: bool,
) -> TrainResult:
    """Train, and show how it fares."""
    from ssnbench.cli.progress import TrainingProgress
    from ssnbench.learning.train import train as fit

    with ExitStack() as stack:
        watchers: list[Any] = [stack.enter_context(TrainingProgress())]
        if tensorboard:
            from ssnbench.learning.tensorboard import Board

            counts = validation.counts if validation else ()
            watchers.append(stack.enter_context(Board(folder, counts, _drawn)))

        def progress(now: TrainProgress) -> None:
            for watcher in watchers:
                watcher.progress(now)

        def validated(step: int, result: ValidationResult) -> None:
            for watcher in watchers:
                watcher.validated(step, result)

        return fit(
            trainable,
            config,
            samples,
            folder,
            validation=validation,
            progress=progress,
            validated=validated,
        )


def _drawn(image: Image, labels: Labels) -> Image:
    """An image with the boundaries of its superpixels, at twice its size."""
    from ssnbench.plots.overlay import painted, standing_out

    height, width = labels.shape
    return painted(image, labels, standing_out([image]), (2 * width, 2 * height))


def _report(result: TrainResult, config: TrainConfig) -> None:
    """Say where the training stands."""
    if not result.finished:
        click.echo(
            f"stopped after step {result.step} of {config.steps}; "
            "the same command goes on from here"
        )
        return
    measure = "ASA" if config.learns == "segments" else "minus the end-point error"
    score = "" if result.score is None else f", {measure} {result.score:.4f}"
    click.echo(f"best network: {result.weights} (after step {result.best_step}{score})")


def _say_how_to_use(
    result: TrainResult,
    trainable: Trainable,
    method: str,
    dataset: str,
    plugin_files: tuple[Path, ...],
) -> None:
    """Print the commands that use the new weights."""
    assert result.weights is not None
    parameters = trainable.parameters(result.weights)
    more = [f"--set {quote(f'{method}.{name}={value}')}" for name, value in parameters.items()]
    more += [f"--plugin {quote(str(file))}" for file in plugin_files]
    end = " ".join(more)
    uses = [f"ssnbench run --algos {method},slic --dataset {quote(dataset)} {end}"]
    if trainable.frames == 1:
        algo = "" if method == "ssn" else f"--algo {method} "
        uses.insert(0, f"ssnbench segment IMAGE {algo}{end}")
    for start, use in zip(("use it:", "       "), uses, strict=False):
        click.echo(f"{start} {use}")
