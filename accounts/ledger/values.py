"""The frozen values of the ledger. Money is an integer in minor units of its currency."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

AMOUNT_MAX_MINOR = 2**53 - 1
"""The largest amount and the largest balance of a customer: every JSON reader holds it exactly."""

BANK_BALANCE_MAX_MINOR = 2**63 - 1
"""The largest balance, of either sign, of the bank's own accounts: a database's bigint."""

BANK_ID = "bank"
"""The owner of the bank's own accounts. No user ever has this id: users' ids are UUIDs."""


class AccountStatus(StrEnum):
    """What an account lets happen: `frozen` takes money in and lets none out."""

    OPEN = "open"
    FROZEN = "frozen"
    CLOSED = "closed"


class Status(StrEnum):
    """What became of an entry, the refusals in the order in which the rules are checked."""

    RECORDED = "recorded"
    KEY_REUSED = "key_reused"
    CUSTOMER_LEFT = "customer_left"
    NUMBERS_EXHAUSTED = "numbers_exhausted"
    SAME_ACCOUNT = "same_account"
    ACCOUNT_UNKNOWN = "account_unknown"
    ACCOUNT_CLOSED = "account_closed"
    PRECONDITION_FAILED = "precondition_failed"
    ACCOUNT_FROZEN = "account_frozen"
    CURRENCY_MISMATCH = "currency_mismatch"
    FUNDS_INSUFFICIENT = "funds_insufficient"
    LIMIT_EXCEEDED = "limit_exceeded"
    HOLDS_OPEN = "holds_open"
    BALANCE_NOT_ZERO = "balance_not_zero"
    ACCOUNTS_OPEN = "accounts_open"


class Account(Struct, frozen=True, gc=False, kw_only=True):
    """An account as it stands.

    `floor_minor` is the lowest balance permitted (a credit limit is a negative floor); the bank's
    own accounts have none. `line_count` numbers the lines without gaps; `moved_at` is the time of
    the last one, and no later line has an earlier time.
    """

    id: str
    number: str
    owner_id: str
    name: str
    currency: str
    created_at: datetime
    moved_at: datetime
    status: AccountStatus = AccountStatus.OPEN
    balance_minor: int = 0
    held_minor: int = 0
    floor_minor: int | None = 0
    line_count: int = 0

    @property
    def available_minor(self) -> int:
        """What may leave the account now, in minor units: balance - held - floor."""
        floor_minor = -BANK_BALANCE_MAX_MINOR if self.floor_minor is None else self.floor_minor
        return self.balance_minor - self.held_minor - floor_minor

    @property
    def room_minor(self) -> int:
        """What may still be paid in, in minor units."""
        ceiling = BANK_BALANCE_MAX_MINOR if self.floor_minor is None else AMOUNT_MAX_MINOR
        return ceiling - self.balance_minor


class Customer(Struct, frozen=True, gc=False):
    """What the ledger knows of a customer: how many accounts are open, and whether it has left."""

    id: str
    open_accounts: int = 0
    left: bool = False


class Posting(Struct, frozen=True, gc=False):
    """One account's share of an entry: `amount_minor` is signed, and an entry's sum to zero."""

    account: Account
    amount_minor: int
    counterparty: str | None


class Line(Struct, frozen=True, gc=False):
    """A posting as the statement shows it, numbered 1..n without gaps on its account.

    `counterparty` is the number of the customer's account on the other side, None for the bank's.
    """

    account_id: str
    number: int
    entry_id: str
    kind: str
    amount_minor: int
    balance_minor: int
    counterparty: str | None
    reference: str | None
    at: datetime


class Period(Struct, frozen=True, gc=False):
    """A stretch of time: from `since` on, and before `until`; None is without an end."""

    since: datetime | None = None
    until: datetime | None = None
