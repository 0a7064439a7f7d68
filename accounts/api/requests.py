"""What happens around every request: its id, its headers and its line in the log."""

import logging
import re
from time import perf_counter
from uuid import uuid4

from flask import Flask, Response, g, request

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}

logger = logging.getLogger("accounts.requests")


def register(app: Flask) -> None:
    """Wrap every request of an app."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
    g.began_s = perf_counter()


def _end(response: Response) -> Response:
    headers = response.headers
    headers["X-Request-Id"] = g.request_id
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    if request.path.startswith("/v1/"):
        headers["Cache-Control"] = "no-store"
    _log(response)
    return response


def _log(response: Response) -> None:
    level = logging.WARNING if response.status_code >= 400 else logging.INFO  # noqa: PLR2004
    if not logger.isEnabledFor(level):
        return
    context = {
        "request_id": g.request_id,
        "method": request.method,
        "path": request.path,
        "route": request.url_rule.rule if request.url_rule else None,
        "status": response.status_code,
        "duration_ms": round((perf_counter() - g.began_s) * 1000, 3),
        "address": request.remote_addr,
        "user_id": g.get("user_id"),
        "user_agent": request.headers.get("User-Agent"),
    }
    logger.log(level, "request", extra=context)
