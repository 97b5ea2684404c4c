"""The FIGURES table: every row draws what the analysis holds, and computes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from ssnbench.analysis.analyses import analyse
from ssnbench.analysis.section_analysis import SectionAnalysis
from ssnbench.plots import figures
from ssnbench.plots.axes import canvas
from ssnbench.plots.figures import FIGURES, figures_of
from ssnbench.plots.section_figure import SectionFigure
from ssnbench.plots.styles import Styles

LABELS = ["a", "b", "c<script>&_$x$"]


def records(**columns: object) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    rows = [
        (label, n, f"i{image}", n + place, *generator.uniform(0.2, 0.9, 4))
        for place, label in enumerate(LABELS)
        for n in (100, 400)
        for image in range(8)
    ]
    names = ["label", "n_asked", "image", "n_made", "asa", "br", "bp", "co"]
    table = pd.DataFrame(rows, columns=names).assign(algorithm="m", params=lambda t: t["label"])
    fixed = {"dataset": "d", "split": "s", "perturbation": "", "protocol": "seal"}
    fixed |= {"code_version": "1", "status": "ok", "reason": ""}
    whole = {"protocol_version": 1, "truth": 0, "n_raw": 0, "n_components": 0}
    return table.assign(**(fixed | whole | columns))


def timings() -> pd.DataFrame:
    rows = [(label, label, f"i{image}", 0.1 + image) for label in LABELS for image in range(2)]
    table = pd.DataFrame(rows, columns=["label", "params", "image", "seconds"])
    table = table.assign(algorithm="m", dataset="d", split="s", code_version="1")
    return table.assign(n_asked=100, stage="total", device="cpu", threads=1, load=0.0)


@pytest.fixture(scope="module")
def analysis() -> SectionAnalysis:
    noisy = records(perturbation="noise(0.1)", vi_original=0.5)
    (analysis,) = analyse(pd.concat([records(), noisy], ignore_index=True), timings())
    return analysis


def test_a_section_has_these_figures_in_this_order(analysis: SectionAnalysis) -> None:
    slugs = [figure.slug.removeprefix("d-s-seal-") for figure in figures_of(analysis)]
    assert slugs == [
        "asa", "br", "bp", "co", "bp-over-br", "asa-ranks", "br-ranks", "asa-over-time-cpu-1",
        "br-over-time-cpu-1", "asa-over-co", "br-over-co", "noise-asa", "noise-br",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", FIGURES.values(), ids=list(FIGURES))
def test_every_row_is_drawn_and_written(
    kind: type[SectionFigure], analysis: SectionAnalysis, tmp_path: Path
) -> None:
    figure = next(kind.choices(analysis))
    assert kind.title
    assert all(hasattr(SectionAnalysis, need) for need in kind.needs)
    written = figure.write(Styles.of(LABELS), tmp_path)
    assert set(written.files) == {"pdf", "png", "csv"}
    assert all((tmp_path / name).stat().st_size for name in written.files.values())
    assert written.caption == figure.caption
    assert all(f"method{number}" in written.svg for number in range(3))
    assert "<script" not in written.svg
    data = pd.read_csv(tmp_path / written.files["csv"])
    assert len(data) == len(figure.data)
    assert set(LABELS) <= set(data["label"])


def test_drawing_computes_nothing(
    analysis: SectionAnalysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = list(figures_of(analysis))
    for module in ("summary.summarise", "equal_counts.image_curves", "ranks.rank"):
        monkeypatch.setattr(f"ssnbench.analysis.{module}", None)  # to call it would fail
    for figure in every:
        figure.draw(Styles.of(LABELS))


def test_drawing_leaves_the_settings_of_matplotlib_alone(analysis: SectionAnalysis) -> None:
    before = dict(mpl.rcParams)
    next(figures_of(analysis)).draw(Styles.of(LABELS))
    assert dict(mpl.rcParams) == before


def test_where_the_analysis_holds_nothing_there_is_no_figure() -> None:
    (analysis,) = analyse(records(asa=np.nan, br=np.nan, bp=np.nan, co=np.nan))
    assert list(figures_of(analysis)) == []


@dataclass(frozen=True)
class CountsMade(SectionFigure):
    """What another module would add: a class and a row."""

    name = "made"
    title = "Superpixels made over those asked for"
    group = "compared"
    needs = ("summary",)

    @classmethod
    def choices(cls, analysis: SectionAnalysis) -> Iterator[Self]:
        yield cls(analysis)

    @property
    def slug(self) -> str:
        return f"{self.analysis.section.slug}-made"

    @property
    def caption(self) -> str:
        return self.title

    @property
    def data(self) -> pd.DataFrame:
        return self.analysis.summary[["label", "n_asked", "n_made"]].drop_duplicates()

    def canvas(self) -> Axes:
        return canvas(self.analysis.section, 3)

    def plot(self, axes: Axes, styles: Styles) -> None:
        for label, rows in self.data.groupby("label"):
            axes.plot(rows["n_asked"], rows["n_made"], **styles[str(label)].line)


def test_a_new_figure_is_a_class_and_a_row(
    analysis: SectionAnalysis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(figures.FIGURES, "made", CountsMade)
    (figure,) = (each for each in figures_of(analysis) if each.name == "made")
    figure.write(Styles.of(LABELS), tmp_path)
    assert pd.read_csv(tmp_path / "d-s-seal-made.csv")["n_made"].tolist() == [
        100, 400, 101, 401, 102, 402,
    ]  # fmt: skip
