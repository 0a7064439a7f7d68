"""The sandbox over the wire."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from accounts_bank.api.schemas.accounts import AccountName, AccountView, LimitMinor
from accounts_bank.collections.due_work import Fired
from accounts_bank.http.cursors import IdCursor
from accounts_bank.http.fields import Currency, Input, Limit, Moment, Time
from accounts_bank.identity import Role, Username
from accounts_bank.sandbox.actors import Kind
from accounts_bank.sandbox.clock import Mode
from accounts_bank.sandbox.control import Sandbox
from accounts_bank.sandbox.durations import PATTERN

SNAPSHOT_NAME = r"^[A-Za-z0-9._-]{1,64}$(?!\n)"
SnapshotName = Annotated[str, Meta(pattern=SNAPSHOT_NAME)]
Duration = Annotated[str, Meta(pattern=PATTERN, description="ISO 8601: `P1M`, `PT90S`.")]
USERS_MAX, ACCOUNTS_MAX = 1_000, 100


class NewAccountRequest(Input, frozen=True):
    """An account to open, with its opening balance in minor units."""

    currency: Currency
    name: AccountName = "Main"
    balance_minor: LimitMinor = 0


class NewUserRequest(Input, frozen=True):
    """A user to add. The user has a token and no password."""

    username: Username
    role: Role = Role.CUSTOMER
    accounts: Annotated[tuple[NewAccountRequest, ...], Meta(max_length=ACCOUNTS_MAX)] = ()


class BankRequest(Input, frozen=True):
    """Make a bank: empty, or from a snapshot of the bank that is called.

    `now` freezes the clock there. The same `seed`, `now` and `users` give the same ids.
    """

    seed: int | Annotated[str, Meta(min_length=1, max_length=100)] | UnsetType = UNSET
    snapshot: SnapshotName | UnsetType = UNSET
    now: Moment | UnsetType = UNSET
    users: Annotated[tuple[NewUserRequest, ...], Meta(max_length=USERS_MAX)] = ()


class NewUserView(Struct, frozen=True):
    """A new user with an access token."""

    id: str
    username: str
    access_token: str
    accounts: list[AccountView]


class NewBankView(Struct, frozen=True):
    """A new bank. `url` is the base of its API and its pages."""

    id: str
    url: str
    admin_token: str
    users: list[NewUserView]


class ActorView(Struct, frozen=True):
    """A payee with a fixed account number, and its kind of act."""

    kind: Kind
    username: str
    account: AccountView


class ActorsView(Struct, frozen=True):
    """All actors."""

    data: list[ActorView]


class BankView(Struct, frozen=True):
    """A bank that was made here."""

    id: str
    url: str
    now: Time
    mode: Mode


class BanksQuery(Input, frozen=True):
    """A page of banks."""

    limit: Limit = 20
    cursor: IdCursor | UnsetType = UNSET


class ClockRequest(Input, frozen=True):
    """Set the clock; `now` may not lie before its present time."""

    mode: Mode
    now: Moment | None = None


class ClockView(Struct, frozen=True):
    """The clock of the bank, and the next instant at which something is due."""

    now: Time
    mode: Mode
    next_due: Time | None


class AdvanceRequest(Input, frozen=True):
    """Move the clock `to` a time or to the `next_due` instant, or `by` a duration."""

    to: Annotated[str, Meta(description="A time, RFC 3339, or `next_due`.")] | UnsetType = UNSET
    by: Duration | UnsetType = UNSET


class AdvanceView(Struct, frozen=True):
    """The due entries that ran, in their order.

    `complete` is false after 10,000 of them: the clock stands before the time that was asked for.
    """

    now: Time
    fired: list[Fired]
    next_due: Time | None
    complete: bool


class ResetRequest(Input, frozen=True):
    """Go back to `empty`, to the `seed` or to a snapshot."""

    to: SnapshotName


class SnapshotView(Struct, frozen=True):
    """A snapshot, and the time of the bank in it."""

    name: str
    now: Time


class DigestView(Struct, frozen=True):
    """SHA-256 of the books and the users, as hex; equal for equal state on every store."""

    digest: str


def clock_view(sandbox: Sandbox) -> ClockView:
    """Show the clock of a bank."""
    return ClockView(sandbox.now, sandbox.mode, sandbox.next_due())
