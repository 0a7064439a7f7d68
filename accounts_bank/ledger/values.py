"""The frozen values of the ledger. Money is an integer in minor units of its currency."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

AMOUNT_MAX_MINOR = 2**53 - 1
"""The largest amount and the largest balance of a customer, in minor units.

It is the largest integer that every JSON reader holds exactly (RFC 8259, section 6).
"""

BANK_BALANCE_MAX_MINOR = 2**63 - 1
"""The largest balance of the bank's own accounts, in minor units, of either sign: an SQL bigint."""

BANK_ID = "bank"
"""The owner of the bank's own accounts. Users' ids are UUIDs (RFC 9562), so none equals it."""


Metadata = dict[str, str]
"""The pairs that a caller adds to an account or to an entry, in the order of the request.

The digest of an entry covers them. An entry without pairs leaves the field out of its digest.
"""


class AccountStatus(StrEnum):
    """The status of an account. A frozen account receives money and pays none."""

    OPEN = "open"
    FROZEN = "frozen"
    CLOSED = "closed"


class Status(StrEnum):
    """The status of an entry; the refusals stand in the order in which the rules check them."""

    RECORDED = "recorded"
    KEY_REUSED = "key_reused"
    NOT_FOUND = "not_found"
    CUSTOMER_LEFT = "customer_left"
    NUMBERS_EXHAUSTED = "numbers_exhausted"
    SAME_ACCOUNT = "same_account"
    ACCOUNT_UNKNOWN = "account_unknown"
    ENTRY_UNKNOWN = "entry_unknown"
    OWN_APPROVAL = "own_approval"
    APPROVAL_GRANTED = "approval_granted"
    APPROVAL_REFUSED = "approval_refused"
    APPROVAL_EXPIRED = "approval_expired"
    HOLD_CAPTURED = "hold_captured"
    HOLD_VOIDED = "hold_voided"
    HOLD_EXPIRED = "hold_expired"
    SCHEDULE_ENDED = "schedule_ended"
    FIRST_RUN_PAST = "first_run_past"
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
    """An account after its last line.

    :param id: the id of the entry that opened it.
    :param number: an IBAN (ISO 13616) of a bank that does not exist.
    :param owner_id: the id of the customer, or `BANK_ID`.
    :param currency: an ISO 4217 code.
    :param created_at: the time of the entry that opened it, in UTC.
    :param moved_at: the time of the last line, in UTC; no later line has an earlier time.
    :param balance_minor: the sum of its lines, in minor units.
    :param held_minor: the sum of its open holds, in minor units.
    :param floor_minor: the lowest balance permitted, in minor units. A credit limit is a negative
        floor. None for the bank's own accounts, which have no floor.
    :param line_count: the number of its lines; they are numbered from 1 without gaps.
    :param daily_limit_minor: the most that is paid or held in a day (UTC), in minor units, or None.
    :param spent_day: the day of `spent_minor`, counted in days since 1970-01-01 (UTC).
    :param spent_minor: the amount paid or held on that day, in minor units. It counts only while
        there is a daily limit.
    :param metadata: the pairs that its owner added; None if there are none.
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
    metadata: Metadata | None = None

    @property
    def available_minor(self) -> int:
        """The amount that the account can pay now, in minor units: balance - held - floor."""
        floor_minor = -BANK_BALANCE_MAX_MINOR if self.floor_minor is None else self.floor_minor
        return self.balance_minor - self.held_minor - floor_minor

    @property
    def room_minor(self) -> int:
        """The amount that the account can still receive, in minor units.

        The available amount must stay exact too, so a credit limit makes the room smaller.
        """
        if self.floor_minor is None:
            return BANK_BALANCE_MAX_MINOR - self.balance_minor
        return AMOUNT_MAX_MINOR + self.floor_minor - self.balance_minor


class Customer(Struct, frozen=True, gc=False):
    """A customer: the number of its open accounts, and whether it has left the bank."""

    id: str
    open_accounts: int = 0
    left: bool = False


class Stage(StrEnum):
    """The stage of a hold, a schedule or an approval. Every stage but `open` is final."""

    OPEN = "open"
    CAPTURED = "captured"
    VOIDED = "voided"
    EXPIRED = "expired"
    ENDED = "ended"
    CANCELLED = "cancelled"
    GRANTED = "granted"
    REFUSED = "refused"


class Progress(Struct, frozen=True, gc=False, kw_only=True):
    """The progress of a hold, a schedule, an approval, or of a transfer that was reversed.

    :param entry_id: the id of the hold, the schedule, the approval or the transfer.
    :param kind: its kind.
    :param account_id: the id of the payer's account; of an approval, the account or the user that
        its action changes.
    :param amount_minor: its amount in minor units.
    :param done_minor: the amount that was captured or reversed so far, in minor units.
    :param done_count: the number of runs of a schedule so far.
    :param due_at: the time at which the bank must act, in UTC: a hold expires or a schedule runs.
        None if the bank has nothing to do.
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
    """A row that lists an entry under a customer or under an earlier entry.

    :param of_id: the id of the customer or of the earlier entry.
    :param kind: the kind of the entry.
    :param at: the time of the recorded entry, in UTC.
    """

    of_id: str
    kind: str
    at: datetime
    entry_id: str


class Posting(Struct, frozen=True, gc=False):
    """The share of one account in an entry. The postings of an entry sum to zero.

    :param account: the account after all other effects of the entry.
    :param amount_minor: the signed amount in minor units; negative for the payer.
    :param counterparty: as in `Line`.
    """

    account: Account
    amount_minor: int
    counterparty: str | None


class Line(Struct, frozen=True, gc=False, array_like=True):
    """A posting as the statement shows it.

    :param number: 1..n on its account, without gaps.
    :param kind: the kind of the entry.
    :param amount_minor: the signed amount in minor units; negative for the payer.
    :param balance_minor: the balance after the line, in minor units.
    :param counterparty: the number of the customer's account on the other side; None if the other
        side is the bank.
    :param at: the time of the recorded entry, in UTC.
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
    """A period: from `since` on, and before `until`, both in UTC; None leaves that side open."""

    since: datetime | None = None
    until: datetime | None = None
