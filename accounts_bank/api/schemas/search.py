"""Filters of the lists of payments, and refused payments, over the wire."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from accounts_bank.collections.search import Filters
from accounts_bank.http.fields import AccountRef, Metadata, Moment, NewestFirst, Reference, Time
from accounts_bank.http.messages import optional_time
from accounts_bank.ledger.entries import Recorded
from accounts_bank.ledger.values import AMOUNT_MAX_MINOR

_Bound = Annotated[int, Meta(ge=0, le=AMOUNT_MAX_MINOR, extra_json_schema={"format": "int64"})]
_Key = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=255,
        pattern=r"^[ -~]*$(?!\n)",
        description="The `Idempotency-Key` of a request, without quotes.",
    ),
]


class PaymentsQuery(NewestFirst, frozen=True, rename={"since": "from", "until": "to"}):
    """Which payments: those that fulfil every filter, in time `from` on and before `to`."""

    account: AccountRef | UnsetType = UNSET
    since: Moment | UnsetType = UNSET
    until: Moment | UnsetType = UNSET
    min_minor: _Bound | UnsetType = UNSET
    max_minor: _Bound | UnsetType = UNSET
    status: Literal["recorded"] | UnsetType = UNSET
    reference: Reference | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET
    idempotency_key: _Key | UnsetType = UNSET

    @property
    def filters(self) -> Filters:
        """The filters, with times read.

        :raises InvalidRequest: a time is none.
        """
        return Filters(
            account=self.account or None,
            since=optional_time(self.since, "from"),
            until=optional_time(self.until, "to"),
            min_minor=None if self.min_minor is UNSET else self.min_minor,
            max_minor=None if self.max_minor is UNSET else self.max_minor,
            status=self.status or None,
            reference=self.reference or None,
            metadata=self.metadata or {},
        )


class HoldsQuery(PaymentsQuery, frozen=True, rename={"since": "from", "until": "to"}):
    """The same for holds, whose status changes."""

    status: Literal["open", "captured", "voided", "expired"] | UnsetType = UNSET  # type: ignore[assignment] # a hold has other ones


class RefusalView(Struct, frozen=True, omit_defaults=True):
    """A payment that the bank refused: `code` says why, and no money moved."""

    id: str
    kind: Literal["deposit", "withdrawal", "transfer", "hold"]
    status: Literal["refused"]
    code: str
    amount_minor: int
    currency: str
    reference: str | None
    metadata: Metadata
    at: Time
    shortfall_minor: int | None = None
    left_minor: int | None = None


def refusal_view(recorded: Recorded) -> RefusalView:
    """Show a refused payment to its caller."""
    action = recorded.entry.action
    return RefusalView(
        id=recorded.entry.id,
        kind=recorded.entry.kind,  # type: ignore[arg-type] # the kinds of payments
        status="refused",
        code=recorded.status,
        amount_minor=action.amount_minor,  # type: ignore[union-attr,arg-type]
        currency=action.currency,  # type: ignore[union-attr]
        reference=action.reference,  # type: ignore[union-attr]
        metadata=action.metadata or {},  # type: ignore[union-attr]
        at=recorded.at,
        **dict(recorded.details),
    )
