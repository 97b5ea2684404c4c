"""Statistics of a run: means with their intervals, and scores at equal made counts.

Three means of one metric are told apart (principle 3 of the benchmark):

- ``pair_mean``: over all (image, annotator) pairs, as the papers do; the number that is printed;
- ``image_mean``: over images, of the mean over an image's annotators;
- ``best_mean``: over images, of the annotator that suits the label map best.

A metric that no truth enters (explained variation, compactness) has one sample per image.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    scored = section.scored
    images = sorted(scored["image"].unique())
    weights = _resampled(len(images))
    rows = [
        {"label": label, "n_asked": n_asked, "n_segments": _made(group), "metric": metric}
        | _means(group, metric, images, weights)
        for (label, n_asked), group in scored.groupby(["label", "n_asked"], sort=True)
        for metric in section.metrics
    ]
    return pd.DataFrame(rows, columns=_SUMMARY)


_SUMMARY = [
    *("label", "n_asked", "n_segments", "metric", "pair_mean", "low", "high"),
    *("image_mean", "best_mean", "n_images", "n_pairs"),
]


def _made(group: pd.DataFrame) -> float:
    """Mean made count: one label map per image, however many annotators."""
    return float(group.groupby("image")["n_segments"].first().mean())


def _means(
    group: pd.DataFrame, metric: str, images: Sequence[str], weights: NDArray[np.float64]
) -> dict[str, float]:
    values = group[["image", metric]].dropna()
    if not _judges_truth(metric):
        values = values.drop_duplicates("image")
    by_image = values.groupby("image")[metric].agg(["sum", "count", "mean", "min", "max"])
    pairs = int(by_image["count"].sum())
    if not pairs:
        return {"n_images": 0, "n_pairs": 0}
    low, high = _interval(by_image.reindex(images).fillna(0.0), weights)
    best = {"higher": "max", "lower": "min"}.get(better(metric))
    return {
        "pair_mean": float(by_image["sum"].sum() / pairs),
        "low": low,
        "high": high,
        "image_mean": float(by_image["mean"].mean()),
        "best_mean": float(by_image[best].mean()) if best else float("nan"),
        "n_images": len(by_image),
        "n_pairs": pairs,
    }


def _resampled(n_images: int) -> NDArray[np.float64]:
    """How often each image is drawn in each resample; the same draws serve every method."""
    generator = np.random.default_rng(0)
    even = np.full(n_images, 1 / n_images) if n_images else np.empty(0)
    return generator.multinomial(n_images, even, size=_RESAMPLES).astype(np.float64)


def _interval(by_image: pd.DataFrame, weights: NDArray[np.float64]) -> tuple[float, float]:
    """Percentile interval of the pair mean, with the annotators of an image kept together."""
    if np.count_nonzero(by_image["count"]) < 2:
        return float("nan"), float("nan")
    sums = weights @ by_image["sum"].to_numpy(dtype=float)
    counts = weights @ by_image["count"].to_numpy(dtype=float)
    means = sums[counts > 0] / counts[counts > 0]
    low, high = np.quantile(means, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return float(low), float(high)


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
    rows = []
    per_image = _curve_points(section)
    for (label, metric), points in per_image.groupby(["label", "metric"], sort=True):
        curves = [
            np.interp(counts, curve["n_segments"], curve["value"], left=np.nan, right=np.nan)
            for _, curve in points.groupby("image")
        ]
        for count, values in zip(counts, np.transpose(curves), strict=True):
            reached = int(np.isfinite(values).sum())
            enough = reached >= COVERAGE * len(values)
            mean = float(np.nanmean(values)) if enough else float("nan")
            rows.append((label, count, metric, mean, reached, len(values)))
    columns = ["label", "n_segments", "metric", "image_mean", "n_reached", "n_images"]
    return pd.DataFrame(rows, columns=columns)


def _curve_points(section: Section) -> pd.DataFrame:
    """Mean over annotators by label, image, metric and made count, in rising order of the count."""
    keys = ["label", "image", "n_segments"]
    scored = section.scored[[*keys, *section.metrics]]
    means = scored.groupby(keys, sort=True)[list(section.metrics)].mean().reset_index()
    return means.melt(keys, var_name="metric", value_name="value").dropna()


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
