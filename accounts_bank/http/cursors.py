"""Cursors: the place where a page begins, in base64url (RFC 4648). Opaque to callers.

Each kind has a fixed size, so a text that fits its pattern is always readable. A forged cursor
shows nothing more, because each read checks the caller again.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from msgspec import Meta

_NUMBER_BYTES, _NUMBER_MAX = 8, 2**63 - 1
_MICROSECOND = timedelta(microseconds=1)
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)
_DESCRIPTION = "The `next_cursor` of the page before."

NumberCursor = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_-]{10}[AEIMQUYcgkosw048]$(?!\n)", description=_DESCRIPTION)
]
IdCursor = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_-]{21}[AQgw]$(?!\n)", description=_DESCRIPTION)
]
TimeCursor = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{32}$(?!\n)", description=_DESCRIPTION)]


def of_number(number: int) -> str:
    """Point behind a numbered item."""
    return _written(_bytes(number))


def number_of(cursor: str) -> int:
    """Read a `NumberCursor`; a forged one points behind the last number of a database at most."""
    return min(int.from_bytes(_read(cursor), "big"), _NUMBER_MAX)


def of_id(item_id: str) -> str:
    """Point behind an item by its id, a UUID."""
    return _written(UUID(item_id).bytes)


def id_of(cursor: str) -> str:
    """Read an `IdCursor`."""
    return str(UUID(bytes=_read(cursor)))


def of_time(at: datetime, item_id: str) -> str:
    """Point behind an item by its time and id."""
    return _written(_bytes((at - _FIRST) // _MICROSECOND) + UUID(item_id).bytes)


def time_of(cursor: str) -> tuple[datetime, str]:
    """Read a `TimeCursor`."""
    read = _read(cursor)
    moment = int.from_bytes(read[:_NUMBER_BYTES], "big")
    at = _FIRST + min(moment, (_LAST - _FIRST) // _MICROSECOND) * _MICROSECOND
    return at, str(UUID(bytes=read[_NUMBER_BYTES:]))


def _bytes(number: int) -> bytes:
    return number.to_bytes(_NUMBER_BYTES, "big")


def _written(position: bytes) -> str:
    return urlsafe_b64encode(position).decode().rstrip("=")


def _read(cursor: str) -> bytes:
    return urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
