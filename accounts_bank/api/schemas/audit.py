"""The audit trail over the wire."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field

from accounts_bank.http.cursors import NumberCursor
from accounts_bank.http.fields import Input, Limit, Time
from accounts_bank.ledger.values import AMOUNT_MAX_MINOR


class AuditQuery(Input, frozen=True):
    """Which part of the audit trail: above the number `after`, or from a page on."""

    limit: Limit = 20
    cursor: NumberCursor | UnsetType = UNSET
    after: Annotated[int, Meta(ge=0, le=AMOUNT_MAX_MINOR, description="Above this number.")] = 0


class AuditView(Struct, frozen=True):
    """A line of the audit log; it has more fields, by event."""

    number: int
    timestamp: Time = field(name="@timestamp")
    event: str
    previous_hash: str
    hash: str
