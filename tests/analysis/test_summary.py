"""Statistics of a report, against means worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ssnbench.analysis import equal_counts, sections
from ssnbench.analysis.summary import areas, metric_pair, summarise

Row = tuple[str, int, str, int, int, float]  # label, n_asked, image, truth, n_made, asa

# Image "a" has two annotators, "b" has one: the pair mean and the image mean differ.
ROWS: list[Row] = [
    ("m", 100, "a", 0, 90, 0.8),
    ("m", 100, "a", 1, 90, 0.6),
    ("m", 100, "b", 0, 110, 0.4),
    ("m", 200, "a", 0, 190, 0.9),
    ("m", 200, "a", 1, 190, 0.9),
    ("m", 200, "b", 0, 210, 0.8),
]
MADE = (100, 100, 50, 400, 400, 800)


def records(rows: list[Row] = ROWS, **columns: object) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["label", "n_asked", "image", "truth", "n_made", "asa"])
    fixed: dict[str, str | int] = {"params": "{}", "dataset": "d", "split": "s", "protocol": "seal"}
    fixed |= {"perturbation": "", "protocol_version": 1, "data_version": ""}
    whole = {"code_version": "1", "status": "ok", "reason": "", "n_raw": 0, "n_components": 0}
    return table.assign(algorithm=table["label"], **(fixed | whole | columns))


def section(table: pd.DataFrame) -> sections.Section:
    (only,) = sections.split(table)
    return only


def level(section: sections.Section, counts: list[int]) -> pd.DataFrame:
    return equal_counts.at_equal_counts(equal_counts.image_curves(section), counts)


def test_the_three_means_of_a_hand_worked_case() -> None:
    row = summarise(section(records())).iloc[0]
    assert row["pair_mean"] == pytest.approx((0.8 + 0.6 + 0.4) / 3)
    assert row["image_mean"] == pytest.approx((0.7 + 0.4) / 2)
    assert row["best_mean"] == pytest.approx((0.8 + 0.4) / 2)
    assert (row["n_images"], row["n_pairs"], row["n_made"]) == (2, 3, 100)


def test_the_best_annotator_of_an_error_has_the_smallest() -> None:
    table = records().rename(columns={"asa": "ue"})
    row = summarise(section(table)).iloc[0]
    assert row["best_mean"] == pytest.approx((0.6 + 0.4) / 2)


def test_a_metric_without_truth_has_one_sample_per_image() -> None:
    rows: list[Row] = [("m", 9, "a", 0, 9, 0.2), ("m", 9, "a", 1, 9, 0.2), ("m", 9, "b", 0, 9, 0.8)]
    row = summarise(section(records(rows).rename(columns={"asa": "ev"}))).iloc[0]
    assert row["pair_mean"] == pytest.approx(0.5)
    assert row["n_pairs"] == 2


def test_scores_that_are_not_finite_count_as_missing() -> None:
    table = records([*ROWS, ("m", 100, "c", 0, 100, np.inf), ("m", 100, "d", 0, 100, np.nan)])
    row = summarise(section(table)).iloc[0]
    assert row["pair_mean"] == pytest.approx(0.6)
    assert row["n_images"] == 2


def test_failed_rows_enter_no_mean_and_no_made_count() -> None:
    failed = records([("m", 100, "z", 0, 0, 0.0)], status="failed", n_made=None, asa=None)
    table = pd.concat([records().astype({"n_made": object}), failed], ignore_index=True)
    row = summarise(section(table)).iloc[0]
    assert row["n_images"] == 2
    assert row["n_made"] == 100


def test_the_interval_holds_the_mean_and_shrinks_with_the_images() -> None:
    generator = np.random.default_rng(1)

    def width(n: int) -> float:
        rows = [("m", 1, f"{i:03}", 0, 5, v) for i, v in enumerate(generator.normal(0.5, 0.1, n))]
        row = summarise(section(records(rows))).iloc[0]
        assert row["low"] < row["image_mean"] < row["high"]
        return float(row["high"] - row["low"])

    # Normal theory: 2 * 1.96 * 0.1 / sqrt(n); the standard deviation is itself estimated.
    assert width(400) == pytest.approx(3.92 * 0.1 / 20, rel=0.2)
    assert width(100) == pytest.approx(3.92 * 0.1 / 10, rel=0.25)


def test_one_image_has_no_interval() -> None:
    row = summarise(section(records(ROWS[:2]))).iloc[0]
    assert np.isnan(row["low"])
    assert np.isnan(row["high"])


def test_equal_counts_interpolate_each_image() -> None:
    rows = [(*row[:4], made, row[5]) for row, made in zip(ROWS, MADE, strict=True)]
    table = level(section(records(rows)), [200])
    # "a": 0.7 at 100, 0.9 at 400, so 0.8 half-way in log count; "b": 0.4 at 50, 0.8 at 800: 0.6.
    assert table["image_mean"].tolist() == pytest.approx([(0.8 + 0.6) / 2])
    assert table["n_reached"].tolist() == [2]


def test_equal_counts_refuse_to_extrapolate() -> None:
    table = level(section(records()), [100, 200, 500])
    # "b" starts at 110, "a" ends at 190: each count is beyond one of them, or both.
    assert table["image_mean"].isna().all()
    assert table["n_reached"].tolist() == [1, 1, 0]


def test_equal_counts_join_asked_counts_that_made_the_same() -> None:
    rows: list[Row] = [
        ("m", 1, "a", 0, 10, 0.2),
        ("m", 2, "a", 0, 10, 0.4),
        ("m", 3, "a", 0, 20, 0.5),
    ]
    table = level(section(records(rows)), [10, round(200**0.5)])
    half = np.log(1.4) / np.log(2)
    assert table["image_mean"].tolist() == pytest.approx([0.3, 0.3 + 0.2 * half])


@pytest.mark.parametrize(
    ("asked", "counts"),
    [
        ([200, 600, 1000], [300, 400, 500, 600, 800]),
        ([50, 100], [60, 80]),
        ([7], []),
        ([0], []),
    ],
)
def test_round_counts_lie_between(asked: list[int], counts: list[int]) -> None:
    assert equal_counts.round_counts(asked) == counts


def test_round_counts_of_a_wide_range_are_few() -> None:
    counts = equal_counts.round_counts([10, 100_000])
    assert len(counts) == 5
    assert counts == sorted(counts)


def test_sections_keep_apart_what_may_not_be_compared() -> None:
    table = pd.concat(
        [
            records(),
            records(protocol="stutz"),
            records(protocol="stutz", protocol_version=2),
            records(dataset="e"),
        ]
    )
    found = sections.split(table)
    assert [s.slug for s in found] == ["d-s-seal", "d-s-stutz", "d-s-stutz-2", "e-s-seal"]
    assert all(len(s.rows) == len(ROWS) for s in found)


def test_counts_of_a_matching_are_no_metric() -> None:
    table = records().assign(truth_matched=5.0, truth_pixels=9.0)
    assert section(table).metrics == ("asa",)


def test_one_label_with_two_parameter_sets_is_two_methods() -> None:
    table = pd.concat([records(), records(params='{"p": 2}')], ignore_index=True)
    assert section(sections.distinct_labels(table)).labels == ["m", "m #2"]


def test_troubles_count_jobs_not_rows() -> None:
    failed = records([("m", 300, "a", 0, 0, 0), ("m", 300, "a", 1, 0, 0), ("m", 300, "b", 0, 0, 0)])
    table = pd.concat([records(), failed.assign(status="failed", reason="why")], ignore_index=True)
    (row,) = sections.troubles(table).to_dict("records")
    assert (row["status"], row["reason"]) == ("failed", "why")
    assert (row["images"], row["example"]) == (2, "a")


def test_troubles_name_what_has_no_row() -> None:
    table = pd.concat([records(), records([("other", 100, "a", 0, 90, 0.5)])], ignore_index=True)
    found = sections.troubles(table)
    assert set(found["label"]) == {"other"}
    assert set(found["status"]) == {"missing"}
    assert found.set_index("n_asked")["images"].to_dict() == {100: 1, 200: 2}


def test_warnings_of_good_jobs_are_told() -> None:
    found = sections.troubles(records(reason="no weights: runs as pix"))
    assert set(found["status"]) == {"warning"}


def test_names_of_metrics() -> None:
    assert sections.short_name("asa") == "ASA"
    assert sections.short_name("ue_np") == "UE-NP"
    assert sections.short_name("of_a_later_version") == "of_a_later_version"
    assert sections.long_name("of_a_later_version") == "of_a_later_version"
    assert sections.better("of_a_later_version") == ""


def curve(label: str, points: dict[float, float], metric: str = "asa") -> pd.DataFrame:
    rows = [
        (label, asked, made, metric, points[made])
        for asked, made in zip((100, 200, 400), points, strict=False)
    ]
    return pd.DataFrame(rows, columns=["label", "n_asked", "n_made", "metric", "image_mean"])


def test_areas_are_taken_over_the_range_that_all_cover() -> None:
    one = curve("one", {100.0: 0.8, 200.0: 0.9, 300.0: 1.0})
    other = curve("other", {150.0: 0.5, 250.0: 0.5})
    found = areas(pd.concat([one, other])).set_index("label")
    assert list(found.low) == [150, 150]
    assert list(found.high) == [250, 250]
    assert found.value["one"] == pytest.approx(0.9)  # straight from 0.85 to 0.95
    assert found.value["other"] == pytest.approx(0.5)


def test_a_method_that_makes_far_too_many_is_left_out_of_the_areas() -> None:
    far = curve("far", {2000.0: 0.9, 3000.0: 0.9}, "br")
    near = curve("near", {100.0: 0.2, 200.0: 0.4}, "br")
    found = areas(pd.concat([far, near]))
    assert set(found.label) == {"near"}
    assert dict(zip(found.area, found.value, strict=True)) == pytest.approx(
        {"amr": 0.7, "area_br": 0.3}
    )


def test_no_common_range_no_areas() -> None:
    assert areas(curve("one", {100.0: 0.8})).empty


def test_berkeley_counts_all_boundary_pixels_at_once() -> None:
    counts = ["truth_matched", "truth_pixels", "labels_matched", "labels_pixels"]
    rows = pd.DataFrame(
        [("a", 0, 1, 2, 3, 10), ("a", 1, 1, 1, 3, 10), ("b", 0, 9, 17, 1, 30)],
        columns=["image", "truth", *counts],
    ).assign(label="m", n_asked=100, n_made=90, status="ok", br=0.5, bp=0.5, f=0.5)
    rows = rows.assign(dataset="d", split="s", protocol="berkeley", algorithm="m", params="{}")
    rows = rows.assign(perturbation="", protocol_version=1)
    other = rows.assign(protocol="seal", **dict.fromkeys(counts, np.nan))
    berkeley, seal = sections.split(pd.concat([rows, other]))
    summary = summarise(berkeley).set_index("metric")
    assert summary.pair_mean["br"] == pytest.approx(11 / 20)
    assert summary.pair_mean["bp"] == pytest.approx(4 / 40)  # the label side once per image
    assert summary.pair_mean["f"] == pytest.approx(2 * 0.55 * 0.1 / 0.65)
    assert summarise(seal).set_index("metric").pair_mean["br"] == 0.5
    assert summary.image_mean["br"] == pytest.approx((2 / 3 + 9 / 17) / 2)  # of each image's pool
    assert summary.low["br"] <= summary.image_mean["br"] <= summary.high["br"]
    pool = level(berkeley, [90]).set_index("metric")
    assert pool.image_mean["br"] == pytest.approx((2 / 3 + 9 / 17) / 2)  # of each image's pool
    assert pool.image_mean["bp"] == pytest.approx((3 / 10 + 1 / 30) / 2)


def test_two_metrics_stand_side_by_side_where_both_are_known() -> None:
    table = pd.concat([curve("m", {100.0: 0.8, 200.0: 0.9}), curve("m", {100.0: 0.3}, "br")])
    (row,) = metric_pair(table, "br", "asa").to_dict("records")
    assert row == {"label": "m", "n_asked": 100, "n_made": 100.0, "br": 0.3, "asa": 0.8}
