"""Holds over the wire."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from accounts_bank.api.schemas.money import TransferRequest
from accounts_bank.collections.holds import HoldDetails
from accounts_bank.http.fields import AmountMinor, Input, Metadata, Time

DAY_S = 24 * 60 * 60
EXPIRES_IN_S = 7 * DAY_S
EXPIRES_IN_MAX_S = 365 * DAY_S


class HoldRequest(TransferRequest, frozen=True):
    """Set money aside for another account to capture."""

    expires_in_s: Annotated[
        int,
        Meta(ge=1, le=EXPIRES_IN_MAX_S, description="In seconds: 7 days where it is not said."),
    ] = EXPIRES_IN_S


class CaptureRequest(Input, frozen=True):
    """Capture a hold; with an amount, a part of it, and the rest is free again."""

    amount_minor: AmountMinor | None = None


class VoidRequest(Input, frozen=True):
    """Give a hold up."""


class HoldView(Struct, frozen=True):
    """A hold. `capture_id` is the entry that moved the money, as the lines name it."""

    id: str
    kind: Literal["hold"]
    status: Literal["open", "captured", "voided", "expired"]
    from_account_id: str
    to_account_id: str
    to_account_number: str
    amount_minor: int
    captured_minor: int
    currency: str
    reference: str | None
    metadata: Metadata
    expires_at: Time
    capture_id: str | None
    at: Time


def hold_view(hold: HoldDetails) -> HoldView:
    """Show a hold to one of its sides."""
    return HoldView(
        id=hold.id,
        kind="hold",
        status=hold.stage.value,  # type: ignore[arg-type]
        from_account_id=hold.payer.id,
        to_account_id=hold.payee.id,
        to_account_number=hold.payee.number,
        amount_minor=hold.action.amount_minor,
        captured_minor=hold.captured_minor,
        currency=hold.action.currency,
        reference=hold.action.reference,
        metadata=hold.action.metadata or {},
        expires_at=hold.expires_at,
        capture_id=hold.capture_id,
        at=hold.recorded.at,
    )
