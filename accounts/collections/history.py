"""The balance of an account over time, for charts: a few moments, and never all of its lines."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime

from accounts.ledger.values import Account, Line, Period
from accounts.stores.base import AccountStore

MOMENTS_MAX = 100
LINES_READ = 200
"""How many of the newest lines are read at once. Moments before them cost a look-up each."""


def balances_before(
    store: AccountStore, account: Account, moments: Sequence[datetime]
) -> list[int]:
    """Say what the balance was before each of some moments.

    They stand in ascending order and are at most `MOMENTS_MAX`.
    """
    if len(moments) > MOMENTS_MAX:
        raise ValueError(f"{len(moments)} moments are more than {MOMENTS_MAX}")
    if not moments or account.moved_at < moments[0]:
        return [account.balance_minor] * len(moments)
    period = Period(since=moments[0])
    lines = store.lines(account.id, before=None, period=period, limit=LINES_READ)[::-1]
    times = [line.at for line in lines]
    return [_before(store, account, lines, bisect_left(times, each), each) for each in moments]


def _before(
    store: AccountStore, account: Account, lines: list[Line], count: int, moment: datetime
) -> int:
    """Take the balance from the last of the `count` lines before a moment, or look it up."""
    if count:
        return lines[count - 1].balance_minor
    if len(lines) < LINES_READ:
        return lines[0].balance_minor - lines[0].amount_minor if lines else account.balance_minor
    found = store.lines(account.id, before=None, period=Period(until=moment), limit=1)
    return found[0].balance_minor if found else 0
