"""Checks the head of a request before any route is matched.

One spelling of a path is served; proxies compare paths as text, so a second spelling would pass
their rules.
"""

import re

from flask import Flask, request
from werkzeug.serving import WSGIRequestHandler

from accounts_bank.errors import InvalidRequest, NotFound
from accounts_bank.http.hosts import API_PREFIX
from accounts_bank.http.messages import refuse_encoded
from accounts_bank.observability.wsgi import Environment

RAW_TARGET = "RAW_URI"
"""The key of the request target as it was sent, in the WSGI environment. gunicorn names it so.

RSGI has the decoded path alone, so under `accounts serve` escapes are decoded before the check.
"""

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?]*")
_PATH = re.compile(r"/|(?:/(?!\.{1,2}(?:/|\Z))[^/;\x00-\x1f\x7f]+)+")
_ESCAPE = re.compile(r"%(.{0,2})", re.DOTALL)
_HEX_PAIR = re.compile(r"[0-9A-F]{2}")
_NEVER_ESCAPED = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~/;")
"""The unreserved characters (RFC 3986, 2.3), and two that would change the segments of a path."""


def check_heads(app: Flask) -> None:
    """Check the head of each request of an app, before its route."""
    app.before_request(_check)


def is_normal(environment: Environment) -> bool:
    """Return whether a request's path is in its one normal form (RFC 3986, 6.2.2).

    The form has no empty segment, no `.` or `..`, no `;` and no slash at the end. It escapes no
    unreserved character and no slash, and writes escapes in capitals.
    """
    if not _PATH.fullmatch(environment["PATH_INFO"] or "/"):
        return False
    raw = _ABSOLUTE.sub("", environment.get(RAW_TARGET, ""), count=1).partition("?")[0]
    return "//" not in raw and all(map(_is_needed, _ESCAPE.findall(raw)))


def _is_needed(pair: str) -> bool:
    return _HEX_PAIR.fullmatch(pair) is not None and chr(int(pair, 16)) not in _NEVER_ESCAPED


def _check() -> None:
    environment = request.environ
    if not is_normal(environment):
        raise NotFound
    host = environment.get("HTTP_HOST")
    if "," in (host or "") or (host is None and environment["SERVER_PROTOCOL"] == "HTTP/1.1"):
        raise InvalidRequest("Send one header Host.")
    if not environment["PATH_INFO"].startswith(API_PREFIX):
        refuse_encoded(environment)


def keep_target(handler: type[WSGIRequestHandler] = WSGIRequestHandler) -> None:
    """Let `flask run` pass the target on as it was sent; Python's server merges leading slashes."""
    make_environ = handler.make_environ
    if hasattr(make_environ, "keeps_target"):
        return

    def make(self: WSGIRequestHandler) -> Environment:
        environment: Environment = make_environ(self)
        environment[RAW_TARGET] = self.requestline.split(" ")[1]
        return environment

    make.keeps_target = True  # type: ignore[attr-defined] # so that a second call changes nothing
    handler.make_environ = make  # type: ignore[method-assign] # Flask's command takes no handler
