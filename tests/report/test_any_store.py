"""A report is drawn of any store: whatever was run into it, failed, was kept, timed or perturbed.

A store is written as users do: one command after the other into one folder, each with methods,
counts and images of its own. Any exception and any warning fails. `SSNBENCH_FUZZ=500` draws more.
"""

from __future__ import annotations

import os
import tempfile
import zlib
from dataclasses import dataclass, fields, replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from ssnbench.analysis.runtimes import of_current_version
from ssnbench.contracts import JobKey, Labels, Record, Timing
from ssnbench.plots import figure, grids  # noqa: F401 (it looks figure.save up when imported)
from ssnbench.report import draw
from ssnbench.results.store import Store
from ssnbench.results.timings import counted

N_STORES = int(os.environ.get("SSNBENCH_FUZZ", "25"))
METRICS = ("asa", "br", "bp", "f", "co", "ev", "epe", "asa_original", "of_theirs")
NASTY = "a<script>&_%|$x$\n,é"
KEPT_SHAPE = (12, 16)


@dataclass(frozen=True)
class Command:
    """One command that wrote into the store.

    Attributes
    ----------
    methods, images, perturbations : tuple of str
    counts, truths : tuple of int
        Counts asked for, 0 for label maps made elsewhere; annotators, -1 for none.
    dataset, protocol : str
    metrics : tuple of str
    params : str
        Parameters of all methods.
    outcome : str
        How the scores are: spread, equal, rising, missing ...
    failing : int
        One job of so many fails; 0 none.
    kept, shown, timed : bool
        Whether label maps, pictures, times are there.
    """

    methods: tuple[str, ...]
    images: tuple[str, ...]
    counts: tuple[int, ...]
    perturbations: tuple[str, ...]
    truths: tuple[int, ...]
    dataset: str
    protocol: str
    metrics: tuple[str, ...]
    params: str
    outcome: str
    failing: int
    kept: bool
    shown: bool
    timed: bool

    def write(self, folder: Path) -> None:
        with Store(folder) as store:
            run = store.begin_run(
                {"command": "ssnbench run", "cpu": "Toaster"} if run_is_known(self) else {}
            )
            for method in self.methods:
                for image in self.images:
                    for n_asked in self.counts:
                        for perturbation in ("", *self.perturbations):
                            self._add(store, run, (method, image, n_asked, perturbation))
                if self.timed:
                    store.add_timings(self._times(method))

    def _add(self, store: Store, run: int, job: tuple[str, str, int, str]) -> None:
        method, image, n_asked, perturbation = job
        key = JobKey(
            algorithm=method, params=self.params, dataset=self.dataset, split="test", image=image,
            perturbation=perturbation, n_asked=n_asked, protocol=self.protocol,
            protocol_version=1, code_version="1",
        )  # fmt: skip
        if self.failing and draw_of(job) % self.failing == 0:
            status = ("failed", "skipped")[draw_of(job) // 7 % 2]
            store.add(run, [Record(key, -1, method, status, f"no luck {NASTY}")])  # type: ignore[arg-type]
            return
        n = self._made(job)
        records = [
            Record(key, truth, method, "ok", "", n, n, n, self._scores((*job, truth), n))
            for truth in self.truths
        ]
        labels = stripes(n) if self.kept and not perturbation else None
        store.add(run, records, labels, PICTURE if self.shown and not perturbation else None)

    def _made(self, job: tuple[str, str, int, str]) -> int:
        wanted = job[2] or 7
        return {"equal": wanted, "stuck": 5}.get(
            self.outcome, wanted + draw_of(job) % (wanted // 2 + 1)
        )

    def _scores(self, job: tuple[object, ...], n: int) -> dict[str, float]:
        return {m: self._score((*job, m), n) for m in self.metrics}

    def _score(self, job: tuple[object, ...], n: int) -> float:
        noise = draw_of(job) % 1000 / 1000
        match self.outcome:
            case "equal" | "stuck":
                return 0.5
            case "missing":
                return float("nan")
            case "odd":
                return (0.5, float("nan"), float("inf"), -1e9)[draw_of(job) % 4]
            case "rising":
                return 1 - 1 / (n + noise)
            case _:
                return noise

    def _times(self, method: str) -> list[Timing]:
        seconds = 0.01 + draw_of((method,)) % 100 / 100 if self.outcome != "equal" else 0.01
        return [
            Timing(
                algorithm=method, params=self.params, code_version="1", label=method,
                dataset=self.dataset, split="test", image=self.images[0], height=12, width=16,
                n_asked=self.counts[len(self.counts) // 2], device="cpu", threads=1, stage=stage,
                seconds=seconds, fastest=seconds, slowest=seconds, repeats=3,
                load=(None, 0.0, 0.5)[draw_of((method, self.params)) % 3],
                even_if_busy=draw_of((method,)) % 2,
            )
            for stage in ("total", "segment", "connectivity")
        ]  # fmt: skip


def histories() -> st.SearchStrategy[list[Command]]:
    """Commands that share much with the first one, as those into one folder do."""

    @st.composite
    def history(draw: st.DrawFn) -> list[Command]:
        first = draw(commands)
        names = [field.name for field in fields(Command)]
        more = draw(st.lists(st.tuples(commands, some(*names, fewest=0, most=6)), max_size=2))
        changed = [
            replace(first, **{str(name): getattr(other, str(name)) for name in of_other})
            for other, of_other in more
        ]
        return [first, *changed]

    return history()


def run_is_known(command: Command) -> bool:
    return command.failing != 3


def draw_of(job: tuple[object, ...]) -> int:
    """A number that depends on nothing but the job."""
    return zlib.crc32(repr(job).encode())


def stripes(n: int) -> Labels:
    labels = np.arange(KEPT_SHAPE[1], dtype=np.int32) * n // KEPT_SHAPE[1]
    return np.ascontiguousarray(
        np.broadcast_to(np.unique(labels, return_inverse=True)[1].astype(np.int32), KEPT_SHAPE)
    )


_NOISE = np.random.default_rng(0).integers(0, 255, (*KEPT_SHAPE, 3), dtype=np.uint8)
PICTURE = bytes(cv2.imencode(".png", _NOISE)[1])


def some(*values: object, fewest: int = 1, most: int = 4) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(st.sampled_from(values), min_size=fewest, max_size=most, unique=True).map(tuple)


commands = st.builds(
    Command,
    methods=some("slic", "ssn", "seeds", "grid", NASTY, "slic(compactness=20)"),
    images=some("a", "b", "c", "07", "å/b", "e", "f", "g", most=8),
    counts=st.one_of(some(0, most=1), some(1, 2, 10, 100, 200, 400, 1000)),
    perturbations=some("noise(0.1)", "noise(0.2)", "fliplr", "gamma(1.5)", fewest=0, most=2),
    truths=st.sampled_from([(-1,), (0,), (0, 1), (0, 1, 2)]),
    dataset=st.sampled_from(["toy", "collage(n_images=2)", "folder(path=../else where)"]),
    protocol=st.sampled_from(["seal", "stutz", "berkeley", "of_a_later_version(r=9)"]),
    metrics=some(*METRICS, fewest=0, most=len(METRICS)),
    params=st.sampled_from(["{}", "{}", '{"compactness": 20.0}']),
    outcome=st.sampled_from(["spread", "rising", "equal", "stuck", "missing", "odd"]),
    failing=st.sampled_from([0, 0, 0, 1, 2, 3]),
    kept=st.booleans(),
    shown=st.booleans(),
    timed=st.booleans(),
)  # fmt: skip


@pytest.mark.slow
@seed(14)
@settings(
    max_examples=N_STORES,
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.shrink) if "SSNBENCH_FUZZ" in os.environ else (Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
@given(histories(), st.booleans(), st.booleans())
def test_a_report_is_always_drawn(history: list[Command], single: bool, owned: bool) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(figure, "save", lambda *_, **__: {"png": "", "pdf": ""})
        folder = Path(name)
        for command in history:
            command.write(folder)
        mine = history[0].methods[0] if owned else None
        html = draw(folder, single=single, mine=mine).read_text(encoding="utf-8")
        with Store(folder) as store:
            records, timings = store.records(), store.timings()
    assert html.rstrip().endswith("</html>")
    says_what_is_missing(html, records)
    left_out = len(counted(of_current_version(timings, records))) < len(timings)
    assert ("were taken while other programs used the machine" in html) == left_out


def says_what_is_missing(html: str, records: pd.DataFrame) -> None:
    """Whatever failed, has no score or no truth, is told in the page."""
    plain = records[records["perturbation"] == ""]
    places = plain.groupby(["dataset", "split", "protocol"])
    assert html.count('class="of-section" data-section=') >= places.ngroups
    assert ("no luck" in html) == records["status"].isin(["failed", "skipped"]).any()
    metrics = [metric for metric in METRICS if metric in records]
    for _, rows in places:
        scores = rows.loc[rows["status"] == "ok", metrics].replace([np.inf, -np.inf], np.nan)
        if scores.isna().all(axis=None):
            how = "jobs of" if (rows["status"] == "ok").any() else "no job of"
            assert f"No scores: {how} this section ended well" in html
        elif (rows["truth"] < 0).all():
            assert "No segmentation truths" in html
        if scores.notna().any(axis=None) and rows["image"].nunique() == 1:
            assert "One image only" in html
