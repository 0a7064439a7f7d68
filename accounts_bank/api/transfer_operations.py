"""/v1/transfers and /v1/reversals: transfers, single and in bulk, and their reversals."""

from accounts_bank.api.operations import Operations
from accounts_bank.api.payment_lists import listed
from accounts_bank.api.schemas.bulk import BulkRequest, BulkView, PlainBulkRequest, bulk_view
from accounts_bank.api.schemas.money import (
    ReversalRequest,
    ReversalView,
    TransferRequest,
    TransferView,
    reversal_view,
    transfer_view,
)
from accounts_bank.api.schemas.search import PaymentsQuery, RefusalView
from accounts_bank.collections.client import EntryDetails
from accounts_bank.collections.permissions import Permission, may
from accounts_bank.http.answers import Answer
from accounts_bank.http.bank import Bank
from accounts_bank.http.fields import DryRun, NewestFirst
from accounts_bank.http.messages import BULK_BODY_MAX_BYTES
from accounts_bank.http.pagination import newest_first
from accounts_bank.http.payments import action_of
from accounts_bank.identity import Caller, Scope
from accounts_bank.ledger.actions import Transfer

operations = Operations("transfers", "/v1")

PAYMENT_CODES = (
    "same_account",
    "account_unknown",
    "account_closed",
    "account_frozen",
    "currency_mismatch",
    "funds_insufficient",
    "limit_exceeded",
)
"""The refusals of transfers and of actions that lead to one."""


@operations.declare(
    "POST",
    "/transfers",
    "Move money to another account",
    permission=Permission.TRANSACT,
    scope=Scope.PAYMENTS_WRITE,
    body=TransferRequest,
    is_fast_payment=True,
    query=DryRun,
    answer=TransferView,
    status=201,
    codes=("not_found", "key_reused", *PAYMENT_CODES),
    is_money=True,
)
def transfer(
    bank: Bank, caller: Caller, query: DryRun, body: TransferRequest, key: str | None
) -> Answer:
    """Move money from one of the caller's accounts to any other account of the same currency."""
    outcome = bank.accounts.transfer(caller, action_of(Transfer, body), key, dry_run=query.dry_run)
    location = f"/v1/transfers/{outcome.recorded.entry.id}"
    view = transfer_view(outcome.recorded)
    return Answer(view, 201, location=location, replayed=outcome.replayed, dry_run=query.dry_run)


@operations.declare(
    "GET",
    "/transfers",
    "List your transfers",
    permission=Permission.READ_OWN,
    scope=Scope.PAYMENTS_READ,
    query=PaymentsQuery,
    answer=TransferView | RefusalView,
    is_page=True,
)
def list_transfers(bank: Bank, caller: Caller, query: PaymentsQuery) -> Answer:
    """List the transfers that the caller paid or received, the newest first."""
    return listed(bank, caller, "transfer", query, lambda seen: seen_view(caller, seen))


@operations.declare(
    "GET",
    "/transfers/<entry_id>",
    "Read a transfer",
    permission=Permission.READ_OWN,
    scope=Scope.PAYMENTS_READ,
    answer=TransferView,
    codes=("not_found",),
)
def read_transfer(bank: Bank, caller: Caller, entry_id: str) -> Answer:
    """Show a transfer to its payer or its payee."""
    return Answer(seen_view(caller, bank.accounts.entry(caller, "transfer", entry_id)))


@operations.declare(
    "POST",
    "/transfers/bulk",
    "Move money many times at once",
    permission=Permission.TRANSACT,
    scope=Scope.PAYMENTS_WRITE,
    body=BulkRequest,
    plain_body=PlainBulkRequest,
    body_max_bytes=BULK_BODY_MAX_BYTES,
    quotes_max=None,
    query=DryRun,
    answer=BulkView,
    codes=("key_reused", "bulk_too_large"),
    count_items=lambda body: len(body.transfers),
    item_codes=("not_found", *PAYMENT_CODES, "bulk_stopped", "bulk_aborted"),
    is_money=True,
)
def transfer_all(
    bank: Bank, caller: Caller, query: DryRun, body: BulkRequest, key: str | None
) -> Answer:
    """Make up to 10,000 transfers, independently, up to the first refusal, or all or none."""
    bulk = bank.accounts.transfer_all(caller, body.mode, body.transfers, key, dry_run=query.dry_run)
    return Answer(bulk_view(bulk), replayed=bulk.replayed, dry_run=query.dry_run)


@operations.declare(
    "POST",
    "/transfers/<entry_id>/reversals",
    "Send a transfer back",
    permission=Permission.TRANSACT,
    scope=Scope.PAYMENTS_WRITE,
    body=ReversalRequest,
    query=DryRun,
    answer=ReversalView,
    status=201,
    codes=(
        "own_account",
        "not_found",
        "key_reused",
        "account_closed",
        "account_frozen",
        "reversal_too_large",
        "funds_insufficient",
        "limit_exceeded",
    ),
    is_money=True,
    may_wait=True,
)
def reverse(  # noqa: PLR0913, PLR0917 - each input of an operation is an argument
    bank: Bank, caller: Caller, query: DryRun, body: ReversalRequest, key: str | None, entry_id: str
) -> Answer:
    """Send the money of a transfer back, all or a part. Payees and tellers may."""
    seen = bank.accounts.reversals.create(
        caller,
        entry_id,
        key,
        amount_minor=body.amount_minor,
        reference=body.reference,
        dry_run=query.dry_run,
    )
    location = f"/v1/reversals/{seen.recorded.entry.id}"
    return Answer(
        reversal_view(seen), 201, location=location, replayed=seen.replayed, dry_run=query.dry_run
    )


@operations.declare(
    "GET",
    "/transfers/<entry_id>/reversals",
    "List the reversals of a transfer",
    permission=Permission.READ_OWN,
    scope=Scope.PAYMENTS_READ,
    query=NewestFirst,
    answer=ReversalView,
    is_page=True,
    codes=("not_found",),
)
def list_reversals(bank: Bank, caller: Caller, query: NewestFirst, entry_id: str) -> Answer:
    """List the reversals of a transfer, the newest first."""
    return newest_first(
        query,
        lambda before, limit: bank.accounts.reversals.of(
            caller, entry_id, before=before, limit=limit
        ),
        reversal_view,
    )


@operations.declare(
    "GET",
    "/reversals/<entry_id>",
    "Read a reversal",
    permission=Permission.READ_OWN,
    scope=Scope.PAYMENTS_READ,
    answer=ReversalView,
    codes=("not_found",),
)
def read_reversal(bank: Bank, caller: Caller, entry_id: str) -> Answer:
    """Show a reversal to its payer or its payee."""
    return Answer(reversal_view(bank.accounts.entry(caller, "reversal", entry_id)))


def seen_view(caller: Caller, seen: EntryDetails) -> TransferView:
    """Show a transfer to a caller; the payer sees its own balance after it."""
    return transfer_view(
        seen.recorded,
        for_payer=seen.own_lines[0] or may(caller.role, Permission.READ_ALL_ACCOUNTS),
        reversed_minor=seen.reversed_minor,
    )
