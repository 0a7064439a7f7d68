"""The OpenAPI 3.1 document, made from the declarations of the operations."""

import re
from collections import Counter
from collections.abc import Iterable
from inspect import cleandoc
from typing import Any

from accounts_bank.api.openapi_parameters import parameters_of
from accounts_bank.api.openapi_schemas import (
    PLACE,
    Schema,
    components_of,
    kinds_of,
    page_name,
    page_of,
    problem_name,
    problem_of,
    problem_schemas,
    ref,
)
from accounts_bank.api.operations import Operation
from accounts_bank.api.problems import CATALOGUE, MEDIA_TYPE
from accounts_bank.api.schemas.approvals import ApprovalAskedView
from accounts_bank.http.messages import may_be_empty

CREATED = 201
NAMED_CODES = 3
"""A response with more codes than that has the name of the first operation that answers it."""

_DESCRIPTION = """\
A bank in a box. Amounts are integers in minor units. Sign up, sign in, send the access token as a
bearer token. Send an `Idempotency-Key` with each payment: the bank makes a payment with the same
key and body once. Every error is a problem (RFC 9457) with a stable `code`; all codes are at
[/docs/errors](docs/errors)."""

_API_KEY = "A key for programs: `acc_` and 43 characters. Each operation names its scope."


_ALWAYS = ("invalid_request", "method_not_allowed", "internal_error", "unavailable", "damaged")
_WITH_TOKEN = ("invalid_token", "forbidden", "scope_missing")
_WITH_BODY = ("unsupported_media_type", "body_too_large", "request_timeout")
_WITH_MONEY = ("rate_limited",)


_TAGS = {
    "accounts": "Accounts in one currency, their lines, statements and limits.",
    "api-keys": "Keys for programs.",
    "approvals": "Actions of staff that wait for a second person.",
    "audit": "The audit trail.",
    "auth": "Sign in, refresh a token, sign out.",
    "deposits": "Cash that is paid in.",
    "events": "Events of users and accounts, in their order.",
    "holds": "Money that is set aside for a payee.",
    "integrity": "The proof of the books.",
    "payees": "People and firms that a customer pays.",
    "reversals": "Money that is sent back.",
    "sandbox": "Banks for tests: their clock, faults and snapshots.",
    "schedules": "Payments that repeat.",
    "transfers": "Money between accounts: single, in bulk, sent back.",
    "users": "Users, their profile and their sessions.",
    "webhook-endpoints": "Programs that are told of events.",
    "withdrawals": "Cash that is paid out.",
}


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """Describe operations, sorted by path."""
    operations = sorted(operations, key=lambda operation: operation.path)
    schemas, parameters = _schemas(operations)
    responses = _shared_responses(operations)
    paths = _paths(operations, parameters, responses)
    used = {code for operation in operations for code in _codes(operation)}
    names = {"FieldError", *map(problem_name, used)}
    schemas |= {name: each for name, each in problem_schemas().items() if name in names}
    tags = {_tag(operation) for operation in operations}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Accounts",
            "version": "1",
            "description": _DESCRIPTION,
            "contact": {"name": "The Accounts authors"},
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": _TAGS[name]} for name in sorted(tags)],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {name: _problem(*each) for name, each in responses.items()},
            "securitySchemes": {
                "access_token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "refresh_token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "api_key": {"type": "http", "scheme": "bearer", "description": _API_KEY},
            },
        },
    }


def _schemas(operations: list[Operation]) -> tuple[Schema, Schema]:
    """Return the schemas of bodies and answers, and those of queries."""
    kinds: list[Any] = [ApprovalAskedView]
    for operation in operations:
        kinds += [each for each in (operation.body, *kinds_of(operation.answer)) if each]
    queries = {operation.query for operation in operations if operation.query}
    schemas, parameters = components_of(kinds, queries)
    for operation in operations:
        if operation.is_page:
            page = page_of(operation.answer, schemas)
            schemas[page["title"]] = page
        if operation.body is not None and operation.body.needs_a_field:
            schemas[operation.body.__name__]["minProperties"] = 1
        if operation.item_codes:
            schemas["ItemRefused"]["properties"]["code"]["enum"] = sorted(operation.item_codes)
    return schemas, parameters


_Shared = dict[str, tuple[int, tuple[str, ...]]]
"""The status and the codes of responses that several operations have, by their names."""


def _shared_responses(operations: list[Operation]) -> _Shared:
    counted = Counter(each for operation in operations for each in _problems(operation))
    first = {each: o.operation_id for o in reversed(operations) for each in _problems(o)}
    return {
        "Or".join(map(problem_name, each[1]))
        if len(each[1]) <= NAMED_CODES
        else f"{problem_name(first[each])}Refused": each
        for each, count in counted.items()
        if count > 1
    }


def _problems(operation: Operation) -> list[tuple[int, tuple[str, ...]]]:
    """Return each status of an error, and its codes."""
    by_status: dict[int, list[str]] = {}
    for code in _codes(operation):
        by_status.setdefault(CATALOGUE[code].status, []).append(code)
    return [(status, tuple(codes)) for status, codes in sorted(by_status.items())]


def _paths(operations: list[Operation], parameters: Schema, shared: _Shared) -> Schema:
    paths: Schema = {}
    for operation in operations:
        described = _described(operation, parameters, shared)
        links = _links(operation, operations)
        if links:
            described["responses"][str(operation.status)]["links"] = links
        paths.setdefault(_path(operation), {})[operation.method.lower()] = described
    return paths


def _path(operation: Operation) -> str:
    return operation.path.replace("<", "{").replace(">", "}")


def _tag(operation: Operation) -> str:
    return operation.path.split("/")[2]


def _links(operation: Operation, operations: list[Operation]) -> Schema:
    """Return links from a new resource to the operations on it, by its `id`."""
    if operation.status != CREATED or operation.answer is None:
        return {}
    if "id" not in operation.answer.__struct_fields__:
        return {}
    below = re.compile(re.escape(operation.path) + "/<([a-z_]+)>(/[a-z-]+)?")
    found = {each: below.fullmatch(each.path) for each in operations}
    return {
        each.operation_id: {
            "operationId": each.operation_id,
            "parameters": {match[1]: "$response.body#/id"},
        }
        for each, match in found.items()
        if match
    }


def _described(operation: Operation, parameters: Schema, shared: _Shared) -> Schema:
    described: Schema = {
        "operationId": operation.operation_id,
        "tags": [_tag(operation)],
        "summary": operation.summary,
        "description": cleandoc(operation.run.__doc__ or operation.summary),
        "parameters": parameters_of(operation, parameters),
        "responses": _responses(operation, shared),
        "security": _security(operation),
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": not may_be_empty(operation.body),
            "content": _json(ref(operation.body)),
        }
    return described


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    if operation.takes_refresh_token:
        return [{"refresh_token": []}]
    if operation.permission is None:
        return []
    opens = {"access_token": list[str]()}
    return [opens, {"api_key": [operation.scope.value]}] if operation.scope else [opens]


def _responses(operation: Operation, shared: _Shared) -> Schema:
    responses: Schema = {str(operation.status): _success(operation)}
    if operation.is_tagged and operation.body is None:
        responses["304"] = {"description": "Not modified.", "headers": {"ETag": _ETAG}}
    if operation.may_wait:
        responses["202"] = _WAITS
    names = {each: name for name, each in shared.items()}
    for each in _problems(operation):
        name = names.get(each)
        place = {"$ref": f"#/components/responses/{name}"}
        responses[str(each[0])] = place if name else _problem(*each)
    return responses


def _success(operation: Operation) -> dict[str, Any]:
    success: dict[str, Any] = {"description": operation.summary}
    if operation.item_codes:
        success["description"] += f". A refused item has one of the codes {_listed(operation)}."
    if operation.answer is not None:
        page = {"$ref": f"{PLACE}{page_name(operation.answer)}"}
        success["content"] = _json(page if operation.is_page else ref(operation.answer))
        if len(operation.media_types) > 1:
            others = ", ".join(f"`{each}`" for each in operation.media_types[1:])
            success["description"] += f". `Accept` may ask for {others} too."
    elif operation.media_types != ("application/json",):
        success["content"] = {each: {"schema": _file(each)} for each in operation.media_types}
    headers = _success_headers(operation)
    if headers:
        success["headers"] = headers
    return success


def _file(media_type: str) -> Schema:
    is_text = media_type in {"text/csv", "application/xml"}
    return {"type": "string"} if is_text else {}


def _listed(operation: Operation) -> str:
    return ", ".join(f"`{code}`" for code in operation.item_codes)


def _codes(operation: Operation) -> dict[str, None]:
    codes = [*_ALWAYS, *operation.codes]
    codes += _WITH_TOKEN if operation.permission is not None else ()
    codes += _WITH_BODY if operation.body is not None else ()
    codes += _WITH_MONEY if operation.is_money else ()
    codes += ("precondition_failed",) if operation.is_tagged and operation.body else ()
    codes += ("not_acceptable",) if len(operation.media_types) > 1 else ()
    return dict.fromkeys(codes)


def _success_headers(operation: Operation) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if operation.status == CREATED:
        headers["Location"] = _header("The path of the new resource.")
    if operation.is_money:
        headers["Idempotent-Replayed"] = _REPLAYED
    if operation.query is not None and "dry_run" in operation.query.__struct_fields__:
        headers["Dry-Run"] = _header(
            "`true` for a dry run, which moves nothing and has no Location."
        )
    if operation.is_tagged:
        headers["ETag"] = _ETAG
    if operation.media_types != ("application/json",):
        headers["Content-Disposition"] = _header("A file name, for media types other than JSON.")
    if operation.is_page:
        headers["Link"] = _header('The next page, `rel="next"`, where there is one.')
    return headers


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


_ETAG = _header("A strong entity tag, for `If-Match` and `If-None-Match`.")
_REPLAYED = _header("`true` if the answer repeats an earlier one.")


def _problem(status: int, codes: tuple[str, ...]) -> Schema:
    response: dict[str, Any] = {
        "description": "; ".join(f"`{code}`: {CATALOGUE[code].meaning}" for code in codes),
        "content": {MEDIA_TYPE: {"schema": problem_of(codes)}},
    }
    if status == 401:  # noqa: PLR2004
        response["headers"] = {"WWW-Authenticate": _header("How to sign in, RFC 6750.")}
    if status == 422:  # noqa: PLR2004
        response["headers"] = {"Idempotent-Replayed": _REPLAYED}
    if status == 429:  # noqa: PLR2004
        response["headers"] = {"Retry-After": _header("In seconds.")}
    if status == 503:  # noqa: PLR2004
        response["headers"] = {"Retry-After": _header("In seconds; absent with `damaged`.")}
    return response


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


_WAITS: dict[str, Any] = {
    "description": "A second person must grant it. Nothing is changed yet.",
    "content": _json(ref(ApprovalAskedView)),
    "headers": {"Location": _header("The path of the request for approval.")},
}
