"""The sessions of the pages: JWTs in cookies. Scripts cannot read them, and `/v1` refuses them.

Both tokens carry the present secret of the session (`jti`). A request that comes a minute or more
after the last change gets a new secret, and so new cookies. The secret before it stays good until
the new one is used: a double click sends two requests at once, and an answer may get lost. An older
one ends the session. A session without use for `PAGE_IDLE_S` ends. Both tokens carry the CSRF
secret of the session, so a form stays valid after a change.
"""

from hmac import compare_digest
from secrets import token_urlsafe
from typing import Any

from flask import Response, g, request

from accounts_bank.api.tokens import (
    FAILURES,
    PAGES_AUDIENCE,
    SESSION_CLAIM,
    access_token,
    cookie_claims,
    refresh_token,
    session_claims,
)
from accounts_bank.errors import ApiError, InvalidToken
from accounts_bank.http.bank import bank
from accounts_bank.http.middleware import USER_ID
from accounts_bank.identity import Caller, Session

ACCESS, REFRESH = "access_token_cookie", "refresh_token_cookie"
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
    """Return the caller of the present session, and renew its secret where it is time.

    :raises SignedOut: there is no session, or it has ended.
    :raises ForeignForm: the form lacks the secret of the session.
    """
    claims = _claims()
    user_id, session_id = claims["sub"], claims[SESSION_CLAIM]
    try:
        caller = bank().users.caller(user_id, session_id)
        session = bank().users.rotate(user_id, session_id, claims["jti"])
    except InvalidToken:
        raise SignedOut(user_id) from None
    if session.refresh_id != claims["jti"] or claims["type"] == "refresh":
        g.renewed = user_id, session, claims[_CSRF_CLAIM]
    g.caller, g.csrf_token = caller, claims[_CSRF_CLAIM]
    request.environ[USER_ID] = caller.id
    return caller


def is_signed_in() -> bool:
    """Return whether the visitor is signed in, for pages that require no session."""
    try:
        current_caller()
    except (SignedOut, ForeignForm):
        return False
    return True


def set_cookies(response: Response, user_id: str, session: Session, csrf: str = "") -> Response:
    """Set the cookies of a session.

    :param csrf: the secret of its forms; "" for a new session.
    """
    claims = session_claims(bank(), session, PAGES_AUDIENCE)
    claims |= {_CSRF_CLAIM: csrf or token_urlsafe(16), "jti": session.refresh_id}
    _set(response, ACCESS, access_token(user_id, claims))
    _set(response, REFRESH, refresh_token(user_id, claims))
    return response


def clear_cookies(response: Response) -> Response:
    """Delete the cookies of the session that the request has.

    A request without cookies may come from another site (SameSite), which must sign nobody out.
    """
    for name in (ACCESS, REFRESH):
        if _name(name) in request.cookies:
            response.delete_cookie(_name(name), **cookie_attributes())
    return response


def renew(response: Response) -> Response:
    """Set the cookies of a session that this request renewed."""
    renewed = g.pop("renewed", None)
    if renewed and "Set-Cookie" not in response.headers:
        set_cookies(response, *renewed)
    return response


def _claims() -> dict[str, Any]:
    """Return the claims of the access token, or of the refresh token if it has expired."""
    try:
        claims = _claims_in(ACCESS)
    except (*FAILURES, InvalidToken):
        bank().check_clock()  # a wrong clock judges no token
        try:
            claims = _claims_in(REFRESH)
        except (*FAILURES, InvalidToken):
            raise SignedOut from None
    given = request.form.get("csrf_token", "").encode()
    if request.method == "POST" and not compare_digest(given, claims[_CSRF_CLAIM].encode()):
        raise ForeignForm("This form belongs to another session. Open the form again.")
    return claims


def _claims_in(name: str) -> dict[str, Any]:
    return cookie_claims(request.cookies.get(_name(name), ""), refresh=name == REFRESH)


def _set(response: Response, name: str, token: str) -> None:
    response.set_cookie(_name(name), token, **cookie_attributes())


def _name(name: str) -> str:
    """Return the name of a cookie of this bank (RFC 6265bis, 4.1.3).

    Browsers keep one jar for all ports of a host, so a name without TLS carries the port. A bank
    under a path keeps `Path`, which `__Host-` forbids: other programs of the host get no cookie.
    """
    if _is_secure():
        return f"__Secure-{name}" if request.script_root else f"__Host-{name}"
    port = request.host.rpartition("]")[2].partition(":")[2]
    return f"{name}_{port}" if port else name


def cookies_are_kept() -> bool:
    """Return whether the browser keeps the cookies: with TLS or on localhost."""
    return request.is_secure or _is_local()


def cookie_attributes() -> dict[str, Any]:
    """Return the attributes of the cookies: TLS only, except on localhost; for this bank alone."""
    path = request.script_root or "/"
    return {"httponly": True, "samesite": "Lax", "secure": _is_secure(), "path": path}


def _is_secure() -> bool:
    """Return whether the cookies need TLS. A proxy in front may not say that it has it."""
    return request.is_secure or not _is_local()


def _is_local() -> bool:
    return request.host.rpartition(":")[0] in _LOCAL or request.host in _LOCAL
