"""Known devices: a signed cookie tells which user signed in with this browser before.

The cookie opens nothing, and browsers send it to the sign-in page alone.
Failed sign-ins of others do not slow its user.
"""

from flask import Response, request
from itsdangerous import BadData, URLSafeTimedSerializer

from accounts_bank.http.bank import bank
from accounts_bank.identity import User
from accounts_bank.web.sessions import cookie_attributes

COOKIE = "accounts_device"
KEPT_S = 365 * 24 * 3600


def remember(response: Response, user: User) -> Response:
    """Set the cookie for a user that has signed in."""
    value = _serializer().dumps([bank().id, user.id])
    where = {**cookie_attributes(), "path": f"{request.script_root}/sign-in"}
    response.set_cookie(COOKIE, value, max_age=KEPT_S, **where)
    return response


def known_user_id() -> str:
    """Return the user that signed in with this browser before, "" for none."""
    try:
        bank_id, user_id = _serializer().loads(request.cookies.get(COOKIE, ""), max_age=KEPT_S)
    except (BadData, ValueError, TypeError):
        return ""
    return str(user_id) if bank_id == bank().id else ""


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(bank().settings.JWT_SECRET_KEY, salt="accounts device")
