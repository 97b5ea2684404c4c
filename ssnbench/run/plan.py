"""From what the user asks for to a list of jobs, each with a stable key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ssnbench import plugins
from ssnbench.contracts import JobKey, UsageError
from ssnbench.metrics import Protocol, with_metrics
from ssnbench.metrics import protocol as find_protocol
from ssnbench.perturb import Perturbation, perturbed_label
from ssnbench.perturb import parse as parse_perturbations
from ssnbench.plugins.dataset_ref import DatasetRef
from ssnbench.plugins.variant import Variant, parse_list, with_params
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
    source : Source
        The dataset.
    make : LabelSource
        Where the label map comes from.
    metrics : tuple of str
        What is scored: the metrics of the protocol that the dataset defines.
    gate : bool
        Enforce connectivity; what others made may be scored as it is.
    certify : bool
        Note what should be known of a map that somebody else made.
    keep : bool
        Store the label map.
    show : bool
        Store the picture and the label map: the report shows them.
    plugin_files : tuple of Path
        Loose plug-in files that a worker must know.
    """

    key: JobKey
    label: str
    source: DatasetRef
    make: LabelSource
    metrics: tuple[str, ...]
    gate: bool = True
    certify: bool = False
    keep: bool = False
    show: bool = False
    plugin_files: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Everything that a run is going to do."""

    source: DatasetRef
    variants: tuple[Variant, ...]
    n_asked: tuple[int, ...]
    protocol: str
    images: tuple[str, ...]
    jobs: tuple[Job, ...]
    plugin_files: tuple[Path, ...] = ()

    @property
    def n_shown(self) -> int:
        """The count that pictures and times are made at."""
        return _middle(self.n_asked)


def protocol_on(source: DatasetRef, protocol: str, metrics: str = "") -> Protocol:
    """Look up a protocol; without a tolerance it takes that of the dataset, if there is one.

    Parameters
    ----------
    source : DatasetRef
        The dataset.
    protocol : str
        As the user wrote it.
    metrics : str
        Other metrics than the protocol's own, see :func:`ssnbench.metrics.with_metrics`.
    """
    chosen = find_protocol(protocol)
    own = source.tolerances.get(chosen.name)
    if own is not None and "(" not in protocol:
        chosen = chosen.with_tolerance(own)
    return with_metrics(chosen, metrics)


def scored_on(source: DatasetRef, protocol: Protocol) -> tuple[str, ...]:
    """Metrics of a protocol that are defined on a dataset."""
    undefined = source.undefined
    return tuple(name for name in protocol.metrics if name not in undefined)


def choose_algorithms(algos: str, settings: Sequence[str] = ()) -> tuple[Variant, ...]:
    """Resolve ``--algos`` and the ``algorithm.parameter=value`` settings of ``--set``."""
    variants = parse_list("algorithms", algos)
    if not variants:
        raise UsageError("no algorithm given; see: ssnbench list algos")
    for setting in settings:
        variants = _apply(setting, variants)
    return tuple(dict.fromkeys(variants))


def check_counts(n_asked: Sequence[int]) -> tuple[int, ...]:
    """Sort the numbers of superpixels, each once; they must be 1 or more."""
    if not n_asked or min(n_asked) < 1:
        raise UsageError(f"superpixels are counted from 1, got {min(n_asked, default='nothing')}")
    return tuple(sorted(set(n_asked)))


def make(
    variants: Sequence[Variant],
    source: DatasetRef,
    n_asked: Sequence[int],
    protocol: str = "seal",
    limit: int | None = None,
    keep_labels: bool = False,
    plugin_files: Sequence[Path] = (),
    perturb: str | None = None,
    metrics: str = "",
) -> Plan:
    """List the jobs, image by image, so that a worker can keep what it read of an image.

    Parameters
    ----------
    variants : sequence of Variant
        The algorithms.
    source : Source
        The dataset.
    n_asked : sequence of int
        Numbers of superpixels to ask for.
    protocol : str
        Protocol that the label maps are scored under.
    limit : int, optional
        Take only the first images.
    keep_labels : bool
        Store every label map, not only those that the report shows.
    plugin_files : sequence of Path
        Loose plug-in files that workers must know.
    perturb : str, optional
        Perturbations of every image, see :mod:`ssnbench.perturb`; their results are filed beside
        those of the original, under a dataset of their own.
    metrics : str
        Other metrics than the protocol's own, see :func:`ssnbench.metrics.with_metrics`.
    """
    counts = check_counts(n_asked)
    keys = source.open().keys()
    images = tuple(keys if limit is None else keys[: max(0, limit)])
    if not images:
        raise UsageError(f"{source.label} has no images to run on (split {source.split})")
    chosen = protocol_on(source, protocol, metrics)
    scored = scored_on(source, chosen)
    middle = _middle(counts)
    perturbations = () if perturb is None else parse_perturbations(perturb)
    filed = [
        (variant, variant.canonical("algorithms"), variant.version("algorithms"))
        for variant in variants
    ]
    jobs = tuple(
        Job(
            JobKey(variant.name, params, dataset, source.split, image, n, chosen.key, version),
            variant.label,
            source,
            maker,
            scored,
            keep=keep_labels,
            show=dataset == source.label and image in images[:SHOWN_IMAGES] and n == middle,
            plugin_files=tuple(plugin_files),
        )
        for image in images
        for variant, params, version in filed
        for n in counts
        for dataset, maker in _made_of(source, variant, perturbations)
    )
    return Plan(source, tuple(variants), counts, chosen.key, images, jobs, tuple(plugin_files))


def _made_of(
    source: DatasetRef, variant: Variant, perturbations: Sequence[Perturbation]
) -> Iterator[tuple[str, LabelSource]]:
    """Yield what a method is run on, and how: the image as it is, then every perturbation."""
    plain = Computed(variant)
    yield source.label, plain
    for perturbation in perturbations:
        yield perturbed_label(source.label, perturbation), Perturbed(plain, perturbation)


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
