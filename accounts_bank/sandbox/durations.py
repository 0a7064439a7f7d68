"""Durations as ISO 8601 writes them, added to a time by the calendar."""

import re
from calendar import monthrange
from datetime import datetime, timedelta

from accounts_bank.errors import InvalidRequest

PATTERN = (
    r"^P(?=\d|T\d)(\d{1,4}Y)?(\d{1,5}M)?(\d{1,6}W)?(\d{1,7}D)?"
    r"(T(?=\d)(\d{1,9}H)?(\d{1,9}M)?(\d{1,11}(\.\d{1,6})?S)?)?$(?!\n)"
)
LAST = 9_000
"""The last year that a bank's clock reaches: holds and schedules need room behind it."""
_PARTS = re.compile(PATTERN)


def after(start: datetime, duration: str) -> datetime:
    """Return the time that lies a duration after another one.

    Years and months come first; a month without that day ends on its last one, as in schedules.

    :param duration: a text that matches `PATTERN`, such as `P1M` or `PT90S`.
    :raises InvalidRequest: the time lies behind the last year.
    """
    found = _PARTS.fullmatch(duration)
    if found is None:
        raise InvalidRequest("Send a duration such as P1M or PT90S, ISO 8601.", pointer="/by")
    years, months, weeks, days, _, hours, minutes, seconds, _ = found.groups()
    moved = timedelta(
        weeks=_number(weeks), days=_number(days), hours=_number(hours), minutes=_number(minutes)
    ) + timedelta(microseconds=round(float((seconds or "0S")[:-1]) * 1_000_000))
    try:
        return in_reach(_months_after(start, 12 * _number(years) + _number(months)) + moved)
    except (OverflowError, ValueError):
        raise InvalidRequest(f"Send a time before the year {LAST}.", pointer="/by") from None


def in_reach(time: datetime) -> datetime:
    """Return a time that the clock of a bank can reach.

    :raises InvalidRequest: it lies behind the last year.
    """
    if time.year >= LAST:
        raise InvalidRequest(f"Send a time before the year {LAST}.", pointer="/to")
    return time


def _number(part: str | None) -> int:
    return int(part[:-1]) if part else 0


def _months_after(start: datetime, months: int) -> datetime:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return start.replace(
        year=year, month=month + 1, day=min(start.day, monthrange(year, month + 1)[1])
    )
