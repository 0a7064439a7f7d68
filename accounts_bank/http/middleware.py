"""The WSGI middleware: gives each request its id, its headers and its line in the log.

It runs outside Flask (PEP 3333), so it covers every answer of Flask and costs little.
"""

import logging
import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from string import punctuation
from time import perf_counter
from typing import Any
from urllib.parse import quote

from flask import request
from uuid_utils import uuid4

from accounts_bank.concurrency.greenlets import InlineLock
from accounts_bank.http.hosts import API_PREFIX
from accounts_bank.observability.observer import Observer
from accounts_bank.observability.trace_context import trace_of
from accounts_bank.observability.wsgi import Application, Environment, StartResponse

REQUEST_ID = "accounts.request_id"
USER_ID = "accounts.user_id"
KEY_ID = "accounts.key_id"
ARRIVED_S = "accounts.arrived_s"
OVERLOADED = "accounts.overloaded"
DRAINING = "accounts.draining"
STREAMS = "accounts.streams"
BANK_ID = "accounts.bank_id"
RATE_LIMIT_HEADERS = "accounts.rate_limit_headers"
"""Keys of the WSGI environment. `ARRIVED_S` is the time at which the whole request had arrived
(`time.perf_counter`). `OVERLOADED`: too many requests wait. `DRAINING`: the process ends.
`STREAMS`: the answer is long and leaves in parts. `BANK_ID`: of a sandbox bank.
`RATE_LIMIT_HEADERS`: the headers that tell the caller's quota."""

_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

_HEADERS = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
]
_POLICY = ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
_NO_STORE = ("Cache-Control", "no-store")
_TLS_ALWAYS = ("Strict-Transport-Security", "max-age=31536000")

AnswerError = Callable[[Exception, Environment], tuple[int, list[tuple[str, str]], bytes]]
"""Returns the status, the headers and the body of the answer to an error."""
MoreHeaders = Callable[[Environment], list[tuple[str, str]]]

logger = logging.getLogger("accounts_bank.requests")


class InFlight:
    """Counts the requests in progress."""

    def __init__(self) -> None:
        self._lock = InlineLock()
        self._count = 0
        self._arrived: Callable[[], int] = lambda: 0

    def counts(self, arrived: Callable[[], int]) -> None:
        """Use `arrived` to count requests that run one after the other on one thread."""
        self._arrived = arrived

    def __enter__(self) -> None:
        """Count one more."""
        with self._lock:
            self._count += 1

    def __exit__(self, *_error: object) -> None:
        """Count one less."""
        with self._lock:
            self._count -= 1

    @property
    def count(self) -> int:
        """The number of requests in progress."""
        return self._count

    def is_busy(self) -> bool:
        """Return whether more than one request is in progress or has arrived."""
        return self._count > 1 or self._arrived() > 1


class RequestMiddleware:
    """Wraps a WSGI application in ids, headers, metrics and the log."""

    def __init__(
        self,
        application: Application,
        traffic: InFlight,
        observer: Observer,
        answer_error: AnswerError,
        more_headers: MoreHeaders = lambda _environment: [],
    ) -> None:
        """Wrap an application.

        `answer_error` answers an error that the application raises. `more_headers` returns headers
        to add to the answer of a request.
        """
        self._application = application
        self._traffic = traffic
        self._observer = observer
        self._answer_error = answer_error
        self._more_headers = more_headers

    def __call__(self, environment: Environment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        began_s = environment.get(ARRIVED_S) or perf_counter()
        given = environment.get("HTTP_X_REQUEST_ID", "")
        request_id = given if _GIVEN_ID.fullmatch(given) else new_request_id()
        environment[REQUEST_ID] = request_id
        query = environment.get("QUERY_STRING", "")
        if not query.isascii():  # sent as it is, which RFC 3986 forbids and curl does
            environment["QUERY_STRING"] = quote(query, punctuation, "latin-1")

        def start(status: str, headers: list[tuple[str, str]], error: Any = None) -> Any:
            _complete(headers, request_id, environment)
            headers.extend(self._more_headers(environment))
            headers.extend(environment.get(RATE_LIMIT_HEADERS, ()))
            duration_s, code = perf_counter() - began_s, int(status[:3])
            route, method = route_of(environment), environment["REQUEST_METHOD"]
            self._observer.request_finished(route, method, code, duration_s)
            _log(environment, code, duration_s)
            return start_response(status, headers, error)

        with self._traffic:
            try:
                return self._application(environment, start)
            except Exception as error:  # noqa: BLE001 - logged; the answer is a problem
                status, headers, body = self._answer_error(error, environment)
                start(f"{status} {HTTPStatus(status).phrase}", headers)
                return [body]


def new_request_id() -> str:
    """Return an id for a request that has none."""
    return uuid4().hex


def request_id() -> str:
    """Return the id of the request in progress."""
    return str(request.environ[REQUEST_ID])


def _complete(headers: list[tuple[str, str]], request_id: str, environment: Environment) -> None:
    headers.append(("X-Request-Id", request_id))
    headers.extend(_HEADERS)
    if not any(name == _POLICY[0] for name, _ in headers):
        headers.append(_POLICY)
    if environment["PATH_INFO"].startswith(API_PREFIX):
        headers.append(_NO_STORE)
    if environment["wsgi.url_scheme"] == "https":
        headers.append(_TLS_ALWAYS)


def route_of(environment: Environment) -> str:
    """Return the rule that matched a request, "" for none."""
    asked = environment.get("werkzeug.request")
    return asked.url_rule.rule if asked and asked.url_rule else ""


def _log(environment: Environment, status: int, duration_s: float) -> None:
    level = logging.WARNING if status >= 400 else logging.INFO  # noqa: PLR2004
    if not logger.isEnabledFor(level):
        return
    bank_id, key_id = environment.get(BANK_ID), environment.get(KEY_ID)
    context = ({"bank_id": bank_id} if bank_id else {}) | {
        "request_id": environment[REQUEST_ID],
        "method": environment["REQUEST_METHOD"],
        "path": environment["PATH_INFO"],
        "status": status,
        "duration_ms": round(duration_s * 1000, 3),
        "address": environment.get("REMOTE_ADDR"),
        "user_id": environment.get(USER_ID),
        **({"key_id": key_id} if key_id else {}),
        "user_agent": environment.get("HTTP_USER_AGENT"),
        **trace_of(environment),
    }
    logger.log(level, "request", extra={"context": context})
