"""The sessions of the pages: JWTs in cookies, which scripts cannot read and `/v1` does not take.

A page's access token is made anew from the refresh token when it has run out, so nobody is thrown
out in the middle of something. The refresh token is not spent by it, as it is at `/v1`: a browser
sends two requests at once whenever somebody clicks twice, and the second would look like a thief's.
Instead the session ends for good when its time is over. Both tokens carry the session's one secret
against forgery, so a form that was open all the while can still be sent.
"""

from secrets import token_urlsafe
from typing import Any

from flask import Response, current_app, g, request
from flask_jwt_extended import create_access_token, create_refresh_token
from flask_jwt_extended.exceptions import CSRFError, JWTExtendedException
from jwt import InvalidTokenError

from accounts_bank.api.tokens import PAGES_CLAIM, SESSION_CLAIM, claims_of
from accounts_bank.errors import ApiError, InvalidToken
from accounts_bank.http.bank import bank
from accounts_bank.http.middleware import USER_ID
from accounts_bank.identity import Caller, Session, User

ACCESS, REFRESH = "JWT_ACCESS_COOKIE_NAME", "JWT_REFRESH_COOKIE_NAME"
_CSRF_CLAIM = "csrf"
_LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})


class SignedOut(ApiError):
    """Nobody is signed in here, or no longer."""

    code = "invalid_token"

    def __init__(self, user_id: str | None = None) -> None:
        """Say whose session it was, where that is known."""
        super().__init__("Your session has ended.")
        self.user_id = user_id


class ForeignForm(ApiError):
    """The form was not made in this session: somebody else's page may have sent it."""

    code = "forbidden"


def visitor() -> Caller:
    """Say who asks for this page.

    :raises SignedOut: nobody is signed in.
    :raises ForeignForm: a form was sent without this session's secret.
    """
    claims = _claims()
    try:
        caller = bank().users.caller(claims["sub"], claims[SESSION_CLAIM])
    except InvalidToken:
        raise SignedOut(claims["sub"]) from None
    g.caller, g.csrf_token = caller, claims[_CSRF_CLAIM]
    request.environ[USER_ID] = caller.id
    return caller


def is_signed_in() -> bool:
    """Tell whether somebody is signed in, where a page is for everyone."""
    try:
        visitor()
    except (SignedOut, ForeignForm):
        return False
    return True


def begin(response: Response, user: User, session: Session) -> Response:
    """Give the browser the tokens of a new session."""
    claims = {SESSION_CLAIM: session.id, PAGES_CLAIM: True, _CSRF_CLAIM: token_urlsafe(16)}
    _set(response, ACCESS, create_access_token(user.id, additional_claims=claims))
    refresh = create_refresh_token(user.id, additional_claims=claims | {"jti": session.refresh_id})
    _set(response, REFRESH, refresh)
    return response


def end(response: Response) -> Response:
    """Take the tokens away from the browser."""
    for name in (ACCESS, REFRESH):
        response.delete_cookie(current_app.config[name], **_attributes())
    return response


def renew(response: Response) -> Response:
    """Hand out the access token that was made while the request was answered, if there is one."""
    token = g.pop("access_token", None)
    if token and "Set-Cookie" not in response.headers:
        _set(response, ACCESS, token)
    return response


def _claims() -> dict[str, Any]:
    """Read the access token, or what the refresh token makes up for it."""
    try:
        return claims_of("cookies", refresh=False)
    except CSRFError:
        raise ForeignForm("This form was not made in your present session.") from None
    except (JWTExtendedException, InvalidTokenError, InvalidToken):
        return _renewed_claims()


def _renewed_claims() -> dict[str, Any]:
    try:
        claims = claims_of("cookies", refresh=True)
    except CSRFError:
        raise ForeignForm("This form was not made in your present session.") from None
    except (JWTExtendedException, InvalidTokenError, InvalidToken):
        raise SignedOut from None
    kept = {name: claims[name] for name in (SESSION_CLAIM, PAGES_CLAIM, _CSRF_CLAIM)}
    g.access_token = create_access_token(claims["sub"], additional_claims=kept)
    return claims


def _set(response: Response, name: str, token: str) -> None:
    response.set_cookie(current_app.config[name], token, **_attributes())


def are_kept() -> bool:
    """Tell whether a browser surely keeps the cookies: over TLS, or on one's own machine."""
    return request.is_secure or _is_local()


def _attributes() -> dict[str, Any]:
    """Say how a cookie is kept: over TLS alone, but on one's own machine."""
    return {"httponly": True, "samesite": "Lax", "secure": not _is_local(), "path": "/"}


def _is_local() -> bool:
    return request.host.rpartition(":")[0] in _LOCAL or request.host in _LOCAL
