"""The parameters of an operation in the OpenAPI document."""

import re
from typing import Any

from accounts_bank.api.operations import Operation

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


def parameters_of(operation: Operation, components: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the parameters: of the path, the query and the headers.

    :param components: the schemas of the queries, by their names.
    """
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
