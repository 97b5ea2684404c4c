"""Images to train on and to validate with, and the score that decides which network is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ssnbench.contracts import Labels, Sample, UsageError
from ssnbench.labels import count, enforce
from ssnbench.metrics import Reference, prepare, score, summarise
from ssnbench.run.plan import SHOWN_IMAGES, Source, check_counts
from ssnbench.ssn.validate import Validation


def samples_of(source: Source, limit: int | None = None, spread: bool = False) -> list[Sample]:
    """Read images and truths of a dataset into memory.

    Parameters
    ----------
    source : Source
        The dataset.
    limit : int, optional
        Take so many images only.
    spread : bool
        Take them evenly from the whole list instead of its beginning.
    """
    dataset = source.open()
    keys = dataset.keys()
    if limit is not None and limit < len(keys):
        keys = [keys[i * len(keys) // limit] for i in range(limit)] if spread else keys[:limit]
    # without flow and second frame, which would only take memory
    return [
        Sample(sample.key, sample.image, sample.truths) for sample in map(dataset.__getitem__, keys)
    ]


def validation_of(source: Source, counts: Sequence[int], limit: int | None) -> Validation:
    """Whole images on which networks are compared while one is trained, by :func:`achievable`.

    Parameters
    ----------
    source : Source
        The dataset; not what is trained on.
    counts : sequence of int
        Numbers of superpixels asked for.
    limit : int, optional
        So many images, spread evenly; all by default.

    Raises
    ------
    UsageError
        When no image has a truth, or a count is below 1.
    """
    checked = check_counts(counts)
    samples = [sample for sample in samples_of(source, limit, spread=True) if sample.truths]
    if not samples:
        raise UsageError(
            f"no image of {source.label} ({source.split}) has a truth to validate with: choose "
            "another --val-split, or go without: --val-limit 0"
        )
    return Validation(samples, achievable(), checked, n_shown=SHOWN_IMAGES)


def achievable() -> Callable[[Labels, Sample, int], float]:
    """Score of label maps: ASA after the benchmark's gate, at the count that was asked for.

    Mean over the truths of an image. Since a network whose superpixels fall apart is left with
    more of them, and would be rewarded for that, the error is brought to the count asked for by
    the law that methods follow on BSDS500: 1 - ASA falls as the count to the power of -1/3.

    Returns
    -------
    callable
        From raw labels int32 (H, W), sample and number of superpixels asked for to the score. It
        remembers what is prepared of an image's truths.
    """
    references: dict[str, Reference] = {}

    def asa(labels: Labels, sample: Sample, n_segments: int) -> float:
        if sample.key not in references:
            references[sample.key] = prepare(sample.truths, "seal")
        connected = enforce(labels, n_segments)
        found = summarise(score(connected, references[sample.key], metrics=("asa",)))["asa"]
        return 1 - (1 - found) * (count(connected) / n_segments) ** (1 / 3)

    return asa
