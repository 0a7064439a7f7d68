"""Statements and balances of the past: opening balance, lines, closing balance.

Lines are numbered without gaps and never change. A statement is therefore the number of its first
line and a count. Entries that are recorded while a client reads a statement do not change it.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from accounts_bank.ledger.values import Account, Line, Period
from accounts_bank.stores.base import AccountStore

PAGE_LINES = 500
"""The number of lines in memory at once."""


MOMENTS_MAX = 100
"""The largest number of moments in one call of `totals_before`."""


class Statement(Struct, frozen=True, kw_only=True):
    """The statement of an account for a period, without its lines.

    The period includes `since` and excludes `until`. Balances are in minor units.
    """

    account: Account
    since: datetime
    until: datetime
    made_at: datetime
    opening_minor: int
    closing_minor: int
    first_number: int
    line_count: int


def draw_up(store: AccountStore, account: Account, period: Period, now: datetime) -> Statement:
    """Draw up the statement of an account.

    :param period: without a start, it begins with the account. Without an end, it ends now, or
        right after the last line if this line has a later time. The next period can start there.
    :param now: the time at which the statement is made.
    """
    opening = _last_before(store, account, period.since) if period.since else None
    last = _last_before(store, account, period.until)
    until = period.until or max(_after(last, now), period.since or now)
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


def balance_at(store: AccountStore, account: Account, at: datetime | None) -> int:
    """Return the balance of an account after every line up to a time, or now, in minor units."""
    if at is None:
        return account.balance_minor
    end = datetime.max.replace(tzinfo=at.tzinfo)
    last = _last_before(store, account, at + datetime.resolution if at < end else None)
    return last.balance_minor if last else 0


def totals_before(
    store: AccountStore, accounts: Sequence[Account], moments: Sequence[datetime]
) -> list[int]:
    """Return the total balance of accounts before each of some ascending moments.

    The store reads only the lines of accounts that moved after the first moment.

    :raises ValueError: there are more moments than `MOMENTS_MAX`.
    """
    if len(moments) > MOMENTS_MAX:
        raise ValueError(f"{len(moments)} moments are more than {MOMENTS_MAX}")
    unmoved = [each for each in accounts if each.moved_at < moments[0]]
    moved = [each.id for each in accounts if each.moved_at >= moments[0]]
    unmoved_minor = sum(each.balance_minor for each in unmoved)
    return [unmoved_minor + each for each in store.total_before(moved, moments)]


def line_pages(store: AccountStore, statement: Statement) -> Iterator[list[Line]]:
    """Yield the lines of a statement in pages of at most `PAGE_LINES`, oldest first."""
    end = statement.first_number + statement.line_count
    for start in range(statement.first_number, end, PAGE_LINES):
        stop = min(start + PAGE_LINES, end)
        lines = store.lines(statement.account.id, before=stop, period=Period(), limit=stop - start)
        yield lines[::-1]


def _last_before(store: AccountStore, account: Account, moment: datetime | None) -> Line | None:
    lines = store.lines(account.id, before=None, period=Period(until=moment), limit=1)
    return lines[0] if lines else None


def _after(last: Line | None, now: datetime) -> datetime:
    return now if last is None or last.at < now else last.at + datetime.resolution
