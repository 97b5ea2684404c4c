"""What changed between two runs: versions, jobs, scores, times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ssnbench.contracts import UsageError
from ssnbench.metrics import METRICS
from ssnbench.results.schema import CERTIFICATE
from ssnbench.results.store import Store
from ssnbench.results.timings import counted

TOLERANCE = 1e-4
"""A mean score may be worse by this much, by default."""

_GROUP = [
    *("dataset", "split", "perturbation", "protocol", "protocol_version"),
    *("label", "n_asked"),
]
_JOB = [*_GROUP, "image"]
_IMAGE = ["dataset", "split", "image"]
_ENVIRONMENT = ("ssnbench", "commit", "python", "platform", "cpu", "cores", "gpu")
_SCORES = [*_GROUP, "metric", "n_scores", "before", "after", "change", "worse"]
_TIMES = ["label", "n_asked", "device", "threads", "before", "after", "ratio", "worse"]
_LOST = [*_JOB, "status", "reason"]


@dataclass(frozen=True)
class RunDiff:
    """What changed from one run to another.

    Attributes
    ----------
    versions : DataFrame
        ``what``, ``before``, ``after``: what differs in the environments of the latest runs, in
        methods and in data.
    scores : DataFrame
        One row per (dataset, split, perturbation, protocol, protocol_version, label, n_asked,
        metric): means ``before`` and ``after`` over the ``n_scores`` scores that both have of the
        same images and truths, their ``change``, and whether it is ``worse`` beyond the tolerance.
        Metrics without a better end are never worse.
    times : DataFrame
        Median seconds over the images that both timed, by label, n_asked, device and threads, and
        their ``ratio``.
    lost : DataFrame
        Jobs that went well before and do not now: ``status`` failed, skipped or missing. Images
        that changed, or whose truths did, are neither compared nor lost: `versions` counts them.
    gained : int
        Jobs that go well now and did not before.
    """

    versions: pd.DataFrame
    scores: pd.DataFrame
    times: pd.DataFrame
    lost: pd.DataFrame
    gained: int

    @property
    def is_worse(self) -> bool:
        """Whether anything got worse beyond its tolerance."""
        return bool(len(self.lost) or self.scores["worse"].any() or self.times["worse"].any())


def compare(
    before: Path,
    after: Path,
    tolerance: float = TOLERANCE,
    time_tolerance: float | None = None,
    common: bool = False,
) -> RunDiff:
    """Compare two run folders.

    Parameters
    ----------
    before, after : Path
        Run folders.
    tolerance : float
        A mean score may be worse by as much, in its own unit.
    time_tolerance : float, optional
        A median time may be longer by this share (0.2: a fifth); by default times are only told,
        since those of two machines, or of a busy one, say nothing.
    common : bool
        Do not count jobs that only ``before`` holds as lost; jobs that failed are.

    Raises
    ------
    UsageError
        When a folder holds no results, or ``common`` jobs are to be compared and there are none.
    """
    with Store(before, create=False) as old, Store(after, create=False) as new:
        records = old.records(), new.records()
        timings = old.timings(), new.timings()
        environments = old.runs(), new.runs()
    versions = _versions(environments, records)
    alike = _of_the_same_data(*records)
    lost, gained = _jobs(*alike)
    if common:
        _check_common(before, after, records, alike)
        lost = lost[lost["status"] != "missing"]
    return RunDiff(
        versions,
        _scores(*alike, tolerance),
        _times(*timings, time_tolerance),
        lost,
        gained,
    )


def _of_the_same_data(old: pd.DataFrame, new: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Leave out the rows of images that changed, or whose truths did."""
    changed = pd.MultiIndex.from_frame(_both_data(old, new).query("changed")[_IMAGE])
    first, second = (
        side[~pd.MultiIndex.from_frame(side[_IMAGE]).isin(changed)] for side in (old, new)
    )
    return first, second


def _both_data(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Images that both hold in known versions, and whether they changed."""
    sides = (side[[*_IMAGE, "data_version"]].drop_duplicates(_IMAGE) for side in (old, new))
    first, second = (side[side["data_version"] != ""] for side in sides)
    both = first.merge(second, on=_IMAGE)
    return both.assign(changed=both["data_version_x"] != both["data_version_y"])


_Sides = tuple[pd.DataFrame, pd.DataFrame]


def _check_common(before: Path, after: Path, records: _Sides, alike: _Sides) -> None:
    """Refuse folders without a common job; say in which column they part first."""
    if len(alike[0][_JOB].merge(alike[1][_JOB], on=_JOB)):
        return
    old, new = records
    apart = [name for name in _JOB if len(old) and len(new) and not set(old[name]) & set(new[name])]
    why = f": no {apart[0]} is the same" if apart else ""
    if not apart and len(old[_JOB].merge(new[_JOB], on=_JOB)):
        why = ": the images or truths of all that both hold are others"
    raise UsageError(f"no job is in {before} and in {after}{why}; leave out --common to see all")


def _versions(
    environments: tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]],
    records: tuple[pd.DataFrame, pd.DataFrame],
) -> pd.DataFrame:
    sides = [_described(runs, rows) for runs, rows in zip(environments, records, strict=True)]
    names = list(dict.fromkeys([*sides[0], *sides[1]]))
    rows = [(name, sides[0].get(name, ""), sides[1].get(name, "")) for name in names]
    changed = [row for row in rows if row[1] != row[2]] + _changed_data(*records)
    return pd.DataFrame(changed, columns=["what", "before", "after"])


def _changed_data(before: pd.DataFrame, after: pd.DataFrame) -> list[tuple[str, str, str]]:
    """How many images or truths are others, by dataset and split."""
    both = _both_data(before, after)
    counts = both.groupby(["dataset", "split"])["changed"].agg(["sum", "size"])
    return [
        (
            f"{dataset} {split} (data)",
            "",
            f"{changed} of {n} images or truths changed: not compared",
        )
        for (dataset, split), changed, n in counts.itertuples()
        if changed
    ]


def _described(runs: Sequence[Mapping[str, Any]], rows: pd.DataFrame) -> dict[str, str]:
    """Versions that the results of a folder rest on, by name."""
    last = runs[-1] if runs else {}
    versions = {name: str(last.get(name) or "") for name in _ENVIRONMENT}
    versions |= {name: str(version) for name, version in (last.get("packages") or {}).items()}
    methods = rows.groupby("label")
    plugins = methods["code_version"].agg(lambda texts: ", ".join(sorted(set(texts))))
    params = methods["params"].agg(lambda texts: ", ".join(sorted(set(texts))))
    made_by = methods["algorithm"].agg(lambda texts: ", ".join(sorted(set(texts))))
    versions |= {f"{label} (made by)": text for label, text in made_by.items()}
    versions |= {f"{label} (code)": text for label, text in plugins.items()}
    return versions | {f"{label} (parameters)": text for label, text in params.items()}


def _scores(before: pd.DataFrame, after: pd.DataFrame, tolerance: float) -> pd.DataFrame:
    """Means over the images and truths that both scored; methods are matched by label."""
    metrics = [name for name in METRICS if name in before and name in after]
    keys = [*_JOB, "truth"]
    sides = [
        _melted(side[side["status"] == "ok"], keys, ["n_made", *metrics])
        for side in (before, after)
    ]
    both = sides[0].merge(sides[1], on=[*keys, "metric"], suffixes=("_old", "_new"))
    grouped = both.groupby([*_GROUP, "metric"], sort=True)
    means = grouped.agg(
        n_scores=("value_old", "size"), before=("value_old", "mean"), after=("value_new", "mean")
    ).reset_index()
    means["change"] = means["after"] - means["before"]
    ways = means["metric"].map(
        lambda name: METRICS[name].better if name in METRICS and name not in CERTIFICATE else ""
    )
    loss = means["change"].where(ways == "lower", -means["change"])
    means["worse"] = (ways != "") & (loss > tolerance)
    return means[_SCORES]


def _melted(rows: pd.DataFrame, keys: list[str], metrics: list[str]) -> pd.DataFrame:
    long = rows.melt(keys, metrics, "metric")
    long["value"] = pd.to_numeric(long["value"], errors="coerce").astype(float)
    return long.dropna(subset="value")


def _times(before: pd.DataFrame, after: pd.DataFrame, tolerance: float | None) -> pd.DataFrame:
    keys = ["label", "n_asked", "device", "threads"]
    places = [*keys, "dataset", "split", "image", "height", "width"]
    sides = [
        counted(side[side["stage"] == "total"]).drop_duplicates(places, keep="last")
        for side in (before, after)
    ]
    both = sides[0].merge(sides[1], on=places)
    medians = both.groupby(keys, sort=True)[["seconds_x", "seconds_y"]].median().reset_index()
    medians = medians.rename(columns={"seconds_x": "before", "seconds_y": "after"})
    medians["ratio"] = medians["after"] / medians["before"]
    limit = float("inf") if tolerance is None else 1 + tolerance
    medians["worse"] = medians["ratio"] > limit
    return medians[_TIMES]


def _jobs(before: pd.DataFrame, after: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Jobs that no longer go well, and how many now do that did not."""
    old, new = (side.drop_duplicates(_JOB) for side in (before, after))
    columns = [*_JOB, "status", "reason"]
    both = old[columns].merge(new[columns], on=_JOB, how="outer", suffixes=("_old", "_new"))
    fine_old, fine_new = both["status_old"] == "ok", both["status_new"] == "ok"
    lost = both[fine_old & ~fine_new].rename(columns={"status_new": "status"})
    lost = lost.assign(
        status=lost["status"].fillna("missing"), reason=lost["reason_new"].fillna("")
    )
    return lost[_LOST].reset_index(drop=True), int((fine_new & ~fine_old).sum())
