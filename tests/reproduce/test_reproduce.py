"""The paper's figures: recipes name what exists, and are drawn from whatever is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from ssnbench import plugins
from ssnbench.cli import main
from ssnbench.contracts import Timing
from ssnbench.metrics import METRICS
from ssnbench.metrics import protocol as find_protocol
from ssnbench.plugins.dataset_ref import dataset_ref
from ssnbench.plugins.variant import parse
from ssnbench.reproduce import figure as sheet
from ssnbench.reproduce.figure import RecipeResult
from ssnbench.reproduce.recipes import (
    COUNT,
    PRINTED,
    RECIPES,
    STYLE_NUMBERS,
    Method,
    Panel,
    Recipe,
    Scene,
)
from ssnbench.reproduce.run_recipe import RecipeOptions, choose_recipes, run_recipe
from ssnbench.reproduce.sources import find, resolve
from ssnbench.reproduce.times import devices
from ssnbench.reproduce.work import RecipeContext
from ssnbench.results.schema import TIMED
from ssnbench.results.store import Store
from ssnbench.run import benchmark, label_sources
from ssnbench.run.benchmark import Listener
from ssnbench.run.timing import TimingResult, TimingTask

# Jampani et al. 2018, Table 1.
TABLE_1 = """
SLIC CPU 350
SNIC CPU 810
SEEDS CPU 160
LSC CPU 1240
ERS CPU 4600
SEAL-ERS GPU-CPU 4610
GSLICR GPU 10
SSN pix, v=10 GPU 58
SSN deep, v=5, k=10 GPU 71
SSN deep, v=10, k=10 GPU 90
SSN deep, v=5, k=20 GPU 80
SSN deep, v=10, k=20 GPU 101
"""

SMALL = Scene("Anything", "bsds500", "test", builtin="collage(height=40,n_images=2,width=60)")
FIGURES = sorted(name for name in RECIPES if name.startswith("fig"))


@pytest.fixture
def nothing_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without any dataset."""
    monkeypatch.setenv("SSNBENCH_DATA", str(tmp_path / "none"))


@pytest.fixture
def context(tmp_path: Path) -> Iterator[RecipeContext]:
    listener = Listener(lambda *_: None, lambda _: None, lambda *_: None)
    with Store(tmp_path / "out") as store:
        yield RecipeContext(store, 1, listener)


@pytest.fixture
def sheets(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are written."""
    seen: list[Figure] = []
    write = sheet.write_figure

    def watched(figure: Figure, *rest: Any) -> tuple[Path, ...]:
        seen.append(figure)
        return write(figure, *rest)

    monkeypatch.setattr(sheet, "write_figure", watched)
    return seen


# ---------------------------------------------------------------------- recipes


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_recipes_name_what_exists(recipe: Recipe) -> None:
    for method in recipe.methods:
        parse("algorithms", method.algo)
    for scene in recipe.scenes:
        assert scene.split in plugins.load("datasets", scene.dataset).SPLITS
        assert dataset_ref(scene.builtin).open().keys()
    for panel in recipe.panels:
        scored = find_protocol(panel.protocol).metrics
        assert {panel.x, panel.y} - {COUNT} <= set(scored) & set(METRICS)
        assert panel.protocol in ("seal", "stutz", "berkeley")
        assert {method.name for method in recipe.methods} <= set(STYLE_NUMBERS)
    assert recipe.counts
    assert min(recipe.counts) > 0


def test_the_issue_names_these_figures() -> None:
    wanted = ["fig2", "fig4", "fig5", "fig6", "fig7", "fig8a", "fig8b", "fig9", "table1"]
    assert sorted(RECIPES) == sorted(wanted)
    assert [recipe.name for recipe in choose_recipes(["all"])] == wanted
    assert [recipe.name for recipe in choose_recipes(["fig5", "fig4", "fig5"])] == ["fig5", "fig4"]


def test_an_unknown_figure_is_wrong_use(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["reproduce", "fig3", "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert all(name in told for name in [*RECIPES, "all"])
    assert not (tmp_path / "out").exists()


def test_the_help_names_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "--help"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in [*RECIPES, "all"])


def test_the_printed_times_are_the_papers() -> None:
    lines = [f"{row.name} {row.device} {row.milliseconds:g}" for row in PRINTED]
    assert lines == TABLE_1.strip().splitlines()


# ---------------------------------------------------------------------- what is there


def test_a_part_of_a_dataset_is_told(tmp_path: Path) -> None:
    images = tmp_path / "BSR/BSDS500/data/images/test"
    truths = tmp_path / "BSR/BSDS500/data/groundTruth/test"
    for folder, ending in ((images, "jpg"), (truths, "mat")):
        folder.mkdir(parents=True)
        for key in ("1", "2"):
            (folder / f"{key}.{ending}").touch()
    found = find(Scene("BSDS500", "bsds500", "test", image="2"), tmp_path)
    assert found.images == ("1", "2")
    assert found.pictured == "2"
    assert found.notes(1) == ["1 of 200 images"]
    assert found.notes(200) == []
    assert find(Scene("BSDS500", "bsds500", "test", image="7"), tmp_path).pictured == "1"


@pytest.mark.usefixtures("nothing_there")
def test_built_in_pictures_stand_in() -> None:
    found = find(SMALL, None)
    assert found.builtin
    assert found.of(1) == ("collage-0000",)
    assert found.notes(2) == ["built-in collage, not Anything: 2 images"]


def test_a_method_without_weights_is_left_out_and_told() -> None:
    methods = (Method("A", "grid"), Method("B", "ssn(weights=of-nobody)"))
    found, missing = resolve(methods)
    assert [method.name for method in found] == ["A"]
    assert missing == ["no B: no weights of-nobody"]


# ---------------------------------------------------------------------- drawing


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_there")
def test_figure_5_from_nothing_to_the_sheet_and_not_twice(
    tmp_path: Path, sheets: list[Figure], monkeypatch: pytest.MonkeyPatch
) -> None:
    segmented: list[str] = []
    segment = label_sources.Computed.__call__

    def counted(self: label_sources.Computed, *rest: Any) -> Any:
        segmented.append(self.variant.label)
        return segment(self, *rest)

    monkeypatch.setattr(label_sources.Computed, "__call__", counted)
    out = tmp_path / "out"
    command = ["reproduce", "fig5", "--limit", "1", "--segments", "20,40", "--jobs", "1"]
    command += ["--out", str(out)]
    assert main(command) == 0
    n_methods = len(RECIPES["fig5"].methods)
    assert len(segmented) == 2 * n_methods  # two counts, and once for both protocols
    for kind in ("pdf", "png", "csv", "tex", "md"):
        assert (out / f"fig5.{kind}").stat().st_size
    (note,) = (text.get_text() for text in sheets[0].texts)
    assert note == "! built-in collage, not BSDS500: 1 image"
    data = pd.read_csv(out / "fig5.csv")
    assert data.groupby("panel").size().tolist() == [2 * n_methods] * 2
    assert set(data["protocol"]) == {"seal", "berkeley"}
    caption = (out / "fig5.md").read_text()
    assert "seal; berkeley" in caption
    assert "20, 40" in caption
    assert all(method.name in caption for method in RECIPES["fig5"].methods)

    with Store(out) as store:
        before = store.records()
    monkeypatch.setattr(benchmark, "execute", None)  # to call it would fail
    assert main(command) == 0
    with Store(out) as store:
        pd.testing.assert_frame_equal(store.records(), before)


def curves(methods: tuple[Method, ...], panels: tuple[Panel, ...]) -> Recipe:
    return Recipe("fig0", "Title", "curves", (SMALL,), methods, (10, 20), panels)


@pytest.mark.usefixtures("nothing_there")
def test_the_data_of_a_panel_are_means_of_the_rows(context: RecipeContext) -> None:
    recipe = curves((Method("SLIC", "slic"),), (Panel(COUNT, "asa"), Panel(COUNT, "epe")))
    made = run_recipe(recipe, RecipeOptions(), context)
    data = pd.read_csv(context.store.folder / "fig0.csv")
    rows = context.store.records().groupby("n_asked")[["asa", "n_made"]].mean()
    first = data[data["panel"] == 1].set_index("n_asked")
    assert first["y"].to_dict() == pytest.approx(rows["asa"].to_dict())
    assert first["x"].to_dict() == pytest.approx(rows["n_made"].to_dict())
    assert data[data["panel"] == 2]["y"].gt(0).all()
    assert made.images == "built-in collage, 2 images, 4 (image, annotator) pairs"


@pytest.mark.usefixtures("nothing_there")
def test_a_method_that_fails_costs_its_curve_only(context: RecipeContext, tmp_path: Path) -> None:
    code = "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Bad:\n"
    code += (
        "    def __call__(self, image, n_segments):\n        raise ValueError('no')\nPLUGIN = Bad"
    )
    path = tmp_path / "bad.py"
    path.write_text(code)
    plugins.add_file(path)
    methods = (Method("SLIC", "bad"), Method("SNIC", "grid"))
    made = run_recipe(curves(methods, (Panel(COUNT, "asa"),)), RecipeOptions(limit=1), context)
    assert made.n_failed == 2
    assert set(pd.read_csv(context.store.folder / "fig0.csv")["label"]) == {"SNIC"}
    pictures = Recipe("fig1", "Title", "details", (SMALL,), methods, (10,))
    assert run_recipe(pictures, RecipeOptions(), context).n_failed == 1
    assert (context.store.folder / "fig1.png").stat().st_size


@pytest.mark.usefixtures("nothing_there")
@pytest.mark.parametrize("drawing", ["stages", "details", "flows"])
def test_pictures_are_drawn_and_counted(
    drawing: Any, context: RecipeContext, sheets: list[Figure]
) -> None:
    methods = (Method("SLIC", "slic"), Method("SNIC", "grid"))
    recipe = Recipe("fig0", "Title", drawing, (SMALL,), methods, (24,))
    made = run_recipe(recipe, RecipeOptions(), context)
    assert [path.name for path in made.files] == [
        f"fig0.{kind}" for kind in ("pdf", "png", "csv", "tex", "md")
    ]
    data = pd.read_csv(context.store.folder / "fig0.csv").set_index("label")
    assert data["n_made"]["SNIC"] == 24
    assert (data["epe"] > 0).all()  # collages have flow
    picture = cv2.imread(str(context.store.folder / "fig0.png"))
    assert picture is not None
    assert np.ptp(picture) > 200
    assert "built-in collage, not Anything" in sheets[0].texts[0].get_text()


def test_notes_stand_below_the_axes_which_keep_their_size() -> None:
    figure = Figure(figsize=(4, 2))
    axes = figure.add_axes((0.1, 0.2, 0.8, 0.7))
    sheet.annotate(figure, ["a note that is long enough to be wrapped into lines", "and another"])
    width, height = figure.get_size_inches()
    box = axes.get_position()
    assert (box.width * width, box.height * height) == pytest.approx((3.2, 1.4))
    (text,) = figure.texts
    assert "\n" in text.get_text()
    area = text.get_window_extent()
    assert area.y1 / figure.dpi < box.y0 * height
    assert area.x1 / figure.dpi < width


def test_captions_hold_what_a_reader_must_know() -> None:
    recipe = replace(RECIPES["fig6"], claim="this")
    made = RecipeResult(
        recipe, "3 images", ("A", "B"), ("seal",), (100, 200), ("built-in", *recipe.lacks), 0
    )
    for part in ("3 images", "A, B", "seal", "100, 200", "built-in", "SEAL", "this"):
        assert part in made.caption


# ---------------------------------------------------------------------- times


@pytest.mark.usefixtures("nothing_there")
def test_table_1_has_both_columns(context: RecipeContext, monkeypatch: pytest.MonkeyPatch) -> None:
    timed: list[TimingTask] = []

    def quick(tasks: list[TimingTask], *_: object) -> Iterator[TimingResult]:
        for task in tasks:
            timed.append(task)
            if task.variant.name == "ers":
                yield TimingResult(task, reason="no time")
                continue
            seconds = 0.25 if task.variant.name == "slic" else 0.5
            total = Timing(
                **dict(zip(TIMED, task.key, strict=True)),
                label=task.variant.label,
                height=512,
                width=1024,
                stage="total",
                seconds=seconds,
                fastest=seconds,
                slowest=seconds,
                repeats=3,
            )
            yield TimingResult(task, (total,))

    monkeypatch.setattr(benchmark, "time_apart", quick)
    made = run_recipe(RECIPES["table1"], RecipeOptions(), context)
    assert len(timed) == len(devices()) * 11 - (len(devices()) - 1) * 5
    assert {task.n_asked for task in timed} == {1000}
    assert made.n_failed == 1
    lines = (context.store.folder / "table1.md").read_text().splitlines()
    table = [[cell.strip() for cell in line.split("|")[1:]] for line in lines if "|" in line]
    cells = {first: rest for first, *rest in table}
    assert cells["SLIC"][:4] == ["CPU", "350", "cpu", "**250.0**"]
    assert cells["ERS"][:4] == ["CPU", "4600", "cpu", "—"]
    assert cells["SEAL-ERS"][:4] == ["GPU-CPU", "4610", "—", "—"]
    assert "Tesla V100" in lines[-1]
    assert [path.name for path in made.files] == [
        f"table1.{kind}" for kind in ("pdf", "png", "csv", "tex", "md")
    ]
    assert r"\toprule" in (context.store.folder / "table1.tex").read_text()
    run_recipe(RECIPES["table1"], RecipeOptions(), context)
    assert [task.variant.name for task in timed[len(timed) - 1 :]] == ["ers"]  # the rest is known


# ---------------------------------------------------------------------- with data


@pytest.mark.real
@pytest.mark.parametrize("name", ["fig5", "fig8a", "fig8b"])
def test_real_images_are_found(name: str, real_data: Path) -> None:
    found = find(RECIPES[name].scenes[0], real_data)
    assert not found.builtin
    assert found.n_complete in (200, 1449, 205)
