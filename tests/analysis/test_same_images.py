"""Bold, ranks and winners are among methods that were scored on the same images."""

from __future__ import annotations

import pandas as pd
import pytest

from ssnbench.analysis import sections
from ssnbench.analysis.same_images import on_same_images
from ssnbench.analysis.section_analysis import SectionAnalysis
from ssnbench.report import notes, tables

COUNTS = (100, 400)


def rows(label: str, images: str, asa: float, counts: tuple[int, ...] = COUNTS) -> pd.DataFrame:
    found = [(image, n, n, asa + n / 1e4) for n in counts for image in images]
    table = pd.DataFrame(found, columns=["image", "n_asked", "n_made", "asa"])
    place = {"dataset": "d", "split": "s", "perturbation": "", "protocol": "seal"}
    rest = {"protocol_version": 1, "truth": 0, "status": "ok", "reason": "", "params": "{}"}
    return table.assign(label=label, algorithm=label, **place, **rest)


def analysed(*parts: pd.DataFrame, n_images: int = 0) -> SectionAnalysis:
    (section,) = sections.split(pd.concat(parts, ignore_index=True))
    return SectionAnalysis(section, n_images=n_images)


@pytest.mark.parametrize(
    ("images", "alike"),
    [
        ({"a": "xyz", "b": "xyz", "c": "x"}, "ab"),
        ({"a": "xyz", "b": "xy", "c": "xy"}, "a"),  # the largest set counts
        ({"a": "xy", "b": "yz", "c": "yz"}, "bc"),  # of two as large, the one of more methods
    ],
)
def test_the_largest_set_of_images_counts(images: dict[str, str], alike: str) -> None:
    table = pd.concat([rows(label, keys, 0.5) for label, keys in images.items()])
    found = on_same_images(table, ["asa"])["asa"]
    assert found[found].index.tolist() == list(alike)


def test_a_score_that_is_missing_is_an_image_that_is_missing() -> None:
    table = pd.concat([rows("a", "xyz", 0.5), rows("b", "xyz", 0.5).assign(ev=0.1)])
    table.loc[(table["label"] == "b") & (table["image"] == "x"), "asa"] = None
    found = on_same_images(table, ["asa", "ev"], ["n_asked"])
    assert found["asa"].to_dict() == {(n, label): label == "a" for n in COUNTS for label in "ab"}
    assert found["ev"][100, "b"]
    assert not found["ev"][100, "a"]


def test_the_best_of_fewer_images_has_no_place() -> None:
    good, fair = rows("good", "xyz", 0.6), rows("fair", "xyz", 0.5)
    few = rows("few", "x", 0.9)
    analysis = analysed(good, fair, few, n_images=5)
    for table in (tables.scores_table(analysis), tables.equal_counts_table(analysis)):
        column = table.headings.index("ASA ↑")
        places = {row[0].text: row[column].place for row in table.rows}
        assert places == {"good": 1, "fair": 2, "few": 0}
        images = {row[0].text: row[table.headings.index("Images")].text for row in table.rows}
        assert images == {"good": "3 of 5", "fair": "3 of 5", "few": "1 of 5"}
        assert "scored on the same images" in table.caption
    places = {row[0].text: row[1].place for row in tables.areas_table(analysis).rows}
    assert places == {"good": 1, "fair": 2, "few": 0}
    assert [winner.labels for winner in analysis.winners if winner.metric == "asa"] == [("good",)]
    assert "few" not in analysis.rankings[0].ranks
    said = " ".join(notes.notes(analysis))
    assert "All of this is of 3 of the dataset's 5 images." in said
    assert "few (1)" in said


def test_at_another_count_it_may_have_a_place() -> None:
    analysis = analysed(
        rows("a", "xy", 0.5), rows("b", "xy", 0.6, (100,)), rows("b", "x", 1, (400,))
    )
    table = tables.scores_table(analysis)
    column = table.headings.index("ASA ↑")
    assert {(row[1].text, row[0].text): row[column].place for row in table.rows} == {
        ("100", "a"): 2,
        ("100", "b"): 1,
        ("400", "a"): 0,
        ("400", "b"): 0,
    }


def test_methods_on_the_same_images_are_compared_as_before() -> None:
    analysis = analysed(rows("a", "xyz", 0.6), rows("b", "xyz", 0.5))
    table = tables.equal_counts_table(analysis)
    assert "same images" not in table.caption
    assert {row[2].text for row in table.rows} == {"3"}


def test_maps_of_an_unknown_count_lack_no_other_counts() -> None:
    table = pd.concat([rows("slic", "xyz", 0.5), rows("maps", "xy", 0.5, (0,))])
    assert sections.troubles(table).empty
    more = pd.concat([table, rows("others", "xyz", 0.5, (0,))])
    (lost,) = sections.troubles(more).to_dict("records")
    assert (lost["label"], lost["n_asked"], lost["images"], lost["example"]) == ("maps", 0, 1, "z")
