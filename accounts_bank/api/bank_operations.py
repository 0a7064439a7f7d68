"""/v1/sandbox/banks: banks of their own for tests."""

from msgspec import UNSET

from accounts_bank.api.operations import Operations
from accounts_bank.api.schemas.accounts import account_view
from accounts_bank.api.schemas.sandbox import (
    BankRequest,
    BanksQuery,
    BankView,
    NewBankView,
    NewUserRequest,
    NewUserView,
)
from accounts_bank.api.tokens import lasting_token
from accounts_bank.collections.permissions import Permission
from accounts_bank.errors import InvalidRequest
from accounts_bank.http import cursors
from accounts_bank.http.answers import NO_CONTENT, Answer
from accounts_bank.http.bank import Bank, sandbox_of
from accounts_bank.http.banks import PREFIX, Banks, Plan
from accounts_bank.http.messages import parse_time
from accounts_bank.http.pagination import page_of
from accounts_bank.sandbox.people import Joined, NewAccount, NewUser

operations = Operations("sandbox", "/v1/sandbox/banks")


@operations.declare(
    "POST",
    "",
    "Make a bank",
    permission=Permission.CONTROL_SANDBOX,
    body=BankRequest,
    answer=NewBankView,
    status=201,
    codes=("not_found", "sandbox_full", "username_taken", "limit_exceeded", "clock_backward"),
    is_sandbox=True,
)
def make_bank(bank: Bank, body: BankRequest, banks: Banks, root_url: str) -> Answer:
    """Make a bank with users and funded accounts; each user has a token."""
    made = banks.make(_plan(bank, body))
    view = NewBankView(
        made.bank.id,
        f"{root_url}{PREFIX}{made.bank.id}",
        lasting_token(made.bank, *made.admin),
        [user_view(made.bank, each) for each in made.joined],
    )
    return Answer(view, 201, location=f"/v1/sandbox/banks/{made.bank.id}")


@operations.declare(
    "GET",
    "",
    "List the banks",
    permission=Permission.CONTROL_SANDBOX,
    query=BanksQuery,
    answer=BankView,
    is_page=True,
    is_sandbox=True,
)
def list_banks(bank: Bank, query: BanksQuery, banks: Banks, root_url: str) -> Answer:
    """List the banks that were made in this bank, the oldest first."""
    after = cursors.id_of(query.cursor) if query.cursor else ""
    found = [each for each in banks.made_by(bank.id) if each.id > after]

    def view(each: Bank) -> BankView:
        sandbox = sandbox_of(each)
        return BankView(each.id, f"{root_url}{PREFIX}{each.id}", sandbox.now, sandbox.mode)

    page = found[: query.limit + 1]
    return page_of(page, query.limit, lambda each: cursors.of_id(each.id), view)


@operations.declare(
    "DELETE",
    "/<bank_id>",
    "Delete a bank",
    permission=Permission.CONTROL_SANDBOX,
    status=204,
    codes=("not_found",),
    is_sandbox=True,
)
def delete_bank(bank: Bank, banks: Banks, bank_id: str) -> Answer:
    """Free a bank that was made in this bank, and all that belongs to it."""
    banks.delete(bank.id, bank_id)
    return NO_CONTENT


def _plan(bank: Bank, body: BankRequest) -> Plan:
    if body.snapshot and body.seed is not UNSET:
        raise InvalidRequest("A snapshot has a seed. Leave one of both out.", pointer="/seed")
    return Plan(
        parent=bank,
        seed=None if body.seed is UNSET else str(body.seed),
        saved=sandbox_of(bank).saved(body.snapshot) if body.snapshot else None,
        now=parse_time(body.now, "now") if body.now else None,
        users=tuple(new_user(each) for each in body.users),
    )


def new_user(user: NewUserRequest) -> NewUser:
    """Return the user to add that a body names."""
    accounts = tuple(
        NewAccount(each.currency, each.name, each.balance_minor) for each in user.accounts
    )
    return NewUser(user.username, user.role, accounts)


def user_view(bank: Bank, joined: Joined) -> NewUserView:
    """Show a user that was added, with an access token."""
    return NewUserView(
        joined.user.id,
        joined.user.username,
        lasting_token(bank, joined.user, joined.session),
        [account_view(each) for each in joined.accounts],
    )
