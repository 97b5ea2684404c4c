"""One job becomes one outcome: segment, connect, score. An error becomes rows, never a crash."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np

from ssnbench import plugins
from ssnbench.contracts import Dataset, Image, JobKey, Labels, Record, Sample, Status
from ssnbench.flow import pack_flow
from ssnbench.kernels.components import components
from ssnbench.labels import Connected, checked, consecutive, count, enforce_connectivity
from ssnbench.metrics import Reference, prepare, score
from ssnbench.metrics.agreement import agreement
from ssnbench.plugins.dataset_ref import DatasetRef
from ssnbench.run.label_sources import Computed, FromStore, NotThere, Perturbed
from ssnbench.run.plan import Job

_LONGEST_REASON = 300


@dataclass(frozen=True)
class Outcome:
    """What a job leaves behind: its rows and, where wanted, label map, picture and flow."""

    records: tuple[Record, ...]
    labels: Labels | None = None
    png: bytes | None = None
    flow: bytes | None = None

    @property
    def status(self) -> Status:
        """Status of the job; its rows all have the same."""
        return self.records[0].status


def do(job: Job) -> Outcome:
    """Do one job; whatever goes wrong in data or method is told in the outcome's rows."""
    key = job.key
    if isinstance(job.label_source, NotThere):
        return refused(key, job.label, "missing", job.label_source.why)
    for file in job.metric_files:
        plugins.add_file(file)
    try:
        sample = _sample(job.dataset, key.image, key.data_version)
        reference = _reference(job.dataset, key.image, key.data_version, key.protocol)
    except (Exception, SystemExit) as error:
        return refused(key, job.label, "failed", reason(error))
    n_truths = len(sample.truths)
    if job.enforce_connectivity and key.n_asked > sample.image[..., 0].size:
        why = f"more superpixels than pixels: {key.n_asked} in {_size(sample.image)}"
        return refused(key, job.label, "skipped", why, n_truths)
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            outcome = _scored(job, job.label_source(sample, key.n_asked), sample, reference)
    except (Exception, SystemExit) as error:  # a script made a method may end its process politely
        return refused(key, job.label, "failed", reason(error), n_truths)
    return Outcome(
        tuple(_with_reason(record, warned) for record in outcome.records),
        outcome.labels if job.keep or job.show else None,
        encode_png(sample.image) if job.show else None,
        pack_flow(sample.flow, sample.valid) if job.show and sample.flow is not None else None,
    )


def _scored(job: Job, raw: object, sample: Sample, reference: Reference) -> Outcome:
    """Check a label map, make it connected where wanted, and score it against every truth."""
    labels = checked(raw, sample.image.shape[:2])
    n_raw = count(labels)
    made, n_made, n_components = (
        enforce_connectivity(labels, job.key.n_asked or n_raw)
        if job.enforce_connectivity
        else Connected(consecutive(labels), n_raw, components(labels)[1])
    )
    rows = score(made, reference, sample.image, job.metrics, sample.flow, sample.valid)
    if job.certify:
        rows = [row | certificate(labels) for row in rows]
    if isinstance(job.label_source, Perturbed):
        method, key = job.label_source.computed, job.key
        plain = _unperturbed(method, job.dataset, key.image, key.data_version, key.n_asked)
        alike = agreement(made, plain)
        rows = [row | alike for row in rows]
    why = ""
    if isinstance(job.label_source, FromStore):  # the map is what became of what was made
        kept = job.label_source.kept
        n_raw, n_components = kept.n_raw or n_raw, kept.n_components or n_components
        why = kept.reason
    records = [
        Record(job.key, truth, job.label, "ok", why, n_raw, n_components, n_made, scores)
        for truth, scores in _numbered(rows, len(sample.truths)).items()
    ]
    return Outcome(tuple(records), made)


def certificate(labels: Labels) -> dict[str, float]:
    """What should be known of a map that somebody else made, beside the counts of its record.

    Returns
    -------
    dict
        ``smallest``: pixels of its smallest superpixel; ``unlabelled``: pixels below 0.
    """
    sizes = np.bincount(consecutive(labels).reshape(-1))
    return {"smallest": float(sizes.min()), "unlabelled": float((labels < 0).sum())}


def refused(key: JobKey, label: str, status: Status, why: str, n_truths: int = 0) -> Outcome:
    """Rows of a job that came to nothing: one per truth, as if it had been scored."""
    truths = range(n_truths) if n_truths else (-1,)
    return Outcome(tuple(Record(key, truth, label, status, why) for truth in truths))


def reason(error: BaseException) -> str:
    """One line that says what went wrong."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= _LONGEST_REASON else f"{text[: _LONGEST_REASON - 1]}…"


def encode_png(image: Image) -> bytes:
    """Return the picture as PNG."""
    done, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    if not done:
        raise ValueError(f"cannot encode a picture of {_size(image)} as PNG")
    return bytes(data)


def _numbered(rows: Sequence[Mapping[str, float]], n_truths: int) -> dict[int, Mapping[str, float]]:
    """Number the rows by truth; the one row of an image without truths is number -1."""
    return dict(enumerate(rows)) if n_truths else {-1: rows[0]}


def _with_reason(record: Record, warned: Sequence[warnings.WarningMessage]) -> Record:
    """Note what the method warned of: a reader of the results should know it, too."""
    if not warned:
        return record
    notes = "; ".join(dict.fromkeys(str(warning.message) for warning in warned))
    return replace(record, reason=notes[:_LONGEST_REASON])


def _size(image: Image) -> str:
    return f"{image.shape[0]} x {image.shape[1]}"


# A worker does the jobs of an image one after the other: what it read is kept for the next. The
# version of the data is part of what is asked for, so that no changed image is taken from memory.


@lru_cache(maxsize=4)
def _dataset(dataset: DatasetRef) -> Dataset:
    return dataset.open()


@lru_cache(maxsize=2)
def _sample(dataset: DatasetRef, image: str, _data_version: str) -> Sample:
    return _dataset(dataset)[image]


@lru_cache(maxsize=2)
def _reference(dataset: DatasetRef, image: str, data_version: str, protocol: str) -> Reference:
    sample = _sample(dataset, image, data_version)
    return prepare(sample.truths, protocol, shape=sample.image.shape[:2])


@lru_cache(maxsize=1)
def _unperturbed(
    method: Computed, dataset: DatasetRef, image: str, data_version: str, n_asked: int
) -> Labels:
    """Superpixels of the image as it is; the jobs that perturb it follow one another."""
    sample = _sample(dataset, image, data_version)
    labels = checked(method(sample, n_asked), sample.image.shape[:2])
    return enforce_connectivity(labels, n_asked).labels
