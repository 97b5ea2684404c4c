"""Statistics of a run: means with their intervals, and scores at equal made counts.

Three means of one metric are told apart (principle 3 of the benchmark):

- ``pair_mean``: over all (image, annotator) pairs, as the papers do; the number that is printed;
- ``image_mean``: over images, of the mean over an image's annotators;
- ``best_mean``: over images, of the annotator that suits the label map best.

A metric that no truth enters (explained variation, compactness) has one sample per image.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssnbench.metrics import METRICS
from ssnbench.run.store import KEY

FIXED = (*KEY, "truth", "label", "status", "reason", "n_raw", "n_components", "n_segments")
"""Columns of the records that are no scores."""

COVERAGE = 0.95
"""A mean at an equal made count is given when at least this share of the images reaches it."""

_ROUND = (1, 1.5, 2, 3, 4, 5, 6, 8)
_RESAMPLES = 1000
_LEVEL = 0.95


@dataclass(frozen=True)
class Section:
    """The rows that may be compared with one another: one dataset, split and protocol.

    Attributes
    ----------
    dataset, split, protocol : str
        What they share; the protocol as stored, ``name/version``.
    slug : str
        Unique in the report, fit for file names and HTML identifiers.
    rows : DataFrame
        All rows, whatever their status.
    metrics : tuple of str
        Columns of ``rows`` that hold at least one finite score.
    """

    dataset: str
    split: str
    protocol: str
    slug: str
    rows: pd.DataFrame
    metrics: tuple[str, ...]

    @property
    def scored(self) -> pd.DataFrame:
        """The rows whose job ended well."""
        return self.rows[self.rows["status"] == "ok"]

    @property
    def labels(self) -> list[str]:
        """Methods, in a stable order."""
        return sorted(self.rows["label"].unique())

    @property
    def yardstick(self) -> str:
        """The protocol as readers know it, without the version of our code."""
        return self.protocol.partition("/")[0]

    @property
    def title(self) -> str:
        """Dataset, split and protocol in one line."""
        return " · ".join(part for part in (self.dataset, self.split, self.yardstick) if part)


def sections(records: pd.DataFrame) -> list[Section]:
    """Split the records of a store by dataset, split and protocol, in the store's order."""
    names = score_columns(records)
    records = distinct_labels(records)
    # A score that is missing and one that is infinite say the same: there is nothing to average.
    scores = records[names].apply(pd.to_numeric, errors="coerce")
    records[names] = scores.astype(float).where(np.isfinite(scores.astype(float)))
    found: list[Section] = []
    for key, rows in records.groupby(["dataset", "split", "protocol"], sort=True):
        dataset, split, protocol = (str(part) for part in key)
        good = rows.loc[rows["status"] == "ok", names]
        metrics = tuple(name for name in names if is_shown(name) and good[name].notna().any())
        base = slugged(f"{dataset}-{split}-{protocol.partition('/')[0]}")
        slug = unused(base, {section.slug for section in found})
        found.append(Section(dataset, split, protocol, slug, rows, metrics))
    return found


def score_columns(records: pd.DataFrame) -> list[str]:
    """Names of the columns that hold scores: those of ``METRICS`` first, in its order."""
    there = [str(name) for name in records.columns if name not in FIXED]
    known = [name for name in METRICS if name in there]
    return known + [name for name in there if name not in METRICS]


def distinct_labels(records: pd.DataFrame) -> pd.DataFrame:
    """Tell apart methods that go by one label with different parameters.

    It happens when the default of a parameter changed between two runs into the same store.
    """
    records = records.copy()
    for label, rows in records.groupby("label"):
        variants = list(dict.fromkeys(zip(rows["algorithm"], rows["params"], strict=True)))
        for number, (algorithm, params) in enumerate(variants[1:], start=2):
            same = (records["algorithm"] == algorithm) & (records["params"] == params)
            records.loc[same & (records["label"] == label), "label"] = f"{label} #{number}"
    return records


def slugged(text: str) -> str:
    """Return ``text`` with everything replaced that may not stand in a file name."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text)
    return "-".join(part for part in plain.lower().split("-") if part) or "unnamed"


def unused(name: str, taken: Iterable[str]) -> str:
    """Return ``name``, numbered when it is taken."""
    number, free = 1, name
    while free in set(taken):
        number += 1
        free = f"{name}-{number}"
    return free


def summarise(section: Section) -> pd.DataFrame:
    """Return the means of every metric by method and asked count.

    Returns
    -------
    DataFrame
        One row per (label, n_asked, metric): ``n_segments`` (mean made count over images),
        ``pair_mean``, ``low`` and ``high`` (95 % bootstrap interval of the pair mean, images drawn
        with replacement; missing for a single image), ``image_mean``, ``best_mean``, ``n_images``,
        ``n_pairs`` (images and pairs with a score).
    """
    keys, metrics = ["label", "n_asked"], list(section.metrics)
    scored = section.scored
    made = scored.groupby([*keys, "image"])["n_segments"].first().groupby(keys).mean()
    total, pairs, best = _joined(scored, metrics)
    images = total.index.unique("image")
    weights = _resampled(len(images))
    found = []
    for key in made.index:
        sums, counts = (part.loc[key].reindex(images).fillna(0.0) for part in (total, pairs))
        low, high = _interval(sums.to_numpy(), counts.to_numpy(), weights)
        found.append(
            pd.DataFrame(
                {
                    "label": key[0],
                    "n_asked": key[1],
                    "n_segments": made[key],
                    "metric": metrics,
                    "pair_mean": _ratio(sums.sum().to_numpy(), counts.sum().to_numpy()),
                    "low": low,
                    "high": high,
                    "image_mean": (sums / counts).mean().to_numpy(),
                    "best_mean": best.loc[key].mean().to_numpy(),
                    "n_images": (counts > 0).sum().to_numpy(),
                    "n_pairs": counts.sum().to_numpy(dtype=int),
                },
                columns=_SUMMARY,
            )
        )
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=_SUMMARY)


_SUMMARY = [
    *("label", "n_asked", "n_segments", "metric", "pair_mean", "low", "high"),
    *("image_mean", "best_mean", "n_images", "n_pairs"),
]


def _joined(
    scored: pd.DataFrame, metrics: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Sum, number and best of an image's annotators, by (label, n_asked, image); a column each."""
    grouped = scored.groupby(["label", "n_asked", "image"])[list(metrics)]
    total, pairs = grouped.sum(), grouped.count()
    extremes = {"higher": grouped.max(), "lower": grouped.min()}
    undirected = pd.DataFrame(np.nan, index=total.index, columns=total.columns)
    best = pd.DataFrame({m: extremes.get(better(m), undirected)[m] for m in metrics})
    for metric in metrics:
        if not _judges_truth(metric):
            total[metric] /= pairs[metric].clip(lower=1)
            pairs[metric] = pairs[metric].clip(upper=1)
    return total, pairs, best


def _resampled(n_images: int) -> NDArray[np.float64]:
    """How often each image is drawn in each resample; the same draws serve every method."""
    generator = np.random.default_rng(0)
    even = np.full(n_images, 1 / max(n_images, 1))
    return generator.multinomial(n_images, even, size=_RESAMPLES).astype(np.float64)


def _interval(
    sums: NDArray[np.float64], counts: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Percentile interval of each column's pair mean; an image's annotators stay together.

    Parameters
    ----------
    sums, counts : float64 (images, metrics)
        Sum and number of the scores of each image.
    weights : float64 (resamples, images)
        How often each image is drawn.
    """
    means = _ratio(weights @ sums, weights @ counts)
    means[:, (counts > 0).sum(axis=0) < 2] = np.nan
    low, high = (np.full(means.shape[1], np.nan) for _ in range(2))
    known = np.isfinite(means).any(axis=0)
    tails = [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2]
    low[known], high[known] = np.nanquantile(means[:, known], tails, axis=0)
    return low, high


def _ratio(sums: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quotient that is missing where there is nothing to divide by."""
    empty = np.full(np.shape(sums), np.nan)
    return np.divide(sums, counts, out=empty, where=np.asarray(counts) > 0)


def better(metric: str) -> str:
    """``higher``, ``lower``, or nothing where a metric only describes or is not known."""
    return METRICS[metric].better if metric in METRICS else ""


def long_name(metric: str) -> str:
    """Name of a metric in full, its abbreviation behind."""
    return METRICS[metric].label if metric in METRICS else metric


def short_name(metric: str) -> str:
    """Abbreviation of a metric, as tables and axes have room for; its column where it has none."""
    _, opened, rest = long_name(metric).rpartition("(")
    return rest.rstrip(")") if opened else metric


def is_shown(metric: str) -> bool:
    """Whether a mean over annotators says something: not so of counts that are to be summed."""
    return metric not in METRICS or METRICS[metric].join == "mean"


def _judges_truth(metric: str) -> bool:
    """Whether the truth enters; what does not need it is the same for all annotators."""
    return metric not in METRICS or METRICS[metric].needs == "truth"


def round_counts(asked: Iterable[int], most: int = 5) -> list[int]:
    """Round numbers strictly between the lowest and the highest asked count, at most ``most``."""
    low, high = min(asked), max(asked)
    steps = sorted(round(10**power * step) for power in range(1, 7) for step in _ROUND)
    inside = [count for count in steps if low < count < high]
    if len(inside) <= most:
        return inside
    places = np.linspace(0, len(inside) - 1, most).round().astype(int)
    return [inside[place] for place in places]


def at_equal_counts(section: Section, counts: Sequence[int]) -> pd.DataFrame:
    """Return every metric at the same made counts for all methods.

    The curve of each image (made count, mean over its annotators) is interpolated linearly and
    never extended: an image whose curve does not reach a count has no value there. Where less than
    `COVERAGE` of a method's images reach it, the method has no value.

    Returns
    -------
    DataFrame
        One row per (label, n_segments, metric): ``image_mean`` (missing: refused), ``n_reached``
        and ``n_images`` (images that reach the count, and all of the method).
    """
    reached: dict[tuple[str, str], list[NDArray[np.float64]]] = {}
    for label, made, scores in _image_curves(section):
        for metric, values in scores.items():
            there = np.isfinite(values)
            if there.any():
                ends = {"left": np.nan, "right": np.nan}
                curve = np.interp(counts, made[there], values[there], **ends)
                reached.setdefault((label, metric), []).append(curve)
    rows = []
    for (label, metric), curves in sorted(reached.items()):
        for count, values in zip(counts, np.transpose(curves), strict=True):
            n_reached = int(np.isfinite(values).sum())
            enough = n_reached >= COVERAGE * len(values)
            mean = float(np.nanmean(values)) if enough else float("nan")
            rows.append((label, count, metric, mean, n_reached, len(values)))
    columns = ["label", "n_segments", "metric", "image_mean", "n_reached", "n_images"]
    return pd.DataFrame(rows, columns=columns)


def _image_curves(
    section: Section,
) -> Iterator[tuple[str, NDArray[np.float64], dict[str, NDArray[np.float64]]]]:
    """Yield, by label and image, the made counts in rising order and each metric's mean there."""
    keys = ["label", "image", "n_segments"]
    metrics = list(section.metrics)
    means = section.scored.groupby(keys, sort=True)[metrics].mean().reset_index()
    for (label, _), curve in means.groupby(["label", "image"], sort=True):
        made = curve["n_segments"].to_numpy(dtype=np.float64)
        values = curve[metrics].to_numpy(dtype=np.float64).T
        yield str(label), made, dict(zip(metrics, values, strict=True))


def troubles(records: pd.DataFrame) -> pd.DataFrame:
    """Count the jobs that failed, were skipped, warned, or have no row where others have one.

    Returns
    -------
    DataFrame
        One row per (dataset, split, label, n_asked, status, reason): ``images`` (how many) and
        ``example`` (one of them). Status ``missing``: the store holds no row.
    """
    keys = ["dataset", "split", "label", "n_asked", "status", "reason"]
    told = records[(records["status"] != "ok") | (records["reason"].fillna("") != "")]
    told = told.assign(status=told["status"].replace("ok", "warning"))
    found = pd.concat([told[[*keys, "image"]], _absent(records)], ignore_index=True)
    grouped = found.groupby(keys, sort=True)["image"].agg(images="nunique", example="min")
    return grouped.reset_index()


def _absent(records: pd.DataFrame) -> pd.DataFrame:
    """Jobs that the store holds for one method but not for another."""
    absent = []
    for place, rows in records.groupby(["dataset", "split", "protocol"]):
        jobs = rows[["n_asked", "image"]].drop_duplicates()
        for label, mine in rows.groupby("label"):
            both = jobs.merge(
                mine[["n_asked", "image"]].drop_duplicates(), indicator="from", how="left"
            )
            absent.append(
                both[both["from"] == "left_only"]
                .drop(columns="from")
                .assign(dataset=place[0], split=place[1], label=label)
            )
    lost = pd.concat(absent, ignore_index=True)
    return lost.assign(
        status="missing", reason="no row in the store: not asked for, or not reached"
    )
