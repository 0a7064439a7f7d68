"""/v1/transfers and /v1/reversals: money across, one by one or many at once, and back again."""

from flask import Blueprint, Response

from accounts_bank.api.operations import CUSTOMERS, SIGNED_IN, operation
from accounts_bank.api.schemas.bulk import BulkRequest, BulkView, PlainBulkRequest, bulk_view
from accounts_bank.api.schemas.money import (
    ReversalRequest,
    ReversalView,
    TransferRequest,
    TransferView,
    reversal_view,
    transfer_view,
)
from accounts_bank.collections.client import EntryDetails
from accounts_bank.collections.permissions import Permission, may
from accounts_bank.http.bank import bank
from accounts_bank.http.fields import DryRun, NewestFirst
from accounts_bank.http.messages import answer, done, idempotency_key, newest_first, parse
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import Transfer

transfers = Blueprint("transfers", __name__, url_prefix="/v1")

PAYMENT_CODES = (
    "same_account",
    "account_unknown",
    "account_closed",
    "account_frozen",
    "currency_mismatch",
    "funds_insufficient",
    "limit_exceeded",
)
"""Why a transfer, or what leads to one, is refused."""


@transfers.post("/transfers")
@operation(
    "Move money to another account",
    who=CUSTOMERS,
    body=TransferRequest,
    query=DryRun,
    answer=TransferView,
    status=201,
    codes=("not_found", "key_reused", *PAYMENT_CODES),
    is_money=True,
)
def transfer(caller: Caller, query: DryRun) -> Response:
    """Move money from one of the caller's accounts to any other account of the same currency."""
    wish, key = parse(TransferRequest), idempotency_key()
    ask = Transfer(
        from_account=wish.from_account,
        to_account=wish.to_account,
        amount_minor=wish.amount_minor,
        currency=wish.currency,
        reference=wish.reference,
    )
    outcome = bank().accounts.transfer(caller, ask, key, dry_run=query.dry_run)
    at = f"/v1/transfers/{outcome.recorded.entry.id}"
    view = transfer_view(outcome.recorded)
    return done(view, 201, at=at, replayed=outcome.replayed, dry_run=query.dry_run)


@transfers.get("/transfers")
@operation(
    "List your transfers", who=SIGNED_IN, query=NewestFirst, answer=TransferView, is_page=True
)
def list_transfers(caller: Caller, query: NewestFirst) -> Response:
    """List the transfers that the caller paid or received, the newest first."""
    return newest_first(
        query,
        lambda before, limit: bank().accounts.transfers_of(caller, before=before, limit=limit),
        lambda seen: _seen_view(caller, seen),
    )


@transfers.get("/transfers/<entry_id>")
@operation("Read a transfer", who=SIGNED_IN, answer=TransferView, codes=("not_found",))
def read_transfer(caller: Caller, entry_id: str) -> Response:
    """Show a transfer to its payer or its payee."""
    return answer(_seen_view(caller, bank().accounts.entry(caller, "transfer", entry_id)))


@transfers.post("/transfers/bulk")
@operation(
    "Move money many times at once",
    who=CUSTOMERS,
    body=BulkRequest,
    query=DryRun,
    answer=BulkView,
    codes=("key_reused", "bulk_too_large"),
    item_codes=("not_found", *PAYMENT_CODES, "bulk_stopped", "bulk_aborted"),
    is_money=True,
)
def transfer_all(caller: Caller, query: DryRun) -> Response:
    """Make up to 10,000 transfers, independently, up to the first refusal, or all or none."""
    wish, key = parse(BulkRequest, PlainBulkRequest), idempotency_key()
    bulk = bank().accounts.transfer_all(
        caller, wish.mode, wish.transfers, key, dry_run=query.dry_run
    )
    return done(bulk_view(bulk), replayed=bulk.replayed, dry_run=query.dry_run)


@transfers.post("/transfers/<entry_id>/reversals")
@operation(
    "Send a transfer back",
    who=CUSTOMERS,
    body=ReversalRequest,
    query=DryRun,
    answer=ReversalView,
    status=201,
    codes=(
        "not_found",
        "key_reused",
        "account_closed",
        "account_frozen",
        "reversal_too_large",
        "funds_insufficient",
        "limit_exceeded",
    ),
    is_money=True,
)
def reverse(caller: Caller, query: DryRun, entry_id: str) -> Response:
    """Send back what a transfer brought, or a part of it: for its payee, and for tellers."""
    wish, key = parse(ReversalRequest), idempotency_key()
    seen = bank().accounts.reverse(
        caller,
        entry_id,
        key,
        amount_minor=wish.amount_minor,
        reference=wish.reference,
        dry_run=query.dry_run,
    )
    at = f"/v1/reversals/{seen.recorded.entry.id}"
    return done(reversal_view(seen), 201, at=at, replayed=seen.replayed, dry_run=query.dry_run)


@transfers.get("/transfers/<entry_id>/reversals")
@operation(
    "List the reversals of a transfer",
    who=SIGNED_IN,
    query=NewestFirst,
    answer=ReversalView,
    is_page=True,
    codes=("not_found",),
)
def list_reversals(caller: Caller, query: NewestFirst, entry_id: str) -> Response:
    """List what was sent back of a transfer, the newest first."""
    return newest_first(
        query,
        lambda before, limit: bank().accounts.reversals_of(
            caller, entry_id, before=before, limit=limit
        ),
        reversal_view,
    )


@transfers.get("/reversals/<entry_id>")
@operation("Read a reversal", who=SIGNED_IN, answer=ReversalView, codes=("not_found",))
def read_reversal(caller: Caller, entry_id: str) -> Response:
    """Show a reversal to either side."""
    return answer(reversal_view(bank().accounts.entry(caller, "reversal", entry_id)))


def _seen_view(caller: Caller, seen: EntryDetails) -> TransferView:
    return transfer_view(
        seen.recorded,
        for_payer=seen.own_lines[0] or may(caller.role, Permission.READ_ALL_ACCOUNTS),
        reversed_minor=seen.reversed_minor,
    )
