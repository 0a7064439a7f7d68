"""/v1/sandbox: people of a bank with tokens ready, and the proof of its books."""

from accounts_bank.api.bank_operations import new_user, user_view
from accounts_bank.api.operations import Operations
from accounts_bank.api.schemas.accounts import account_view
from accounts_bank.api.schemas.sandbox import ActorsView, ActorView, NewUserRequest, NewUserView
from accounts_bank.audit.verifier import Report
from accounts_bank.collections.permissions import Permission
from accounts_bank.http.answers import Answer
from accounts_bank.http.bank import Bank, sandbox_of
from accounts_bank.sandbox.people import enter_admin, join

operations = Operations("sandbox", "/v1/sandbox")


@operations.declare(
    "POST",
    "/users",
    "Add a user with a token",
    permission=Permission.CONTROL_SANDBOX,
    body=NewUserRequest,
    answer=NewUserView,
    status=201,
    codes=("username_taken", "limit_exceeded"),
    is_sandbox=True,
)
def add_user(bank: Bank, body: NewUserRequest) -> Answer:
    """Add a user with funded accounts, of any role. The user has a token and no password."""
    admin, _ = enter_admin(bank.users)
    (joined,) = join(bank.users, bank.accounts, admin, [new_user(body)])
    return Answer(user_view(bank, joined), 201, location=f"/v1/users/{joined.user.id}")


@operations.declare(
    "GET",
    "/actors",
    "List the actors",
    permission=Permission.CONTROL_SANDBOX,
    answer=ActorsView,
    is_sandbox=True,
)
def list_actors(bank: Bank) -> Answer:
    """List payees with fixed numbers, which act by themselves; the first call adds them.

    One is frozen, one closed, one captures half of each hold, one never captures, and one sends
    each transfer back a day later.
    """
    admin, _ = enter_admin(bank.users)
    actors = sandbox_of(bank).actors.all(admin)
    return Answer(
        ActorsView([ActorView(a.kind, a.user.username, account_view(a.account)) for a in actors])
    )


@operations.declare(
    "GET",
    "/integrity",
    "Prove the books of the sandbox",
    permission=Permission.CONTROL_SANDBOX,
    answer=Report,
    is_sandbox=True,
)
def prove_books(bank: Bank) -> Answer:
    """Check all balances, lines, entries and the audit trail, as `/v1/integrity` does."""
    return Answer(bank.verifier.verify())
