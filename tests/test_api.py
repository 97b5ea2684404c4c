from __future__ import annotations

import numpy as np
import pytest

import ssnbench
from ssnbench.contracts import Image, Labels
from ssnbench.labels import enforce_connectivity


def test_public_names() -> None:
    assert set(ssnbench.__all__) == set(dir(ssnbench))
    assert "slic" in ssnbench.algorithms()
    with pytest.raises(AttributeError, match="no attribute 'sgement'"):
        _ = ssnbench.sgement


def test_segment_then_evaluate(toy_image: Image, toy_truth: Labels) -> None:
    labels = ssnbench.segment(toy_image, "slic", n_segments=40, compactness=5.0)
    assert labels.dtype == np.int32
    scores = ssnbench.evaluate(labels, toy_truth, image=toy_image)
    assert scores["n_made"] == labels.max() + 1
    assert 0.9 < scores["asa"] <= 1


def test_segment_takes_grey_and_floats(toy_image: Image) -> None:
    grey = toy_image.mean(2) / 255
    assert ssnbench.segment(grey, "grid", 12).shape == grey.shape


def test_several_truths_are_joined(toy_truth: Labels) -> None:
    whole = np.zeros_like(toy_truth)
    one, other = (ssnbench.evaluate(toy_truth, truth)["co"] for truth in (toy_truth, whole))
    assert one == other
    coarse = toy_truth // 2
    parts = [ssnbench.evaluate(coarse, truth)["asa"] for truth in (toy_truth, whole)]
    assert ssnbench.evaluate(coarse, [toy_truth, whole])["asa"] == pytest.approx(np.mean(parts))
    assert ssnbench.evaluate(coarse, np.stack([toy_truth, whole]))["asa"] == pytest.approx(
        np.mean(parts)
    )


def test_other_metrics_than_the_protocols_own(toy_truth: Labels) -> None:
    assert ssnbench.evaluate(toy_truth, toy_truth, metrics="asa,oe") == {"asa": 1, "oe": 0}
    more = ssnbench.evaluate(toy_truth, toy_truth, metrics="+oe")
    assert more == ssnbench.evaluate(toy_truth, toy_truth) | {"oe": 0}


def test_connectivity_is_enforced_unless_told_otherwise(toy_image: Image) -> None:
    raw = ssnbench.segment(toy_image, "felzenszwalb", 40, enforce_connectivity=False)
    made = ssnbench.segment(toy_image, "felzenszwalb", 40)
    np.testing.assert_array_equal(made, enforce_connectivity(raw, 40).labels)
    assert (made != raw).any()


def test_without_truth_the_map_alone_is_scored(toy_image: Image, toy_truth: Labels) -> None:
    scores = ssnbench.evaluate(toy_truth, image=toy_image)
    assert "ev" in scores
    assert "asa" not in scores


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"algorithm": "slick"}, "did you mean slic"),
        ({"algorithm": "slic", "compact": 2}, "did you mean compactness"),
        ({"algorithm": "slic", "n_segments": 0}, "n_segments should be 1 to 4800"),
        ({"algorithm": "slic", "n_segments": 4801}, "got 4801"),
    ],
)
def test_wrong_use(toy_image: Image, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ssnbench.UsageError, match=message):
        ssnbench.segment(toy_image, **arguments)  # type: ignore[arg-type]


def test_truth_of_another_size(toy_truth: Labels) -> None:
    with pytest.raises(ValueError, match=r"\(59, 80\) for an image of shape \(60, 80\)"):
        ssnbench.evaluate(toy_truth, toy_truth[1:])


def test_load_dataset() -> None:
    dataset = ssnbench.load_dataset("collage(n_images=2,height=30,width=40)", split="val")
    sample = dataset[dataset.keys()[0]]
    assert sample.image.shape == (30, 40, 3)
    assert len(sample.truths) == 2


def test_without_truths_what_needs_none_is_scored(toy_image: Image, toy_truth: Labels) -> None:
    alone = ssnbench.evaluate(toy_truth, image=toy_image)
    assert ssnbench.evaluate(toy_truth, (), image=toy_image) == alone
    assert ssnbench.evaluate(toy_truth, [], image=toy_image) == alone
    assert "ev" in alone
    assert "asa" not in alone


def test_masked_pixels_of_a_truth_are_without_opinion(toy_truth: Labels) -> None:
    hidden = toy_truth == 2
    grid = ssnbench.segment(np.zeros((*toy_truth.shape, 3), np.uint8), "grid", 24)
    marked = ssnbench.evaluate(grid, np.where(hidden, -1, toy_truth))
    masked = np.ma.MaskedArray(toy_truth.astype(np.uint8), mask=hidden)
    assert ssnbench.evaluate(grid, masked) == marked
    assert ssnbench.evaluate(grid, [masked]) == marked
    assert marked != ssnbench.evaluate(grid, toy_truth)
