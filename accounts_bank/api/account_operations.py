"""/v1/accounts: open, read, change and close accounts; lines, statements and past balances."""

from msgspec import UNSET
from werkzeug.datastructures import ETags, MIMEAccept

from accounts_bank.api.etags import matcher, tag_of_account, tagged
from accounts_bank.api.operations import Operations
from accounts_bank.api.schemas.accounts import (
    AccountChange,
    AccountRequest,
    AccountsQuery,
    AccountView,
    BalanceQuery,
    BalanceView,
    CreditLimitRequest,
    DailyLimitRequest,
    LinesQuery,
    LineView,
    StatementQuery,
    account_view,
    line_view,
)
from accounts_bank.api.statements import FORMS, MEDIA_TYPES, Form, form_asked_for, rendered
from accounts_bank.api.statements.views import StatementView
from accounts_bank.collections.permissions import Permission
from accounts_bank.errors import InvalidRequest
from accounts_bank.http import cursors
from accounts_bank.http.answers import NO_CONTENT, Answer
from accounts_bank.http.bank import Bank
from accounts_bank.http.messages import optional_time
from accounts_bank.http.pagination import page_of
from accounts_bank.identity import Caller, Scope
from accounts_bank.ledger.values import Period

operations = Operations("accounts", "/v1/accounts")

_MANAGED_CODES = ("own_account", "not_found", "account_closed")


@operations.declare(
    "POST",
    "",
    "Open an account",
    permission=Permission.TRANSACT,
    scope=Scope.ACCOUNTS_WRITE,
    body=AccountRequest,
    answer=AccountView,
    status=201,
    codes=("customer_left",),
)
def open_account(bank: Bank, caller: Caller, body: AccountRequest) -> Answer:
    """Open an account in one currency, with a balance of zero."""
    account = bank.accounts.open(caller, body.name, body.currency, metadata=body.metadata)
    return Answer(account_view(account), 201, location=f"/v1/accounts/{account.id}")


@operations.declare(
    "GET",
    "",
    "List your accounts",
    permission=Permission.READ_OWN,
    scope=Scope.ACCOUNTS_READ,
    query=AccountsQuery,
    answer=AccountView,
    is_page=True,
)
def list_accounts(bank: Bank, caller: Caller, query: AccountsQuery) -> Answer:
    """List the caller's accounts, closed ones included, the oldest first."""
    after = cursors.id_of(query.cursor) if query.cursor else None
    found = bank.accounts.of(caller, after=after, limit=query.limit + 1)
    return page_of(found, query.limit, lambda item: cursors.of_id(item.id), account_view)


@operations.declare(
    "GET",
    "/<account>",
    "Read an account",
    permission=Permission.READ_OWN,
    scope=Scope.ACCOUNTS_READ,
    answer=AccountView,
    is_tagged=True,
    codes=("not_found",),
)
def read(bank: Bank, caller: Caller, if_none_match: ETags, account: str) -> Answer:
    """Show an account by id or number."""
    found = bank.accounts.account(caller, account)
    return tagged(account_view(found), tag_of_account(found), if_none_match)


@operations.declare(
    "PATCH",
    "/<account>",
    "Change an account",
    permission=Permission.TRANSACT,
    scope=Scope.ACCOUNTS_WRITE,
    body=AccountChange,
    answer=AccountView,
    is_tagged=True,
    codes=("not_found", "account_closed"),
)
def rename(
    bank: Bank, caller: Caller, body: AccountChange, if_match: ETags | None, account: str
) -> Answer:
    """Give an account another name, other metadata, or both."""
    changed = bank.accounts.change(
        caller,
        account,
        matcher(if_match, tag_of_account),
        new_name=body.name or None,
        metadata=None if body.metadata is UNSET else body.metadata,
    )
    return tagged(account_view(changed), tag_of_account(changed))


@operations.declare(
    "DELETE",
    "/<account>",
    "Close an account",
    permission=Permission.TRANSACT,
    scope=Scope.ACCOUNTS_WRITE,
    status=204,
    codes=("not_found", "balance_not_zero", "holds_open", "account_frozen"),
)
def close(bank: Bank, caller: Caller, account: str) -> Answer:
    """Close an account with a balance of zero. It stays readable."""
    bank.accounts.close(caller, account)
    return NO_CONTENT


@operations.declare(
    "POST",
    "/<account>/freeze",
    "Freeze an account",
    permission=Permission.MANAGE_ACCOUNTS,
    answer=AccountView,
    codes=_MANAGED_CODES,
)
def freeze(bank: Bank, caller: Caller, account: str) -> Answer:
    """Freeze an account: no money can leave it, and money can still arrive."""
    return Answer(account_view(bank.accounts.freeze(caller, account)))


@operations.declare(
    "POST",
    "/<account>/unfreeze",
    "Unfreeze an account",
    permission=Permission.MANAGE_ACCOUNTS,
    answer=AccountView,
    codes=_MANAGED_CODES,
)
def unfreeze(bank: Bank, caller: Caller, account: str) -> Answer:
    """Unfreeze an account: money can leave it again."""
    return Answer(account_view(bank.accounts.unfreeze(caller, account)))


@operations.declare(
    "PUT",
    "/<account>/credit-limit",
    "Set an account's credit limit",
    permission=Permission.MANAGE_ACCOUNTS,
    body=CreditLimitRequest,
    answer=AccountView,
    codes=(*_MANAGED_CODES, "funds_insufficient", "limit_exceeded"),
    may_wait=True,
)
def limit_credit(bank: Bank, caller: Caller, body: CreditLimitRequest, account: str) -> Answer:
    """Let an account go below zero, down to a limit. The present debt must be within it."""
    return Answer(
        account_view(bank.accounts.limit_credit(caller, account, body.credit_limit_minor))
    )


@operations.declare(
    "PUT",
    "/<account>/daily-limit",
    "Set an account's daily limit",
    permission=Permission.MANAGE_ACCOUNTS,
    body=DailyLimitRequest,
    answer=AccountView,
    codes=_MANAGED_CODES,
    may_wait=True,
)
def limit_day(bank: Bank, caller: Caller, body: DailyLimitRequest, account: str) -> Answer:
    """Limit the money that leaves an account in a day of UTC; null lifts the limit."""
    return Answer(account_view(bank.accounts.limit_day(caller, account, body.daily_limit_minor)))


@operations.declare(
    "GET",
    "/<account>/lines",
    "List an account's lines",
    permission=Permission.READ_OWN,
    scope=Scope.ACCOUNTS_READ,
    query=LinesQuery,
    answer=LineView,
    is_page=True,
    codes=("not_found",),
)
def list_lines(bank: Bank, caller: Caller, query: LinesQuery, account: str) -> Answer:
    """List the lines of an account in a period, the newest first."""
    before = cursors.number_of(query.cursor) if query.cursor else None
    period = Period(
        since=optional_time(query.since, "from"), until=optional_time(query.until, "to")
    )
    found = bank.accounts.lines(
        caller, account, before=before, period=period, limit=query.limit + 1
    )
    return page_of(found, query.limit, lambda line: cursors.of_number(line.number), line_view)


@operations.declare(
    "GET",
    "/<account>/statement",
    "Read an account's statement",
    permission=Permission.READ_OWN,
    scope=Scope.ACCOUNTS_READ,
    query=StatementQuery,
    answer=StatementView,
    media_types=MEDIA_TYPES,
    codes=("not_found",),
)
def read_statement(
    bank: Bank, caller: Caller, query: StatementQuery, accept: MIMEAccept | None, account: str
) -> Answer:
    """Show the balance at the start of a period, its lines, the oldest first, and at its end."""
    return _statement(bank, caller, query, account, form_asked_for(accept))


@operations.declare(
    "GET",
    "/<account>/statement.csv",
    "Read an account's statement as CSV",
    permission=Permission.READ_OWN,
    scope=Scope.ACCOUNTS_READ,
    query=StatementQuery,
    media_types=("text/csv",),
    codes=("not_found",),
)
def read_statement_as_csv(
    bank: Bank, caller: Caller, query: StatementQuery, account: str
) -> Answer:
    """Show the lines of a period as CSV (RFC 4180), with a header."""
    return _statement(bank, caller, query, account, FORMS["text/csv"])


@operations.declare(
    "GET",
    "/<account>/statement.xml",
    "Read an account's statement as XML",
    permission=Permission.READ_OWN,
    scope=Scope.ACCOUNTS_READ,
    query=StatementQuery,
    media_types=("application/xml",),
    codes=("not_found",),
)
def read_statement_as_xml(
    bank: Bank, caller: Caller, query: StatementQuery, account: str
) -> Answer:
    """Show the statement of a period as ISO 20022 camt.053.001.08."""
    return _statement(bank, caller, query, account, FORMS["application/xml"])


def _statement(
    bank: Bank, caller: Caller, query: StatementQuery, account: str, form: Form
) -> Answer:
    period = Period(
        since=optional_time(query.since, "from"), until=optional_time(query.until, "to")
    )
    if period.since and period.until and period.since > period.until:
        raise InvalidRequest("`to` lies before `from`. Send a later time.", pointer="/to")
    statement = bank.accounts.statement(caller, account, period)
    return rendered(statement, bank.accounts.statement_pages(statement), form)


@operations.declare(
    "GET",
    "/<account>/balance",
    "Read a balance as it was",
    permission=Permission.READ_OWN,
    scope=Scope.ACCOUNTS_READ,
    query=BalanceQuery,
    answer=BalanceView,
    codes=("not_found",),
)
def balance(bank: Bank, caller: Caller, query: BalanceQuery, account: str) -> Answer:
    """Show the balance of an account at a moment."""
    at = optional_time(query.at, "at")
    found, balance_minor = bank.accounts.balance_at(caller, account, at)
    return Answer(BalanceView(found.id, found.currency, balance_minor, at or bank.clock()))
