"""/v1/holds: money set aside, then captured or voided."""

from flask import Blueprint, Response

from accounts_bank.api.operations import CUSTOMERS, SIGNED_IN, operation
from accounts_bank.api.schemas.holds import (
    CaptureRequest,
    HoldRequest,
    HoldView,
    VoidRequest,
    hold_view,
)
from accounts_bank.api.transfers import PAYMENT_CODES
from accounts_bank.http.bank import bank
from accounts_bank.http.fields import DryRun, NewestFirst
from accounts_bank.http.messages import answer, done, idempotency_key, newest_first, parse
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import Hold

holds = Blueprint("holds", __name__, url_prefix="/v1/holds")

_ENDED_CODES = ("not_found", "key_reused", "hold_captured", "hold_voided", "hold_expired")


@holds.post("")
@operation(
    "Set money aside",
    who=CUSTOMERS,
    body=HoldRequest,
    query=DryRun,
    answer=HoldView,
    status=201,
    codes=("not_found", "key_reused", *PAYMENT_CODES),
    is_money=True,
)
def create(caller: Caller, query: DryRun) -> Response:
    """Set money aside on one of the caller's accounts, for another account to capture."""
    wish, key = parse(HoldRequest), idempotency_key()
    ask = Hold(
        from_account=wish.from_account,
        to_account=wish.to_account,
        amount_minor=wish.amount_minor,
        currency=wish.currency,
        expires_in_s=wish.expires_in_s,
        reference=wish.reference,
    )
    hold = bank().accounts.holds.create(caller, ask, key, dry_run=query.dry_run)
    at = f"/v1/holds/{hold.id}"
    return done(hold_view(hold), 201, at=at, replayed=hold.replayed, dry_run=query.dry_run)


@holds.get("")
@operation("List your holds", who=SIGNED_IN, query=NewestFirst, answer=HoldView, is_page=True)
def list_holds(caller: Caller, query: NewestFirst) -> Response:
    """List the holds that the caller pays or is paid by, the newest first."""
    return newest_first(
        query,
        lambda before, limit: bank().accounts.holds.of(caller, before=before, limit=limit),
        hold_view,
    )


@holds.get("/<entry_id>")
@operation("Read a hold", who=SIGNED_IN, answer=HoldView, codes=("not_found",))
def read(caller: Caller, entry_id: str) -> Response:
    """Show a hold to who pays and to who is to be paid."""
    return answer(hold_view(bank().accounts.holds.read(caller, entry_id)))


@holds.post("/<entry_id>/capture")
@operation(
    "Capture a hold",
    who=CUSTOMERS,
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
def capture(caller: Caller, query: DryRun, entry_id: str) -> Response:
    """Take what is held, or a part of it, once; the rest is free. For the payee, and tellers."""
    wish, key = parse(CaptureRequest), idempotency_key()
    hold = bank().accounts.holds.capture(
        caller, entry_id, key, amount_minor=wish.amount_minor, dry_run=query.dry_run
    )
    return done(hold_view(hold), replayed=hold.replayed, dry_run=query.dry_run)


@holds.post("/<entry_id>/void")
@operation(
    "Void a hold",
    who=CUSTOMERS,
    body=VoidRequest,
    query=DryRun,
    answer=HoldView,
    codes=_ENDED_CODES,
    is_money=True,
)
def void(caller: Caller, query: DryRun, entry_id: str) -> Response:
    """Give a hold up: all of it is free again. For the payee, and tellers."""
    parse(VoidRequest)
    hold = bank().accounts.holds.void(caller, entry_id, idempotency_key(), dry_run=query.dry_run)
    return done(hold_view(hold), replayed=hold.replayed, dry_run=query.dry_run)
