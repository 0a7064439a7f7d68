"""/v1/deposits and /v1/withdrawals: money in and out."""

from accounts_bank.api.operations import Operations
from accounts_bank.api.payment_lists import listed
from accounts_bank.api.schemas.money import CashRequest, CashView, cash_view
from accounts_bank.api.schemas.search import PaymentsQuery, RefusalView
from accounts_bank.collections.permissions import Permission
from accounts_bank.http.answers import Answer
from accounts_bank.http.bank import Bank
from accounts_bank.http.payments import action_of
from accounts_bank.identity import Caller, Scope
from accounts_bank.ledger.actions import Deposit, Withdrawal
from accounts_bank.ledger.entries import Outcome

operations = Operations("money", "/v1")

_CASH_CODES = (
    "own_account",
    "not_found",
    "key_reused",
    "account_closed",
    "currency_mismatch",
    "limit_exceeded",
)


@operations.declare(
    "POST",
    "/deposits",
    "Pay cash in",
    permission=Permission.TRANSACT,
    scope=Scope.PAYMENTS_WRITE,
    body=CashRequest,
    answer=CashView,
    status=201,
    codes=_CASH_CODES,
    is_money=True,
    is_fast_payment=True,
    may_wait=True,
)
def deposit(bank: Bank, caller: Caller, body: CashRequest, key: str | None) -> Answer:
    """Pay cash into an account: customers into their own, tellers into any."""
    outcome = bank.accounts.deposit(caller, action_of(Deposit, body), key)
    return _recorded(outcome, "deposits")


@operations.declare(
    "POST",
    "/withdrawals",
    "Pay cash out",
    permission=Permission.TRANSACT,
    scope=Scope.PAYMENTS_WRITE,
    body=CashRequest,
    answer=CashView,
    status=201,
    codes=(*_CASH_CODES, "account_frozen", "funds_insufficient"),
    is_money=True,
    is_fast_payment=True,
    may_wait=True,
)
def withdraw(bank: Bank, caller: Caller, body: CashRequest, key: str | None) -> Answer:
    """Pay cash out of an account: customers out of their own, tellers out of any."""
    outcome = bank.accounts.withdraw(caller, action_of(Withdrawal, body), key)
    return _recorded(outcome, "withdrawals")


@operations.declare(
    "GET",
    "/deposits",
    "List your deposits",
    permission=Permission.READ_OWN,
    scope=Scope.PAYMENTS_READ,
    query=PaymentsQuery,
    answer=CashView | RefusalView,
    is_page=True,
)
def list_deposits(bank: Bank, caller: Caller, query: PaymentsQuery) -> Answer:
    """List the deposits of the caller's accounts, the newest first."""
    return listed(bank, caller, "deposit", query, lambda seen: cash_view(seen.recorded))


@operations.declare(
    "GET",
    "/deposits/<entry_id>",
    "Read a deposit",
    permission=Permission.READ_OWN,
    scope=Scope.PAYMENTS_READ,
    answer=CashView,
    codes=("not_found",),
)
def read_deposit(bank: Bank, caller: Caller, entry_id: str) -> Answer:
    """Show a deposit into an account of the caller's."""
    return Answer(cash_view(bank.accounts.entry(caller, "deposit", entry_id).recorded))


@operations.declare(
    "GET",
    "/withdrawals",
    "List your withdrawals",
    permission=Permission.READ_OWN,
    scope=Scope.PAYMENTS_READ,
    query=PaymentsQuery,
    answer=CashView | RefusalView,
    is_page=True,
)
def list_withdrawals(bank: Bank, caller: Caller, query: PaymentsQuery) -> Answer:
    """List the withdrawals of the caller's accounts, the newest first."""
    return listed(bank, caller, "withdrawal", query, lambda seen: cash_view(seen.recorded))


@operations.declare(
    "GET",
    "/withdrawals/<entry_id>",
    "Read a withdrawal",
    permission=Permission.READ_OWN,
    scope=Scope.PAYMENTS_READ,
    answer=CashView,
    codes=("not_found",),
)
def read_withdrawal(bank: Bank, caller: Caller, entry_id: str) -> Answer:
    """Show a withdrawal from an account of the caller's."""
    return Answer(cash_view(bank.accounts.entry(caller, "withdrawal", entry_id).recorded))


def _recorded(outcome: Outcome, where: str) -> Answer:
    location = f"/v1/{where}/{outcome.recorded.entry.id}"
    return Answer(cash_view(outcome.recorded), 201, location=location, replayed=outcome.replayed)
