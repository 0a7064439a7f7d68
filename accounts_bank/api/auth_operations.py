"""/v1/auth: sign in, refresh tokens, sign out."""

from collections.abc import Callable

from accounts_bank.api.operations import Operations
from accounts_bank.api.schemas.users import LoginRequest, TokensView
from accounts_bank.collections.permissions import Permission
from accounts_bank.http.answers import NO_CONTENT, Answer
from accounts_bank.http.bank import Bank
from accounts_bank.http.credentials import begin_session
from accounts_bank.identity import Caller, Device, Session, User

IssueTokens = Callable[[User, Session], TokensView]

operations = Operations("auth", "/v1/auth")


@operations.declare(
    "POST",
    "/login",
    "Sign in",
    permission=None,
    body=LoginRequest,
    hashes_password=True,
    answer=TokensView,
    codes=("invalid_credentials", "rate_limited"),
)
def login(
    bank: Bank, body: LoginRequest, device: Device, known_user_id: str, issue_tokens: IssueTokens
) -> Answer:
    """Begin a session. Failed sign-ins slow the next ones.

    A client that sends an earlier refresh token of the user as its bearer token is not slowed by
    the failures of others.
    """
    user, session = begin_session(bank, device, body.username, body.password, known_user_id)
    return Answer(issue_tokens(user, session))


@operations.declare(
    "POST",
    "/refresh",
    "Get new tokens for a refresh token",
    permission=None,
    answer=TokensView,
    codes=("invalid_token",),
    takes_refresh_token=True,
)
def refresh(bank: Bank, refresh_claims: tuple[str, str, str], issue_tokens: IssueTokens) -> Answer:
    """Spend a refresh token. A second use of one ends the session."""
    user, session = bank.users.refresh(*refresh_claims)
    return Answer(issue_tokens(user, session))


@operations.declare("POST", "/logout", "Sign out", permission=Permission.MANAGE_SELF, status=204)
def logout(bank: Bank, caller: Caller) -> Answer:
    """End the session and both of its tokens."""
    bank.users.logout(caller)
    return NO_CONTENT
