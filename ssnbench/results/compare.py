"""What changed between two runs: versions, jobs, scores, times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ssnbench.metrics import METRICS
from ssnbench.results.store import CERTIFICATE, Store

TOLERANCE = 1e-4
"""A mean score may be worse by this much, by default."""

_GROUP = ["dataset", "split", "protocol", "label", "n_asked"]
_FACTS = ("ssnbench", "commit", "python", "platform", "cpu", "cores", "gpu")
_SCORES = [*_GROUP, "metric", "n_pairs", "before", "after", "change", "worse"]
_TIMES = ["label", "n_asked", "device", "threads", "before", "after", "ratio", "worse"]
_LOST = [*_GROUP, "image", "status", "reason"]


@dataclass(frozen=True)
class RunDiff:
    """What changed from one run to another.

    Attributes
    ----------
    versions : DataFrame
        ``what``, ``before``, ``after``: facts of the latest runs and plug-ins that differ.
    scores : DataFrame
        One row per (dataset, split, protocol, label, n_asked, metric): means ``before`` and
        ``after`` over the ``n_pairs`` (image, truth) pairs that both scored, their ``change``, and
        whether it is ``worse`` beyond the tolerance. Metrics without a better end are never worse.
    times : DataFrame
        Median seconds over the images that both timed, by label, n_asked, device and threads, and
        their ``ratio``.
    lost : DataFrame
        Jobs that went well before and do not now: ``status`` failed, skipped or missing.
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
        When a folder holds no results.
    """
    with Store(before, create=False) as old, Store(after, create=False) as new:
        records = old.records(), new.records()
        timings = old.timings(), new.timings()
        facts = old.runs(), new.runs()
    lost, gained = _jobs(*records)
    if common:
        lost = lost[lost["status"] != "missing"]
    return RunDiff(
        _versions(facts, records),
        _scores(*records, tolerance),
        _times(*timings, time_tolerance),
        lost,
        gained,
    )


def _versions(
    facts: tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]],
    records: tuple[pd.DataFrame, pd.DataFrame],
) -> pd.DataFrame:
    sides = [_described(runs, rows) for runs, rows in zip(facts, records, strict=True)]
    names = list(dict.fromkeys([*sides[0], *sides[1]]))
    rows = [(name, sides[0].get(name, ""), sides[1].get(name, "")) for name in names]
    changed = [row for row in rows if row[1] != row[2]]
    return pd.DataFrame(changed, columns=["what", "before", "after"])


def _described(runs: Sequence[Mapping[str, Any]], rows: pd.DataFrame) -> dict[str, str]:
    """Versions that the results of a folder rest on, by name."""
    last = runs[-1] if runs else {}
    told = {name: str(last.get(name) or "") for name in _FACTS}
    told |= {name: str(version) for name, version in (last.get("packages") or {}).items()}
    methods = rows.groupby("label")
    plugins = methods["code_version"].agg(lambda texts: ", ".join(sorted(set(texts))))
    params = methods["params"].agg(lambda texts: ", ".join(sorted(set(texts))))
    told |= {f"{label} (code)": text for label, text in plugins.items()}
    return told | {f"{label} (parameters)": text for label, text in params.items()}


def _scores(before: pd.DataFrame, after: pd.DataFrame, tolerance: float) -> pd.DataFrame:
    """Means over the pairs that both scored; methods are matched by label."""
    metrics = [name for name in METRICS if name in before and name in after]
    keys = [*_GROUP, "image", "truth"]
    sides = [
        _melted(side[side["status"] == "ok"], keys, ["n_made", *metrics])
        for side in (before, after)
    ]
    both = sides[0].merge(sides[1], on=[*keys, "metric"], suffixes=("_old", "_new"))
    grouped = both.groupby([*_GROUP, "metric"], sort=True)
    found = grouped.agg(
        n_pairs=("value_old", "size"), before=("value_old", "mean"), after=("value_new", "mean")
    ).reset_index()
    found["change"] = found["after"] - found["before"]
    ways = found["metric"].map(
        lambda name: METRICS[name].better if name in METRICS and name not in CERTIFICATE else ""
    )
    loss = found["change"].where(ways == "lower", -found["change"])
    found["worse"] = (ways != "") & (loss > tolerance)
    return found[_SCORES]


def _melted(rows: pd.DataFrame, keys: list[str], metrics: list[str]) -> pd.DataFrame:
    long = rows.melt(keys, metrics, "metric")
    long["value"] = pd.to_numeric(long["value"], errors="coerce").astype(float)
    return long.dropna(subset="value")


def _times(before: pd.DataFrame, after: pd.DataFrame, tolerance: float | None) -> pd.DataFrame:
    keys = ["label", "n_asked", "device", "threads"]
    sides = [
        side[side["stage"] == "total"].drop_duplicates([*keys, "image", "height"], keep="last")
        for side in (before, after)
    ]
    both = sides[0].merge(sides[1], on=[*keys, "image", "height", "width"])
    found = both.groupby(keys, sort=True)[["seconds_x", "seconds_y"]].median().reset_index()
    found = found.rename(columns={"seconds_x": "before", "seconds_y": "after"})
    found["ratio"] = found["after"] / found["before"]
    limit = float("inf") if tolerance is None else 1 + tolerance
    found["worse"] = found["ratio"] > limit
    return found[_TIMES]


def _jobs(before: pd.DataFrame, after: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Jobs that no longer go well, and how many now do that did not."""
    keys = [*_GROUP, "image"]
    old, new = (side.drop_duplicates(keys)[[*keys, "status", "reason"]] for side in (before, after))
    both = old.merge(new, on=keys, how="outer", suffixes=("_old", "_new"))
    fine_old, fine_new = both["status_old"] == "ok", both["status_new"] == "ok"
    lost = both[fine_old & ~fine_new].rename(columns={"status_new": "status"})
    lost = lost.assign(
        status=lost["status"].fillna("missing"), reason=lost["reason_new"].fillna("")
    )
    return lost[_LOST].reset_index(drop=True), int((fine_new & ~fine_old).sum())
