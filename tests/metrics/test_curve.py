"""Areas over the number of superpixels made."""

from __future__ import annotations

import numpy as np
import pytest

from ssnbench.contracts import UsageError
from ssnbench.metrics import METRICS
from ssnbench.metrics.curve import AREAS, amr, area, area_asa, area_br, aue, auv, common_range


def test_areas_by_hand() -> None:
    counts, rising = [100, 300, 200], [0.2, 0.8, 0.4]  # 0.3 on average, then 0.6
    assert area(counts, rising) == pytest.approx(0.45)
    assert area(counts, rising, 150, 250) == pytest.approx((0.35 + 0.5) / 2)
    assert area(counts, rising, 150, 150) == pytest.approx(0.3)
    assert area_asa(counts, rising) == area_br(counts, rising) == pytest.approx(0.45)
    assert amr(counts, rising) == auv(counts, rising) == pytest.approx(0.55)
    assert aue(counts, rising) == pytest.approx(0.45)


def test_points_of_one_count_are_averaged() -> None:
    assert area([1, 2, 2], [0, 1, 3]) == area([1, 2], [0, 2]) == 1


def test_an_area_adds_up_over_parts() -> None:
    rng = np.random.default_rng(0)
    counts, values = np.sort(rng.uniform(100, 900, 20)), rng.random(20)
    low, middle, high = counts[0], 400.0, counts[-1]
    parts = [
        area(counts, values, low, middle) * (middle - low),
        area(counts, values, middle, high) * (high - middle),
    ]
    assert sum(parts) == pytest.approx(area(counts, values) * (high - low))


def test_nothing_is_extrapolated() -> None:
    with pytest.raises(UsageError, match="covers 100 to 300 superpixels, not 50 to 300"):
        area([100, 300], [0, 1], low=50)
    with pytest.raises(UsageError, match="not 100 to 301"):
        area([100, 300], [0, 1], high=301)
    with pytest.raises(UsageError, match="is empty"):
        area([100, 300], [0, 1], 250, 200)


def test_the_range_that_all_curves_cover() -> None:
    assert common_range([[100, 300], [320, 150, 200]]) == (150, 300)
    with pytest.raises(UsageError, match="one begins at 400, another ends at 300"):
        common_range([[100, 300], [400, 500]])
    with pytest.raises(UsageError, match="at least one point"):
        common_range([])


def test_what_is_no_curve() -> None:
    with pytest.raises(ValueError, match="2 counts and 1 values"):
        area([1, 2], [1])
    with pytest.raises(ValueError, match="0 counts"):
        area([], [])
    with pytest.raises(ValueError, match="finite"):
        area([1, 2], [1, float("nan")])


def test_areas_are_of_known_metrics() -> None:
    assert {metric for metric, _ in AREAS.values()} <= METRICS.keys()
