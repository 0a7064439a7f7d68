"""/v1/auth: sign in, stay signed in, sign out."""

from flask import Blueprint, Response, request

from accounts_bank.api.operations import EVERYONE, SIGNED_IN, operation
from accounts_bank.api.schemas.users import LoginRequest, TokensView
from accounts_bank.api.tokens import refresh_claims, tokens_view
from accounts_bank.errors import InvalidCredentials
from accounts_bank.http.bank import bank
from accounts_bank.http.messages import answer, nothing, parse
from accounts_bank.identity import Caller, Session, User, username_key

auth = Blueprint("auth", __name__, url_prefix="/v1/auth")


@auth.post("/login")
@operation(
    "Sign in",
    who=EVERYONE,
    body=LoginRequest,
    answer=TokensView,
    codes=("invalid_credentials", "rate_limited"),
)
def login() -> Response:
    """Begin a session. Too many failures for one name from one address, and it has to wait."""
    user, session = begin_session(parse(LoginRequest))
    return answer(tokens_view(user, session))


@auth.post("/refresh")
@operation(
    "Get new tokens for a refresh token",
    who=EVERYONE,
    answer=TokensView,
    codes=("invalid_token",),
    takes_refresh_token=True,
)
def refresh() -> Response:
    """Spend a refresh token. A second use of one ends the session."""
    user, session = bank().users.refresh(*refresh_claims())
    return answer(tokens_view(user, session))


@auth.post("/logout")
@operation("Sign out", who=SIGNED_IN, status=204)
def logout(caller: Caller) -> Response:
    """End the session: both of its tokens are dead."""
    bank().users.logout(caller)
    return nothing()


def begin_session(wish: LoginRequest) -> tuple[User, Session]:
    """Sign somebody in, and count what fails.

    :raises InvalidCredentials: the two do not belong together.
    :raises TooManyRequests: it was tried too often.
    """
    address, limits = request.remote_addr or "", bank().limits
    limits.login_address.check(address)
    try:
        with limits.login.one(address, username_key(wish.username)):
            return bank().users.login(wish.username, wish.password)
    except InvalidCredentials:
        limits.login_address.spend(address)
        raise
