"""Pages of lists, newest first."""

from collections.abc import Callable
from typing import Any

import msgspec
from flask import request
from msgspec import Struct

from accounts_bank.collections.client import PagePosition
from accounts_bank.errors import NotFound
from accounts_bank.http import cursors
from accounts_bank.http.pagination import cursor_of_entry, split

ITEMS_SHOWN = 25


class ListPage(Struct, frozen=True):
    """A page of a list; `older` is the cursor of the next page, if there is one."""

    items: Any
    older: str | None
    is_first: bool


def newest_first(read: Callable[[PagePosition, int], list[Any]]) -> ListPage:
    """Read the page of the parameter `before`.

    :param read: reads recorded entries, or details of them, before a position; at most a number.
    :raises NotFound: `before` is not a cursor.
    """
    cursor = request.args.get("before")
    found = read(_position(cursor) if cursor else None, ITEMS_SHOWN + 1)
    items, older = split(found, ITEMS_SHOWN, cursor_of_entry)
    return ListPage(items, older, not cursor)


def _position(cursor: str) -> PagePosition:
    try:
        return cursors.time_of(msgspec.convert(cursor, cursors.TimeCursor))
    except msgspec.ValidationError:
        raise NotFound from None
