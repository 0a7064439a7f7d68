"""Accounts and their lines over the wire."""

from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, Struct, UnsetType

from accounts_bank.http.cursors import IdCursor, NumberCursor
from accounts_bank.http.fields import Currency, Input, Limit, Metadata, Moment, Time
from accounts_bank.identity import NAME_PATTERN
from accounts_bank.ledger.values import AMOUNT_MAX_MINOR, Account, AccountStatus, Line

AccountName = Annotated[str, Meta(min_length=1, max_length=100, pattern=NAME_PATTERN)]
LimitMinor = Annotated[int, Meta(ge=0, le=AMOUNT_MAX_MINOR, extra_json_schema={"format": "int64"})]


class AccountRequest(Input, frozen=True):
    """Open an account."""

    name: AccountName
    currency: Currency
    metadata: Metadata | None = None


class AccountChange(Input, frozen=True):
    """Give an account another name, other metadata, or both. `{}` removes all pairs."""

    name: AccountName | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET
    needs_a_field: ClassVar[bool] = True


class CreditLimitRequest(Input, frozen=True):
    """Say how far below zero an account may go."""

    credit_limit_minor: LimitMinor


class DailyLimitRequest(Input, frozen=True):
    """Say how much may leave an account in a day of UTC; null lifts the limit."""

    daily_limit_minor: LimitMinor | None


class AccountsQuery(Input, frozen=True):
    """Which page of the accounts."""

    limit: Limit = 20
    cursor: IdCursor | UnsetType = UNSET


class LinesQuery(Input, frozen=True, rename={"since": "from", "until": "to"}):
    """Which lines of an account: in time `from` on and before `to`."""

    limit: Limit = 20
    cursor: NumberCursor | UnsetType = UNSET
    since: Moment | UnsetType = UNSET
    until: Moment | UnsetType = UNSET


class StatementQuery(Input, frozen=True, rename={"since": "from", "until": "to"}):
    """Which period: from the account's beginning, and until now, where it is not said."""

    since: Moment | UnsetType = UNSET
    until: Moment | UnsetType = UNSET


class BalanceQuery(Input, frozen=True):
    """Which moment."""

    at: Moment | UnsetType = UNSET


class AccountView(Struct, frozen=True):
    """An account. `available_minor` is the amount that can leave it now."""

    id: str
    number: str
    name: str
    currency: str
    status: AccountStatus
    balance_minor: int
    held_minor: int
    available_minor: int
    credit_limit_minor: int
    daily_limit_minor: int | None
    created_at: Time
    metadata: Metadata


class BalanceView(Struct, frozen=True):
    """A balance, after all that happened up to a moment."""

    account_id: str
    currency: str
    balance_minor: int
    at: Time


class LineView(Struct, frozen=True):
    """A line of an account: `amount_minor` is signed, `balance_minor` is the balance after it.

    `counterparty` is the number of the account on the other side, null for cash.
    """

    number: int
    entry_id: str
    kind: str
    amount_minor: int
    balance_minor: int
    counterparty: str | None
    reference: str | None
    at: Time


def account_view(account: Account) -> AccountView:
    """Show an account to its owner."""
    return AccountView(
        id=account.id,
        number=account.number,
        name=account.name,
        currency=account.currency,
        status=account.status,
        balance_minor=account.balance_minor,
        held_minor=account.held_minor,
        available_minor=account.available_minor,
        credit_limit_minor=-(account.floor_minor or 0),
        daily_limit_minor=account.daily_limit_minor,
        created_at=account.created_at,
        metadata=account.metadata or {},
    )


def line_view(line: Line) -> LineView:
    """Show a line to the account's owner."""
    return LineView(
        number=line.number,
        entry_id=line.entry_id,
        kind=line.kind,
        amount_minor=line.amount_minor,
        balance_minor=line.balance_minor,
        counterparty=line.counterparty,
        reference=line.reference,
        at=line.at,
    )
