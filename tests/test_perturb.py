from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import log2
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ssnbench.analysis.analyses import analyse
from ssnbench.analysis.section_analysis import SectionAnalysis
from ssnbench.cli import main
from ssnbench.contracts import Image, Labels, Sample, UsageError
from ssnbench.metrics.agreement import agreement
from ssnbench.perturb import KINDS, Perturbation, parse
from ssnbench.plots.figures import figures_of
from ssnbench.plots.robustness import RobustnessCurve
from ssnbench.plugins.dataset_ref import dataset_ref
from ssnbench.plugins.variant import Variant
from ssnbench.report.robustness_table import robustness_table
from ssnbench.results.store import Store
from ssnbench.run import plan, precomputed
from ssnbench.run.execute import missing
from ssnbench.run.job import do
from ssnbench.run.label_sources import Computed, Perturbed

COLLAGE = "collage(n_images=2,height=48,width=64)"
MOVING = ("shift(5)", "fliplr", "flipud")


def one(text: str) -> Perturbation:
    (found,) = parse(text)
    return found


# ---------------------------------------------------------------------- reading


def test_a_kind_without_strength_stands_for_its_usual_ones() -> None:
    assert [each.label for each in parse("jpeg(30), flipud,shift,jpeg(30)")] == [
        *("jpeg(30)", "flipud"),
        *(f"shift({pixels})" for pixels in (1, 2, 4, 8)),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "names no perturbation"),
        ("nois", "no perturbation 'nois'; there are noise, blur"),
        ("noise(2)", "0 to 1, got '2'"),
        ("noise(nan)", "0 to 1"),
        ("jpeg(high)", "1 to 100, got 'high'"),
        ("fliplr(1)", "takes no strength"),
        ("noise(0.1", "cannot read"),
        ("noise blur", "cannot read"),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, told: str) -> None:
    with pytest.raises(UsageError) as error:
        parse(text)
    assert told in str(error.value)


# ---------------------------------------------------------------------- perturbing


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_are_new_deterministic_and_changed(kind: str, toy_image: Image) -> None:
    before = toy_image.copy()
    for perturbation in parse(kind):
        seen = perturbation(toy_image, "a")
        assert seen.dtype == np.uint8
        assert seen.flags.c_contiguous
        assert not np.shares_memory(seen, toy_image)
        np.testing.assert_array_equal(toy_image, before)
        np.testing.assert_array_equal(seen, perturbation(toy_image, "a"))
        assert not np.array_equal(seen, toy_image)


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.strengths])
def test_neutral_strength_changes_nothing_and_more_changes_more(
    kind: str, toy_image: Image
) -> None:
    neutral = KINDS[kind].neutral
    same = Perturbation(kind, neutral)(toy_image, "a")
    tolerance = 5 if kind == "jpeg" else 0  # quality 100 still halves the chroma's resolution
    assert np.abs(same.astype(int) - toy_image).mean() <= tolerance
    if kind == "shift":
        return
    changes: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for strength in KINDS[kind].strengths:
        change = np.abs(Perturbation(kind, strength)(toy_image, "a").astype(int) - toy_image)
        changes[strength > neutral].append((abs(strength - neutral), float(change.mean())))
    for side in changes.values():
        assert [change for _, change in sorted(side)] == sorted(change for _, change in side)


def test_noise_has_its_deviation_and_grows_along_a_curve() -> None:
    grey = np.full((200, 200, 3), 128, np.uint8)
    weak, strong = (one(f"noise({sigma})")(grey, "a").astype(float) - 128 for sigma in (0.02, 0.1))
    assert weak.std() == pytest.approx(0.02 * 255, rel=0.02)
    assert strong.std() == pytest.approx(0.1 * 255, rel=0.02)
    assert np.corrcoef(weak.ravel(), strong.ravel())[0, 1] > 0.99
    other = one("noise(0.1)")(grey, "b").astype(float) - 128
    assert abs(np.corrcoef(other.ravel(), strong.ravel())[0, 1]) < 0.02


def test_gamma_by_hand() -> None:
    image = np.array([[[0, 51, 255]]], np.uint8)
    assert one("gamma(2)")(image, "a").tolist() == [[[0, 10, 255]]]  # 255 * 0.2^2 = 10.2


def test_blur_spreads_a_point_as_a_gaussian() -> None:
    image = np.zeros((21, 21, 3), np.uint8)
    image[10, 10] = 255
    seen = one("blur(1)")(image, "a")[..., 0]
    assert seen[10, 10] == pytest.approx(255 / (2 * np.pi), abs=1.5)
    assert seen[10, 11] == pytest.approx(255 / (2 * np.pi) * np.exp(-0.5), abs=1.5)
    np.testing.assert_array_equal(seen, seen.T)


def test_scale_loses_what_is_finer_than_a_pixel() -> None:
    board = np.indices((16, 16)).sum(axis=0) % 2 * 200
    image = np.repeat(board[..., None], 3, axis=2).astype(np.uint8)
    assert np.unique(one("scale(0.5)")(image, "a")).tolist() == [100]


@pytest.mark.parametrize("text", MOVING)
def test_what_moves_is_undone(text: str, toy_image: Image) -> None:
    """A method that labels by colour alone gives the same map, whatever was moved."""
    perturbation = one(text)
    brightness = perturbation(toy_image, "a").sum(axis=2, dtype=np.int32)
    np.testing.assert_array_equal(perturbation.undo(brightness), toy_image.sum(axis=2))
    assert not np.array_equal(perturbation(toy_image, "a")[:60, :80], toy_image)


def test_a_shift_moves_down_and_right_and_mirrors() -> None:
    image = np.arange(6, dtype=np.uint8).reshape(2, 3, 1).repeat(3, axis=2)
    assert one("shift(1)")(image, "a")[..., 0].tolist() == [
        [0, 0, 1, 2],
        [0, 0, 1, 2],
        [3, 3, 4, 5],
    ]


# ---------------------------------------------------------------------- agreement


def entropy(values: Sequence[object]) -> float:
    return -sum(n / len(values) * log2(n / len(values)) for n in Counter(values).values())


def test_agreement_by_hand() -> None:
    halves = np.array([[0, 0, 1, 1]], np.int32)
    whole = np.zeros((1, 4), np.int32)
    crossed = np.array([[0, 1, 0, 1]], np.int32)
    assert agreement(halves, whole) == {"vi_original": 1, "asa_original": 0.75}
    assert agreement(halves, crossed) == {"vi_original": 2, "asa_original": 0.5}
    assert agreement(halves, 1 - halves) == {"vi_original": 0, "asa_original": 1}


def test_agreement_is_symmetric_and_equals_the_entropies() -> None:
    random = np.random.default_rng(3)
    a, b = (random.integers(0, n, (9, 11), dtype=np.int32) for n in (5, 17))
    found = agreement(a, b)
    assert found == pytest.approx(agreement(b, a), abs=1e-12)
    pair = entropy(list(zip(a.ravel().tolist(), b.ravel().tolist(), strict=True)))
    expected = 2 * pair - entropy(a.ravel().tolist()) - entropy(b.ravel().tolist())
    assert found["vi_original"] == pytest.approx(expected)


# ---------------------------------------------------------------------- running


def test_a_method_sees_the_perturbed_frames_and_is_judged_in_the_original_frame() -> None:
    class Spy(Computed):
        def __call__(self, sample: Sample, n_asked: int) -> Labels:
            seen.append(sample)
            return np.arange(sample.image[..., 0].size, dtype=np.int32).reshape(
                sample.image.shape[:2]
            )

    seen: list[Sample] = []
    grey = np.full((4, 6, 3), 128, np.uint8)
    sample = Sample("a", grey, second=grey)
    labels = Perturbed(Spy(Variant("grid")), one("fliplr"))(sample, 3)
    assert labels[0].tolist() == [5, 4, 3, 2, 1, 0]
    Perturbed(Spy(Variant("grid")), one("noise(0.1)"))(sample, 3)
    noisy, second = seen[1].image, seen[1].second
    assert second is not None
    assert not np.array_equal(noisy, second)  # two frames, two noises


def test_jobs_of_the_perturbed_lie_beside_the_originals() -> None:
    source = dataset_ref(COLLAGE)
    todo = plan.make(
        plan.choose_algorithms("grid,slic"), source, (12,), perturb="noise(0.1),flipud"
    )
    assert len(todo.jobs) == 2 * 2 * 3
    assert len({job.key for job in todo.jobs}) == len(todo.jobs)
    assert {job.key.dataset for job in todo.jobs} == {source.label}
    assert [job.key.perturbation for job in todo.jobs[:3]] == ["", "noise(0.1)", "flipud"]
    assert {job.key.perturbation for job in todo.jobs if job.show} == {""}


def test_perturbed_rows_are_judged_by_the_original_and_a_run_goes_on(tmp_path: Path) -> None:
    todo = plan.make(
        plan.choose_algorithms("grid,slic"), dataset_ref(COLLAGE), (12,), limit=1,
        perturb="noise(0.1)",
    )  # fmt: skip
    with Store(tmp_path) as store:
        run = store.begin_run({})
        for job in todo.jobs:
            store.add(run, do(job).records)
        assert missing(todo.jobs, store) == []
        more = plan.make(
            todo.variants, todo.dataset, (12,), limit=1, perturb="noise(0.1),noise(0.2)"
        )
        assert {job.key.perturbation for job in missing(more.jobs, store)} == {"noise(0.2)"}
        rows = store.records()
    rows = rows[rows["truth"] == 0].set_index(["label", "perturbation"])
    plain, noisy = "", "noise(0.1)"
    # A grid sees no pixel: all scores stay, even those of colour, and its map is the original's.
    assert rows.loc[("grid", noisy), "ev"] == rows.loc[("grid", plain), "ev"]
    assert rows.loc[("grid", noisy), "vi_original"] == 0
    assert rows.loc[("slic", noisy), "vi_original"] > 0.1
    assert rows["vi_original"].isna().sum() == 2  # the originals are compared with nothing


def test_kept_maps_of_perturbed_images_are_scored_again(tmp_path: Path) -> None:
    todo = plan.make(
        plan.choose_algorithms("slic"), dataset_ref(COLLAGE), (12,), limit=1,
        keep_labels=True, perturb="fliplr",
    )  # fmt: skip
    with Store(tmp_path) as store:
        run = store.begin_run({})
        for job in todo.jobs:
            outcome = do(job)
            store.add(run, outcome.records, outcome.labels)
        before = store.records().groupby("perturbation")["asa"].mean()
    jobs = precomputed.of_run(tmp_path, "stutz")
    again = {job.key.perturbation: do(job).records for job in jobs}
    assert set(again) == {"fliplr", ""}
    for perturbation, records in again.items():
        mean = np.mean([record.scores["ue_np"] for record in records])
        assert 0 < mean < 1
        assert {record.n_made for record in records} != {None}
        assert before[perturbation] > 0.5


def test_the_command_refuses_what_is_no_perturbation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert main(["run", "--perturb", "rain", "--out", str(out), "--no-times"]) == 2
    assert "no perturbation 'rain'; there are noise" in capsys.readouterr().err
    assert not out.exists()


def test_the_terminal_shows_the_scores_of_the_original_images_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["run", "--algos", "grid", "--dataset", "collage(height=40,width=60)", "--limit", "1"]
    command += ["--segments", "6,12", "--perturb", "fliplr,flipud", "--no-times", "--jobs", "1"]
    assert main([*command, "--out", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert told.count("algorithm") == 1
    assert "and 2 perturbed sets of images: the report follows the scores" in told


# ---------------------------------------------------------------------- reporting


def rows(perturbation: str, loss: float, dataset: str = "toy", **more: float) -> pd.DataFrame:
    """Two methods whose accuracy rises by 0.1 whenever the count doubles, less a loss."""
    return pd.DataFrame(
        {
            "algorithm": label, "params": "{}", "dataset": dataset, "split": "test",
            "image": image, "n_asked": n, "protocol": "seal", "code_version": "1",
            "perturbation": perturbation, "protocol_version": 1, "data_version": "1",
            "truth": 0, "label": label, "status": "ok", "reason": "", "n_raw": n,
            "n_components": n, "n_made": n, "asa": 0.1 * log2(n / 100) + high - loss, **more,
        }
        for label, high in (("grid", 0.5), ("slic", 0.6))
        for image in ("a", "b")
        for n in (100, 200, 400)
    )  # fmt: skip


@pytest.fixture
def analysis() -> SectionAnalysis:
    records = pd.concat(
        [
            rows("", 0),
            rows("noise(0.1)", 0.2, vi_original=1.5),
            rows("noise(0.02)", 0.1, vi_original=0.5),
            rows("jpeg(50)", 0.3, vi_original=2.5),
            rows("fliplr", 0, vi_original=0.25),
            rows("noise(0.2)", 0.4, "other", vi_original=3.5),
        ],
        ignore_index=True,
    )
    (analysis,) = analyse(records)
    return analysis


def test_scores_are_followed_at_one_count(analysis: SectionAnalysis) -> None:
    assert analysis.count == 200
    scores = analysis.robustness
    slic = scores[scores["label"] == "slic"].set_index(["kind", "dataset", "metric"])["image_mean"]
    assert slic["noise", "original", "asa"] == pytest.approx(0.7)
    assert slic["noise", "noise(0.02)", "asa"] == pytest.approx(0.6)
    assert slic["jpeg", "original", "asa"] == pytest.approx(0.7)
    assert slic["jpeg", "jpeg(50)", "vi_original"] == 2.5
    assert ("noise", "original", "vi_original") not in slic.index
    curve = scores[(scores["kind"] == "noise") & (scores["metric"] == "asa")]
    assert curve["strength"].unique().tolist() == [0, 0.02, 0.1]
    assert scores.loc[scores["kind"] == "jpeg", "strength"].max() == 100


def test_curves_and_table_are_made(analysis: SectionAnalysis) -> None:
    curves = RobustnessCurve.choices(analysis)
    slugs = [figure.slug.removeprefix("toy-test-seal-") for figure in curves]
    # one strength of JPEG and the original make a curve, but there is no distance to oneself
    assert slugs == ["noise-asa", "noise-vi_original", "jpeg-asa"]
    table = robustness_table(analysis)
    assert [[cell.text for cell in row] for row in table.rows[:3]] == [
        ["grid", "original", "0.6000", "—"],
        ["slic", "original", "0.7000", "—"],
        ["grid", "noise(0.02)", "0.5000", "0.5000"],
    ]
    assert [cell.text for cell in table.rows[-1]] == ["slic", "fliplr", "0.7000", "0.2500"]
    assert set(table.groups) == {"noise", "jpeg", "fliplr"}  # nothing of the other dataset


def test_without_perturbed_images_there_is_nothing_to_draw() -> None:
    (analysis,) = analyse(pd.concat([rows("", 0), rows("noise(0.2)", 0.4, "other")]))
    assert analysis.robustness.empty
    assert not [figure for figure in figures_of(analysis) if figure.group == "robust"]
