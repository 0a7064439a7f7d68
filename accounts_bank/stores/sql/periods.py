"""Where in the lines of an account a moment lies: found by halving, without an index of times.

The lines of an account are numbered without gaps, and no line bears an earlier time than the one
before it: `decide` sees to that, and `accounts verify` proves it. So how many there are before a
moment is found by looking at as many lines as their count can be halved. An index of times would be
two pages more to write for each transfer, anywhere in a large file.
"""

from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    ScalarSelect,
    Select,
    bindparam,
    case,
    func,
    literal,
    select,
)

from accounts_bank.stores.sql.database import Database
from accounts_bank.stores.sql.tables import ACCOUNTS, LINES, Count


def within(lines: Select[Any], counts: CTE) -> Select[Any]:
    """Ask for lines `since` a moment, and before another (`until`) and a number (`before`).

    Both are among the `moments`. The last number is one bound: of two, a database takes one, and
    reads all that the other leaves out.
    """
    low, before = counts.c.low, bindparam("before", type_=Count)
    first = _at(counts, "since", low)
    last = _at(counts, "until", case((low < before, low), else_=before - 1))
    return lines.where(LINES.c.number > first, LINES.c.number <= last)


def totals(counts: CTE) -> Select[Any]:
    """Ask for the sums of balances before moments: each is that of the last line before it."""
    last = (LINES.c.account_id == counts.c.account_id) & (LINES.c.number == counts.c.low)
    of_all = select(counts.c.at, func.sum(LINES.c.balance_minor).label("total"))
    of_all = of_all.select_from(counts.join(LINES, last))
    return of_all.where(counts.c.low == counts.c.high).group_by(counts.c.at)


def counts_before(database: Database) -> CTE:
    """Ask how many lines (`low`) accounts had before moments (`at`), where `low` is `high`.

    The parameters are lists: `account_ids`, and `moments` in microseconds.
    """
    moments = database.dialect.each_of("moments", ACCOUNTS.c.line_count)
    wanted = moments.join(ACCOUNTS, database.dialect.among(ACCOUNTS.c.id, "account_ids"))
    count, none = ACCOUNTS.c.line_count.label("high"), literal(0, Count).label("low")
    begun = select(ACCOUNTS.c.id.label("account_id"), moments.c.value.label("at"), none, count)
    halves = begun.select_from(wanted).cte("halves", recursive=True)
    account_id, at, low, high = halves.c
    line = (LINES.c.account_id == account_id) & (LINES.c.number == (low + high + 1) // 2)
    is_before = LINES.c.at < at
    new_low = case((is_before, LINES.c.number), else_=low)
    new_high = case((is_before, high), else_=LINES.c.number - 1)
    halved = select(account_id, at, new_low, new_high).select_from(halves.join(LINES, line))
    return halves.union_all(halved.where(low < high))


def _at(counts: CTE, moment: str, value: ColumnElement[int]) -> ScalarSelect[int]:
    is_it = counts.c.at == bindparam(moment, type_=Count)
    return select(value).where(is_it, counts.c.low == counts.c.high).scalar_subquery()
