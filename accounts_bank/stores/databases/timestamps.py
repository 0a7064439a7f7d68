"""Times as databases keep them: microseconds since 1970 (UTC), the same everywhere and exact."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Count the microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(microseconds: int) -> datetime:
    """Return the time that is so many microseconds after 1970."""
    return _EPOCH + microseconds * _MICROSECOND
