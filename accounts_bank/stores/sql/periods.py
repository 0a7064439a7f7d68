"""The place of a moment among the lines of an account: a binary search, without an index of times.

The lines of an account are numbered without gaps, and their times never go back: `decide` ensures
it, and `accounts verify` proves it. A binary search over the numbers therefore finds the last line
before a moment. An index of times would cost each transfer two more pages in a large file.
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
    """Return the query for lines from `since` on, before `until`, and numbered below `before`.

    Both moments are among the `moments`. The upper bound is one number: of two bounds a database
    uses one, and reads every line that the other one excludes.
    """
    low, before = counts.c.low, bindparam("before", type_=Count)
    first = _at(counts, "since", low)
    last = _at(counts, "until", case((low < before, low), else_=before - 1))
    return lines.where(LINES.c.number > first, LINES.c.number <= last)


def totals(counts: CTE) -> Select[Any]:
    """Return the query for the sums of balances before moments, by the last line before each."""
    last = (LINES.c.account_id == counts.c.account_id) & (LINES.c.number == counts.c.low)
    of_all = select(counts.c.at, func.sum(LINES.c.balance_minor).label("total"))
    of_all = of_all.select_from(counts.join(LINES, last))
    return of_all.where(counts.c.low == counts.c.high).group_by(counts.c.at)


def counts_before(database: Database) -> CTE:
    """Return the number of lines (`low`) of accounts before moments (`at`), where `low` is `high`.

    The parameters are lists: `account_ids`, and `moments` in microseconds since 1970.
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
