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
    NOT_FOUND = "not_found"
    CUSTOMER_LEFT = "customer_left"
    NUMBERS_EXHAUSTED = "numbers_exhausted"
    SAME_ACCOUNT = "same_account"
    ACCOUNT_UNKNOWN = "account_unknown"
    ENTRY_UNKNOWN = "entry_unknown"
    HOLD_CAPTURED = "hold_captured"
    HOLD_VOIDED = "hold_voided"
    HOLD_EXPIRED = "hold_expired"
    SCHEDULE_ENDED = "schedule_ended"
    ACCOUNT_CLOSED = "account_closed"
    PRECONDITION_FAILED = "precondition_failed"
    ACCOUNT_FROZEN = "account_frozen"
    CURRENCY_MISMATCH = "currency_mismatch"
    CAPTURE_TOO_LARGE = "capture_too_large"
    REVERSAL_TOO_LARGE = "reversal_too_large"
    FUNDS_INSUFFICIENT = "funds_insufficient"
    LIMIT_EXCEEDED = "limit_exceeded"
    HOLDS_OPEN = "holds_open"
    BALANCE_NOT_ZERO = "balance_not_zero"
    ACCOUNTS_OPEN = "accounts_open"
    BULK_STOPPED = "bulk_stopped"
    BULK_ABORTED = "bulk_aborted"


class Account(Struct, frozen=True, gc=False, kw_only=True):
    """An account as it stands.

    `floor_minor` is the lowest balance permitted (a credit limit is a negative floor); the bank's
    own accounts have none. `line_count` numbers the lines without gaps; `moved_at` is the time of
    the last one, and no later line has an earlier time. Where there is a `daily_limit_minor`,
    `spent_minor` is what was paid or held on `spent_day`, counted in days since 1970 (UTC).
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
    daily_limit_minor: int | None = None
    spent_day: int = 0
    spent_minor: int = 0

    @property
    def available_minor(self) -> int:
        """What may leave the account now, in minor units: balance - held - floor."""
        floor_minor = -BANK_BALANCE_MAX_MINOR if self.floor_minor is None else self.floor_minor
        return self.balance_minor - self.held_minor - floor_minor

    @property
    def room_minor(self) -> int:
        """What may still be paid in, in minor units: what is available must be exact too."""
        if self.floor_minor is None:
            return BANK_BALANCE_MAX_MINOR - self.balance_minor
        return AMOUNT_MAX_MINOR + self.floor_minor - self.balance_minor


class Customer(Struct, frozen=True, gc=False):
    """What the ledger knows of a customer: how many accounts are open, and whether it has left."""

    id: str
    open_accounts: int = 0
    left: bool = False


class Stage(StrEnum):
    """How far an entry has come. Whatever is not open has ended, and stays as it is."""

    OPEN = "open"
    CAPTURED = "captured"
    VOIDED = "voided"
    EXPIRED = "expired"
    ENDED = "ended"
    CANCELLED = "cancelled"


class Progress(Struct, frozen=True, gc=False, kw_only=True):
    """What later entries made of a hold, of a schedule, or of a transfer that was reversed.

    `kind` and `amount_minor` are the entry's, `account_id` is its payer. `done_minor` was captured
    or reversed so far; a schedule ran `done_count` times. At `due_at` the bank itself must act: a
    hold expires, a schedule runs.
    """

    entry_id: str
    kind: str
    account_id: str
    amount_minor: int
    stage: Stage = Stage.OPEN
    done_minor: int = 0
    done_count: int = 0
    due_at: datetime | None = None


class EntryRef(Struct, frozen=True, gc=False):
    """An entry is found under a customer's id, or under that of an earlier entry it is about."""

    of_id: str
    kind: str
    at: datetime
    entry_id: str


class Posting(Struct, frozen=True, gc=False):
    """One account's share of an entry: `amount_minor` is signed, and an entry's sum to zero.

    `account` is as it will be but for the money that moves.
    """

    account: Account
    amount_minor: int
    counterparty: str | None


class Line(Struct, frozen=True, gc=False, array_like=True):
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
