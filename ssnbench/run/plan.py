"""From what the user asks for to a list of jobs, each with a stable key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ssnbench import plugins
from ssnbench.contracts import JobKey, UsageError, whole_count
from ssnbench.metrics import Protocol, metric_files, with_metrics
from ssnbench.metrics import protocol as find_protocol
from ssnbench.perturb import Perturbation
from ssnbench.perturb import parse as parse_perturbations
from ssnbench.plugins.dataset_ref import DatasetRef
from ssnbench.plugins.variant import Variant, parse_list, with_params
from ssnbench.run.devices import check_devices
from ssnbench.run.label_sources import Computed, LabelSource, Perturbed

DEFAULT_ALGORITHMS = "ssn,slic,seeds,lsc,watershed,felzenszwalb,grid"
DEFAULT_SEGMENTS = (100, 200, 400, 800)
SHOWN_IMAGES = 3


@dataclass(frozen=True)
class Job:
    """One image, one algorithm, one count: the unit that is computed, stored and resumed.

    Attributes
    ----------
    key : JobKey
        What makes it this job.
    label : str
        The algorithm as the user wrote it.
    dataset : DatasetRef
        Where the image comes from.
    label_source : LabelSource
        Where the label map comes from.
    metrics : tuple of str
        What is scored: the metrics of the protocol that the dataset defines.
    metric_files : tuple of Path
        Loose plug-in files of metrics, which a worker must know.
    enforce_connectivity : bool
        Whether the map passes the connectivity step; one made elsewhere may be scored as it is.
    certify : bool
        Note what should be known of a map that was made elsewhere.
    keep : bool
        Store the label map.
    show : bool
        Store the picture and the label map: the report shows them.
    """

    key: JobKey
    label: str
    dataset: DatasetRef
    label_source: LabelSource
    metrics: tuple[str, ...]
    metric_files: tuple[Path, ...] = ()
    enforce_connectivity: bool = True
    certify: bool = False
    keep: bool = False
    show: bool = False


@dataclass(frozen=True)
class Plan:
    """Everything that a run is going to do."""

    dataset: DatasetRef
    variants: tuple[Variant, ...]
    n_asked: tuple[int, ...]
    protocol: Protocol
    images: tuple[str, ...]
    jobs: tuple[Job, ...]

    @property
    def n_shown(self) -> int:
        """The count that pictures and times are made at."""
        return _middle(self.n_asked)


def protocol_on(dataset: DatasetRef, text: str, metrics: str = "") -> Protocol:
    """Look up a protocol; without a tolerance it takes that of the dataset, if there is one.

    Parameters
    ----------
    dataset : DatasetRef
        What is scored by it.
    text : str
        The protocol as the user wrote it.
    metrics : str
        Other metrics than the protocol's own, see :func:`ssnbench.metrics.with_metrics`.
    """
    chosen = find_protocol(text)
    own = dataset.tolerances.get(chosen.name)
    if own is not None and "(" not in text:
        chosen = chosen.with_tolerance(own)
    return with_metrics(chosen, metrics)


def scored_on(dataset: DatasetRef, protocol: Protocol) -> tuple[str, ...]:
    """Metrics of a protocol that are defined on a dataset."""
    undefined = dataset.undefined
    return tuple(name for name in protocol.metrics if name not in undefined)


def choose_algorithms(algos: str, settings: Sequence[str] = ()) -> tuple[Variant, ...]:
    """Resolve ``--algos`` and the ``algorithm.parameter=value`` settings of ``--set``.

    Raises
    ------
    UsageError
        For an unknown algorithm or parameter, a value of another type, or a GPU that is not there.
    """
    variants = parse_list("algorithms", algos)
    if not variants:
        raise UsageError("no algorithm given; see: ssnbench list algos")
    for setting in settings:
        variants = _apply(setting, variants)
    check_devices(variants)
    return tuple(dict.fromkeys(variants))


def check_counts(n_asked: Sequence[int]) -> tuple[int, ...]:
    """Sort the numbers of superpixels, each once; they must be whole, 1 or more."""
    if not n_asked:
        raise UsageError("no number of superpixels is asked for; say such as 100,200")
    return tuple(sorted({whole_count(n) for n in n_asked}))


def make(
    variants: Sequence[Variant],
    dataset: DatasetRef,
    n_asked: Sequence[int],
    protocol: str = "seal",
    limit: int | None = None,
    keep_labels: bool = False,
    perturb: str | None = None,
    metrics: str = "",
) -> Plan:
    """List the jobs, image by image, so that a worker can keep what it read of an image.

    Parameters
    ----------
    variants : sequence of Variant
        The algorithms.
    dataset : DatasetRef
        The images.
    n_asked : sequence of int
        Numbers of superpixels to ask for.
    protocol : str
        What they are scored by.
    limit : int, optional
        Take only the first images.
    keep_labels : bool
        Store every label map, not only those that the report shows.
    perturb : str, optional
        Perturbations of every image, see :mod:`ssnbench.perturb`; they come beside the image as
        it is.
    metrics : str
        Other metrics than the protocol's own, see :func:`ssnbench.metrics.with_metrics`.

    Raises
    ------
    UsageError
        When the dataset has no images, or counts, protocol or perturbations are none.
    """
    counts = check_counts(n_asked)
    keys = dataset.open().keys()
    images = tuple(keys if limit is None else keys[: max(0, limit)])
    if not images:
        raise UsageError(f"{dataset.label} has no images to run on (split {dataset.split})")
    judged_by = protocol_on(dataset, protocol, metrics)
    scored, files = scored_on(dataset, judged_by), metric_files(judged_by)
    middle = _middle(counts)
    perturbations = () if perturb is None else parse_perturbations(perturb)
    shown = set(images[:SHOWN_IMAGES])
    methods = [
        (
            variant.name,
            variant.label,
            variant.canonical("algorithms"),
            variant.version("algorithms"),
            tuple(_label_sources(variant, perturbations)),
        )
        for variant in variants
    ]
    by_image = dataset.data_versions(images)
    name, protocol_name = dataset.label, judged_by.label  # computed at every call
    jobs = tuple(
        Job(
            JobKey(
                algorithm=algorithm,
                params=params,
                dataset=name,
                split=dataset.split,
                image=image,
                perturbation=text,
                n_asked=n,
                protocol=protocol_name,
                protocol_version=judged_by.version,
                metrics=judged_by.selection,
                code_version=code_version,
                data_version=by_image[image],
            ),
            label,
            dataset,
            source,
            scored,
            files,
            keep=keep_labels,
            show=not text and n == middle and image in shown,
        )
        for image in images
        for algorithm, label, params, code_version, sources in methods
        for n in counts
        for text, source in sources
    )
    return Plan(dataset, tuple(variants), counts, judged_by, images, jobs)


def _label_sources(
    variant: Variant, perturbations: Sequence[Perturbation]
) -> Iterator[tuple[str, LabelSource]]:
    """Yield what is done to an image, and the method run on it: as it is, then perturbed."""
    plain = Computed(variant)
    yield "", plain
    for perturbation in perturbations:
        yield perturbation.label, Perturbed(plain, perturbation)


def _middle(counts: Sequence[int]) -> int:
    return counts[len(counts) // 2]


def _apply(setting: str, variants: Sequence[Variant]) -> list[Variant]:
    target, equals, value = setting.partition("=")
    name, dot, parameter = target.strip().partition(".")
    if not equals or not dot:
        raise UsageError(f"cannot read --set {setting!r}; write algorithm.parameter=value")
    known = {variant.name for variant in variants}
    if name not in known:
        raise plugins.unknown("chosen algorithm", name, known, f"--algos has {', '.join(known)}")
    return [
        with_params("algorithms", variant, [(parameter, value)])
        if variant.name == name
        else variant
        for variant in variants
    ]
