"""/v1/holds: money set aside, then captured or voided."""

from accounts_bank.api.operations import Operations
from accounts_bank.api.payment_lists import listed
from accounts_bank.api.schemas.holds import (
    CaptureRequest,
    HoldRequest,
    HoldView,
    VoidRequest,
    hold_view,
)
from accounts_bank.api.schemas.search import HoldsQuery, RefusalView
from accounts_bank.api.transfer_operations import PAYMENT_CODES
from accounts_bank.collections.permissions import Permission
from accounts_bank.http.answers import Answer
from accounts_bank.http.bank import Bank
from accounts_bank.http.fields import DryRun
from accounts_bank.http.payments import action_of
from accounts_bank.identity import Caller, Scope
from accounts_bank.ledger.actions import Hold

operations = Operations("holds", "/v1/holds")

_ENDED_CODES = (
    "own_account",
    "not_found",
    "key_reused",
    "hold_captured",
    "hold_voided",
    "hold_expired",
)


@operations.declare(
    "POST",
    "",
    "Set money aside",
    permission=Permission.TRANSACT,
    scope=Scope.HOLDS_WRITE,
    body=HoldRequest,
    query=DryRun,
    answer=HoldView,
    status=201,
    is_fast_payment=True,
    codes=("not_found", "key_reused", *PAYMENT_CODES),
    is_money=True,
)
def create(bank: Bank, caller: Caller, query: DryRun, body: HoldRequest, key: str | None) -> Answer:
    """Set money aside on one of the caller's accounts, for another account to capture."""
    action = action_of(Hold, body)
    hold = bank.accounts.holds.create(caller, action, key, dry_run=query.dry_run)
    location = f"/v1/holds/{hold.id}"
    return Answer(
        hold_view(hold), 201, location=location, replayed=hold.replayed, dry_run=query.dry_run
    )


@operations.declare(
    "GET",
    "",
    "List your holds",
    permission=Permission.READ_OWN,
    scope=Scope.PAYMENTS_READ,
    query=HoldsQuery,
    answer=HoldView | RefusalView,
    is_page=True,
)
def list_holds(bank: Bank, caller: Caller, query: HoldsQuery) -> Answer:
    """List the holds that the caller pays or receives, the newest first."""
    return listed(bank, caller, "hold", query, hold_view)


@operations.declare(
    "GET",
    "/<entry_id>",
    "Read a hold",
    permission=Permission.READ_OWN,
    scope=Scope.PAYMENTS_READ,
    answer=HoldView,
    codes=("not_found",),
)
def read(bank: Bank, caller: Caller, entry_id: str) -> Answer:
    """Show a hold to its payer or its payee."""
    return Answer(hold_view(bank.accounts.holds.read(caller, entry_id)))


@operations.declare(
    "POST",
    "/<entry_id>/capture",
    "Capture a hold",
    permission=Permission.TRANSACT,
    scope=Scope.HOLDS_WRITE,
    body=CaptureRequest,
    query=DryRun,
    answer=HoldView,
    codes=(
        *_ENDED_CODES,
        "account_closed",
        "account_frozen",
        "capture_too_large",
        "limit_exceeded",
    ),
    is_money=True,
)
def capture(  # noqa: PLR0913, PLR0917 - each input of an operation is an argument
    bank: Bank, caller: Caller, query: DryRun, body: CaptureRequest, key: str | None, entry_id: str
) -> Answer:
    """Capture a hold, all or a part, once; the rest is free. Payees and tellers may."""
    hold = bank.accounts.holds.capture(
        caller, entry_id, key, amount_minor=body.amount_minor, dry_run=query.dry_run
    )
    return Answer(hold_view(hold), replayed=hold.replayed, dry_run=query.dry_run)


@operations.declare(
    "POST",
    "/<entry_id>/void",
    "Void a hold",
    permission=Permission.TRANSACT,
    scope=Scope.HOLDS_WRITE,
    body=VoidRequest,
    query=DryRun,
    answer=HoldView,
    codes=_ENDED_CODES,
    is_money=True,
)
def void(bank: Bank, caller: Caller, query: DryRun, key: str | None, entry_id: str) -> Answer:
    """Void a hold: all of it is free again. Payees and tellers may."""
    hold = bank.accounts.holds.void(caller, entry_id, key, dry_run=query.dry_run)
    return Answer(hold_view(hold), replayed=hold.replayed, dry_run=query.dry_run)
