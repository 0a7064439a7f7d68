"""/v1/deposits and /v1/withdrawals: money in and out."""

from typing import Any

from flask import Blueprint, Response

from accounts_bank.api.operations import CUSTOMERS, SIGNED_IN, operation
from accounts_bank.api.schemas.money import CashRequest, CashView, cash_view
from accounts_bank.http.bank import bank
from accounts_bank.http.messages import answer, done, idempotency_key, parse
from accounts_bank.identity import Caller
from accounts_bank.ledger.actions import Deposit, Withdrawal
from accounts_bank.ledger.entries import Outcome

money = Blueprint("money", __name__, url_prefix="/v1")

_CASH_CODES = ("not_found", "key_reused", "account_closed", "currency_mismatch", "limit_exceeded")


@money.post("/deposits")
@operation(
    "Pay cash in",
    who=CUSTOMERS,
    body=CashRequest,
    answer=CashView,
    status=201,
    codes=_CASH_CODES,
    is_money=True,
)
def deposit(caller: Caller) -> Response:
    """Pay cash into an account: customers into their own, tellers into any."""
    ask, key = _cash_ask(Deposit), idempotency_key()
    outcome = bank().accounts.deposit(caller, ask, key)
    return _done(outcome, "deposits")


@money.post("/withdrawals")
@operation(
    "Pay cash out",
    who=CUSTOMERS,
    body=CashRequest,
    answer=CashView,
    status=201,
    codes=(*_CASH_CODES, "account_frozen", "funds_insufficient"),
    is_money=True,
)
def withdraw(caller: Caller) -> Response:
    """Pay cash out of an account: customers out of their own, tellers out of any."""
    ask, key = _cash_ask(Withdrawal), idempotency_key()
    outcome = bank().accounts.withdraw(caller, ask, key)
    return _done(outcome, "withdrawals")


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


def _cash_ask(kind: type[Any]) -> Any:
    wish = parse(CashRequest)
    return kind(
        account=wish.account,
        amount_minor=wish.amount_minor,
        currency=wish.currency,
        reference=wish.reference,
    )


def _done(outcome: Outcome, where: str) -> Response:
    at = f"/v1/{where}/{outcome.recorded.entry.id}"
    return done(cash_view(outcome.recorded), 201, at=at, replayed=outcome.replayed)
