"""Faults of a sandbox bank in the request in progress: of its header, and of the bank."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from flask import Flask, Response, request
from msgspec import Struct

from accounts_bank.api.operations import Operation
from accounts_bank.api.problems import injected
from accounts_bank.errors import InvalidRequest
from accounts_bank.http.bank import Bank
from accounts_bank.http.lost_answers import CUT_BYTES, DELAY_S
from accounts_bank.http.middleware import request_id
from accounts_bank.ledger.iban import canonical
from accounts_bank.sandbox.faults import Call, Effect, effect_of

HEADER = "Accounts-Fault"
ACCOUNT_FIELDS = frozenset({"account", "from_account", "to_account"})


def register(app: Flask) -> None:
    """Take the fault of each request from its header. Only a sandbox does."""
    app.before_request(_by_header)


def of_bank(
    operation: Operation, bank: Bank, values: Mapping[str, Any], path: Mapping[str, str]
) -> Response | None:
    """Count a request for the faults of its bank; return the answer of one, if any acts.

    A request with a fault of its own is not counted.
    """
    if bank.sandbox is None or not bank.sandbox.faults or HEADER in request.headers:
        return None
    effect = bank.sandbox.faults.hit(
        Call(
            request_id(),
            operation.operation_id,
            operation.is_sandbox,
            frozenset(_users(bank, values)),
            frozenset(map(canonical, _accounts({**path, "": values.get("body")}))),
        )
    )
    return None if effect is None else _applied(effect)


def _by_header() -> Response | None:
    text = request.headers.get(HEADER)
    if text is None:
        return None
    try:
        effect = effect_of(text)
    except InvalidRequest:
        raise InvalidRequest(f"Send {HEADER} as `drop=after_commit` or `answer=503`.") from None
    return _applied(effect)


def _applied(effect: Effect) -> Response | None:
    """Prepare the loss or the delay of the true answer; return an answer that replaces it."""
    if effect.answer is not None:
        return injected(effect.answer, effect.code, effect.retry_after_s)
    if effect.delay_ms is not None:
        request.environ[DELAY_S] = effect.delay_ms / 1000
        return None
    request.environ[CUT_BYTES] = effect.truncate or 0
    if effect.drop == "before":
        return injected(HTTPStatus.SERVICE_UNAVAILABLE)
    return None


def _users(bank: Bank, values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of the caller: id and username, or the username of a sign-in."""
    caller = values.get("caller")
    if caller is not None and caller.id:
        yield caller.id
        yield bank.users.user(caller).username.lower()
    named = getattr(values.get("body"), "username", None)
    if caller is None and isinstance(named, str):
        yield named.lower()


def _accounts(value: Any) -> Iterator[str]:
    """Yield the accounts that a path or a body names, at any depth."""
    fields = msgspec.structs.asdict(value) if isinstance(value, Struct) else value
    if isinstance(fields, list | tuple):
        for each in fields:
            yield from _accounts(each)
    elif isinstance(fields, dict):
        for name, each in fields.items():
            if isinstance(each, str):
                yield from [each] if name in ACCOUNT_FIELDS else []
            else:
                yield from _accounts(each)
