"""The Flask side of operations: reads a request, runs its operation, writes the answer.

The order of refusals is fixed: token or key, scope, permission, rate limit, query, path, body,
headers.
"""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from flask import Flask, Response, current_app, request
from msgspec.structs import replace
from werkzeug.datastructures import ETags, Headers, MIMEAccept, MultiDict

from accounts_bank.api import fault_injection, sandbox_access, tokens
from accounts_bank.api.operations import HEADER_ARGUMENTS, Operation
from accounts_bank.api.schemas.approvals import asked_view
from accounts_bank.errors import AwaitsApproval
from accounts_bank.http.answers import Answer, File
from accounts_bank.http.bank import bank
from accounts_bank.http.banks import BANKS_EXTENSION
from accounts_bank.http.fields import Input
from accounts_bank.http.guard import (
    hashes_password,
    refuse_nul,
    require,
    require_scope,
    spend_payment,
)
from accounts_bank.http.hosts import PROXY_PREFIX
from accounts_bank.http.messages import device, idempotency_key, parse, parse_query
from accounts_bank.http.middleware import KEY_ID, STREAMS, USER_ID
from accounts_bank.identity import Caller

OPERATION_IDS = "accounts.operation_ids"


class _NoQuery(Input, frozen=True):
    """A query without parameters: the route refuses all of them, so no typo moves money."""


class _CompleteResponse(Response):
    """A response with complete headers: Werkzeug need not correct them."""

    def get_wsgi_headers(self, environ: Any) -> Headers:  # noqa: ARG002 - Werkzeug's signature
        return self.headers


def register(app: Flask, operations: Iterable[Operation]) -> None:
    """Add a route for each operation."""
    operations = tuple(operations)
    app.register_error_handler(AwaitsApproval, _answer_waiting)
    app.extensions[OPERATION_IDS] = frozenset(each.operation_id for each in operations)
    for operation in operations:
        view = _view(operation)
        app.add_url_rule(operation.path, operation.name, view, methods=[operation.method])


def _answer_waiting(waits: AwaitsApproval) -> Response:
    location = f"/v1/approvals/{waits.approval_id}"
    return write(Answer(asked_view(waits), 202, location=location, replayed=waits.replayed))


def _view(operation: Operation) -> Callable[..., Response]:
    readers = {name: _READERS[name] for name in HEADER_ARGUMENTS if name in operation.takes}

    def view(**path: str) -> Response:
        values: dict[str, Any] = {"bank": bank()}
        if operation.is_sandbox and sandbox_access.is_open():
            values["caller"] = sandbox_access.caller()
        elif operation.permission is not None:
            values["caller"] = _allowed_caller(operation)
        values["query"] = parse_query(operation.query or _NoQuery)
        refuse_nul(path.values())
        if operation.body is not None:
            values["body"] = _body(operation, operation.body)
            more = operation.count_items(values["body"]) - 1
            if more:
                spend_payment(values["caller"], more)
        for name, read in readers.items():
            values[name] = read()
        faulty = fault_injection.of_bank(operation, values["bank"], values, path)
        if faulty is not None:
            return faulty
        arguments = {name: values[name] for name in operation.takes}
        answer = _answer(operation, arguments, path)
        if operation.is_sandbox:
            sandbox_access.audit(operation.name, values["caller"])
        return write(answer)

    if operation.hashes_password:
        hashes_password(view)
    view.operation = operation  # type: ignore[attr-defined] # the tests find it there
    return view


def _answer(operation: Operation, arguments: dict[str, Any], path: dict[str, str]) -> Answer:
    answer = operation.run(**arguments, **path)
    while operation.may_wait_long and not _is_still(operation, arguments):
        answer = operation.run(**arguments, **path)
    return answer


def _is_still(operation: Operation, arguments: dict[str, Any]) -> bool:
    """Check the caller again after a long wait; return whether it may see as much as before.

    :raises InvalidToken: the token or the key has ended meanwhile.
    """
    before, arguments["caller"] = arguments["caller"], _allowed_caller(operation)
    one, other = (replace(each, key=None) for each in (before, arguments["caller"]))
    return bool(one == other)  # without the key, which notes its last use


def _allowed_caller(operation: Operation) -> Caller:
    caller = tokens.caller()
    request.environ[USER_ID] = caller.id
    if caller.key is not None:
        request.environ[KEY_ID] = caller.key.id
    require_scope(caller, operation.scope)
    if operation.permission is not None:
        require(caller, operation.permission)
    if operation.is_money:
        spend_payment(caller)
    return caller


def _body(operation: Operation, kind: type[Input]) -> Input:
    return parse(
        kind,
        operation.plain_body,
        body_max_bytes=operation.body_max_bytes,
        quotes_max=operation.quotes_max,
    )


def _if_match() -> ETags | None:
    return request.if_match if "If-Match" in request.headers else None


def _accept() -> MIMEAccept | None:
    return request.accept_mimetypes if request.headers.get("Accept", "").strip() else None


def _root_url() -> str:
    """Return the URL of the process; without a host where the client's header names none."""
    host = request.host_url.rstrip("/") if request.host else ""
    return host + str(request.environ.get(PROXY_PREFIX, ""))


_READERS: dict[str, Callable[[], Any]] = {
    "key": idempotency_key,
    "address": lambda: request.remote_addr or "",
    "device": device,
    "if_match": _if_match,
    "if_none_match": lambda: request.if_none_match,
    "accept": _accept,
    "known_user_id": tokens.known_user_id,
    "refresh_claims": tokens.refresh_claims,
    "issue_tokens": lambda: tokens.tokens_view,
    "banks": lambda: current_app.extensions[BANKS_EXTENSION],
    "root_url": _root_url,
    "operation_ids": lambda: current_app.extensions[OPERATION_IDS],
}


def write(answer: Answer) -> Response:
    """Make a Flask response of an answer."""
    if answer.file is not None:
        return _write_file(answer.file)
    headers = answer.headers(request.script_root)
    if answer.value is None:
        return Response(status=answer.status, headers=headers)
    if answer.next_cursor is not None:
        headers.append(("Link", f'<{_next_url(answer.next_cursor)}>; rel="next"'))
    body = msgspec.json.encode(answer.value)
    complete = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return _CompleteResponse(body, answer.status, Headers(complete + headers))


def _next_url(cursor: str) -> str:
    query = MultiDict(request.args)
    query["cursor"] = cursor
    path = quote(request.script_root + request.path)
    return f"{path}?{urlencode(list(query.items(multi=True)))}"


def _write_file(file: File) -> Response:
    request.environ[STREAMS] = not isinstance(file.content, bytes)
    response = Response(file.content, content_type=file.content_type)
    response.headers.extend(file.headers)
    return response
