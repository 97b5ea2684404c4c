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

SHOWN_IMAGES = 3
"""So many images of a validation are shown, as of a dataset in a report."""


def samples_of(
    dataset_ref: DatasetRef, learns: Property, limit: int | None = None, spread: bool = False
) -> list[Sample]:
    """Read images and truths of a dataset into memory.

    Parameters
    ----------
    dataset_ref : DatasetRef
        The dataset.
    learns : {"segments", "flow"}
        Which truths are needed.
    limit : int, optional
        Take so many images only.
    spread : bool
        Take them evenly from the whole list instead of its beginning.
    """
    dataset = dataset_ref.open()
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
    dataset_ref: DatasetRef, learns: Property, counts: Sequence[int], limit: int | None
) -> Validation:
    """Whole images on which networks are compared while one is trained.

    Parameters
    ----------
    dataset_ref : DatasetRef
        The dataset; not what is trained on.
    learns : {"segments", "flow"}
        What the network learns: judged by :func:`asa_at_n_asked`, or by :func:`negative_epe`.
    counts : sequence of int
        Numbers of superpixels asked for, sorted here, each once.
    limit : int, optional
        So many images, spread evenly; all by default.

    Raises
    ------
    UsageError
        When no image has such a truth, or a count is below 1.
    """
    if not counts or min(counts) < 1:
        raise UsageError(f"superpixels are counted from 1, got {min(counts, default='nothing')}")
    samples = samples_of(dataset_ref, learns, limit, spread=True)
    samples = [sample for sample in samples if sample.truths or sample.flow is not None]
    if not samples:
        truth = "a truth" if learns == "segments" else "flow"
        raise UsageError(
            f"no image of {dataset_ref.label} ({dataset_ref.split}) has {truth} to validate with: "
            "choose another --val-split, or go without: --val-limit 0"
        )
    is_flow = learns == "flow"
    judge, measure = (negative_epe, "minus EPE") if is_flow else (asa_at_n_asked(), "ASA")
    return Validation(samples, judge, tuple(sorted(set(counts))), SHOWN_IMAGES, measure)


def negative_epe(labels: Labels, sample: Sample, n_segments: int) -> float:
    """Score of label maps for flow: the end-point error, in pixels, with a minus sign.

    After the benchmark's connectivity step, and at the count asked for in the same way as ASA.
    """
    assert sample.flow is not None
    connected = enforce_connectivity(labels, n_segments).labels
    error = residuals(connected, sample.flow, sample.valid)
    mean = float(error.mean()) if error.size else 0.0
    return -mean * _error_ratio(connected, n_segments)


def asa_at_n_asked() -> Callable[[Labels, Sample, int], float]:
    """Score of label maps: ASA after connectivity, at the count that was asked for.

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
        mean = summarise(score(connected, references[sample.key], metrics=("asa",)))["asa"]
        return 1 - (1 - mean) * _error_ratio(connected, n_segments)

    return asa


def _error_ratio(labels: Labels, n_segments: int) -> float:
    """By what an error would be larger at the count asked for."""
    return float((count(labels) / n_segments) ** (1 / 3))
