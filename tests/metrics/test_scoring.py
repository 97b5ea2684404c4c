"""What goes in and what comes out: rows, joins, protocols, faults, edges and large maps."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import cast

import numpy as np
import pandas as pd
import pytest

from ssnbench.analysis.summary import pooled as in_tables
from ssnbench.contracts import Image, Labels, UsageError
from ssnbench.metrics import (
    METRICS,
    PROTOCOLS,
    Metric,
    Pool,
    compare,
    pooled,
    prepare,
    protocol,
    score,
    summarise,
    under_all_protocols,
)
from ssnbench.metrics.overlap import asa


@pytest.fixture(scope="module")
def grid(toy_truth: Labels) -> Labels:
    row, column = np.mgrid[:60, :80]
    return np.asarray(row // 10 * 8 + column // 10, np.int32)


def test_one_row_per_truth_in_the_order_of_the_table(
    grid: Labels, toy_truth: Labels, toy_image: Image
) -> None:
    rows = score(grid, prepare([toy_truth, grid]), toy_image)
    assert len(rows) == 2
    assert rows[1]["asa"] == 1 > rows[0]["asa"] > 0.8
    assert list(rows[0]) == [
        m for m in METRICS if m in PROTOCOLS["seal"].metrics and m[:3] != "epe"
    ]


def test_only_what_can_be_computed(grid: Labels, toy_truth: Labels) -> None:
    (alone,) = score(grid, prepare([]))
    assert list(alone) == ["n_made", "co", "cd"]
    (row,) = score(grid, prepare([toy_truth]), metrics=["ev", "asa", "epe"])
    assert list(row) == ["asa"]


def test_a_label_map_in_order_is_not_copied(grid: Labels) -> None:
    assert compare(grid).segmentation.labels is grid


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int64, np.uint64, bool])
def test_any_integers_will_do(grid: Labels, toy_truth: Labels, dtype: type) -> None:
    labels = grid % 2 if dtype is bool else grid
    reference = prepare([toy_truth])
    assert score(labels.astype(dtype), reference) == score(labels, reference)


def test_a_view_will_do(grid: Labels, toy_truth: Labels, toy_image: Image) -> None:
    turned = score(grid[::-1, ::-1], prepare([toy_truth[::-1, ::-1]]), toy_image[::-1, ::-1])
    straight = score(
        grid[::-1, ::-1].copy(),
        prepare([toy_truth[::-1, ::-1].copy()]),
        toy_image[::-1, ::-1].copy(),
    )
    assert turned == straight


def test_joins() -> None:
    rows = [{"asa": 0.8, "ue": 0.2, "co": 0.5}, {"asa": 0.9, "ue": 0.1, "co": 0.5}]
    assert summarise(rows) == pytest.approx({"asa": 0.85, "ue": 0.15, "co": 0.5})
    assert summarise(rows, "min") == {"asa": 0.8, "ue": 0.1, "co": 0.5}
    assert summarise(rows, "max") == {"asa": 0.9, "ue": 0.2, "co": 0.5}
    assert summarise(rows, "best") == {"asa": 0.9, "ue": 0.1, "co": 0.5}
    assert summarise([]) == {}


def test_berkeley_sums_recall_and_joins_precision() -> None:
    labels = np.array([[0, 1, 1, 1, 2, 2, 2, 3]])  # thin boundaries: pixels 0, 3, 6
    one = np.array([[0, 1, 1, 1, 1, 1, 1, 1]])  # 0
    two = np.array([[0, 1, 1, 1, 2, 2, 3, 3]])  # 0, 3, 5: the last has no partner
    rows = score(labels, prepare([one, two], "berkeley(r=0)"))
    assert [row["br"] for row in rows] == pytest.approx([1, 2 / 3])
    assert [row["bp"] for row in rows] == pytest.approx([1 / 3, 2 / 3])
    joined = summarise(rows)
    assert joined["br"] == pytest.approx(3 / 4)
    assert joined["bp"] == pytest.approx(2 / 3)  # 0 and 3 are right for somebody, 6 for nobody
    assert joined["f"] == pytest.approx(2 / (4 / 3 + 3 / 2))
    assert summarise(rows, "mean")["br"] == pytest.approx(5 / 6)
    assert joined["labels_matched"] == 2
    assert joined["labels_pixels"] == 3


def test_nothing_matched_is_zero_wherever_it_is_pooled() -> None:
    labels = np.array([[0, 1, 1, 1, 1]])
    truth = np.array([[0, 0, 0, 0, 1]])
    rows = score(labels, prepare([truth], "berkeley(r=0)"))
    assert summarise(rows)["f"] == rows[0]["f"] == 0
    record = {"label": "a", "params": "{}", "n_asked": 2, "image": "i"}
    table = pd.DataFrame([record | row for row in rows])
    assert {name: list(values) for name, values in in_tables(table, ["label"]).items()} == {
        "br": [0.0],
        "bp": [0.0],
        "f": [0.0],
    }


def test_a_metric_is_pooled_from_the_counts_that_its_row_names() -> None:
    row = Metric("hit", "Hits", "higher", "truth", asa, pool=Pool(("a", "b"), lambda a, b: a / b))
    assert pooled(row, {"a": 1, "b": 4, "c": 9}) == 0.25
    assert pooled(row, {"a": 1}) is None
    assert pooled(row, {"a": 1, "b": np.nan}) is None
    assert pooled(METRICS["asa"], {"a": 1}) is None


def test_berkeley_where_one_annotator_has_no_opinion() -> None:
    labels = np.array([[0, 1, 1, 2, 2]])  # boundaries: 0, 2
    half = np.array([[0, 1, -1, -1, -1]])
    none = np.full((1, 5), -1)
    rows = score(labels, prepare([half, none], "berkeley(r=0)"))
    assert [row["bp"] for row in rows] == [1, 0]
    assert summarise(rows)["labels_pixels"] == 1


def test_counts_belong_to_one_to_one_matching(grid: Labels, toy_truth: Labels) -> None:
    assert score(grid, prepare([toy_truth], "seal"), metrics=["br", "truth_pixels"])[0].keys() == {
        "br"
    }


def test_the_same_map_under_every_protocol(
    grid: Labels, toy_truth: Labels, toy_image: Image
) -> None:
    table = under_all_protocols(grid, [toy_truth, grid], toy_image)
    assert list(table.index) == ["seal/1", "stutz/1", "berkeley/1"]
    assert table["asa"].nunique() == 1
    assert table["br"].nunique() == 3
    assert not table.isna().any(axis=None)
    joined = summarise(score(grid, prepare([toy_truth, grid], "berkeley")))
    assert table.loc["berkeley/1", "bp"] == joined["bp"]


def test_protocols_are_looked_up_by_what_the_user_types() -> None:
    assert protocol("seal").key == "seal/1"
    assert protocol("seal(r=2)").key == "seal(r=2)/1"
    assert protocol(" seal( r = 1 ) ").key == "seal/1"
    assert protocol("stutz(r=1)").key == "stutz(r=1)/1"
    assert protocol("berkeley(r=3.5)").radius((10, 10)) == 3.5
    assert protocol("stutz").radius((321, 481)) == 1
    assert protocol("stutz").radius((700, 900)) == 3
    assert protocol("berkeley").radius((321, 481)) == pytest.approx(4.337, abs=1e-3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("seel", "did you mean seal"),
        ("", "ssnbench list protocols"),
        ("seal(k=2)", "the only parameter is r"),
        ("seal(r=1.5)", "a whole number of pixels"),
        ("seal(r=-1)", "the only parameter is r"),
        ("seal(r=2", "no protocol is called"),
    ],
)
def test_a_protocol_that_does_not_exist(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        prepare([], text)


def test_a_metric_that_does_not_exist(grid: Labels) -> None:
    with pytest.raises(UsageError, match="no metric is called 'aza'; did you mean asa"):
        score(grid, prepare([]), metrics=["aza"])


def test_faults_name_what_is_wrong(grid: Labels, toy_truth: Labels, toy_image: Image) -> None:
    reference = prepare([toy_truth])
    with pytest.raises(ValueError, match=r"\(60, 79\).*\(60, 80\)"):
        score(grid[:, 1:], reference)
    with pytest.raises(ValueError, match=r"\(59, 80\).*\(60, 80\)"):
        prepare([toy_truth, toy_truth[1:]])
    with pytest.raises(ValueError, match=r"\(60, 80\).*\(61, 80\)"):
        prepare([toy_truth], shape=(61, 80))
    with pytest.raises(ValueError, match=r"\(59, 80, 3\).*\(60, 80\)"):
        score(grid, reference, toy_image[1:])
    with pytest.raises(ValueError, match=r"\(60, 80\).*\(60, 80, 3\)"):
        score(grid, reference, toy_image[..., 0])
    with pytest.raises(TypeError, match="float64"):
        score(grid, reference, cast(Image, toy_image / 255))
    with pytest.raises(TypeError, match="float64"):
        score(grid.astype(float), reference)
    with pytest.raises(TypeError, match="float32"):
        prepare([toy_truth.astype(np.float32)])
    with pytest.raises(ValueError, match=r"\(60, 80, 3\)"):
        score(toy_image, reference)
    with pytest.raises(ValueError, match="no pixel"):
        score(np.zeros((0, 4), np.int32), prepare([]))
    with pytest.raises(ValueError, match=r"\(4800, 2\)"):
        score(grid, prepare([]), flow=np.zeros((4800, 2), np.float32))
    with pytest.raises(ValueError, match=r"\(3, 3\)"):
        score(grid, prepare([]), valid=np.ones((3, 3), bool))
    with pytest.raises(ValueError, match="needs a truth"):
        asa(compare(grid))
    with pytest.raises(ValueError, match="needs the image"):
        METRICS["ev"].function(compare(grid))
    with pytest.raises(ValueError, match="needs the flow"):
        METRICS["epe"].function(compare(grid))


@pytest.mark.parametrize("name", PROTOCOLS)
def test_edges_have_documented_values(name: str, grid: Labels, toy_image: Image) -> None:
    empty = PROTOCOLS[name].empty
    nothing, flat = np.full_like(grid, -1), np.zeros_like(grid)

    (ignored,) = score(grid, prepare([nothing], name), toy_image, METRICS)
    assert ignored["asa"] == 1
    assert ignored["ue"] == ignored["ue_np"] == ignored["ue_levin"] == ignored["oe"] == 0
    assert ignored["br"] == ignored["bp"] == empty
    assert ignored["mde"] == 0

    (one_segment,) = score(grid, prepare([flat], name), toy_image, METRICS)
    assert one_segment["asa"] == 1
    assert one_segment["br"] == empty
    assert one_segment["bp"] == 0

    (one_label,) = score(flat, prepare([grid], name), toy_image, METRICS)
    assert one_label["br"] == 0
    assert one_label["bp"] == empty
    assert one_label["mde"] == pytest.approx(100)  # the diagonal of 60 x 80
    assert one_label["ev"] == one_label["cd"] == one_label["reg"] == 0

    pixel = np.zeros((1, 1), np.int32)
    (single,) = score(pixel, prepare([pixel], name), np.zeros((1, 1, 3), np.uint8), METRICS)
    assert single["asa"] == single["ev"] == single["gr"] == 1
    assert single["co"] == pytest.approx(np.pi / 4)
    assert single["br"] == empty
    for row in (ignored, one_segment, one_label, single):
        assert all(np.isfinite(value) for value in row.values())


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_million_labels(name: str) -> None:
    labels = np.arange(1_000_000, dtype=np.int32).reshape(1000, 1000)
    truth = (labels // 250_000).astype(np.int32)
    image = np.repeat((labels % 251).astype(np.uint8)[..., None], 3, axis=2)
    coarse, fine = score(labels, prepare([truth, labels], name), image, METRICS)
    assert coarse["n_made"] == coarse["n_components"] == 1_000_000
    assert coarse["asa"] == coarse["ev"] == coarse["gr"] == fine["asa"] == fine["br"] == 1
    assert coarse["ue_levin"] == coarse["sse_xy"] == fine["oe"] == 0


def test_sums_of_a_large_superpixel_do_not_overflow() -> None:
    labels = np.zeros((4000, 4000), np.int32)
    image = np.full((4000, 4000, 3), 255, np.uint8)
    image[:2000] = 0
    (row,) = score(labels, prepare([]), image, ["sse_rgb", "sse_xy", "co"])
    assert row["sse_rgb"] == pytest.approx(3 * 127.5**2)
    assert row["sse_xy"] == pytest.approx((4000**2 - 1) / 6)
    assert row["co"] == pytest.approx(np.pi / 4)


def test_threads_share_a_reference(grid: Labels, toy_truth: Labels, toy_image: Image) -> None:
    reference = prepare([toy_truth], "stutz")
    expected = score(grid, reference, toy_image)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: score(grid, reference, toy_image), range(16)))
    assert found == [expected] * 16
