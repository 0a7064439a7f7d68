"""The types of events, and an event as one customer sees it."""

from datetime import datetime
from enum import StrEnum

from msgspec import UNSET, Struct, UnsetType

from accounts_bank.collections.client import keyed_id
from accounts_bank.ledger.feed import FeedRow
from accounts_bank.ledger.values import Metadata


class EventType(StrEnum):
    """The type of an event."""

    ACCOUNT_OPENED = "account.opened"
    ACCOUNT_FROZEN = "account.frozen"
    ACCOUNT_UNFROZEN = "account.unfrozen"
    ACCOUNT_CLOSED = "account.closed"
    ACCOUNT_LIMIT_CHANGED = "account.limit_changed"
    DEPOSIT_RECORDED = "deposit.recorded"
    WITHDRAWAL_RECORDED = "withdrawal.recorded"
    TRANSFER_SENT = "transfer.sent"
    TRANSFER_RECEIVED = "transfer.received"
    TRANSFER_REFUSED = "transfer.refused"
    TRANSFER_REVERSED = "transfer.reversed"
    HOLD_PLACED = "hold.placed"
    HOLD_CAPTURED = "hold.captured"
    HOLD_VOIDED = "hold.voided"
    HOLD_EXPIRED = "hold.expired"
    SCHEDULE_RUN = "schedule.run"
    SCHEDULE_REFUSED = "schedule.refused"
    SCHEDULE_ENDED = "schedule.ended"
    SCHEDULE_CANCELLED = "schedule.cancelled"


class EventData(Struct, frozen=True, kw_only=True):
    """The content of an event; a field that does not concern its type is left out.

    Amounts are in minor units of `currency`. `balance_minor` is the balance of the own account
    after the entry, `counterparty` the number of the account on the other side. `from_account_id`
    pays and `to_account_id` receives. A refused transfer names its accounts as the payer did.
    `metadata` has the pairs of the entry, if there are any.
    """

    entry_id: str
    hold_id: str | UnsetType = UNSET
    transfer_id: str | UnsetType = UNSET
    schedule_id: str | UnsetType = UNSET
    bulk_id: str | UnsetType = UNSET
    account_number: str | UnsetType = UNSET
    from_account_id: str | UnsetType = UNSET
    to_account_id: str | UnsetType = UNSET
    from_account: str | UnsetType = UNSET
    to_account: str | UnsetType = UNSET
    counterparty: str | UnsetType | None = UNSET
    amount_minor: int | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    reference: str | UnsetType | None = UNSET
    metadata: Metadata | UnsetType = UNSET
    balance_minor: int | UnsetType = UNSET
    credit_limit_minor: int | UnsetType = UNSET
    daily_limit_minor: int | UnsetType | None = UNSET
    expires_at: datetime | UnsetType = UNSET
    code: str | UnsetType = UNSET
    shortfall_minor: int | UnsetType = UNSET
    left_minor: int | UnsetType = UNSET


class Event(Struct, frozen=True, kw_only=True):
    """A numbered entry as one customer sees it. It never changes.

    :param number: the number of the entry in the journal; an entry may be several events.
    :param at: the time of the recorded entry, in UTC.
    :param owner_id: the id of the customer.
    :param account_id: the account of the customer, or None.
    :param line: the number of the line on this account where money moved, 1..n without gaps.
    """

    number: int
    type: EventType
    at: datetime
    owner_id: str
    account_id: str | None
    line: int | None
    data: EventData

    @property
    def id(self) -> str:
        """The id: the same for ever, from the entry, the type and the party."""
        return keyed_id(self.data.entry_id, f"{self.type}:{self.account_id or self.owner_id}")

    @property
    def row(self) -> FeedRow:
        """The row that lists the event in the index."""
        account_id = self.account_id or ""
        return FeedRow(self.number, self.owner_id, account_id, self.type, self.data.entry_id)
