"""Pages of lists, newest first."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from flask import request
from msgspec import Struct

from accounts_bank.collections.client import PagePosition
from accounts_bank.errors import NotFound
from accounts_bank.http import cursors
from accounts_bank.ledger.entries import Recorded

ITEMS_SHOWN = 25

Item = TypeVar("Item")


class ListPage(Struct, frozen=True):
    """A page of a list; `older` is the cursor of the next page, if there is one."""

    items: list[Any]
    older: str | None
    is_first: bool


def newest_first(
    read: Callable[[PagePosition, int], list[Item]], recorded: Callable[[Item], Recorded]
) -> ListPage:
    """Read the page of the parameter `before`.

    :param read: reads items before a position, at most a number of them.
    :param recorded: returns the entry of an item, for the cursor.
    :raises NotFound: `before` is not a cursor.
    """
    cursor = request.args.get("before")
    found = read(_position(cursor) if cursor else None, ITEMS_SHOWN + 1)
    older = None
    if len(found) > ITEMS_SHOWN:
        last = recorded(found[ITEMS_SHOWN - 1])
        older = cursors.of_time(last.at, last.entry.id)
    return ListPage(found[:ITEMS_SHOWN], older, not cursor)


def _position(cursor: str) -> PagePosition:
    try:
        return cursors.time_of(msgspec.convert(cursor, cursors.TimeCursor))
    except msgspec.ValidationError:
        raise NotFound from None
