"""What the rows of a store are: sections that may be compared, methods, metrics, troubles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ssnbench.contracts import UsageError
from ssnbench.metrics import METRICS, Protocol
from ssnbench.metrics import protocol as find_protocol
from ssnbench.results.schema import CERTIFICATE, KEY

FIXED = (
    *(*KEY, "metrics", "truth", "label", "status", "reason"),
    *("n_raw", "n_components", "n_made", *CERTIFICATE),
)
"""Columns of the records that are no scores."""

PLACE = ("dataset", "split", "perturbation", "protocol", "protocol_version")
"""Columns by which records are split into sections."""


@dataclass(frozen=True)
class Section:
    """The rows that may be compared with one another: one dataset, split and protocol.

    Attributes
    ----------
    dataset, split, protocol : str
        What they share; the protocol with its parameters.
    slug : str
        Unique in the report, fit for file names and HTML identifiers.
    rows : DataFrame
        All rows, whatever their status.
    metrics : tuple of str
        Columns of ``rows`` that hold at least one finite score.
    perturbation : str
        What was done to the images; empty for the images as they are.
    protocol_version : int
        Version of our code of the protocol.
    """

    dataset: str
    split: str
    protocol: str
    slug: str
    rows: pd.DataFrame
    metrics: tuple[str, ...]
    perturbation: str = ""
    protocol_version: int = 1

    @property
    def scored(self) -> pd.DataFrame:
        """The rows whose job ended well."""
        return self.rows[self.rows["status"] == "ok"]

    @property
    def labels(self) -> list[str]:
        """Methods, in a stable order."""
        return sorted(self.rows["label"].unique())

    @property
    def place(self) -> tuple[str, str, str, int]:
        """What a section shares with those of the same images, perturbed."""
        return self.dataset, self.split, self.protocol, self.protocol_version

    @property
    def protocol_title(self) -> str:
        """The protocol as readers know it; with its version where that is not today's."""
        known = _known_protocol(self.protocol)
        current = known is None or known.version == self.protocol_version
        return self.protocol if current else f"{self.protocol}/{self.protocol_version}"

    @property
    def definition(self) -> str:
        """What the protocol is, in one line; nothing for one that this version does not know."""
        known = _known_protocol(self.protocol)
        return known.title if known else ""

    @property
    def scored_by_default(self) -> tuple[str, ...]:
        """Metrics of the protocol; none for one that this version does not know."""
        known = _known_protocol(self.protocol)
        return known.metrics if known else ()

    @property
    def title(self) -> str:
        """Dataset, split and protocol in one line."""
        parts = (self.dataset, self.perturbation, self.split, self.protocol_title)
        return " · ".join(part for part in parts if part)


def _known_protocol(text: str) -> Protocol | None:
    """The protocol of a stored name; None for one that this version does not know."""
    try:
        return find_protocol(text)
    except UsageError:
        return None


def split(records: pd.DataFrame) -> list[Section]:
    """Split the records of a store by dataset, split and protocol, in the store's order."""
    names = score_columns(records)
    records = records.copy()
    # A score that is missing and one that is infinite say the same: there is nothing to average.
    scores = records[names].apply(pd.to_numeric, errors="coerce")
    records[names] = scores.astype(float).where(np.isfinite(scores.astype(float)))
    sections: list[Section] = []
    for key, rows in records.groupby(list(PLACE), sort=True):
        dataset, split, perturbation, protocol, version = key
        good = rows.loc[rows["status"] == "ok", names]
        metrics = tuple(name for name in names if is_shown(name) and good[name].notna().any())
        base = slugged(f"{dataset}-{perturbation}-{split}-{protocol}")
        slug = unused(base, {section.slug for section in sections})
        place = (perturbation, int(version))
        sections.append(Section(dataset, split, protocol, slug, rows, metrics, *place))
    return sections


def score_columns(records: pd.DataFrame) -> list[str]:
    """Names of the columns that hold scores: those of ``METRICS`` first, in its order."""
    names = [str(name) for name in records.columns if name not in FIXED]
    known = [name for name in METRICS if name in names]
    return known + [name for name in names if name not in METRICS]


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


def method_called(algorithms: Mapping[str, str], name: str) -> str:
    """Return the label of the method that a user means: its label, or its algorithm where one is.

    Parameters
    ----------
    algorithms : mapping of str to str
        The algorithm of every method, by label.
    name : str
        What the user wrote.

    Raises
    ------
    UsageError
        When there is no such method, or several.
    """
    if name in algorithms:
        return name
    of_algorithm = sorted(label for label, each in algorithms.items() if each == name)
    if len(of_algorithm) == 1:
        return of_algorithm[0]
    what = "is the name of several" if of_algorithm else "is none of the methods"
    raise UsageError(f"--mine {name} {what}: {', '.join(of_algorithm or sorted(algorithms))}")


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


def better(metric: str) -> str:
    """``higher``, ``lower``, or nothing where a metric only describes or is not known."""
    return METRICS[metric].better if metric in METRICS else ""


def long_name(metric: str) -> str:
    """Name of a metric in full, its abbreviation behind."""
    return METRICS[metric].label if metric in METRICS else metric


def short_name(metric: str) -> str:
    """Abbreviation of a metric, as tables and axes have room for; its column where it has none."""
    return METRICS[metric].short if metric in METRICS else metric


def is_shown(metric: str) -> bool:
    """Whether a mean over annotators says something: not so of counts that are to be summed."""
    return metric not in METRICS or METRICS[metric].join == "mean"


def judges_truth(metric: str) -> bool:
    """Whether the truth enters; what does not need it is the same for all annotators."""
    return metric not in METRICS or METRICS[metric].needs == "truth"


def not_defined(section: Section, undefined: Mapping[str, str]) -> list[str]:
    """Name the metrics of the protocol that the dataset does not define, with the reasons."""
    by_reason: dict[str, list[str]] = {}
    for metric, reason in undefined.items():
        if metric in section.scored_by_default and is_shown(metric):
            by_reason.setdefault(reason, []).append(short_name(metric))
    return [f"Not defined here: {', '.join(m)}; {reason}." for reason, m in by_reason.items()]


def undefined_by(runs: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, str]]:
    """Metrics without a meaning, and why, by dataset: what the latest run on each noted."""
    undefined: dict[str, Mapping[str, str]] = {}
    for environment in runs:
        undefined |= environment.get("undefined", {})
    return undefined


def troubles(records: pd.DataFrame) -> pd.DataFrame:
    """Count the jobs that failed, were skipped, warned, or have no row where others have one.

    Returns
    -------
    DataFrame
        One row per (dataset, split, label, n_asked, status, reason): ``images`` (how many) and
        ``example`` (one of them). Status ``missing``: the store holds no row.
    """
    keys = ["dataset", "split", "label", "n_asked", "status", "reason"]
    perturbed = records["dataset"] + "~" + records["perturbation"]  # to be read, not to be parsed
    records = records.assign(
        dataset=records["dataset"].where(records["perturbation"] == "", perturbed)
    )
    noted = records[(records["status"] != "ok") | (records["reason"].fillna("") != "")]
    noted = noted.assign(status=noted["status"].replace("ok", "warning"))
    jobs = pd.concat([noted[[*keys, "image"]], _absent(records)], ignore_index=True)
    grouped = jobs.groupby(keys, sort=True)["image"].agg(images="nunique", example="min")
    return grouped.reset_index()


def _absent(records: pd.DataFrame) -> pd.DataFrame:
    """Jobs that the store holds for one method but not for another.

    Label maps of which nobody knows the count asked for lack no other counts, nor are they lacked.
    """
    absent = []
    for place, rows in records.groupby(list(PLACE)):
        jobs = rows[["n_asked", "image"]].drop_duplicates()
        for label, of_label in rows.groupby("label"):
            is_known = (of_label["n_asked"] > 0).any()
            both = jobs[(jobs["n_asked"] > 0) == is_known].merge(
                of_label[["n_asked", "image"]].drop_duplicates(), indicator="from", how="left"
            )
            absent.append(
                both[both["from"] == "left_only"]
                .drop(columns="from")
                .assign(dataset=place[0], split=place[1], label=label)
            )
    columns = ["dataset", "split", "label", "n_asked", "image"]
    lost = pd.concat(absent, ignore_index=True) if absent else pd.DataFrame(columns=columns)
    return lost.assign(
        status="missing", reason="no row in the store: not asked for, or not reached"
    )
