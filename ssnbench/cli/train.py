"""``ssnbench train``: parse, call, print; torch is imported only once there is something to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ssnbench.cli import options
from ssnbench.cli.commands import command_line, launcher, uses_of
from ssnbench.cli.folders import folder_name
from ssnbench.cli.moments import clock, moment
from ssnbench.cli.training_files import PAGE, PICTURE, TrainingFiles

if TYPE_CHECKING:
    from ssnbench.contracts import Image, Labels, Sample, Trainable
    from ssnbench.learning.card import Provenance
    from ssnbench.learning.config import TrainConfig
    from ssnbench.learning.result import TrainProgress, TrainResult
    from ssnbench.learning.validate import Validation, ValidationResult

VAL_IMAGES = 20
"""Images of a validation, unless the user says how many."""

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
        help="Only N of its images, spread evenly [20, or fewer for a short training]; "
        "0: keep the last network, without validation.",
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
@click.option(
    "--until",
    metavar="TIME",
    help="Stop in time, with a checkpoint: 18:30, 2h30m or 2026-03-01T18:30.",
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
    val_limit: int | None,
    val_segments: str,
    data_root: Path | None,
    plugin_files: tuple[Path, ...],
    settings: tuple[str, ...],
    until: str | None,
    tensorboard: bool,
    out: Path | None,
    **given: Any,
) -> int:
    """Train the algorithm NAME, such as ssn, on a dataset with segmentations or flow.

    A training that was stopped, even killed, goes on where it was when the same command is
    given again; one that was stopped, by --until or Ctrl-C, ends with exit code 130. Fields of
    --set are the trainer's, such as decay=0 or scaling.std=0.25, and the method's own, such as
    width=32; --variant, --k, --segments and --iterations are fields of ssn.
    """
    from ssnbench.learning import catalog, data
    from ssnbench.learning import settings as configs
    from ssnbench.learning.card import Provenance
    from ssnbench.learning.distributed import is_main
    from ssnbench.plugins.dataset_ref import dataset_ref
    from ssnbench.run.environment import machine

    options.add_plugins(plugin_files)
    cls = catalog.load_trainable(method)
    if any(setting.partition("=")[0].strip() == "?" for setting in settings):
        _list_fields(cls)
        return 0
    started = datetime.now().astimezone()
    end = moment(until, started) if until else None
    given["device"] = given["device"] or configs.best_device()
    if given["learns"] == "flow" and "frames" in configs.fields(cls):
        given["frames"] = 2
    trainable, config = configs.configure(cls, network, given, settings)
    train_set = dataset_ref(dataset, train_split, data_root)
    if is_main():
        click.echo(f"reading {train_set.label}")
    validation = None
    if val_limit != 0:
        counts = options.numbers(val_segments, "--val-segments")
        val_set = dataset_ref(dataset, val_split, data_root)
        validation = data.validation_of(val_set, config.learns, counts, val_limit or VAL_IMAGES)
        validation = validation if val_limit else validation.affordable(config)
    samples = data.samples_of(train_set, config.learns, limit)
    name = f"{trainable.name}.{train_set.label}" + "-flow" * (config.learns == "flow")
    folder = out or Path("reports") / "training" / folder_name(name)
    best, label = folder / "best.safetensors", train_set.label
    provenance = Provenance(
        title=name,
        data=f"{label}, {train_split}: {_counted(samples)}",
        validated_on=f"{label}, {val_split}: {len(validation.samples)} images"
        if validation
        else "",
        licence=train_set.licence,
        machine=machine() if is_main() else "",
        command=launcher() + command_line(click.get_current_context(), without=("until",)),
        uses=uses_of(best, trainable, method, dataset, plugin_files),
        picture=PICTURE,
    )
    job = _Job(trainable, config, samples, folder, validation, end, provenance)
    if is_main():
        _announce(job)
    result = _fit(job, tensorboard)
    if is_main():
        click.echo(_ended(result, job))
        if result.finished:
            for start, use in zip(("use it:", "       "), provenance.uses, strict=False):
                click.echo(f"{start} {use}")
    return 0 if result.finished else STOPPED


@dataclass(frozen=True)
class _Job:
    """A training that is about to begin, or to go on."""

    trainable: Trainable
    config: TrainConfig
    samples: list[Sample]
    folder: Path
    validation: Validation | None
    until: datetime | None
    provenance: Provenance


def _list_fields(cls: type[Trainable]) -> None:
    """Print what --set can set, with type and meaning, in columns."""
    from ssnbench.cli.tables import list_settings
    from ssnbench.learning.config import TrainConfig
    from ssnbench.learning.settings import described

    list_settings({"the method's": described(cls), "the trainer's": described(TrainConfig)})


def _counted(samples: list[Sample]) -> str:
    n_truths = sum(len(sample.truths) + (sample.flow is not None) for sample in samples)
    return f"{len(samples)} images with {n_truths} truths"


def _announce(job: _Job) -> None:
    """Say what is about to be done, how long, and where."""
    config, numbers = job.config, "bfloat16" if job.config.uses_bfloat16() else "float32"
    side, data = config.patch, _counted(job.samples)
    click.echo(
        f"{job.provenance.title}: {config.steps} steps of {config.batch} patches of "
        f"{side} x {side} from {data}, on {config.device} in {numbers}, in {job.folder}"
    )
    if job.validation is not None:
        every = config.validation_interval(job.validation.n_pixels)
        often = f"every {every} steps and at the end" if every < config.steps else "at the end"
        click.echo(f"validation {often}, on {len(job.validation.samples)} images")
    click.echo(f"to follow it: {job.folder / PAGE}")
    if job.until is not None:
        click.echo(f"until {clock(job.until, datetime.now().astimezone())} at the latest")


def _fit(job: _Job, tensorboard: bool) -> TrainResult:
    """Train, and show how it fares."""
    from ssnbench.cli.progress import TrainingProgress
    from ssnbench.learning.train import train as fit

    with ExitStack() as stack:
        measure = job.validation.measure if job.validation else ""
        files = TrainingFiles(job.folder, job.provenance, measure, job.config.steps)
        watchers: list[Any] = [stack.enter_context(TrainingProgress()), files]
        if tensorboard:
            from ssnbench.learning.tensorboard import Board

            counts = job.validation.counts if job.validation else ()
            watchers.append(stack.enter_context(Board(job.folder, counts, _drawn)))

        def progress(now: TrainProgress) -> None:
            for watcher in watchers:
                watcher.progress(now)

        def validated(step: int, result: ValidationResult) -> None:
            for watcher in watchers:
                watcher.validated(step, result)

        with _errors_shown(files):
            result = fit(
                job.trainable,
                job.config,
                job.samples,
                job.folder,
                validation=job.validation,
                until=job.until,
                provenance=job.provenance,
                progress=progress,
                validated=validated,
                validating=watchers[0].validating,
            )
        text = _ended(result, job)
        files.end(f"Finished; {text}." if result.finished else f"{text.capitalize()}.")
    return result


@contextmanager
def _errors_shown(files: TrainingFiles) -> Iterator[None]:
    """Let the page say, too, why a training could not go on."""
    from ssnbench.learning.result import DivergedError

    try:
        yield
    except DivergedError as error:
        files.end(str(error))
        raise


def _drawn(image: Image, labels: Labels) -> Image:
    """An image with the boundaries of its superpixels, at twice its size."""
    from ssnbench.plots.overlay import painted, standing_out

    height, width = labels.shape
    return painted(image, labels, standing_out([image]), (2 * width, 2 * height))


def _ended(result: TrainResult, job: _Job) -> str:
    """Say where the training stands."""
    if result.finished:
        measure = "ASA" if job.config.learns == "segments" else "minus the end-point error"
        score = "" if result.score is None else f", {measure} {result.score:.4f}"
        return f"best network: {result.weights} (after step {result.best_step}{score})"
    is_late = result.cause == "time" and job.until is not None
    when = f"for the time that --until names, at {datetime.now():%H:%M}, " if is_late else ""
    more = ", with a later --until" if is_late else ""
    return (
        f"stopped {when}after step {result.step} of {job.config.steps}; "
        f"the same command goes on from here{more}"
    )
