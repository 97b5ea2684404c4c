"""Images to train on and to validate with, and the score that decides which network is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ssnbench.contracts import Labels, Sample, UsageError
from ssnbench.flow.segments import residuals
from ssnbench.labels import count, enforce_connectivity
from ssnbench.learning.crops import Property
from ssnbench.learning.validate import Validation
from ssnbench.metrics import Reference, prepare, score, summarise
from ssnbench.plugins.dataset_ref import DatasetRef
from ssnbench.run.plan import SHOWN_IMAGES, check_counts


def samples_of(
    source: DatasetRef, learns: Property, limit: int | None = None, spread: bool = False
) -> list[Sample]:
    """Read images and truths of a dataset into memory.

    Parameters
    ----------
    source : Source
        The dataset.
    learns : {"segments", "flow"}
        Which truths are needed.
    limit : int, optional
        Take so many images only.
    spread : bool
        Take them evenly from the whole list instead of its beginning.
    """
    dataset = source.open()
    keys = dataset.keys()
    if limit is not None and limit < len(keys):
        keys = [keys[i * len(keys) // limit] for i in range(limit)] if spread else keys[:limit]
    return [_needed(dataset[key], learns) for key in keys]


def _needed(sample: Sample, learns: Property) -> Sample:
    """A sample without what would only take memory."""
    if learns == "flow":
        return replace(sample, truths=())
    return Sample(sample.key, sample.image, sample.truths)


def validation_of(
    source: DatasetRef, learns: Property, counts: Sequence[int], limit: int | None
) -> Validation:
    """Whole images on which networks are compared while one is trained.

    Parameters
    ----------
    source : Source
        The dataset; not what is trained on.
    learns : {"segments", "flow"}
        What the network learns: judged by :func:`achievable`, or by :func:`nearness`.
    counts : sequence of int
        Numbers of superpixels asked for.
    limit : int, optional
        So many images, spread evenly; all by default.

    Raises
    ------
    UsageError
        When no image has such a truth, or a count is below 1.
    """
    checked = check_counts(counts)
    found = samples_of(source, learns, limit, spread=True)
    samples = [sample for sample in found if sample.truths or sample.flow is not None]
    if not samples:
        truth = "a truth" if learns == "segments" else "flow"
        raise UsageError(
            f"no image of {source.label} ({source.split}) has {truth} to validate with: choose "
            "another --val-split, or go without: --val-limit 0"
        )
    judge = achievable() if learns == "segments" else nearness
    return Validation(samples, judge, checked, n_shown=SHOWN_IMAGES)


def nearness(labels: Labels, sample: Sample, n_segments: int) -> float:
    """Score of label maps for flow: the end-point error, in pixels, with a minus sign.

    After the benchmark's gate, and at the count asked for in the same way as ASA.
    """
    assert sample.flow is not None
    connected = enforce_connectivity(labels, n_segments).labels
    error = residuals(connected, sample.flow, sample.valid)
    mean = float(error.mean()) if error.size else 0.0
    return -mean * _excess(connected, n_segments)


def achievable() -> Callable[[Labels, Sample, int], float]:
    """Score of label maps: ASA after the benchmark's gate, at the count that was asked for.

    Mean over the truths of an image. Since a network whose superpixels fall apart is left with
    more of them, and would be rewarded for that, the error is brought to the count asked for by
    the law that methods follow on BSDS500: 1 - ASA falls as the count to the power of -1/3.

    Returns
    -------
    callable
        From labels int32 (H, W), sample and number of superpixels asked for to the score. It
        remembers what is prepared of an image's truths.
    """
    references: dict[str, Reference] = {}

    def asa(labels: Labels, sample: Sample, n_segments: int) -> float:
        if sample.key not in references:
            references[sample.key] = prepare(sample.truths, "seal")
        connected = enforce_connectivity(labels, n_segments).labels
        found = summarise(score(connected, references[sample.key], metrics=("asa",)))["asa"]
        return 1 - (1 - found) * _excess(connected, n_segments)

    return asa


def _excess(labels: Labels, n_segments: int) -> float:
    """By what an error would be larger at the count asked for."""
    return float((count(labels) / n_segments) ** (1 / 3))
