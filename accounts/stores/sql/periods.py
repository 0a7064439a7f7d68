"""Where in the lines of an account a moment lies: found by halving, without an index of times.

The lines of an account are numbered without gaps, and no line bears an earlier time than the one
before it: `decide` sees to that, and `accounts verify` proves it. So how many there are before a
moment is found by looking at as many lines as their count can be halved. An index of times would be
two pages more to write for each transfer, anywhere in a large file.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    ScalarSelect,
    Select,
    case,
    column,
    func,
    literal,
    select,
    values,
)

from accounts.ledger.values import Period
from accounts.stores.sql.tables import ACCOUNTS, LINES, Count, Moment


def within(lines: Select[Any], account_id: str, period: Period) -> Select[Any]:
    """Ask for those of the lines of an account that are of a period."""
    moments = [each for each in (period.since, period.until) if each is not None]
    if not moments:
        return lines
    counts = _counts_before([account_id], moments)
    if period.since is not None:
        lines = lines.where(LINES.c.number > _count(counts, 0))
    if period.until is not None:
        lines = lines.where(LINES.c.number <= _count(counts, len(moments) - 1))
    return lines


def totals(account_ids: Sequence[str], moments: Sequence[datetime]) -> Select[int, int]:
    """Ask for the sums of balances at moments: each balance is that of the last line before it."""
    counts = _counts_before(account_ids, moments)
    last = (LINES.c.account_id == counts.c.account_id) & (LINES.c.number == counts.c.low)
    of_all = select(counts.c.turn, func.sum(LINES.c.balance_minor).label("total"))
    of_all = of_all.select_from(counts.join(LINES, last))
    return of_all.where(counts.c.low == counts.c.high).group_by(counts.c.turn)


def _counts_before(account_ids: Sequence[str], moments: Sequence[datetime]) -> CTE:
    """Ask how many lines (`low`) accounts had before moments (`turn`), where `low` is `high`."""
    asked = values(column("turn", Count), column("at", Moment), name="moments")
    moment = asked.data(list(enumerate(moments))).cte("moments")
    begun = select(
        ACCOUNTS.c.id.label("account_id"),
        moment.c.turn,
        moment.c.at,
        literal(0, Count).label("low"),
        ACCOUNTS.c.line_count.label("high"),
    ).select_from(moment.join(ACCOUNTS, ACCOUNTS.c.id.in_(account_ids)))
    halves = begun.cte("halves", recursive=True)
    middle = (halves.c.low + halves.c.high + 1) // 2
    line = (LINES.c.account_id == halves.c.account_id) & (LINES.c.number == middle)
    is_before = LINES.c.at < halves.c.at
    halved = select(
        halves.c.account_id,
        halves.c.turn,
        halves.c.at,
        case((is_before, LINES.c.number), else_=halves.c.low),
        case((is_before, halves.c.high), else_=LINES.c.number - 1),
    ).select_from(halves.join(LINES, line))
    return halves.union_all(halved.where(halves.c.low < halves.c.high))


def _count(counts: CTE, turn: int) -> ScalarSelect[int]:
    found = select(counts.c.low).where(counts.c.turn == turn, counts.c.low == counts.c.high)
    return found.scalar_subquery()
