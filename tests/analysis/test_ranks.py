"""Ranks, pairs, fronts and regularity, against scipy, printed tables and cases done by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats as reference

from ssnbench.analysis import paired, ranks, tradeoffs
from ssnbench.analysis.analyses import analyse
from ssnbench.analysis.section_analysis import SectionAnalysis

# Demšar (2006), table 6: AUC of C4.5 with four settings on 14 data sets.
DEMSAR = pd.DataFrame(
    {
        "c45": [.763, .599, .954, .628, .882, .936, .661, .583, .775, 1.0, .940, .619, .972, .957],
        "m": [.768, .591, .971, .661, .888, .931, .668, .583, .838, 1.0, .962, .666, .981, .978],
        "cf": [.771, .590, .968, .654, .886, .916, .609, .563, .866, 1.0, .965, .614, .9751, .946],
        "mcf": [.798, .569, .967, .657, .898, .931, .685, .625, .875, 1.0, .962, .669, .975, .970],
    }
)  # fmt: skip


def scores(table: pd.DataFrame, metric: str = "asa") -> pd.DataFrame:
    """Images x methods, as `equal_counts.image_scores` returns them."""
    table = table.rename_axis(index="image", columns="label")
    return table.T.stack(future_stack=True).rename(metric).to_frame()


def test_friedman_is_demsars_worked_example() -> None:
    ranking = ranks.rank(scores(DEMSAR), "asa", 100)
    assert ranking is not None
    # The paper prints 3.143, 2.000, 2.893, 1.964 and 9.28, without the correction for ties.
    assert ranking.ranks.to_dict() == pytest.approx(
        {"c45": 3.143, "m": 2.0, "cf": 2.893, "mcf": 1.964}, abs=5e-4
    )
    mean = ranking.ranks.to_numpy()
    assert 12 * 14 / 20 * ((mean**2).sum() - 4 * 25 / 4) == pytest.approx(9.28, abs=0.01)
    expected = reference.friedmanchisquare(*(DEMSAR[name] for name in DEMSAR))
    assert (ranking.statistic, ranking.p) == pytest.approx((expected.statistic, expected.pvalue))
    assert ranking.critical == pytest.approx(2.569 * np.sqrt(20 / (6 * 14)), rel=1e-3)
    assert ranking.ranks.index[0] == "mcf"


def test_an_error_ranks_the_other_way_round() -> None:
    higher, lower = (ranks.rank(scores(DEMSAR, name), name, 1) for name in ("asa", "ue"))
    assert higher is not None
    assert lower is not None
    assert lower.ranks["mcf"] == pytest.approx(5 - higher.ranks["mcf"])


@pytest.mark.parametrize(
    ("n_methods", "q"), [(2, 1.960), (3, 2.343), (5, 2.728), (8, 3.031), (10, 3.164)]
)
def test_critical_difference_has_the_printed_quantiles(n_methods: int, q: float) -> None:
    found = ranks.critical_difference(n_methods, 30)
    factor = np.sqrt(n_methods * (n_methods + 1) / 180)
    assert found / factor == pytest.approx(q, abs=1e-3)  # Demšar (2006), table 5a


def test_groups_are_the_largest_runs_and_hold_no_other() -> None:
    mean = pd.Series({"a": 1.0, "b": 1.5, "c": 1.9, "d": 2.6, "e": 5.0})
    assert ranks.alike(mean, 1.0) == [["a", "b", "c"], ["c", "d"]]
    assert ranks.alike(mean, 0.1) == []
    assert ranks.alike(mean, float("nan")) == []
    assert ranks.alike(mean, 9.0) == [list("abcde")]


def test_methods_that_do_not_reach_the_count_are_refused() -> None:
    table = DEMSAR.assign(far=np.nan)
    ranking = ranks.rank(scores(table), "asa", 100)
    assert ranking is not None
    assert ranking.refused == ("far",)
    assert ranking.n_images == 14


def test_two_methods_have_ranks_but_no_friedman_test() -> None:
    ranking = ranks.rank(scores(DEMSAR[["c45", "m"]]), "asa", 100)
    assert ranking is not None
    assert np.isnan(ranking.p)
    assert ranking.groups == []
    assert ranks.rank(scores(DEMSAR[["m"]]), "asa", 100) is None


def test_pairs_agree_with_scipy_and_hold_one_family_of_tests() -> None:
    table = scores(DEMSAR)
    mine = paired.compare(table, "asa", 100, "c45")
    assert mine["label"].tolist() == ["c45"] * 3  # one against every other
    row = mine.query("other == 'm'").iloc[0]
    moved = (DEMSAR["c45"] - DEMSAR["m"]).round(12)
    assert row["difference"] == pytest.approx(moved.mean())
    assert (row["wins"], row["ties"], row["losses"]) == (2, 2, 10)
    expected = reference.wilcoxon((DEMSAR["c45"] - DEMSAR["m"])[moved != 0]).pvalue
    assert row["p"] == pytest.approx(expected)
    assert row["low"] < row["difference"] < row["high"]
    assert mine["p_holm"].to_numpy() == pytest.approx(paired.holm(mine["p"].to_numpy()))
    best = paired.compare(table, "asa", 100)
    assert set(best["label"]) == {DEMSAR.mean().idxmax()}
    assert set(paired.compare(table, "asa", 100, "nobody")["label"]) == set(best["label"])
    every = paired.every_pair(table, "asa", mine)
    assert len(every) == 6
    assert every["p_holm"].isna().tolist() == [False] * 3 + [True] * 3  # no other family
    errors = paired.compare(scores(DEMSAR, "ue"), "ue", 100, "c45").query("other == 'm'").iloc[0]
    assert errors["wins"] == row["losses"]


def test_what_is_level_with_the_best_is_told_from_what_is_not() -> None:
    steps = np.arange(20)
    base = 0.5 + 0.01 * steps
    table = pd.DataFrame(
        {
            "best": base + 0.001,
            "twin": base + 0.001 + np.where(steps % 2, 0.01, -0.0105),  # now above, now below
            "same": base + 0.001,
            "far": base - 0.2,
        }
    )

    def level(table: pd.DataFrame, metric: str = "asa", mine: str = "") -> set[str]:
        return paired.level(paired.compare(scores(table, metric), metric, 100, mine))

    assert level(table) == {"twin", "same"}
    assert level(table, mine="twin") == {"best", "same"}
    assert level(table, mine="far") == set()
    far = table.assign(far=base + 0.2)
    assert level(far) == set()
    assert level(-far, "ue") == set()
    assert level(table, "ue") == set()  # far is the best here
    assert level(table[:6]) == set()  # too few to tell anything of three comparisons
    assert [paired.fewest(k) for k in (0, 1, 2, 6, 20)] == [6, 6, 7, 8, 10]
    assert all(
        2 / 2 ** paired.fewest(k) * k < 0.05 <= 4 / 2 ** paired.fewest(k) * k for k in range(1, 30)
    )


def test_the_interval_of_a_difference_is_that_of_its_mean() -> None:
    generator = np.random.default_rng(0)
    image = generator.normal(0.5, 0.3, 400)  # what images differ by does not enter
    table = pd.DataFrame({"a": image + generator.normal(0.1, 0.02, 400), "b": image})
    (row,) = paired.compare(scores(table), "asa", 1).to_dict("records")
    assert row["high"] - row["low"] == pytest.approx(3.92 * 0.02 / 20, rel=0.2)


def test_holm_by_hand() -> None:
    found = paired.holm(np.array([0.04, 0.01, np.nan, 0.03]))
    assert found == pytest.approx([0.06, 0.03, np.nan, 0.06], nan_ok=True)
    assert paired.holm(np.array([0.6, 0.7])) == pytest.approx([1.0, 1.0])


def test_one_image_or_equal_methods_have_no_interval_or_p() -> None:
    (row,) = paired.compare(scores(DEMSAR[["c45", "m"]][:1]), "asa", 1).to_dict("records")
    assert np.isnan(row["low"])
    same = DEMSAR[["m"]].assign(twin=DEMSAR["m"])
    (row,) = paired.compare(scores(same), "asa", 1).to_dict("records")
    assert np.isnan(row["p"])
    assert row["ties"] == 14


def test_nothing_beats_what_stands_on_the_front() -> None:
    seconds, quality = np.array([1, 2, 3, 3, 4, 1]), np.array([0.1, 0.5, 0.4, 0.5, 0.9, 0.1])
    assert tradeoffs.front(seconds, quality, "higher").tolist() == [True, True, False, False, True, True]  # fmt: skip  # noqa: E501
    assert tradeoffs.front(seconds, -quality, "lower").tolist() == [True, True, False, False, True, True]  # fmt: skip  # noqa: E501


def test_equal_regularity_reads_curves_and_does_not_extend_them() -> None:
    methods = pd.DataFrame(
        [("t", "t1", 0.2, 0.9), ("t", "t2", 0.4, 0.8), ("x", "x", 0.3, 0.7), ("y", "y", 0.5, 0.6)],
        columns=["algorithm", "label", "co", "asa"],
    )
    table = tradeoffs.at_equal_regularity(methods, ["asa"])
    reached = table.set_index("label")["at_equal_co"]
    assert reached["x"] == pytest.approx(0.85)
    assert np.isnan(reached["y"])


def records(labels: list[str], images: int, counts: list[int]) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    rows = [
        (label, n, f"i{image}", 0, n + place, *generator.uniform(0.2, 0.9, 3))
        for place, label in enumerate(labels)
        for n in counts
        for image in range(images)
    ]
    names = ["label", "n_asked", "image", "truth", "n_made", "asa", "br", "co"]
    table = pd.DataFrame(rows, columns=names).assign(algorithm="m", params=lambda t: t["label"])
    fixed: dict[str, str | int] = {
        "dataset": "d",
        "split": "s",
        "protocol": "seal",
        "code_version": "1",
    }
    fixed |= {"perturbation": "", "protocol_version": 1, "data_version": ""}
    return table.assign(**fixed, status="ok", reason="", n_raw=0, n_components=0)


def timings(labels: list[str], images: int) -> pd.DataFrame:
    rows = [
        (label, label, "m", f"i{image}", 100, 0.1 + image + 10 * place)
        for place, label in enumerate(labels)
        for image in range(images)
    ]
    names = ["label", "params", "algorithm", "image", "n_asked", "seconds"]
    place = {"dataset": "d", "split": "s"}
    return pd.DataFrame(rows, columns=names).assign(
        stage="total", device="cpu", threads=1, load=0.0, even_if_busy=0, **place
    )


def analysed(table: pd.DataFrame, times: pd.DataFrame) -> SectionAnalysis:
    (analysis,) = analyse(table, times)
    return analysis


def test_the_time_is_the_median_over_images_where_the_nearest_count_was_made() -> None:
    labels = ["a", "b", "c"]
    analysis = analysed(records(labels, 8, [100, 400]), timings(labels, 2))
    assert set(analysis.quality_over_time) == {("cpu", 1, "asa"), ("cpu", 1, "br")}
    rows = analysis.quality_over_time["cpu", 1, "asa"].set_index("label")
    assert rows["seconds"]["a"] == pytest.approx(0.6)  # the median of 0.1 and 1.1
    assert rows["n_timed"]["b"] == 101
    assert rows["on_front"]["a"]
    assert analysis.untimed == []


@pytest.mark.parametrize(("labels", "images"), [(["a"], 5), (["a"], 1), (["a", "b", "c"], 1)])
def test_what_cannot_be_tested_has_no_critical_difference(labels: list[str], images: int) -> None:
    analysis = analysed(records(labels, images, [100, 400]), timings([], 0))
    assert analysis.count == 200
    if len(labels) == 1:
        assert analysis.rankings == []
        assert analysis.winners == []
    else:
        assert all(np.isnan(ranking.critical) for ranking in analysis.rankings)
        assert set(analysis.pairs) == {"asa", "br"}


def test_one_count_compares_nothing() -> None:
    analysis = analysed(records(["a", "b"], 3, [100]), timings(["a"], 1))
    assert (analysis.counts, analysis.count, analysis.image_scores) == ([], None, None)
    assert (analysis.rankings, analysis.pairs, analysis.winners) == ([], {}, [])
    assert analysis.at_equal_counts.empty
    assert (analysis.quality_over_time, analysis.quality_over_regularity) == ({}, {})
    assert analysis.robustness.empty


def test_a_method_far_beyond_the_others_is_refused_and_named() -> None:
    table = records(["a", "b", "c"], 5, [100, 400])
    table.loc[table["label"] == "c", "n_made"] += 5000
    analysis = analysed(table, timings(["a", "b"], 1))
    assert analysis.refused == ["c"]
    assert analysis.untimed == ["c"]


def test_methods_that_share_no_count_are_compared_at_none() -> None:
    table = records(["a", "b"], 8, [100, 400])
    table.loc[table["label"] == "a", "n_made"] -= 90
    table.loc[table["label"] == "b", "n_made"] += 5000
    analysis = analysed(table[(table["n_asked"] == 100) | (table["label"] == "b")], timings([], 0))
    assert analysis.count is None
    assert analysis.scores_at_count.empty
    assert not any(analysis.not_told_apart.values())


def test_everything_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    analysis = analysed(records(["a", "b", "c"], 4, [100, 400]), timings(["a"], 1))
    assert analysis.summary is analysis.summary
    assert analysis.image_curves is analysis.image_curves
    monkeypatch.setattr("ssnbench.analysis.equal_counts.image_curves", None)  # to call would fail
    assert analysis.winners[0].rivals == 3
    assert analysis.rankings[0].count == analysis.count == 200
    assert set(analysis.image_scores_by_count) == set(analysis.counts)


def test_a_figure_of_a_role_is_of_metrics_that_the_section_has() -> None:
    analysis = analysed(records(["a", "b"], 2, [100, 400]), timings([], 0))
    assert analysis.metrics_for("traded") == ["asa", "br"]
    assert analysis.metrics_for("headline") == ["asa", "br", "co"]
    assert analysis.metrics_for("followed") == ["asa", "br"]


def test_the_basis_counts_rows_images_truths_and_what_is_incomplete() -> None:
    table = records(["a", "b"], 3, [100, 400])
    table.loc[(table["label"] == "b") & (table["image"] == "i2"), "status"] = "failed"
    table.loc[table["label"] == "a", "reason"] = "no weights"
    basis = analysed(table, timings([], 0)).basis
    assert (basis.n_rows, basis.n_scored, basis.n_images, basis.n_truths) == (12, 10, 3, 3)
    assert (basis.n_methods, basis.asked) == (2, (100, 400))
    assert basis.incomplete == {"b": 2}
    assert basis.warnings == (("a", "no weights"),)
