"""The OpenAPI 3.1 document, made from the declarations of the operations."""

import re
from collections.abc import Iterable
from typing import Any, get_args

import msgspec

from accounts_bank.api.operations import Operation
from accounts_bank.api.problems import CATALOGUE, MEDIA_TYPE, Problem
from accounts_bank.api.schemas.approvals import ApprovalAskedView
from accounts_bank.http.messages import may_be_empty

_TEMPLATE = "#/components/schemas/{name}"

_DESCRIPTION = """\
A bank in a box. Amounts are integers in minor units. Sign up, sign in, send the access token as a
bearer token. Send an `Idempotency-Key` with each payment: the bank makes a payment with the same
key and body once. Every error is a problem (RFC 9457) with a stable `code`; all codes are at
[/docs/errors](docs/errors)."""

_API_KEY = "A key for programs: `acc_` and 43 characters. Each operation names its scope."

_PATH_PARAMETERS = {
    "account": "An account's id or number.",
    "entry_id": "The id in the answer of the POST.",
    "user_id": "A user's id.",
    "approval_id": "The `approval_id` of an answer 202.",
    "session_id": "A session's id.",
    "key_id": "A key's id.",
    "bank_id": "The id of a sandbox bank.",
    "fault_id": "The id of a fault.",
    "name": "1 to 64 letters, digits, `.`, `_` or `-`.",
}

_ALWAYS = ("invalid_request", "method_not_allowed", "internal_error", "unavailable", "damaged")
_WITH_TOKEN = ("invalid_token", "forbidden", "scope_missing")
_WITH_BODY = ("unsupported_media_type", "body_too_large", "request_timeout")
_WITH_MONEY = ("rate_limited",)


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """Describe operations, sorted by path."""
    operations = sorted(operations, key=lambda operation: operation.path)
    types: list[Any] = [Problem, ApprovalAskedView]
    for operation in operations:
        answers = get_args(operation.answer) or (operation.answer,)
        types += [each for each in (operation.body, *answers, operation.query) if each]
    _, components = msgspec.json.schema_components(types, ref_template=_TEMPLATE)
    for operation in operations:
        if operation.body is not None and operation.body.needs_a_field:
            components[operation.body.__name__]["minProperties"] = 1
    return {
        "openapi": "3.1.0",
        "info": {"title": "Accounts", "version": "1", "description": _DESCRIPTION},
        "servers": [{"url": "/"}],
        "paths": _paths(operations, components),
        "components": {
            "schemas": _without_queries(components, operations),
            "securitySchemes": {
                "access_token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "refresh_token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "api_key": {"type": "http", "scheme": "bearer", "description": _API_KEY},
            },
        },
    }


def _paths(operations: list[Operation], components: dict[str, Any]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for operation in operations:
        path = operation.path.replace("<", "{").replace(">", "}")
        described = _described(operation, components)
        paths.setdefault(path, {})[operation.method.lower()] = described
    return paths


def _described(operation: Operation, components: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.operation_id,
        "tags": [operation.path.split("/")[2]],
        "summary": operation.summary,
        "parameters": _parameters(operation, components),
        "responses": _responses(operation),
        "security": _security(operation),
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": not may_be_empty(operation.body),
            "content": _json(_ref(operation.body)),
        }
    return described


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    if operation.takes_refresh_token:
        return [{"refresh_token": []}]
    if operation.permission is None:
        return []
    opens = {"access_token": list[str]()}
    return [opens, {"api_key": [operation.scope.value]}] if operation.scope else [opens]


def _parameters(operation: Operation, components: dict[str, Any]) -> list[dict[str, Any]]:
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PATH_PARAMETERS[name],
            "schema": {"type": "string", "minLength": 1, "maxLength": 64},
        }
        for name in re.findall("<([a-z_]+)>", operation.path)
    ]
    if operation.query is not None:
        properties = components[operation.query.__name__]["properties"]
        parameters += [
            {"name": name, "in": "query", "required": False, "schema": schema}
            | ({"style": "deepObject"} if schema.get("type") == "object" else {})
            for name, schema in properties.items()
        ]
    if operation.is_money:
        parameters.append(_IDEMPOTENCY_KEY)
    if operation.is_tagged:
        parameters.append(_IF_MATCH if operation.body else _IF_NONE_MATCH)
    return parameters


_IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "1 to 255 printable characters, quoted if one is a comma. A retry with the same "
    "key moves no money.",
    "schema": {
        "type": "string",
        "pattern": r'^("[ !#-~]{1,255}"|[!#-+\x2d-~]([ -+\x2d-~]{0,253}[!-+\x2d-~])?)$',
    },
}


def _tag_parameter(name: str, description: str) -> dict[str, Any]:
    schema = {"type": "string"}
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": schema,
    }


_IF_MATCH = _tag_parameter("If-Match", "An `ETag`. A resource that has changed since answers 412.")
_IF_NONE_MATCH = _tag_parameter(
    "If-None-Match", "An `ETag`. A resource that has not changed since answers 304."
)


def _responses(operation: Operation) -> dict[str, Any]:
    responses: dict[str, Any] = {str(operation.status): _success(operation)}
    if operation.is_tagged and operation.body is None:
        responses["304"] = {"description": "Not modified.", "headers": {"ETag": _ETAG}}
    if operation.may_wait:
        responses["202"] = _WAITS
    by_status: dict[int, list[str]] = {}
    for code in _codes(operation):
        by_status.setdefault(CATALOGUE[code].status, []).append(code)
    for status, codes in sorted(by_status.items()):
        responses[str(status)] = _problem(status, codes)
    return responses


def _success(operation: Operation) -> dict[str, Any]:
    success: dict[str, Any] = {"description": operation.summary}
    if operation.item_codes:
        success["description"] += f". A refused item has one of the codes {_listed(operation)}."
    if operation.answer is not None:
        schema = _ref(operation.answer)
        success["content"] = _json(_page_of(schema) if operation.is_page else schema)
        for media_type in operation.media_types[1:]:
            success["content"][media_type] = {"schema": {"type": "string"}}
    elif operation.media_types != ("application/json",):
        success["content"] = {each: {"schema": {}} for each in operation.media_types}
    headers = _success_headers(operation)
    if headers:
        success["headers"] = headers
    return success


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
    if operation.status == 201:  # noqa: PLR2004
        headers["Location"] = _header("The path of the new resource.")
    if operation.is_money:
        headers["Idempotent-Replayed"] = _REPLAYED
    if operation.query is not None and "dry_run" in operation.query.__struct_fields__:
        headers["Dry-Run"] = _header(
            "`true` for a dry run, which moves nothing and has no Location."
        )
    if operation.is_tagged:
        headers["ETag"] = _ETAG
    if len(operation.media_types) > 1:
        headers["Content-Disposition"] = _header("A file name, for media types other than JSON.")
    if operation.is_page:
        headers["Link"] = _header('The next page, `rel="next"`, where there is one.')
    return headers


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


_ETAG = _header("A strong entity tag, for `If-Match` and `If-None-Match`.")
_REPLAYED = _header("`true` if the answer repeats an earlier one.")


def _problem(status: int, codes: list[str]) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": "; ".join(f"`{code}`: {CATALOGUE[code].meaning}" for code in codes),
        "content": {MEDIA_TYPE: {"schema": _ref(Problem)}},
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


def _page_of(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["data", "next_cursor"],
        "properties": {
            "data": {"type": "array", "items": item},
            "next_cursor": {"type": ["string", "null"]},
        },
    }


def _ref(kind: Any) -> dict[str, Any]:
    if len(get_args(kind)) > 1:
        return {"oneOf": [_ref(each) for each in get_args(kind)]}
    return {"$ref": _TEMPLATE.format(name=kind.__name__)}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _without_queries(components: dict[str, Any], operations: list[Operation]) -> dict[str, Any]:
    queries = {each.query.__name__ for each in operations if each.query is not None}
    return {name: schema for name, schema in components.items() if name not in queries}


_WAITS: dict[str, Any] = {
    "description": "A second person must grant it. Nothing is changed yet.",
    "content": _json(_ref(ApprovalAskedView)),
    "headers": {"Location": _header("The path of the request for approval.")},
}
