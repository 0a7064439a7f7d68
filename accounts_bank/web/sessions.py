"""The sessions of the pages: JWTs in cookies. Scripts cannot read them, and `/v1` refuses them.

An expired access token is renewed from the refresh token, so a visitor is not interrupted. The
renewal does not spend the refresh token, as `/v1` does: a double click sends two requests at once,
and the second one would look like a stolen token. The session ends when its lifetime is over. Both
tokens carry the CSRF secret of the session, so a form stays valid after a renewal.
"""

from secrets import token_urlsafe
from typing import Any

from flask import Response, current_app, g, request
from flask_jwt_extended import create_access_token, create_refresh_token
from flask_jwt_extended.exceptions import CSRFError, JWTExtendedException
from jwt import InvalidTokenError

from accounts_bank.api.tokens import (
    BANK_CLAIM,
    PAGES_CLAIM,
    SESSION_CLAIM,
    claims_of,
    session_claims,
)
from accounts_bank.errors import ApiError, Forbidden, InvalidToken
from accounts_bank.http.bank import bank
from accounts_bank.http.middleware import USER_ID
from accounts_bank.identity import Caller, Session, User

ACCESS, REFRESH = "JWT_ACCESS_COOKIE_NAME", "JWT_REFRESH_COOKIE_NAME"
_CSRF_CLAIM = "csrf"
_LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})


class SignedOut(ApiError):
    """The visitor is not signed in, or the session has ended."""

    code = "invalid_token"

    def __init__(self, user_id: str | None = None) -> None:
        """Take the id of the user of the session, if it is known."""
        super().__init__("Your session has ended.")
        self.user_id = user_id


class ForeignForm(ApiError):
    """The form carries another session's secret; another site may have sent it."""

    code = "forbidden"


def current_caller() -> Caller:
    """Return the caller of the present session.

    :raises SignedOut: there is no session, or it has ended.
    :raises ForeignForm: the form lacks the secret of the session.
    """
    claims = _claims()
    try:
        caller = bank().users.caller(claims["sub"], claims[SESSION_CLAIM])
    except InvalidToken:
        raise SignedOut(claims["sub"]) from None
    g.caller, g.csrf_token = caller, claims[_CSRF_CLAIM]
    request.environ[USER_ID] = caller.id
    return caller


def refuse_other_sites() -> None:
    """Refuse a form from another site; without a session there is no token to check.

    Browsers send the header `Sec-Fetch-Site` (W3C, Fetch Metadata).

    :raises Forbidden: the form was sent from another site.
    """
    if request.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}:
        raise Forbidden("This form was sent from another site.")


def is_signed_in() -> bool:
    """Return whether the visitor is signed in, for pages that require no session."""
    try:
        current_caller()
    except (SignedOut, ForeignForm):
        return False
    return True


def set_cookies(response: Response, user: User, session: Session) -> Response:
    """Set the cookies of a new session."""
    own = {PAGES_CLAIM: True, _CSRF_CLAIM: token_urlsafe(16)}
    claims = session_claims(bank(), session) | own
    _set(response, ACCESS, create_access_token(user.id, additional_claims=claims))
    refresh = create_refresh_token(user.id, additional_claims=claims | {"jti": session.refresh_id})
    _set(response, REFRESH, refresh)
    return response


def clear_cookies(response: Response) -> Response:
    """Delete the cookies of the session."""
    for name in (ACCESS, REFRESH):
        response.delete_cookie(current_app.config[name], **cookie_attributes())
    return response


def renew(response: Response) -> Response:
    """Set the cookie of an access token that this request renewed."""
    token = g.pop("access_token", None)
    if token and "Set-Cookie" not in response.headers:
        _set(response, ACCESS, token)
    return response


def _claims() -> dict[str, Any]:
    """Return the claims of the access token, or of the refresh token if it has expired."""
    try:
        return claims_of("cookies", refresh=False)
    except CSRFError:
        raise ForeignForm("This form belongs to another session. Open the form again.") from None
    except (JWTExtendedException, InvalidTokenError, InvalidToken):
        return _renewed_claims()


def _renewed_claims() -> dict[str, Any]:
    bank().check_clock()  # a wrong clock judges and dates no token
    try:
        claims = claims_of("cookies", refresh=True)
    except CSRFError:
        raise ForeignForm("This form belongs to another session. Open the form again.") from None
    except (JWTExtendedException, InvalidTokenError, InvalidToken):
        raise SignedOut from None
    names = (SESSION_CLAIM, BANK_CLAIM, PAGES_CLAIM, _CSRF_CLAIM)
    kept = {name: claims[name] for name in names if name in claims}
    g.access_token = create_access_token(claims["sub"], additional_claims=kept)
    return claims


def _set(response: Response, name: str, token: str) -> None:
    response.set_cookie(current_app.config[name], token, **cookie_attributes())


def cookies_are_kept() -> bool:
    """Return whether the browser keeps the cookies: with TLS or on localhost."""
    return request.is_secure or _is_local()


def cookie_attributes() -> dict[str, Any]:
    """Return the attributes of the cookies: TLS only, except on localhost; for this bank alone."""
    path = request.script_root or "/"
    return {"httponly": True, "samesite": "Lax", "secure": not _is_local(), "path": path}


def _is_local() -> bool:
    return request.host.rpartition(":")[0] in _LOCAL or request.host in _LOCAL
