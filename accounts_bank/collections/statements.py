"""Statements: what an account held at the start of a period, what moved, and what it held then.

Lines are numbered without gaps and never change, so a statement is two numbers: the first line and
how many. It stays what it was when it was drawn up, whatever is recorded while it is read.
"""

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from accounts_bank.ledger.values import Account, Line, Period
from accounts_bank.stores.base import AccountStore

PAGE_LINES = 500
"""How many lines are held in memory at once."""


class Statement(Struct, frozen=True, kw_only=True):
    """The statement of an account from `since` on and before `until`, without its lines."""

    account: Account
    since: datetime
    until: datetime
    made_at: datetime
    opening_minor: int
    closing_minor: int
    first_number: int
    line_count: int


def draw_up(store: AccountStore, account: Account, period: Period, now: datetime) -> Statement:
    """Draw up the statement of an account as of now.

    A period without a start begins with the account. One without an end ends now, or right behind
    the last line where that bears a later time, so that the next period begins where this one ends.
    """
    opening = _last_before(store, account, period.since) if period.since else None
    last = _last_before(store, account, period.until)
    until = period.until or max(_behind(last, now), period.since or now)
    first_number = opening.number + 1 if opening else 1
    return Statement(
        account=account,
        since=period.since or min(account.created_at, until),
        until=until,
        made_at=now,
        opening_minor=opening.balance_minor if opening else 0,
        closing_minor=last.balance_minor if last else 0,
        first_number=first_number,
        line_count=last.number + 1 - first_number if last else 0,
    )


def line_pages(store: AccountStore, statement: Statement) -> Iterator[list[Line]]:
    """Give the lines of a statement, the oldest first, at most `PAGE_LINES` at a time."""
    end = statement.first_number + statement.line_count
    for start in range(statement.first_number, end, PAGE_LINES):
        stop = min(start + PAGE_LINES, end)
        lines = store.lines(statement.account.id, before=stop, period=Period(), limit=stop - start)
        yield lines[::-1]


def _last_before(store: AccountStore, account: Account, moment: datetime | None) -> Line | None:
    lines = store.lines(account.id, before=None, period=Period(until=moment), limit=1)
    return lines[0] if lines else None


def _behind(last: Line | None, now: datetime) -> datetime:
    return now if last is None or last.at < now else last.at + datetime.resolution
