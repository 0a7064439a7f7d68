"""Maps errors to HTTP: every answer that is no success is a problem (RFC 9457)."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import msgspec
from flask import Flask, Response, request
from msgspec import Struct
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from accounts_bank import errors
from accounts_bank.errors import REASONS, UNTOLD, ApiError, Unavailable, is_shortage
from accounts_bank.http.middleware import REQUEST_ID, new_request_id, request_id
from accounts_bank.ledger.values import Status
from accounts_bank.observability.wsgi import Environment

MEDIA_TYPE = "application/problem+json"

logger = logging.getLogger("accounts_bank.api")


class Entry(Struct, frozen=True):
    """A row of the catalogue: the status, title and meaning of a code."""

    status: int
    title: str
    meaning: str


_RULES = {
    status.value: Entry(422, status.value.replace("_", " ").capitalize(), meaning)
    for status, meaning in REASONS.items()
    if status not in UNTOLD
} | {
    status.value: Entry(409, status.value.replace("_", " ").capitalize(), REASONS[status])
    for status in (Status.ACCOUNTS_OPEN, Status.HOLDS_OPEN, Status.BALANCE_NOT_ZERO)
}
_RULES["precondition_failed"] = Entry(
    412, "Precondition failed", REASONS[Status.PRECONDITION_FAILED]
)

_RULES["own_approval"] = Entry(403, "Own approval", REASONS[Status.OWN_APPROVAL])

CATALOGUE: Mapping[str, Entry] = {
    "invalid_request": Entry(
        400,
        "Invalid request",
        "The bank cannot read the request. `errors` names each place and the reason.",
    ),
    "password_weak": Entry(
        400,
        "Password weak",
        "The password is one of the most common, or little more than a name. Choose another one.",
    ),
    "username_not_allowed": Entry(
        400,
        "Username not allowed",
        "The username has a character that is invisible, a symbol, or of a second script.",
    ),
    "invalid_token": Entry(
        401, "Invalid token", "The token is missing, broken, expired, or its session has ended."
    ),
    "invalid_credentials": Entry(
        401, "Invalid credentials", "The username or the password is wrong."
    ),
    "forbidden": Entry(403, "Forbidden", "Your role lacks the permission. The detail names it."),
    "scope_missing": Entry(
        403,
        "Scope missing",
        "The key lacks the scope that `scope` names. Without `scope`, no key opens the operation.",
    ),
    "own_account": Entry(
        403, "Own account", "Staff does nothing to an account of its own. Ask another teller."
    ),
    "not_found": Entry(
        404, "Not found", "The resource does not exist, or it belongs to another user."
    ),
    "method_not_allowed": Entry(
        405, "Method not allowed", "Use one of the methods that `Allow` names."
    ),
    "not_acceptable": Entry(
        406, "Not acceptable", "The resource has none of the media types that `Accept` names."
    ),
    "request_timeout": Entry(408, "Request timeout", "The request took too long to arrive."),
    "username_taken": Entry(
        409,
        "Username taken",
        "Another user has that username, or one that looks like it. Choose another one.",
    ),
    "api_keys_full": Entry(
        409, "API keys full", "You have as many keys as a user may have. End one of them first."
    ),
    "last_admin": Entry(
        409, "Last admin", "One admin must remain. Make another user an admin first."
    ),
    "body_too_large": Entry(
        413, "Body too large", "Send 1 MiB or less: 4 MiB in a bulk, 64 KiB in a form."
    ),
    "bulk_too_large": Entry(
        413,
        "Bulk too large",
        "The store cannot take so many transfers in one commit. None was made: send fewer at once.",
    ),
    "unsupported_media_type": Entry(
        415, "Unsupported media type", "Bodies are JSON in UTF-8: send `application/json`."
    ),
    **_RULES,
    "clock_backward": Entry(
        422,
        "Clock backward",
        "The clock never moves back. Restore a snapshot instead.",
    ),
    "sandbox_full": Entry(
        429, "Sandbox full", "Delete a sandbox bank or a snapshot that you no longer need."
    ),
    "rate_limited": Entry(
        429, "Too many requests", "Wait for as many seconds as `Retry-After` says."
    ),
    "internal_error": Entry(
        500, "Internal error", "The bank made a mistake. Its log has it under the `request_id`."
    ),
    "unavailable": Entry(
        503,
        "Unavailable",
        "Not decided. Send the request again with the same key after `Retry-After`.",
    ),
    "damaged": Entry(
        503,
        "Damaged",
        "The database is corrupt. An operator must restore a backup: do not repeat the request.",
    ),
}
"""Every code. The page /docs/errors and the OpenAPI document show the catalogue."""

_CODE_BY_STATUS = {
    400: "invalid_request",
    401: "invalid_token",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "body_too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
    503: "unavailable",
}
"""The codes of the errors that Flask and Werkzeug raise; another 4xx is `invalid_request`."""


class FieldError(Struct, frozen=True):
    """A place in the request (a JSON pointer, RFC 6901), and the reason why it is refused."""

    pointer: str
    detail: str


class Problem(Struct, frozen=True, omit_defaults=True):
    """An error, as RFC 9457 writes it."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[FieldError] = []
    shortfall_minor: int | None = None
    held_minor: int | None = None
    balance_minor: int | None = None
    open_accounts: int | None = None
    left_minor: int | None = None
    index: int | None = None
    scope: str | None = None


def register(app: Flask) -> None:
    """Answer every error of an app as a problem."""
    app.register_error_handler(ApiError, answer)
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(Exception, _answer_unexpected)


def answer(error: ApiError) -> Response:
    """Return the answer of an error of this package."""
    headers = {}
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is not None:
        headers["Retry-After"] = str(retry_after_s)
    if getattr(error, "replayed", False):
        headers["Idempotent-Replayed"] = "true"
    if isinstance(error, errors.SettingsError):
        return _answer_unexpected(error)
    return _problem(error.code, error.detail, headers, error.extra)


def _answer_http(error: HTTPException) -> Response:
    if error.code is None or error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _answer_unexpected(error)
    code = _CODE_BY_STATUS.get(error.code, "invalid_request")
    headers = {}
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        headers["Allow"] = ", ".join(sorted(error.valid_methods))
    extra = {"errors": [{"pointer": "", "detail": error.name}]} if code == "invalid_request" else {}
    return _problem(code, CATALOGUE[code].meaning, headers, extra)


def _answer_unexpected(error: Exception) -> Response:
    code = _log_unexpected(error, {"request_id": request_id()})
    return _problem(code, *_UNEXPECTED[code], {})


_UNEXPECTED: Mapping[str, tuple[str, dict[str, str]]] = {
    "internal_error": (CATALOGUE["internal_error"].meaning, {}),
    "unavailable": (
        "The server lacks memory, threads, file descriptors or disk. Send the request again.",
        {"Retry-After": str(Unavailable("").retry_after_s)},
    ),
}
"""Detail and headers of the answer to an error that no other layer expects, by its code."""


def answer_outside(
    error: Exception, environment: Environment
) -> tuple[int, list[tuple[str, str]], bytes]:
    """Log an error that left Flask; return the status, the headers and the body of its answer."""
    request_id = environment.get(REQUEST_ID) or new_request_id()
    context = {"request_id": request_id, "path": environment.get("PATH_INFO")}
    code = _log_unexpected(error, context)
    detail, headers = _UNEXPECTED[code]
    problem = _problem_of(code, detail, request_id, environment.get("SCRIPT_NAME", ""))
    head = [("Content-Type", MEDIA_TYPE), *headers.items()]
    if REQUEST_ID not in environment:  # else the middleware sends it
        head.append(("X-Request-Id", request_id))
    return problem.status, head, msgspec.json.encode(problem)


def _log_unexpected(error: Exception, context: Mapping[str, object]) -> str:
    """Log an error and return the code of its answer."""
    is_short = is_shortage(error)
    event = "resources_exhausted" if is_short else "unexpected_error"
    with suppress(Exception):  # the log may lack the same resource
        logger.error(event, exc_info=error, extra={"context": context})
    return "unavailable" if is_short else "internal_error"


def _problem_of(code: str, detail: str, request_id: str, prefix: str, **extra: Any) -> Problem:
    entry = CATALOGUE[code]
    return Problem(
        type=f"{prefix}/docs/errors#{code}",
        title=entry.title,
        status=entry.status,
        detail=detail,
        code=code,
        request_id=request_id,
        **extra,
    )


def _problem(code: str, detail: str, headers: dict[str, str], extra: Mapping[str, Any]) -> Response:
    problem = _problem_of(code, detail, request_id(), request.script_root, **extra)
    response = Response(msgspec.json.encode(problem), problem.status, mimetype=MEDIA_TYPE)
    response.headers.update(headers)
    if problem.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = _challenge(code, detail)
    return response


def injected(status: int, code: str | None = None, retry_after_s: int | None = None) -> Response:
    """Return the answer of a fault of the sandbox, with any status.

    :param code: None for the usual code of the status.
    """
    code = code or _CODE_BY_STATUS.get(status) or _usual_code(status)
    title = CATALOGUE[code].title if code in CATALOGUE else code.replace("_", " ").capitalize()
    problem = Problem(
        type=f"{request.script_root}/docs/errors#{code}",
        title=title,
        status=status,
        detail="A fault of the sandbox answers instead of the bank. The bank did nothing.",
        code=code,
        request_id=request_id(),
    )
    response = Response(msgspec.json.encode(problem), status, mimetype=MEDIA_TYPE)
    if retry_after_s is not None:
        response.headers["Retry-After"] = str(retry_after_s)
    return response


def _usual_code(status: int) -> str:
    is_fault_of_server = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return "internal_error" if is_fault_of_server else "invalid_request"


def _challenge(code: str, detail: str) -> str:
    """Return the challenge. It names the error of a token that was sent (RFC 6750, 3.1)."""
    if code == "invalid_token" and "Authorization" in request.headers:
        return f'Bearer error="invalid_token", error_description="{detail}"'
    return "Bearer"
