"""The JSON form of a statement."""

from collections.abc import Iterator

from msgspec import Struct

from accounts_bank.api.schemas.accounts import LineView
from accounts_bank.collections.statements import Statement
from accounts_bank.http.fields import Time
from accounts_bank.ledger.values import Line

Pages = Iterator[list[Line]]


class StatementAccountView(Struct, frozen=True):
    """The account of a statement."""

    id: str
    number: str
    name: str
    currency: str


class PeriodView(Struct, frozen=True, rename={"since": "from", "until": "to"}):
    """A stretch of time: `from` on, and before `to`."""

    since: Time
    until: Time


class StatementHead(Struct, frozen=True):
    """All of a statement but its lines."""

    account: StatementAccountView
    period: PeriodView
    created_at: Time
    opening_balance_minor: int
    closing_balance_minor: int
    line_count: int


class StatementView(StatementHead, frozen=True):
    """A statement: the opening balance, the lines, the oldest first, and the closing balance."""

    lines: list[LineView]


def statement_head(statement: Statement) -> StatementHead:
    """Show a statement without its lines."""
    account = statement.account
    return StatementHead(
        account=StatementAccountView(account.id, account.number, account.name, account.currency),
        period=PeriodView(statement.since, statement.until),
        created_at=statement.made_at,
        opening_balance_minor=statement.opening_minor,
        closing_balance_minor=statement.closing_minor,
        line_count=statement.line_count,
    )
