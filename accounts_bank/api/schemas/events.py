"""Events over the wire."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from accounts_bank.events.types import Event, EventData, EventType
from accounts_bank.http.cursors import NumberCursor
from accounts_bank.http.fields import AccountRef, Input, Limit, Time
from accounts_bank.ledger.values import AMOUNT_MAX_MINOR

WAIT_MAX_S = 20


class EventQuery(Input, frozen=True):
    """Which events: above the number `after`, or from a page on."""

    after: Annotated[int, Meta(ge=0, le=AMOUNT_MAX_MINOR, description="Above this number.")] = 0
    type: EventType | UnsetType = UNSET
    account: AccountRef | UnsetType = UNSET
    limit: Limit = 20
    cursor: NumberCursor | UnsetType = UNSET
    wait_s: Annotated[
        int,
        Meta(
            ge=0,
            le=WAIT_MAX_S,
            description="How long to wait for the first event where there is none yet.",
        ),
    ] = 0


class EventView(Struct, frozen=True, kw_only=True):
    """An event: a numbered entry as one party sees it. It never changes.

    `line` is the number of the line on the account, without gaps, where money moved.
    """

    id: str
    number: int
    type: EventType
    at: Time
    account_id: str | UnsetType = UNSET
    line: int | UnsetType = UNSET
    data: EventData


def event_view(event: Event) -> EventView:
    """Show an event to its party."""
    return EventView(
        id=event.id,
        number=event.number,
        type=event.type,
        at=event.at,
        account_id=event.account_id or UNSET,
        line=event.line or UNSET,
        data=event.data,
    )
