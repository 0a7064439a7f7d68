"""What goes over the wire. Parsing is strict: no unknown field, no number in a string, no float."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from accounts.api.cursors import IdCursor, NumberCursor, TimeCursor
from accounts.identity import NAME_PATTERN, TEXT_PATTERN, Role, User, Username
from accounts.ledger.actions import Transfer
from accounts.ledger.currencies import DECIMALS
from accounts.ledger.entries import Recorded
from accounts.ledger.values import AMOUNT_MAX_MINOR, Account, AccountStatus, Line

Password = Annotated[str, Meta(min_length=8, max_length=256)]
GivenPassword = Annotated[str, Meta(min_length=1, max_length=256)]
FullName = Annotated[str, Meta(min_length=1, max_length=200, pattern=NAME_PATTERN)]
AccountName = Annotated[str, Meta(min_length=1, max_length=100, pattern=NAME_PATTERN)]
Reference = Annotated[str, Meta(min_length=1, max_length=140, pattern=TEXT_PATTERN)]
AccountRef = Annotated[
    str,
    Meta(
        min_length=1, max_length=64, pattern=TEXT_PATTERN, description="An account's id or number."
    ),
]
AmountMinor = Annotated[
    int,
    Meta(
        ge=1,
        le=AMOUNT_MAX_MINOR,
        description="In minor units: 12.34 EUR is 1234. Written without a point or an exponent.",
        extra_json_schema={"format": "int64"},
    ),
]
if TYPE_CHECKING:
    Currency = str
else:
    Currency = Annotated[Literal[tuple(sorted(DECIMALS))], Meta(description="ISO 4217.")]
Time = Annotated[datetime, Meta(tz=True, description="RFC 3339, in UTC.")]


Limit = Annotated[int, Meta(ge=1, le=100, description="How many at most.")]
Moment = Annotated[
    str,
    Meta(
        description="A date (its first moment, in UTC) or a time with its zone, RFC 3339.",
        extra_json_schema={"anyOf": [{"format": "date"}, {"format": "date-time"}]},
    ),
]


class Wish(Struct, frozen=True, forbid_unknown_fields=True):
    """What a body asks for."""


class UserWish(Wish, frozen=True):
    """Sign up."""

    username: Username
    password: Password
    full_name: FullName | None = None


class LoginWish(Wish, frozen=True):
    """Sign in."""

    username: Annotated[str, Meta(min_length=1, max_length=256)]
    password: GivenPassword


class ProfileWish(Wish, frozen=True):
    """Change what the user says of itself; null takes it away."""

    full_name: FullName | None


class RoleWish(Wish, frozen=True):
    """Give a user another role."""

    role: Role


class PasswordWish(Wish, frozen=True):
    """Change the password."""

    current_password: GivenPassword
    new_password: Password


class AccountWish(Wish, frozen=True):
    """Open an account."""

    name: AccountName
    currency: Currency


class RenameWish(Wish, frozen=True):
    """Give an account another name."""

    name: AccountName


class CashWish(Wish, frozen=True):
    """Pay in or out."""

    account: AccountRef
    amount_minor: AmountMinor
    currency: Currency
    reference: Reference | None = None


class TransferWish(Wish, frozen=True):
    """Move money to another account."""

    from_account: AccountRef
    to_account: AccountRef
    amount_minor: AmountMinor
    currency: Currency
    reference: Reference | None = None


class AccountsQuery(Wish, frozen=True):
    """Which page of the accounts."""

    limit: Limit = 20
    cursor: IdCursor | UnsetType = UNSET


class UsersQuery(Wish, frozen=True):
    """Which page of the users, or who has that username."""

    limit: Limit = 20
    cursor: IdCursor | UnsetType = UNSET
    username: Username | UnsetType = UNSET


class TransfersQuery(Wish, frozen=True):
    """Which page of the transfers."""

    limit: Limit = 20
    cursor: TimeCursor | UnsetType = UNSET


class LinesQuery(Wish, frozen=True, rename={"since": "from", "until": "to"}):
    """Which lines of an account: in time `from` on and before `to`."""

    limit: Limit = 20
    cursor: NumberCursor | UnsetType = UNSET
    since: Moment | UnsetType = UNSET
    until: Moment | UnsetType = UNSET


class StatementQuery(Wish, frozen=True, rename={"since": "from", "until": "to"}):
    """Which period: from the account's beginning, and until now, where it is not said."""

    since: Moment | UnsetType = UNSET
    until: Moment | UnsetType = UNSET


class BalanceQuery(Wish, frozen=True):
    """Which moment."""

    at: Moment | UnsetType = UNSET


class TransferQuery(Wish, frozen=True):
    """How to take the transfer."""

    dry_run: Annotated[bool, Meta(description="Decide, and move nothing.")] = False


class AuditQuery(Wish, frozen=True):
    """Which part of the audit trail: above the number `after`, or from a page on."""

    limit: Limit = 20
    cursor: NumberCursor | UnsetType = UNSET
    after: Annotated[int, Meta(ge=0, le=AMOUNT_MAX_MINOR, description="Above this number.")] = 0


class UserView(Struct, frozen=True):
    """A user."""

    id: str
    username: str
    full_name: str | None
    role: Role
    created_at: Time


class TokensView(Struct, frozen=True):
    """A session's tokens. `expires_in` is the access token's life in seconds."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_token: str


class AccountView(Struct, frozen=True):
    """An account. `available_minor` is what may leave it now."""

    id: str
    number: str
    name: str
    currency: str
    status: AccountStatus
    balance_minor: int
    held_minor: int
    available_minor: int
    credit_limit_minor: int
    created_at: Time


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


class CashView(Struct, frozen=True):
    """A deposit or a withdrawal; `balance_minor` is the account's balance after it."""

    id: str
    kind: Literal["deposit", "withdrawal"]
    status: Literal["recorded"]
    account_id: str
    amount_minor: int
    currency: str
    reference: str | None
    balance_minor: int
    at: Time


class TransferView(Struct, frozen=True):
    """A transfer; `from_balance_minor`, the payer's balance after it, is null for the payee."""

    id: str
    kind: Literal["transfer"]
    status: Literal["recorded"]
    from_account_id: str
    to_account_id: str
    to_account_number: str
    amount_minor: int
    currency: str
    reference: str | None
    from_balance_minor: int | None
    at: Time


class AuditView(Struct, frozen=True):
    """A line of the audit log; it has more fields, by event."""

    number: int
    timestamp: Time = field(name="@timestamp")
    event: str
    previous_hash: str
    hash: str


def user_view(user: User) -> UserView:
    """Show a user to itself and to the staff."""
    return UserView(user.id, user.username, user.full_name, user.role, user.created_at)


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
        created_at=account.created_at,
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


def cash_view(recorded: Recorded) -> CashView:
    """Show a deposit or a withdrawal: the customer's line is the one without the till."""
    line = next(each for each in recorded.lines if each.counterparty is None)
    action = recorded.entry.action
    return CashView(
        id=recorded.entry.id,
        kind=recorded.entry.kind,  # type: ignore[arg-type]
        status="recorded",
        account_id=line.account_id,
        amount_minor=abs(line.amount_minor),
        currency=action.currency,  # type: ignore[union-attr]
        reference=line.reference,
        balance_minor=line.balance_minor,
        at=recorded.at,
    )


def transfer_view(recorded: Recorded, *, for_payer: bool = True) -> TransferView:
    """Show a transfer to one of its sides."""
    paid, received = recorded.lines
    action = recorded.entry.action
    assert isinstance(action, Transfer)  # noqa: S101 - tells the type checker
    return TransferView(
        id=recorded.entry.id,
        kind="transfer",
        status="recorded",
        from_account_id=paid.account_id,
        to_account_id=received.account_id,
        to_account_number=paid.counterparty or "",
        amount_minor=action.amount_minor,
        currency=action.currency,
        reference=action.reference,
        from_balance_minor=paid.balance_minor if for_payer else None,
        at=recorded.at,
    )
