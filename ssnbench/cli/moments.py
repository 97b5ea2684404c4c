"""Times of day and durations, as people write and read them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from ssnbench.contracts import UsageError

_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")
_DURATION = re.compile(
    r"(?:([\d.]+) ?d)? ?(?:([\d.]+) ?h)? ?(?:([\d.]+) ?min|([\d.]+) ?m)? ?(?:([\d.]+) ?s)?"
)


def moment(text: str, now: datetime) -> datetime:
    """Read when something is to be over.

    Parameters
    ----------
    text : str
        A time of day (``18:30``: the next one), a duration (``2h30m``, ``1d``, ``90 min``), or a
        date and time in ISO form (``2026-03-01T18:30``), local unless it has a zone.
    now : datetime
        The time now, with its zone.

    Raises
    ------
    UsageError
        When it is none of these, or in the past.
    """
    text = text.strip()
    end = _time_of_day(text, now) or _after(text, now) or _date(text)
    if end is None:
        raise UsageError(f"cannot read the time {text!r}; write 18:30, 2h30m or 2026-03-01T18:30")
    if end <= now:
        raise UsageError(f"the time {text!r} is in the past: it is {now:%Y-%m-%d %H:%M}")
    return end


def clock(time: datetime, now: datetime) -> str:
    """A moment in short: ``18:30``, with its date unless that is today's."""
    local = time.astimezone(now.tzinfo)
    return f"{local:%H:%M}" if local.date() == now.date() else f"{local:%Y-%m-%d %H:%M}"


def duration(seconds: float) -> str:
    """A duration in hours and minutes, ``6:05``; with days from two of them on: ``6 d 12:05``."""
    minutes = max(round(seconds / 60), int(seconds > 0))
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"{days} d {hour}:{minute:02}" if days > 1 else f"{hours}:{minute:02}"


def _time_of_day(text: str, now: datetime) -> datetime | None:
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    hour, minute = map(int, match.groups())
    if hour > 23 or minute > 59:
        return None
    # a local time of another day may have another zone, where clocks are put forward
    today = now.replace(tzinfo=None, hour=hour, minute=minute, second=0, microsecond=0)
    next_one = today if today > now.replace(tzinfo=None) else today + timedelta(days=1)
    return next_one.astimezone()


def _after(text: str, now: datetime) -> datetime | None:
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    try:
        days, hours, long, short, seconds = (float(part or 0) for part in match.groups())
        return now + timedelta(days=days, hours=hours, minutes=long + short, seconds=seconds)
    except (ValueError, OverflowError):
        return None


def _date(text: str) -> datetime | None:
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return None
    return date if date.tzinfo else date.astimezone()
