"""Times as people write and read them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from ssnbench.cli.moments import clock, duration, moment
from ssnbench.contracts import UsageError

NOW = datetime(2026, 3, 1, 12, 0, 30).astimezone()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("18:30", datetime(2026, 3, 1, 18, 30)),
        ("9:05", datetime(2026, 3, 2, 9, 5)),
        ("12:00", datetime(2026, 3, 2, 12, 0)),
        ("2026-03-01T18:30", datetime(2026, 3, 1, 18, 30)),
        ("2026-03-04", datetime(2026, 3, 4)),
    ],
)
def test_a_time_of_day_is_the_next_one_and_a_date_is_local(text: str, expected: datetime) -> None:
    assert moment(text, NOW) == expected.astimezone()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h30m", timedelta(hours=2, minutes=30)),
        ("90m", timedelta(minutes=90)),
        ("90 min", timedelta(minutes=90)),
        ("1.5h", timedelta(hours=1.5)),
        ("1d 2h", timedelta(days=1, hours=2)),
        ("45s", timedelta(seconds=45)),
    ],
)
def test_a_duration_counts_from_now(text: str, expected: timedelta) -> None:
    assert moment(text, NOW) == NOW + expected


def test_a_date_with_a_zone_is_of_that_zone() -> None:
    expected = datetime.fromisoformat("2026-03-03T18:30+05:00")
    assert moment("2026-03-03T18:30+05:00", NOW) == expected


@pytest.mark.parametrize("text", ["", "soon", "25:00", "12:60", "2", "h", "1.2.3h", "9999999999d"])
def test_what_is_no_time_is_said_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match=r"cannot read the time .*; write 18:30, 2h30m or 2026"):
        moment(text, NOW)


@pytest.mark.parametrize("text", ["2026-03-01T12:00", "0s"])
def test_the_past_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="in the past: it is 2026-03-01 12:00"):
        moment(text, NOW)


def test_a_moment_names_its_day_unless_that_is_today() -> None:
    assert clock(NOW + timedelta(hours=2), NOW) == "14:00"
    assert clock(NOW + timedelta(days=1), NOW) == "2026-03-02 12:00"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0:00"), (5, "0:01"), (3600, "1:00"), (47 * 3600 + 3540, "47:59"), (563_200, "6 d 12:27")],
)
def test_what_is_left_is_told_in_hours_and_minutes(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected
