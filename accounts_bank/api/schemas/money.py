"""Cash, transfers and reversals over the wire."""

from typing import Literal

from msgspec import Struct

from accounts_bank.collections.client import EntryDetails
from accounts_bank.http.fields import (
    AccountRef,
    AmountMinor,
    Currency,
    Input,
    Metadata,
    Reference,
    Time,
)
from accounts_bank.ledger.actions import Reversal, Transfer
from accounts_bank.ledger.entries import Recorded


class CashRequest(Input, frozen=True):
    """Pay in or out."""

    account: AccountRef
    amount_minor: AmountMinor
    currency: Currency
    reference: Reference | None = None
    metadata: Metadata | None = None


class TransferRequest(Input, frozen=True):
    """Move money to another account."""

    from_account: AccountRef
    to_account: AccountRef
    amount_minor: AmountMinor
    currency: Currency
    reference: Reference | None = None
    metadata: Metadata | None = None


class CashView(Struct, frozen=True):
    """A deposit or a withdrawal; `balance_minor` is the account's balance after it."""

    id: str
    kind: Literal["deposit", "withdrawal"]
    status: Literal["recorded"]
    account_id: str
    amount_minor: int
    currency: str
    reference: str | None
    metadata: Metadata
    balance_minor: int
    at: Time


class TransferView(Struct, frozen=True):
    """A transfer; `from_balance_minor`, the payer's balance after it, is null for the payee.

    `reversed_minor` is the amount sent back so far.
    """

    id: str
    kind: Literal["transfer"]
    status: Literal["recorded"]
    from_account_id: str
    to_account_id: str
    to_account_number: str
    amount_minor: int
    currency: str
    reference: str | None
    metadata: Metadata
    from_balance_minor: int | None
    reversed_minor: int
    at: Time


class ReversalRequest(Input, frozen=True):
    """Send a transfer back; without an amount, all that is left of it."""

    amount_minor: AmountMinor | None = None
    reference: Reference | None = None


class ReversalView(Struct, frozen=True):
    """A reversal: the payee of the transfer pays it back to its payer."""

    id: str
    kind: Literal["reversal"]
    status: Literal["recorded"]
    transfer_id: str
    from_account_id: str
    to_account_id: str
    amount_minor: int
    currency: str
    reference: str | None
    at: Time


def cash_view(recorded: Recorded) -> CashView:
    """Show a deposit or a withdrawal: the customer's line is the one without the till."""
    line = next(each for each in recorded.lines if each.counterparty is None)
    action = recorded.entry.action
    return CashView(
        id=recorded.entry.id,
        kind=recorded.entry.kind,  # type: ignore[arg-type]
        status="recorded",
        account_id=line.account_id,
        amount_minor=abs(line.amount_minor),
        currency=action.currency,  # type: ignore[union-attr]
        reference=line.reference,
        metadata=action.metadata or {},  # type: ignore[union-attr]
        balance_minor=line.balance_minor,
        at=recorded.at,
    )


def transfer_view(
    recorded: Recorded, *, for_payer: bool = True, reversed_minor: int = 0
) -> TransferView:
    """Show a transfer to one of its sides; nothing was sent back when it was made."""
    paid, received = recorded.lines
    action = recorded.entry.action
    assert isinstance(action, Transfer)  # noqa: S101 - tells the type checker
    return TransferView(
        id=recorded.entry.id,
        kind="transfer",
        status="recorded",
        from_account_id=paid.account_id,
        to_account_id=received.account_id,
        to_account_number=paid.counterparty or "",
        amount_minor=action.amount_minor,
        currency=action.currency,
        reference=action.reference,
        metadata=action.metadata or {},
        from_balance_minor=paid.balance_minor if for_payer else None,
        reversed_minor=reversed_minor,
        at=recorded.at,
    )


def reversal_view(seen: EntryDetails) -> ReversalView:
    """Show a reversal to one of its sides."""
    paid, received = seen.recorded.lines
    action = seen.recorded.entry.action
    assert isinstance(action, Reversal)  # noqa: S101 - tells the type checker
    return ReversalView(
        id=seen.recorded.entry.id,
        kind="reversal",
        status="recorded",
        transfer_id=action.transfer_id,
        from_account_id=paid.account_id,
        to_account_id=received.account_id,
        amount_minor=received.amount_minor,
        currency=seen.accounts[0].currency,
        reference=action.reference,
        at=seen.recorded.at,
    )
