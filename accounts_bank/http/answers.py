"""Answers of operations as plain values. `api/views.py` turns one into a Flask response."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct


class File(Struct, frozen=True):
    """An answer that is not one JSON value: bytes, or parts that are sent one by one."""

    content_type: str
    content: bytes | Iterator[bytes]
    headers: tuple[tuple[str, str], ...] = ()


class Answer(Struct, frozen=True):
    """The answer of an operation.

    `value` becomes the JSON body; None means that there is no body. `location` is the path of a
    new resource. `next_cursor` points to the next page of a list. `file` replaces `value`.
    """

    value: Any = None
    status: int = 200
    location: str = ""
    replayed: bool = False
    dry_run: bool = False
    etag: str = ""
    next_cursor: str | None = None
    file: File | None = None

    def headers(self, prefix: str = "") -> list[tuple[str, str]]:
        """Return the headers that the fields stand for. A dry run creates and repeats nothing.

        :param prefix: the path under which the bank is mounted.
        """
        if self.dry_run:
            return [("Dry-Run", "true")]
        headers = [("Location", prefix + self.location)] if self.location else []
        if self.replayed:
            headers.append(("Idempotent-Replayed", "true"))
        if self.etag:
            headers.append(("ETag", f'"{self.etag}"'))
        return headers


NO_CONTENT = Answer(status=204)
