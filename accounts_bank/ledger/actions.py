"""Actions: what may be asked of the ledger. The tag of each is its kind, wherever kinds are named.

Accounts are named by id or number. An action on an earlier entry names that entry's accounts too,
so that what must be loaded and locked is known before anything is read.
"""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class Every(StrEnum):
    """How often a schedule runs."""

    ONCE = "once"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class BulkMode(StrEnum):
    """What the refusal of one transfer of many means for the others.

    `each`: nothing. `stop`: those after it are not tried. `atomic`: none is made.
    """

    EACH = "each"
    STOP = "stop"
    ATOMIC = "atomic"


class OpenAccount(Struct, frozen=True, gc=False, tag="account_opened"):
    """Open an account for a customer; it gets the entry's id as its own."""

    owner_id: str
    name: str
    currency: str


class RenameAccount(Struct, frozen=True, gc=False, omit_defaults=True, tag="account_renamed"):
    """Give an account another name, where given only while it is still called `expected_name`."""

    account: str
    name: str
    expected_name: str | None = None


class CloseAccount(Struct, frozen=True, gc=False, tag="account_closed"):
    """Close an account with nothing on it and nothing held. To close it again changes nothing."""

    account: str
    owner_id: str


class FreezeAccount(Struct, frozen=True, gc=False, tag="account_frozen"):
    """Let no money out of an account. To freeze it again changes nothing."""

    account: str


class UnfreezeAccount(Struct, frozen=True, gc=False, tag="account_unfrozen"):
    """Let money out of an account again. To unfreeze it again changes nothing."""

    account: str


class SetCreditLimit(Struct, frozen=True, gc=False, tag="credit_limit_set"):
    """Let an account go below zero by so much and no more."""

    account: str
    credit_limit_minor: int


class SetDailyLimit(Struct, frozen=True, gc=False, tag="daily_limit_set"):
    """Let no more than so much be paid or held in a day of UTC; None lifts the limit.

    It is counted from the moment on that there is a limit. Reversals do not count.
    """

    account: str
    daily_limit_minor: int | None


class Leave(Struct, frozen=True, gc=False, tag="customer_left"):
    """End the relation with a customer who has no open account: none can be opened afterwards."""

    owner_id: str


class Deposit(Struct, frozen=True, gc=False, tag="deposit"):
    """Pay cash in: from the bank's till to an account."""

    account: str
    amount_minor: int
    currency: str
    reference: str | None = None


class Withdrawal(Struct, frozen=True, gc=False, tag="withdrawal"):
    """Pay cash out: from an account to the bank's till."""

    account: str
    amount_minor: int
    currency: str
    reference: str | None = None


class Transfer(Struct, frozen=True, gc=False, omit_defaults=True, tag="transfer"):
    """Move money between two customers' accounts.

    `bulk_id` is the entry of the bulk that it is part of, `schedule_id` that of which it is a run.
    """

    from_account: str
    to_account: str
    amount_minor: int
    currency: str
    reference: str | None = None
    bulk_id: str | None = None
    schedule_id: str | None = None


class Bulk(Struct, frozen=True, gc=False, tag="bulk"):
    """Begin many transfers, the next `count` of the same batch, which bear its id.

    `digest` is that of all of them, so that a retry with others is noticed.
    """

    mode: BulkMode
    count: int
    digest: str


class Reversal(Struct, frozen=True, gc=False, tag="reversal"):
    """Send what a transfer brought back to where it came from: a part, or all that is left of it.

    `from_account` is the payee of the transfer, `to_account` its payer.
    """

    transfer_id: str
    from_account: str
    to_account: str
    amount_minor: int | None = None
    reference: str | None = None


class Hold(Struct, frozen=True, gc=False, tag="hold"):
    """Set money aside on an account, for another one to capture within a time."""

    from_account: str
    to_account: str
    amount_minor: int
    currency: str
    expires_in_s: int
    reference: str | None = None


class Capture(Struct, frozen=True, gc=False, tag="capture"):
    """Move what a hold set aside, or a part of it, to the payee; the rest is free again."""

    hold_id: str
    from_account: str
    to_account: str
    amount_minor: int | None = None


class Void(Struct, frozen=True, gc=False, tag="void"):
    """Give a hold up: all of it is free again."""

    hold_id: str
    from_account: str


class Expire(Struct, frozen=True, gc=False, tag="expiry"):
    """End a hold whose time is over: all of it is free again."""

    hold_id: str
    from_account: str


class Schedule(Struct, frozen=True, gc=False, tag="schedule"):
    """Make a transfer again and again: first at `first_at`, `count` times or without an end."""

    from_account: str
    to_account: str
    amount_minor: int
    currency: str
    first_at: datetime
    every: Every
    count: int | None = None
    reference: str | None = None


class CancelSchedule(Struct, frozen=True, gc=False, tag="schedule_cancelled"):
    """End a schedule: it runs no more."""

    schedule_id: str
    from_account: str


Action = (
    OpenAccount
    | RenameAccount
    | CloseAccount
    | FreezeAccount
    | UnfreezeAccount
    | SetCreditLimit
    | SetDailyLimit
    | Leave
    | Deposit
    | Withdrawal
    | Transfer
    | Bulk
    | Reversal
    | Hold
    | Capture
    | Void
    | Expire
    | Schedule
    | CancelSchedule
)
