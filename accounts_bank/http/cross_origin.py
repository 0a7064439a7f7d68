"""Cross-origin requests to `/v1`: the origins whose pages may call the API (Fetch, 3.2).

Credentials are never allowed: a page of another origin sends its token itself.
"""

import re

from flask import Flask, Response, request

from accounts_bank.config import Settings
from accounts_bank.http.hosts import API_PREFIX
from accounts_bank.observability.wsgi import Environment

ANY = "*"
PREFLIGHT_LASTS_S = 600

_LOCAL = re.compile(r"http://(?:localhost|127\.0\.0\.1)(?::[0-9]{1,5})?")
_SENT = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-Id, "
    "traceparent, tracestate, Accounts-Fault"
)
_READ = (
    "Location, Link, ETag, Idempotent-Replayed, Dry-Run, Retry-After, X-Request-Id, "
    "WWW-Authenticate, Content-Disposition"
)
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": _SENT,
    "Access-Control-Max-Age": str(PREFLIGHT_LASTS_S),
}


class Origins:
    """The origins whose pages may call the API."""

    def __init__(self, settings: Settings) -> None:
        """Take CORS_ORIGINS; a demo and a sandbox allow each port of this machine too."""
        self._named = frozenset(settings.CORS_ORIGINS)
        self._allows_local = settings.DEMO or settings.SANDBOX

    def allow(self, origin: str) -> bool:
        """Return whether pages of an origin may call the API."""
        if self._allows_local and _LOCAL.fullmatch(origin):
            return True
        return origin in self._named or (ANY in self._named and origin != "")

    def headers(self, environment: Environment) -> list[tuple[str, str]]:
        """Return the headers that an answer needs, by the origin of its request."""
        is_off = not (self._named or self._allows_local)
        if is_off or not environment["PATH_INFO"].startswith(API_PREFIX):
            return []
        varies, origin = [("Vary", "Origin")], environment.get("HTTP_ORIGIN", "")
        if not self.allow(origin):
            return varies
        exposed = ("Access-Control-Expose-Headers", _READ)
        return [*varies, ("Access-Control-Allow-Origin", origin), exposed]


def answer_preflights(app: Flask, origins: Origins) -> None:
    """Answer the preflights of allowed origins below `/v1`, without a token."""

    def answer() -> Response | None:
        asks = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        is_ours = asks and request.environ["PATH_INFO"].startswith(API_PREFIX)
        if is_ours and origins.allow(request.headers.get("Origin", "")):
            return Response(status=204, headers=_PREFLIGHT)
        return None

    app.before_request(answer)
