"""Lists with the newest first, a page at a time."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from flask import request
from msgspec import Struct

from accounts_bank.collections.client import PagePosition
from accounts_bank.errors import NotFound
from accounts_bank.http import cursors
from accounts_bank.ledger.entries import Recorded

SHOWN = 25

Item = TypeVar("Item")


class Newest(Struct, frozen=True):
    """A page of a list: where the next one begins, and whether this one is the first."""

    items: list[Any]
    older: str | None
    is_first: bool


def newest(
    read: Callable[[PagePosition, int], list[Item]], recorded: Callable[[Item], Recorded]
) -> Newest:
    """Read the page that `before` in the address names.

    :raises NotFound: it names none.
    """
    cursor = request.args.get("before")
    found = read(_time_of(cursor) if cursor else None, SHOWN + 1)
    older = None
    if len(found) > SHOWN:
        last = recorded(found[SHOWN - 1])
        older = cursors.of_time(last.at, last.entry.id)
    return Newest(found[:SHOWN], older, not cursor)


def _time_of(cursor: str) -> PagePosition:
    try:
        return cursors.time_of(msgspec.convert(cursor, cursors.TimeCursor))
    except msgspec.ValidationError:
        raise NotFound from None
