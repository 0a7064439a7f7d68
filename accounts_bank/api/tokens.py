"""Tokens: access and refresh JWTs of a session, made and checked by flask-jwt-extended."""

import re
from datetime import timedelta
from hashlib import sha256
from time import time
from typing import Any

from flask import Flask, Response, request
from flask_jwt_extended import (
    JWTManager,
    create_access_token,
    create_refresh_token,
    decode_token,
    get_jwt,
    get_unverified_jwt_headers,
    verify_jwt_in_request,
)
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt import InvalidTokenError
from msgspec import UNSET

from accounts_bank.api.problems import answer
from accounts_bank.api.schemas.users import TokensView
from accounts_bank.collections.api_keys import SECRET_START
from accounts_bank.concurrency.bounded_cache import BoundedCache
from accounts_bank.config import Settings
from accounts_bank.errors import InvalidToken, NotDecided
from accounts_bank.http.bank import Bank, bank
from accounts_bank.identity import Caller, Session, User

SESSION_CLAIM = "sid"
BANK_CLAIM = "bank"
"""The id of a sandbox bank; its tokens open no other bank. Tokens of the first bank lack it."""
ISSUER = "accounts-bank"
API_AUDIENCE, PAGES_AUDIENCE = "accounts-bank/v1", "accounts-bank/pages"
"""A token opens its audience alone: the API, or the pages, which keep theirs in cookies."""
TYPE_CLAIM = "typ"
"""Holds `access` or `refresh`; the header `typ` is `JWT` (RFC 8725, 3.11)."""
VERIFIED_MAX = 10_000
LEEWAY_S = 30
"""Seconds by which the clocks of two servers may differ for `exp` and `nbf` (RFC 7519, 4.1.4)."""
LASTING = timedelta(days=1)
_TYPES = {False: "access", True: "refresh"}

FAILURES = (JWTExtendedException, InvalidTokenError)
"""The errors of a token that flask-jwt-extended and PyJWT raise."""

_KEY_START = f"Bearer {SECRET_START}"
_KEY = re.compile(rf"{SECRET_START}[A-Za-z0-9_-]{{43}}")

_MISSING = "Sign in and send `Authorization: Bearer <access token>`."
_BROKEN = "The token is not valid here. Sign in again."
_EXPIRED = "The token has expired. Refresh it or sign in again."


class VerifiedTokens:
    """A cache of the claims of verified access tokens, each until it expires.

    To verify a token costs as much as all the rest of a transfer. Each request still looks up the
    session, so a session that ends stops its tokens at once.
    """

    def __init__(self) -> None:
        self._claims = BoundedCache[tuple[float, str, str]](VERIFIED_MAX)

    def get(self, header: str) -> tuple[str, str] | None:
        """Return the user's and the session's id of a verified Authorization header, or None."""
        expires_at_s, user_id, session_id = self._claims.get(header) or (0.0, "", "")
        return (user_id, session_id) if time() < expires_at_s else None

    def keep(self, header: str, claims: dict[str, Any]) -> None:
        """Keep the claims of a verified header."""
        self._claims.put(header, (claims["exp"], claims["sub"], claims[SESSION_CLAIM]))


def register(app: Flask, settings: Settings) -> None:
    """Set up flask-jwt-extended so that every failure is a 401 problem."""
    app.config.update(
        JWT_SECRET_KEY=settings.JWT_SECRET_KEY,
        JWT_TOKEN_LOCATION=list(settings.JWT_TOKEN_LOCATION),
        JWT_ACCESS_TOKEN_EXPIRES=timedelta(seconds=settings.JWT_ACCESS_TOKEN_EXPIRES),
        JWT_REFRESH_TOKEN_EXPIRES=timedelta(seconds=settings.JWT_REFRESH_TOKEN_EXPIRES),
        JWT_ALGORITHM="HS256",
        JWT_ENCODE_ISSUER=ISSUER,
        JWT_DECODE_ISSUER=ISSUER,
        JWT_DECODE_AUDIENCE=[API_AUDIENCE, PAGES_AUDIENCE],
        JWT_DECODE_LEEWAY=timedelta(seconds=LEEWAY_S),
        JWT_COOKIE_CSRF_PROTECT=False,  # the pages compare the secret of the form themselves
    )
    app.extensions["accounts.verified_tokens"] = VerifiedTokens()
    manager = JWTManager(app)
    _set_keys(manager, settings)
    _set_answers(manager)
    manager.token_verification_loader(_is_one_of_ours)
    app.register_error_handler(InvalidTokenError, lambda _error: _answer(_BROKEN))


def caller() -> Caller:
    """Return the caller of this request by its token or key; a cookie opens nothing here.

    :raises InvalidToken: the session or the key has ended. Other failures are flask-jwt-extended's
        errors.
    """
    verified: VerifiedTokens = _verified()
    header = request.headers.get("Authorization", "")
    if header.startswith(_KEY_START):
        return _key_caller(header.removeprefix("Bearer "))
    key = f"{bank().id} {header}"
    known = verified.get(key)
    if known is None:
        claims = _bearer_claims(refresh=False)
        verified.keep(key, claims)
        known = claims["sub"], claims[SESSION_CLAIM]
    return bank().users.caller(*known)


def _key_caller(secret: str) -> Caller:
    if not _KEY.fullmatch(secret):
        raise InvalidToken(_BROKEN)
    try:
        return bank().users.keys.caller(secret)
    except InvalidToken:
        bank().check_clock()  # a wrong clock judges no key
        raise


def refresh_claims() -> tuple[str, str, str]:
    """Return the user's, the session's and the token's id of this request's refresh token."""
    claims = _bearer_claims(refresh=True)
    return claims["sub"], claims[SESSION_CLAIM], claims["jti"]


def known_user_id() -> str:
    """Return the user of this request's refresh token, also of an ended session; "" for none."""
    if "Authorization" not in request.headers:
        return ""
    try:
        return str(_bearer_claims(refresh=True)["sub"])
    except (*FAILURES, InvalidToken):
        return ""


def tokens_view(user: User, session: Session) -> TokensView:
    """Make the tokens of a session."""
    claims = session_claims(bank(), session)
    return TokensView(
        access_token=access_token(user.id, claims),
        token_type="Bearer",  # noqa: S106 - a type, no secret
        expires_in=bank().settings.JWT_ACCESS_TOKEN_EXPIRES,
        refresh_token=refresh_token(user.id, {**claims, "jti": session.refresh_id}),
        ended_session=session.displaced or UNSET,
    )


def access_token(user_id: str, claims: dict[str, Any], lasts: timedelta | None = None) -> str:
    """Make an access token; it lasts as long as the settings say if `lasts` is None."""
    typed = {TYPE_CLAIM: "access", **claims}
    return str(create_access_token(user_id, additional_claims=typed, expires_delta=lasts))


def refresh_token(user_id: str, claims: dict[str, Any]) -> str:
    """Make a refresh token."""
    typed = {TYPE_CLAIM: "refresh", **claims}
    return str(create_refresh_token(user_id, additional_claims=typed))


def session_claims(bank: Bank, session: Session, audience: str = API_AUDIENCE) -> dict[str, Any]:
    """Return the claims that bind a token to a session of a bank and to an audience."""
    claims = {"aud": audience, SESSION_CLAIM: session.id}
    return claims | {BANK_CLAIM: bank.id} if bank.id else claims


def lasting_token(bank: Bank, user: User, session: Session) -> str:
    """Make an access token that lasts as long as a sandbox bank needs it.

    The first use of the token need not verify it: this process has made it.
    """
    claims = session_claims(bank, session)
    token = access_token(user.id, claims, LASTING)
    known = claims | {"sub": user.id, "exp": time() + LASTING.total_seconds()}
    _verified().keep(f"{bank.id} Bearer {token}", known)
    return token


def cookie_claims(token: str, *, refresh: bool) -> dict[str, Any]:
    """Verify a token of the pages.

    :raises InvalidToken: the token is for the API, or of the other type. flask-jwt-extended and
        PyJWT raise the rest.
    """
    claims = dict(decode_token(token))
    is_ours = _is_one_of_ours(get_unverified_jwt_headers(token), claims)
    if not is_ours or claims["aud"] != PAGES_AUDIENCE or claims["type"] != _TYPES[refresh]:
        raise InvalidToken(_BROKEN)
    return claims


def _bearer_claims(*, refresh: bool) -> dict[str, Any]:
    """Verify the bearer token of this request.

    :raises InvalidToken: the token is for the pages. flask-jwt-extended raises the rest.
    """
    verify_jwt_in_request(refresh=refresh, locations=["headers"])
    claims = dict(get_jwt())
    if claims["aud"] != API_AUDIENCE:
        raise InvalidToken(_BROKEN)
    return claims


def _verified() -> VerifiedTokens:
    from flask import current_app  # noqa: PLC0415

    found: VerifiedTokens = current_app.extensions["accounts.verified_tokens"]
    return found


def _is_one_of_ours(header: dict[str, Any], claims: dict[str, Any]) -> bool:
    """Refuse a token of another bank, without an end, without a session or without a type."""
    is_typed = header.get("typ") == "JWT" and claims.get(TYPE_CLAIM) == claims["type"]
    is_here = claims.get(BANK_CLAIM, "") == bank().id
    return is_typed and is_here and "exp" in claims and isinstance(claims.get(SESSION_CLAIM), str)


def _set_keys(manager: JWTManager, settings: Settings) -> None:
    """Verify with the key that a token names, so that old secrets can be phased out."""
    keys = {_key_id(key): key for key in (settings.JWT_SECRET_KEY, *settings.JWT_OLD_SECRET_KEYS)}
    current = {"kid": _key_id(settings.JWT_SECRET_KEY)}
    manager.additional_headers_loader(lambda _identity: dict(current))
    manager.decode_key_loader(
        lambda header, _claims: keys.get(header.get("kid"), settings.JWT_SECRET_KEY)
    )


def _key_id(secret: str) -> str:
    return sha256(b"kid:" + secret.encode()).hexdigest()[:16]


def _set_answers(manager: JWTManager) -> None:
    manager.unauthorized_loader(lambda _reason: _answer(_MISSING))
    manager.invalid_token_loader(lambda _reason: _answer(_BROKEN))
    manager.expired_token_loader(lambda _header, _claims: _answer(_EXPIRED))
    manager.revoked_token_loader(lambda _header, _claims: _answer(_BROKEN))
    manager.needs_fresh_token_loader(lambda _header, _claims: _answer(_BROKEN))
    manager.user_lookup_error_loader(lambda _header, _claims: _answer(_BROKEN))
    manager.token_verification_failed_loader(lambda _header, _claims: _answer(_BROKEN))


def _answer(detail: str) -> Response:
    """Refuse a token, unless the clock of this server is wrong and may be the reason."""
    try:
        bank().check_clock()
    except NotDecided as error:
        return answer(error)
    return answer(InvalidToken(detail))
