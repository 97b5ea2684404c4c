"""Parts of figures and pictures that can be checked without looking."""

from __future__ import annotations

import re
from itertools import combinations, pairwise
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from ssnbench.analysis.sections import Section
from ssnbench.kernels.boundaries import find_boundaries
from ssnbench.plots.axes import axis_name
from ssnbench.plots.detail import telling_box
from ssnbench.plots.figure import STYLE, save
from ssnbench.plots.grids import columns
from ssnbench.plots.inset import draw_inset
from ssnbench.plots.overlay import painted, standing_out
from ssnbench.plots.styles import HOUSE, Styles, spread

NAMES = ["ssn", "slic", "mine"]


def test_names_that_do_not_collide_stay() -> None:
    assert spread([0.9, 0.1, 0.5], 0.1) == pytest.approx([0.9, 0.1, 0.5])


def test_names_that_collide_make_room_evenly() -> None:
    assert spread([0.5, 0.5], 0.1) == pytest.approx([0.45, 0.55])
    assert spread([1.0, 1.0], 0.1) == pytest.approx([0.9, 1.0])
    assert spread([0.0, 0.0], 0.1) == pytest.approx([0.0, 0.1])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_names_never_overlap_and_keep_their_order(wanted: list[float]) -> None:
    places = spread(wanted, 0.1)
    ordered = [places[i] for i in np.argsort(wanted, kind="stable")]
    assert all(b - a > 0.1 - 1e-9 for a, b in pairwise(ordered))
    assert min(places) >= -1e-9
    assert max(places) <= 1 + 1e-9


@pytest.mark.parametrize(
    ("text", "fonts"),
    [
        ("ASA ↑ ± µm é — β † 0.5", {"DejaVuSansForFigures"}),
        ("ASA Метод", {"DejaVuSansForFigures", "DejaVuSans"}),
    ],
)
def test_figures_take_the_small_font_and_what_it_lacks_from_the_whole_one(
    text: str, fonts: set[str], tmp_path: Path
) -> None:
    with mpl.rc_context(fname=STYLE):
        figure = Figure()
        figure.text(0.5, 0.5, text)
        save(figure, "a", tmp_path, dpi=50)
    embedded = re.findall(rb"/FontName /\w+\+(\w+)", (tmp_path / "a.pdf").read_bytes())
    assert {name.decode() for name in embedded} == fonts


def test_methods_differ_without_colour() -> None:
    labels = [f"{i:02}" for i in range(20)]
    styles = Styles.of(labels).values()
    plain = [(style.marker, str(style.dashes), style.filled) for style in styles]
    assert all(a != b for a, b in combinations(plain, 2))


def test_a_method_looks_the_same_whatever_else_is_in_the_report() -> None:
    alone, among = Styles.of(["slic"]), Styles.of(["a", "slic", "ssn"])
    assert alone["slic"].line == among["slic"].line
    lines = [str(style.line) for style in Styles.of([*HOUSE, "mine"]).values()]
    assert len(set(lines)) == len(lines)
    assert Styles({"mine": 4})["mine"].line == Styles.of(["seeds"])["seeds"].line  # by number
    first_ten = {Styles.of(HOUSE)[label].colour for label in HOUSE[:10]}
    assert len(first_ten) == 10


def test_styles_say_in_what_order_methods_are_drawn_and_what_they_are_called() -> None:
    long = "a" * 40
    styles = Styles({"b": 0, long: 1})
    assert [style.gid for style in styles.values()] == ["method0", "method1"]
    assert styles[long].name == "a" * 29 + "…"
    table = pd.DataFrame({"label": [long, "b", "b", "other"], "x": [1, 3, 2, 1]})
    curves = styles.curves(table)
    assert list(curves) == ["b", long]
    assert curves["b"]["x"].tolist() == [2, 3]


@pytest.mark.parametrize(("sign", "low"), [(1, 0.07), (-1, 0.53)])
def test_the_inset_covers_no_curve(sign: int, low: float) -> None:
    figure = Figure()
    axes = figure.subplots()
    counts = np.array([100, 200, 400, 800])
    curves = {
        name: pd.DataFrame({"n_asked": counts, "x": counts, "y": sign * (1 - 8 / counts - i / 500)})
        for i, name in enumerate(NAMES)
    }
    for curve in curves.values():
        axes.plot(curve["x"], curve["y"])
    draw_inset(axes, curves, Styles.of(NAMES))
    (detail,) = axes.child_axes
    box = axes.transAxes.inverted().transform(detail.get_window_extent())
    assert box[0].tolist() == pytest.approx([0.5, low])
    left, right = detail.get_xlim()
    assert left < 400 < right
    bottom, top = detail.get_ylim()
    assert all(bottom < curve["y"][2] < top for curve in curves.values())


def test_there_is_no_inset_where_curves_cross_both_corners() -> None:
    axes = Figure().subplots()
    x = np.array([100, 200, 400])
    rows = {n: pd.DataFrame({"n_asked": x, "x": x, "y": sign * x}) for n, sign in
            zip(NAMES, (1, -1, 1), strict=True)}  # fmt: skip
    for curve in rows.values():
        axes.plot(curve["x"], curve["y"])
    draw_inset(axes, rows, Styles.of(NAMES))
    assert not axes.child_axes


def test_an_axis_tells_unit_and_protocol() -> None:
    section = Section("d", "s", "seal(r=2)", "d", pd.DataFrame(), ())
    assert axis_name("epe", section) == "EPE [px] (seal(r=2)) ↓"
    assert axis_name("asa", section) == "ASA (seal(r=2)) ↑"
    assert axis_name("of_a_later_version", section) == "of_a_later_version (seal(r=2))"


def test_boundaries_of_a_worked_case() -> None:
    labels = np.array([[0, 0, 1], [0, 0, 1], [2, 2, 2]], dtype=np.int32)
    assert find_boundaries(labels).astype(int).tolist() == [[0, 1, 0], [1, 1, 1], [0, 0, 0]]


def test_the_detail_lies_on_the_object() -> None:
    image = np.full((100, 200, 3), 200, dtype=np.uint8)
    cv2.circle(image, (130, 60), 14, (30, 60, 90), -1)
    labels = np.zeros((100, 200), dtype=np.int32)
    left, top, wide, high = telling_box(image, [labels])
    assert (wide, high) == (60, 42)
    assert left <= 116
    assert left + wide >= 144
    assert top <= 46
    assert top + high >= 74


def test_a_picture_of_one_pixel_has_a_detail() -> None:
    image, labels = np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1), np.int32)
    assert telling_box(image, [labels, labels]) == (0, 0, 1, 1)


def test_boundaries_stand_out_from_every_picture() -> None:
    magenta = np.full((8, 8, 3), (255, 0, 255), dtype=np.uint8)
    yellow = np.full((8, 8, 3), (255, 235, 0), dtype=np.uint8)
    assert standing_out([magenta, yellow]) not in {(255, 0, 255), (255, 235, 0)}


def test_painted_draws_lines_of_one_and_of_two_pixels() -> None:
    image = np.zeros((4, 8, 3), dtype=np.uint8)
    labels = np.repeat(np.array([[0] * 4 + [1] * 4], dtype=np.int32), 4, axis=0)
    thin = painted(image, labels, (255, 0, 255), (16, 8))
    thick = painted(image, labels, (255, 0, 255), (16, 8), across=2)
    assert np.flatnonzero(thin[0, :, 0]).tolist() == [7]
    assert np.flatnonzero(thick[0, :, 0]).tolist() == [7, 8]


@pytest.mark.parametrize(("n", "side_by_side"), [(1, 1), (6, 6), (7, 4), (10, 5), (13, 5)])
def test_lines_of_methods_are_even(n: int, side_by_side: int) -> None:
    assert columns(n) == side_by_side
