"""Pages of a list. A caller reads one item more than the limit, to learn if a page follows."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from accounts_bank.http import cursors
from accounts_bank.http.answers import Answer
from accounts_bank.http.fields import NewestFirst

Item = TypeVar("Item")


def split(
    items: Sequence[Item], limit: int, cursor_of: Callable[[Item], str]
) -> tuple[Sequence[Item], str | None]:
    """Split `limit + 1` items or fewer into the items of the page and the next page's cursor.

    :returns: at most `limit` items; the cursor is None on the last page.
    """
    shown = items[:limit]
    return shown, cursor_of(shown[-1]) if len(items) > limit else None


def page(data: list[Any], next_cursor: str | None) -> Answer:
    """Answer with a page."""
    return Answer({"data": data, "next_cursor": next_cursor}, next_cursor=next_cursor)


def page_of(
    items: Sequence[Item],
    limit: int,
    cursor_of: Callable[[Item], str],
    view: Callable[[Item], Any],
) -> Answer:
    """Answer with the page that `limit + 1` items or fewer make."""
    shown, next_cursor = split(items, limit, cursor_of)
    return page([view(item) for item in shown], next_cursor)


def newest_first(
    query: NewestFirst,
    read: Callable[[tuple[datetime, str] | None, int], list[Item]],
    view: Callable[[Item], Any],
) -> Answer:
    """Answer with a page of entries; `read` takes where the page begins and how many to read."""
    before = cursors.time_of(query.cursor) if query.cursor else None
    return page_of(read(before, query.limit + 1), query.limit, cursor_of_entry, view)


def cursor_of_entry(item: Any) -> str:
    """Return the cursor behind a recorded entry, or behind the details of one."""
    recorded = getattr(item, "recorded", item)
    return cursors.of_time(recorded.at, recorded.entry.id)
