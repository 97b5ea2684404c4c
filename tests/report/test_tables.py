"""Tables of a report: places, missing values, escaping, files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from ssnbench.analysis.analyses import analyse
from ssnbench.analysis.runtimes import runtimes
from ssnbench.analysis.section_analysis import SectionAnalysis
from ssnbench.plots.styles import Styles
from ssnbench.report import (
    cells,
    comparison_tables,
    notes,
    run_tables,
    section_data,
    table_formats,
    tables,
)
from ssnbench.report.table_formats import Cell, Table
from ssnbench.results.timings import counted

NASTY = r"a<script>&_%|b$#{}~^\ "


def table(*rows: tuple[str, float, int], caption: str = "by seal") -> Table:
    lines = tuple((Cell(n, n), cells.number(v, 2, place)) for n, v, place in rows)
    frame = pd.DataFrame({"label": [name for name, _, _ in rows]})
    groups = tuple("one" for _ in rows)
    return Table("t", "T", caption, ("Method", "ASA ↑"), lines, groups, frame)


def records(values: dict[str, float], metric: str = "asa") -> pd.DataFrame:
    """One image of two annotators; a method without a score failed."""
    rows = [(label, truth, value) for label, value in values.items() for truth in (0, 1)]
    table = pd.DataFrame(rows, columns=["label", "truth", metric])
    key = {"dataset": "d", "split": "s", "perturbation": "", "protocol": "seal", "params": "{}"}
    rest = {
        "protocol_version": 1,
        "image": "a",
        "n_asked": 100,
        "n_made": 95,
        "reason": "",
        "status": "ok",
    }
    return table.assign(algorithm=table["label"], **key, **rest)


def analysed(table: pd.DataFrame, times: pd.DataFrame | None = None) -> SectionAnalysis:
    (analysis,) = analyse(table, times)
    return analysis


def places(values: dict[str, float], metric: str = "asa") -> list[int]:
    table = tables.scores_table(analysed(records(values, metric)))
    return [row[-1].place for row in table.rows]


def test_scores_table_shows_made_counts_and_protocol() -> None:
    made = tables.scores_table(analysed(records({"m": 0.98765})))
    assert [cell.text for cell in made.rows[0]] == ["m", "100", "95", "1", "0.9877"]
    assert made.headings[-1] == "ASA ↑"
    assert "seal protocol" in made.caption


def test_best_and_second_follow_the_direction_of_the_metric() -> None:
    values = {"a": 0.1, "b": 0.3, "c": 0.2}
    assert places(values) == [0, 1, 2]
    assert places(values, "ue") == [1, 0, 2]


def test_equal_as_printed_is_equal_in_place() -> None:
    assert places({"a": 0.90001, "b": 0.90002, "c": 0.5}) == [1, 1, 2]


def test_no_places_for_one_method_for_ties_and_for_unknown_metrics() -> None:
    assert places({"a": 0.9}) == [0]
    assert places({"a": 0.9, "b": 0.9}) == [0, 0]
    assert places({"a": 0.9, "b": 0.8}, "of_a_later_version") == [0, 0]


def test_missing_values_take_no_place() -> None:
    assert places({"a": float("nan"), "b": 0.4, "c": 0.5}) == [0, 2, 1]
    assert cells.number(float("nan"), 3) == Cell(cells.MISSING)


def test_latex_marks_and_escapes() -> None:
    text = table_formats.latex(table((NASTY, 0.5, 1), ("b", 0.25, 2), caption="100 % of A_B"))
    assert r"a\textless{}script\textgreater{}\&\_\%\textbar{}b\$\#\{\}" in text
    assert r"\textasciitilde{}\textasciicircum{}\textbackslash{}" in text
    assert r"& \textbf{0.50} \\" in text
    assert r"b & \underline{0.25} \\" in text
    assert r"\caption{100 \% of A\_B}" in text
    assert r"ASA $\uparrow$" in text
    assert r"\begin{tabular}{lr}" in text
    for rule in (r"\toprule", r"\midrule", r"\bottomrule"):
        assert rule in text


def test_a_mark_of_significance_is_neither_bold_nor_underlined() -> None:
    made = table(("a", 0.5, 1), ("b", 0.25, 2))
    (name, score), rest = made.rows[1], made.rows[:1]
    marked = replace(made, rows=(*rest, (name, replace(score, text=f"0.25{table_formats.MARK}"))))
    assert r"b & \underline{0.25}\rlap{$^\dagger$} \\" in table_formats.latex(marked)
    assert "| b | *0.25*† |" in table_formats.markdown(marked)
    assert table_formats.numeric_columns(marked) == [False, True]


def ladder(values: dict[str, float], n_images: int = 8) -> pd.DataFrame:
    rows = [
        (label, n_asked, f"i{image}", n_asked, value + 0.001 * image + n_asked / 1e4)
        for label, value in values.items()
        for n_asked in (100, 400)
        for image in range(n_images)
    ]
    names = ["label", "n_asked", "image", "n_made", "asa"]
    key = {
        "dataset": "d",
        "split": "s",
        "protocol": "seal",
        "protocol_version": 1,
        "perturbation": "",
        "params": "{}",
    }
    rest = {"truth": 0, "status": "ok", "reason": ""}
    table = pd.DataFrame(rows, columns=names)
    return table.assign(algorithm=table["label"], **key, **rest)


def test_equal_counts_mark_what_is_not_told_apart_from_the_best() -> None:
    table = ladder({"best": 0.6, "same": 0.6, "far": 0.5})
    made = tables.equal_counts_table(analysed(table))
    texts = {row[0].text: row[3].text for row in made.rows if row[1].text == "200"}
    assert [label for label, text in texts.items() if text.endswith(table_formats.MARK)] == ["same"]
    assert f"{table_formats.MARK}: not told apart" in made.caption
    plain = tables.equal_counts_table(analysed(ladder({"best": 0.6, "same": 0.6}, 3)))
    assert table_formats.MARK not in plain.caption


def test_ranks_and_pairs_name_the_test_or_why_there_is_none() -> None:
    analysis = analysed(ladder({"a": 0.6, "b": 0.5, "c": 0.4}))
    ranks = comparison_tables.ranks_table(analysis)
    assert [row[1].text for row in ranks.rows] == ["1.00", "2.00", "3.00"]
    assert "Friedman 16.0" in ranks.caption
    pairs = comparison_tables.paired_table(analysis)
    assert [row[2].text for row in pairs.rows] == ["b", "c"]  # the best against the others
    assert len(pairs.frame) == 3
    single = comparison_tables.ranks_table(analysed(ladder({"a": 0.6, "b": 0.5, "c": 0.4}, 1)))
    assert "no Friedman test" in single.caption


def test_notes_name_what_is_not_compared_and_not_timed() -> None:
    table = ladder({"a": 0.6, "b": 0.5, "c": 0.4}, 2)
    table.loc[table["label"] == "c", "n_made"] += 5000
    times = pd.DataFrame(
        [("a", "a", "{}", "i0", 100, 0.1, "total", "cpu", 1)],
        columns=[
            *("label", "algorithm", "params", "image", "n_asked", "seconds"),
            *("stage", "device", "threads"),
        ],
    )
    texts = notes.notes(analysed(table, times.assign(dataset="d", split="s", load=0.0)))
    assert any(text.endswith("extrapolated): c.") for text in texts)
    assert any(text.endswith("or only under load: b, c.") for text in texts)
    alone = notes.notes(analysed(ladder({"a": 0.6})))
    assert any("no two methods" in text for text in alone)


def test_latex_rules_off_groups() -> None:
    plain = table(("a", 0.5, 0), ("b", 0.5, 0))
    grouped = Table(**(vars(plain) | {"groups": ("100", "200")}))
    assert (
        table_formats.latex(grouped).count(r"\midrule")
        == table_formats.latex(plain).count(r"\midrule") + 1
    )


def test_markdown_marks_and_escapes() -> None:
    lines = table_formats.markdown(table((NASTY, 0.5, 1), ("b", 0.25, 2))).splitlines()
    assert lines[1] == "| :--- | ---: |"
    assert lines[2].startswith(r"| a&lt;script&gt;&amp;\_%\|b\$\#\{\}\~^\\ |")
    assert lines[2].endswith("| **0.50** |")
    assert lines[3] == "| b | *0.25* |"


def test_a_line_break_does_not_break_a_table() -> None:
    text = table_formats.markdown(table(("two\nlines", 0.5, 0)))
    assert "| two lines | 0.50 |" in text


def test_write_makes_three_files(tmp_path: Path) -> None:
    files = table_formats.write(table(("a", 0.5, 1)), tmp_path)
    assert files == {"csv": "t.csv", "tex": "t.tex", "md": "t.md"}
    assert pd.read_csv(tmp_path / "t.csv")["label"].tolist() == ["a"]


def timings(*rows: tuple[str, str, str, float], size: tuple[int, int] = (20, 30)) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "algorithm": label, "params": "{}", "label": label, "image": image,
                "height": size[0], "width": size[1], "n_asked": 100, "device": "cpu", "threads": 1,
                "dataset": "d", "split": "s", "stage": stage, "seconds": seconds,
                "fastest": seconds / 2, "slowest": 2 * seconds,
                "repeats": 5, "peak_mb": 90.0, "bare_mb": 30.0, "load": None, "even_if_busy": 0,
                "code_version": "1",
            }
            for label, image, stage, seconds in rows
        ]
    )  # fmt: skip


def test_run_time_is_the_median_over_images_of_the_stage_total() -> None:
    frame = runtimes(
        timings(
            ("m", "a", "total", 0.1), ("m", "b", "total", 0.2), ("m", "c", "total", 0.9),
            ("m", "a", "segment", 0.05), ("m", "b", "segment", 0.07),
        )
    )  # fmt: skip
    (row,) = frame.to_dict("records")
    assert row["total"] == pytest.approx(0.2)
    assert row["segment"] == pytest.approx(0.06)
    assert (row["images"], row["repeats"], row["size"]) == (3, 5, "30 x 20")
    assert (row["fastest"], row["slowest"]) == (pytest.approx(0.05), pytest.approx(1.8))


def test_portrait_and_landscape_of_one_size_are_joined() -> None:
    upright = timings(("m", "b", "total", 0.2), size=(30, 20))
    frame = runtimes(pd.concat([timings(("m", "a", "total", 0.1)), upright]))
    assert frame["size"].tolist() == ["30 x 20"]


def test_run_times_name_machine_and_fastest() -> None:
    slow_first = timings(("slow", "a", "total", 0.2), ("fast", "a", "total", 0.1))
    made = run_tables.runtime_table(slow_first, "Machine: a toaster.")
    assert made.caption.endswith("Machine: a toaster.")
    assert [row[0].text for row in made.rows] == ["fast", "slow"]
    assert [row[6].text for row in made.rows] == ["100.0", "200.0"]
    assert [row[6].place for row in made.rows] == [1, 2]
    assert [row[4].text for row in made.rows] == ["a", "a"]  # the image
    assert [row[7].text for row in made.rows] == ["50.0 to 200.0", "100.0 to 400.0"]
    assert made.headings[-2:] == ("peak [MB]", "bare [MB]")
    assert [cell.text for cell in made.rows[0][-2:]] == ["90", "30"]


def test_times_under_load_are_left_out_unless_wanted_and_then_say_so() -> None:
    busy = timings(("m", "a", "total", 0.2)).assign(load=0.4)
    assert counted(busy).empty
    assert len(counted(busy.assign(load=0.1))) == len(counted(busy.assign(load=None))) == 1
    wanted = busy.assign(even_if_busy=1)
    made = run_tables.runtime_table(counted(wanted), "Machine: a toaster.")
    assert made.headings[-1] == "others [%]"
    assert made.rows[0][-1].text == "40"
    assert "Taken under load" in made.caption


def test_the_users_method_is_named_where_others_are_compared_with_it() -> None:
    table = ladder({"best": 0.6, "same": 0.6, "mine": 0.5})
    (analysis,) = analyse(table, mine="mine")
    pairs = comparison_tables.paired_table(analysis)
    assert (pairs.headings[0], {row[0].text for row in pairs.rows}) == ("Yours", {"mine"})
    assert pairs.caption.startswith("d · s · seal: mine minus each other")
    assert not any(
        row[2].text.endswith(table_formats.MARK) for row in tables.equal_counts_table(analysis).rows
    )  # nobody is level with it
    (analysis,) = analyse(table, mine="same")
    made = tables.equal_counts_table(analysis)
    marked = {row[0].text for row in made.rows if row[-1].text.endswith(table_formats.MARK)}
    assert marked == {"best"}
    assert "not told apart from same, at its column" in made.caption


def test_cards_marks_pairs_and_legend_read_the_same_numbers() -> None:
    """Two annotators of image i0 and one of the others: pair mean and image mean differ."""
    table = ladder({"a": 0.6, "b": 0.59, "c": 0.4})
    twice = table[table["image"] == "i0"].assign(truth=1, asa=lambda rows: rows["asa"] - 0.2)
    analysis = analysed(pd.concat([table, twice], ignore_index=True))
    (winner,) = analysis.winners
    level = tables.equal_counts_table(analysis)
    at_count = {row[0].text: row[-1].value for row in level.rows if row[1].text == "200"}
    assert winner.value == f"{at_count['a']:.4f}"
    (row,) = (row for row in comparison_tables.paired_table(analysis).rows if row[2].text == "b")
    assert float(str(row[3].value)) == pytest.approx(at_count["a"] - at_count["b"])  # type: ignore[operator]
    data = section_data.section_data(analysis, Styles.of(["a", "b", "c"]))
    readings = data["readings"]
    place = readings["counts"].index(200)
    assert readings["values"]["asa"]["a"][place] == pytest.approx(at_count["a"], abs=1e-5)
    asked = tables.scores_table(analysis)
    first = next(row[-1].value for row in asked.rows if row[0].text == "a" and row[1].text == "100")
    assert data["curves"]["asa"]["a"][0][1] == pytest.approx(first, abs=1e-5)
    frame = asked.frame.query("label == 'a' and n_asked == 100").iloc[0]
    assert first == frame["image_mean"] != frame["pair_mean"]
