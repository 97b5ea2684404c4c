"""Four pixels a, b / c, d, worked out by hand for every metric."""

from __future__ import annotations

from math import pi, sqrt

import numpy as np
import pytest

from ssnbench.metrics import METRICS, prepare, score

LABELS = np.array([[0, 0], [0, 1]], np.int32)  # S0 = {a, b, c}, S1 = {d}
TRUTH = np.array([[0, 0], [1, 1]], np.int32)  # G0 = {a, b}, G1 = {c, d}
RED = np.array([[0, 3], [6, 5]])
IMAGE = np.stack([RED, 0 * RED, 0 * RED], -1).astype(np.uint8)
FLOW = np.stack([np.array([[0, 4], [8, 5]]), np.zeros((2, 2))], -1).astype(np.float32)

# Thin boundaries: b, c of the labels, a, b of the truth. Thick: b, c, d of the labels, all of the
# truth. With a tolerance of 0 only the common pixels are found.
WORKED = {
    "seal(r=0)": {
        "n_made": 2,
        "n_components": 2,
        "asa": 3 / 4,  # S0 gives 2 pixels to G0, S1 gives 1 to G1
        "br": 1 / 2,
        "bp": 1 / 2,
        "f": 1 / 2,
        "ue": 1 / 4,  # c leaks
        "ue_np": 2 / 4,  # S0 n G0: min(2, 1); S0 n G1: min(1, 2); S1 n G1: min(1, 0)
        "ue_levin": 3 / 4,  # G0: (3 - 2) / 2; G1: (3 + 1 - 2) / 2
        "oe": 1 / 4,  # one of c, d lies outside the other's superpixel
        "mde": 1 / 2,  # a is 1 from b, b is on a boundary
        "ev": 1 / 7,  # 1 - (9 + 0 + 9 + 0) / (0 + 9 + 36 + 25 - 14^2 / 4)
        "icv": sqrt(6) / 2,
        "sse_rgb": 18 / 4,
        "sse_xy": 1 / 3,  # S0: 2/3 along each axis
        "co": 13 * pi / 64,  # 3/4 of 4 pi 3 / 8^2 and 1/4 of 4 pi / 4^2
        "cd": 2 / 4,
        "reg": 4 / 2,  # side int(sqrt(4 / 2)) = 1: 2 * 2 + 2 * 2 - 2 * 2 = 4
        "reg_stutz": 4 / 2,
        "gr": 3 / 4,  # both shapes are convex and balanced; SMF = 1 - 3/4 * 1/6 - 1/4 * 1/2
        "size_mean": 2,
        "size_std": 1,
        "size_min": 1,
        "size_max": 3,
        "epe": 2,  # the mean of S0 is 4: errors 4, 0, 4, 0
        "epe_near": 2,  # every pixel is near a motion boundary
        "epe_affine": 0,  # three pixels of a corner fit exactly, so does a single one
        "epe_1": 1 / 2,
        "epe_3": 1 / 2,
        "epe_5": 0,
    },
    "stutz": {  # the window's radius is round(0.0025 * 2.8) = 0
        "br": 3 / 4,
        "bp": 1,
        "f": 6 / 7,
        "mde": 1 / 4,
        "cd": 3 / 4,
        "reg": 4 / 3,
    },
    "berkeley": {  # 0.0075 of the diagonal: only b meets b
        "br": 1 / 2,
        "bp": 1 / 2,
        "truth_matched": 1,
        "truth_pixels": 2,
        "labels_matched": 1,
        "labels_pixels": 2,
    },
}


@pytest.mark.parametrize(
    ("protocol", "metric"), [(p, m) for p, metrics in WORKED.items() for m in metrics]
)
def test_worked_out_by_hand(protocol: str, metric: str) -> None:
    (row,) = score(LABELS, prepare([TRUTH], protocol), IMAGE, [metric], FLOW)
    assert row == {metric: pytest.approx(WORKED[protocol][metric], rel=1e-12)}


def test_every_metric_is_worked_out() -> None:
    assert set().union(*WORKED.values()) == METRICS.keys()


def test_regularity_of_a_row_shows_the_mistake() -> None:
    (row,) = score(np.array([[0, 0, 1, 1]]), prepare([], "stutz"), metrics=["reg", "reg_stutz"])
    assert row == {"reg": 4 / 2, "reg_stutz": 1 / 2}  # W = 4, or W = H = 1


def test_components_of_a_chequered_map() -> None:
    (row,) = score(np.array([[0, 1], [1, 0]]), prepare([]), metrics=["n_components"])
    assert row == {"n_components": 4}


def test_stutz_counts_precision_on_the_truths_side() -> None:
    labels = np.array([[0, 1, 2, 3, 4, 4, 4, 4]])  # thick: pixels 0 to 4
    truth = np.array([[0, 0, 0, 0, 0, 0, 1, 1]])  # thick: pixels 5 and 6
    (row,) = score(labels, prepare([truth], "stutz(r=1)"), metrics=["br", "bp"])
    assert row == {"br": 1 / 2, "bp": 1 / 5}  # TP is 5; FP are 0 to 3, while 4 is near 5


def test_ignored_pixels_count_on_neither_side() -> None:
    truth = np.array([[0, -1], [1, 1]])  # boundary: a; of the labels' b and c only c is judged
    metrics = ["asa", "br", "bp", "ue_levin"]
    (strict,) = score(LABELS, prepare([truth], "seal(r=0)"), metrics=metrics)
    assert strict == pytest.approx({"asa": 2 / 3, "br": 0, "bp": 0, "ue_levin": 3 / 4})
    (row,) = score(LABELS, prepare([truth]), metrics=metrics)
    assert row == pytest.approx({"asa": 2 / 3, "br": 1, "bp": 1, "ue_levin": 3 / 4})


def test_flow_that_is_unknown_or_invalid_counts_not() -> None:
    flow = FLOW.copy()
    flow[0, 0] = np.nan
    flow[1, 1] = 1e10
    valid = np.array([[True, True], [True, True]])
    reference = prepare([])
    assert score(LABELS, reference, metrics=["epe"], flow=flow, valid=valid) == [{"epe": 2.0}]
    assert score(LABELS, reference, metrics=["epe"], flow=flow, valid=~valid) == [{"epe": 0.0}]
