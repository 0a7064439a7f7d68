"""/v1/accounts: open, read, rename and close accounts, and look back."""

from datetime import datetime

from flask import Blueprint, Response
from msgspec import UnsetType

from accounts_bank.api.etags import if_match, tag_of_account, tagged
from accounts_bank.api.operations import CUSTOMERS, SIGNED_IN, TELLERS, operation
from accounts_bank.api.schemas.accounts import (
    AccountRequest,
    AccountsQuery,
    AccountView,
    BalanceQuery,
    BalanceView,
    CreditLimitRequest,
    DailyLimitRequest,
    LinesQuery,
    LineView,
    RenameRequest,
    StatementQuery,
    account_view,
    line_view,
)
from accounts_bank.api.statements import MEDIA_TYPES, form_asked_for, rendered
from accounts_bank.api.statements.views import StatementView
from accounts_bank.errors import InvalidRequest
from accounts_bank.http import cursors
from accounts_bank.http.bank import bank
from accounts_bank.http.messages import answer, nothing, page, parse, parse_time
from accounts_bank.identity import Caller
from accounts_bank.ledger.values import Period

accounts = Blueprint("accounts", __name__, url_prefix="/v1/accounts")

_MANAGED_CODES = ("not_found", "account_closed")


@accounts.post("")
@operation(
    "Open an account",
    who=CUSTOMERS,
    body=AccountRequest,
    answer=AccountView,
    status=201,
    codes=("customer_left",),
)
def open_account(caller: Caller) -> Response:
    """Open an account in one currency, with nothing on it."""
    wish = parse(AccountRequest)
    account = bank().accounts.open(caller, wish.name, wish.currency)
    return answer(account_view(account), 201, {"Location": f"/v1/accounts/{account.id}"})


@accounts.get("")
@operation(
    "List your accounts", who=SIGNED_IN, query=AccountsQuery, answer=AccountView, is_page=True
)
def list_accounts(caller: Caller, query: AccountsQuery) -> Response:
    """List the caller's accounts, closed ones included, the oldest first."""
    after = cursors.id_of(query.cursor) if query.cursor else None
    found = bank().accounts.of(caller, after=after, limit=query.limit + 1)
    shown = found[: query.limit]
    return page(
        [account_view(each) for each in shown],
        cursors.of_id(shown[-1].id) if len(found) > query.limit else None,
    )


@accounts.get("/<account>")
@operation(
    "Read an account", who=SIGNED_IN, answer=AccountView, is_tagged=True, codes=("not_found",)
)
def read(caller: Caller, account: str) -> Response:
    """Show an account by id or number."""
    found = bank().accounts.account(caller, account)
    return tagged(account_view(found), tag_of_account(found))


@accounts.patch("/<account>")
@operation(
    "Rename an account",
    who=CUSTOMERS,
    body=RenameRequest,
    answer=AccountView,
    is_tagged=True,
    codes=("not_found", "account_closed"),
)
def rename(caller: Caller, account: str) -> Response:
    """Give an account another name."""
    wish = parse(RenameRequest)
    renamed = bank().accounts.rename(caller, account, wish.name, if_match(tag_of_account))
    return tagged(account_view(renamed), tag_of_account(renamed))


@accounts.delete("/<account>")
@operation(
    "Close an account",
    who=CUSTOMERS,
    status=204,
    codes=("not_found", "balance_not_zero", "holds_open", "account_frozen"),
)
def close(caller: Caller, account: str) -> Response:
    """Close an account with nothing on it. It can still be read."""
    bank().accounts.close(caller, account)
    return nothing()


@accounts.post("/<account>/freeze")
@operation("Freeze an account", who=TELLERS, answer=AccountView, codes=_MANAGED_CODES)
def freeze(caller: Caller, account: str) -> Response:
    """Let no money out of an account; it still takes money in."""
    return answer(account_view(bank().accounts.freeze(caller, account)))


@accounts.post("/<account>/unfreeze")
@operation("Unfreeze an account", who=TELLERS, answer=AccountView, codes=_MANAGED_CODES)
def unfreeze(caller: Caller, account: str) -> Response:
    """Let money out of an account again."""
    return answer(account_view(bank().accounts.unfreeze(caller, account)))


@accounts.put("/<account>/credit-limit")
@operation(
    "Set an account's credit limit",
    who=TELLERS,
    body=CreditLimitRequest,
    answer=AccountView,
    codes=(*_MANAGED_CODES, "funds_insufficient", "limit_exceeded"),
)
def limit_credit(caller: Caller, account: str) -> Response:
    """Let an account go below zero by so much and no more. What is owed already must be within."""
    wish = parse(CreditLimitRequest)
    return answer(
        account_view(bank().accounts.limit_credit(caller, account, wish.credit_limit_minor))
    )


@accounts.put("/<account>/daily-limit")
@operation(
    "Set an account's daily limit",
    who=TELLERS,
    body=DailyLimitRequest,
    answer=AccountView,
    codes=_MANAGED_CODES,
)
def limit_day(caller: Caller, account: str) -> Response:
    """Let no more than so much leave an account in a day of UTC; null lifts the limit."""
    wish = parse(DailyLimitRequest)
    return answer(account_view(bank().accounts.limit_day(caller, account, wish.daily_limit_minor)))


@accounts.get("/<account>/lines")
@operation(
    "List an account's lines",
    who=SIGNED_IN,
    query=LinesQuery,
    answer=LineView,
    is_page=True,
    codes=("not_found",),
)
def list_lines(caller: Caller, query: LinesQuery, account: str) -> Response:
    """List what moved on an account in a period, the newest first."""
    before = cursors.number_of(query.cursor) if query.cursor else None
    period = Period(since=_moment(query.since, "from"), until=_moment(query.until, "to"))
    found = bank().accounts.lines(
        caller, account, before=before, period=period, limit=query.limit + 1
    )
    shown = found[: query.limit]
    return page(
        [line_view(each) for each in shown],
        cursors.of_number(shown[-1].number) if len(found) > query.limit else None,
    )


@accounts.get("/<account>/statement")
@operation(
    "Read an account's statement",
    who=SIGNED_IN,
    query=StatementQuery,
    answer=StatementView,
    media_types=MEDIA_TYPES,
    codes=("not_found",),
)
def read_statement(caller: Caller, query: StatementQuery, account: str) -> Response:
    """Show the balance at the start of a period, its lines, the oldest first, and at its end."""
    form = form_asked_for()
    period = Period(since=_moment(query.since, "from"), until=_moment(query.until, "to"))
    if period.since and period.until and period.since > period.until:
        raise InvalidRequest("It lies before `from`.", pointer="/to")
    statement = bank().accounts.statement(caller, account, period)
    return rendered(statement, bank().accounts.statement_pages(statement), form)


@accounts.get("/<account>/balance")
@operation(
    "Read a balance as it was",
    who=SIGNED_IN,
    query=BalanceQuery,
    answer=BalanceView,
    codes=("not_found",),
)
def balance(caller: Caller, query: BalanceQuery, account: str) -> Response:
    """Show the balance after all that happened up to a moment."""
    at = _moment(query.at, "at")
    found, balance_minor = bank().accounts.balance_at(caller, account, at)
    return answer(BalanceView(found.id, found.currency, balance_minor, at or bank().clock()))


def _moment(text: str | UnsetType, name: str) -> datetime | None:
    return None if isinstance(text, UnsetType) else parse_time(text, name)
