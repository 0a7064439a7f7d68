"""/v1/deposits, /v1/withdrawals and /v1/transfers: money in, out and across."""

from typing import Any

from flask import Blueprint, Response

from accounts.api import cursors
from accounts.api.bank import bank
from accounts.api.http import answer, idempotency_key, page, parse
from accounts.api.operations import CUSTOMERS, SIGNED_IN, operation
from accounts.api.schemas import (
    CashView,
    CashWish,
    TransferQuery,
    TransfersQuery,
    TransferView,
    TransferWish,
    cash_view,
    transfer_view,
)
from accounts.collections.desk import READS_ALL, Seen
from accounts.identity import Caller
from accounts.ledger.actions import Deposit, Transfer, Withdrawal
from accounts.ledger.entries import Outcome

money = Blueprint("money", __name__, url_prefix="/v1")

_CASH_CODES = ("not_found", "key_reused", "account_closed", "currency_mismatch", "limit_exceeded")


@money.post("/deposits")
@operation(
    "Pay cash in",
    who=CUSTOMERS,
    body=CashWish,
    answer=CashView,
    status=201,
    codes=_CASH_CODES,
    is_money=True,
)
def deposit(caller: Caller) -> Response:
    """Pay cash into an account: customers into their own, tellers into any."""
    ask, key = _cash_ask(Deposit), idempotency_key()
    return _created(bank().accounts.deposit(caller, ask, key), "deposits", cash_view)


@money.post("/withdrawals")
@operation(
    "Pay cash out",
    who=CUSTOMERS,
    body=CashWish,
    answer=CashView,
    status=201,
    codes=(*_CASH_CODES, "account_frozen", "funds_insufficient"),
    is_money=True,
)
def withdraw(caller: Caller) -> Response:
    """Pay cash out of an account: customers out of their own, tellers out of any."""
    ask, key = _cash_ask(Withdrawal), idempotency_key()
    return _created(bank().accounts.withdraw(caller, ask, key), "withdrawals", cash_view)


@money.get("/deposits/<entry_id>")
@operation("Read a deposit", who=SIGNED_IN, answer=CashView, codes=("not_found",))
def read_deposit(caller: Caller, entry_id: str) -> Response:
    """Show a deposit into an account of the caller's."""
    return answer(cash_view(bank().accounts.entry(caller, "deposit", entry_id).recorded))


@money.get("/withdrawals/<entry_id>")
@operation("Read a withdrawal", who=SIGNED_IN, answer=CashView, codes=("not_found",))
def read_withdrawal(caller: Caller, entry_id: str) -> Response:
    """Show a withdrawal from an account of the caller's."""
    return answer(cash_view(bank().accounts.entry(caller, "withdrawal", entry_id).recorded))


@money.post("/transfers")
@operation(
    "Move money to another account",
    who=CUSTOMERS,
    body=TransferWish,
    query=TransferQuery,
    answer=TransferView,
    status=201,
    codes=(
        "not_found",
        "key_reused",
        "same_account",
        "account_unknown",
        "account_closed",
        "account_frozen",
        "currency_mismatch",
        "funds_insufficient",
        "limit_exceeded",
    ),
    is_money=True,
)
def transfer(caller: Caller, query: TransferQuery) -> Response:
    """Move money from one of the caller's accounts to any other account of the same currency."""
    wish, key = parse(TransferWish), idempotency_key()
    ask = Transfer(
        from_account=wish.from_account,
        to_account=wish.to_account,
        amount_minor=wish.amount_minor,
        currency=wish.currency,
        reference=wish.reference,
    )
    outcome = bank().accounts.transfer(caller, ask, key, dry_run=query.dry_run)
    if query.dry_run:
        return answer(transfer_view(outcome.recorded), 201, {"Dry-Run": "true"})
    return _created(outcome, "transfers", transfer_view)


@money.get("/transfers")
@operation(
    "List your transfers", who=SIGNED_IN, query=TransfersQuery, answer=TransferView, is_page=True
)
def list_transfers(caller: Caller, query: TransfersQuery) -> Response:
    """List the transfers that the caller paid or received, the newest first."""
    before = cursors.time_of(query.cursor) if query.cursor else None
    found = bank().accounts.transfers_of(caller, before=before, limit=query.limit + 1)
    shown = found[: query.limit]
    return page(
        [_seen_view(caller, each) for each in shown],
        _cursor_of(shown[-1]) if len(found) > query.limit else None,
    )


@money.get("/transfers/<entry_id>")
@operation("Read a transfer", who=SIGNED_IN, answer=TransferView, codes=("not_found",))
def read_transfer(caller: Caller, entry_id: str) -> Response:
    """Show a transfer to its payer or its payee."""
    return answer(_seen_view(caller, bank().accounts.entry(caller, "transfer", entry_id)))


def _cash_ask(kind: type[Any]) -> Any:
    wish = parse(CashWish)
    return kind(
        account=wish.account,
        amount_minor=wish.amount_minor,
        currency=wish.currency,
        reference=wish.reference,
    )


def _created(outcome: Outcome, where: str, view: Any) -> Response:
    headers = {"Location": f"/v1/{where}/{outcome.recorded.entry.id}"}
    if outcome.replayed:
        headers["Idempotent-Replayed"] = "true"
    return answer(view(outcome.recorded), 201, headers)


def _cursor_of(seen: Seen) -> str:
    return cursors.of_time(seen.recorded.at, seen.recorded.entry.id)


def _seen_view(caller: Caller, seen: Seen) -> TransferView:
    for_payer = seen.own_lines[0] or caller.role in READS_ALL
    return transfer_view(seen.recorded, for_payer=for_payer)
