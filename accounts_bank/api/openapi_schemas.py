"""The schemas of the OpenAPI document, in forms that generators of typed clients understand.

msgspec's schemas -> renamed, tidied -> components/schemas
CATALOGUE         -> a schema for each code, a union by `code` for each status of an operation
"""

import re
from collections.abc import Iterable
from inspect import cleandoc
from typing import Any, get_args

import msgspec

from accounts_bank.api.problems import CATALOGUE, Problem
from accounts_bank.ledger.currencies import DECIMALS

PLACE = "#/components/schemas/"
BAD_REQUEST = 400
INT64_MAX = 2**63 - 1
_LOOKS_AHEAD = re.compile(r"\(\?[=!][^()]*\)")
"""RE2 has no look-ahead. Python needs one at the end: its `$` matches before a last line feed too,
and that of JSON Schema (ECMA-262) does not."""

_CURRENCIES = sorted(DECIMALS)
_OWN_MEMBERS = {
    "shortfall_minor": ("funds_insufficient",),
    "held_minor": ("holds_open", "capture_too_large"),
    "balance_minor": ("balance_not_zero",),
    "open_accounts": ("accounts_open",),
    "left_minor": ("limit_exceeded", "reversal_too_large"),
    "scope": ("scope_missing",),
}
"""The codes of members that not every problem may have."""

Schema = dict[str, Any]


def name_of(kind: str) -> str:
    """Return the name of a type in the document: `TransferView` is `Transfer`."""
    return kind.removesuffix("View")


def ref(kind: Any) -> Schema:
    """Return a reference to the schema of a struct."""
    return {"$ref": PLACE + name_of(kind.__name__)}


def components_of(kinds: Iterable[Any], hidden: Iterable[Any]) -> tuple[Schema, Schema]:
    """Return the schemas of structs by their names, and those of hidden ones.

    :param hidden: queries, whose fields become parameters.
    """
    hidden = tuple(hidden)
    template = f"{PLACE}{{name}}"
    _, found = msgspec.json.schema_components((*kinds, *hidden), ref_template=template)
    apart = {each.__name__ for each in hidden}
    queries = {name: _tidy(found.pop(name), is_parameter=True) for name in apart}
    schemas = {name_of(name): _tidy(schema) for name, schema in found.items()}
    schemas["Currency"] = {
        "title": "Currency",
        "description": "ISO 4217.",
        "type": "string",
        "enum": _CURRENCIES,
    }
    return dict(sorted(schemas.items())), queries


def problem_schemas() -> Schema:
    """Return a schema for each code, in which `code` has one value."""
    found = components_of((Problem,), ())[0]
    base, schemas = found["Problem"], {"FieldError": found["FieldError"]}
    for code, entry in CATALOGUE.items():
        properties = {
            name: schema
            for name, schema in base["properties"].items()
            if code in _OWN_MEMBERS.get(name, (code,))
            and (name != "errors" or entry.status == BAD_REQUEST)
        }
        properties["code"] = {"type": "string", "enum": [code]}
        properties["status"] = {"type": "integer", "format": "int32", "enum": [entry.status]}
        schemas[problem_name(code)] = {
            "title": problem_name(code),
            "description": entry.meaning,
            "type": "object",
            "properties": properties,
            "required": base["required"],
        }
    return schemas


def problem_name(code: str) -> str:
    """Return the name of the schema of a code: `funds_insufficient` is `FundsInsufficient`."""
    return "".join(map(str.capitalize, code.split("_")))


def problem_of(codes: Iterable[str]) -> Schema:
    """Return the schema of a problem with one of some codes."""
    refs = {code: PLACE + problem_name(code) for code in codes}
    if len(refs) == 1:
        return {"$ref": next(iter(refs.values()))}
    return {
        "oneOf": [{"$ref": each} for each in refs.values()],
        "discriminator": {"propertyName": "code", "mapping": refs},
    }


def kinds_of(answer: Any) -> tuple[Any, ...]:
    """Return the structs that an answer may be."""
    return get_args(answer) or (answer,)


def page_name(answer: Any) -> str:
    """Return the name of the schema of a page of items."""
    first, *others = (name_of(each.__name__) for each in kinds_of(answer))
    return f"{'Or'.join([first, *others])}Page"


def page_of(answer: Any, schemas: Schema) -> Schema:
    """Return the schema of a page of items.

    :param schemas: of the items. Items of several kinds are told apart by their `status`.
    """
    return {
        "title": page_name(answer),
        "description": "A page of a list. `next_cursor` leads to the next one.",
        "type": "object",
        "required": ["data", "next_cursor"],
        "properties": {
            "data": {"type": "array", "items": _item_of(answer, schemas)},
            "next_cursor": {"type": ["string", "null"]},
        },
    }


def _item_of(answer: Any, schemas: Schema) -> Schema:
    kinds = kinds_of(answer)
    if len(kinds) == 1:
        return ref(answer)
    mapping = {
        status: ref(kind)["$ref"]
        for kind in kinds
        for status in schemas[name_of(kind.__name__)]["properties"]["status"]["enum"]
    }
    return {
        "oneOf": [ref(kind) for kind in kinds],
        "discriminator": {"propertyName": "status", "mapping": mapping},
    }


def _tidy(schema: Any, *, is_parameter: bool = False) -> Any:
    """Return a schema with formats, types and names that generators of clients need."""
    if isinstance(schema, list):
        return [_tidy(each, is_parameter=is_parameter) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("enum") == _CURRENCIES:
        return {"$ref": f"{PLACE}Currency"}
    tidied = {
        key: value
        if key in {"enum", "default", "required"}
        else {name: _member(name, each, is_parameter) for name, each in value.items()}
        if key == "properties"
        else _tidy(value, is_parameter=is_parameter)
        for key, value in schema.items()
    }
    _name(tidied)
    _type(tidied)
    _say_default(tidied, is_parameter=is_parameter)
    return tidied


def _member(name: str, schema: Schema, is_parameter: bool) -> Schema:  # noqa: FBT001 - of `_tidy`
    if name == "currency" and schema == {"type": "string"}:
        return {"$ref": f"{PLACE}Currency"}
    found: Schema = _tidy(schema, is_parameter=is_parameter)
    return found


def _name(schema: Schema) -> None:
    if "$ref" in schema:
        schema["$ref"] = PLACE + name_of(schema["$ref"].removeprefix(PLACE))
    if schema.get("type") == "object" and "title" in schema:
        schema["title"] = name_of(schema["title"])
    if "mapping" in schema:
        schema["mapping"] = {
            value: PLACE + name_of(place.removeprefix(PLACE))
            for value, place in schema["mapping"].items()
        }
    if "description" in schema:
        schema["description"] = cleandoc(schema["description"])


def _type(schema: Schema) -> None:
    if "enum" in schema:
        schema.setdefault("type", "string")
    if schema.get("type") == "integer":
        schema.setdefault("format", "int64")
        schema.setdefault("minimum", -INT64_MAX - 1)
        schema.setdefault("maximum", INT64_MAX)
    if "pattern" in schema:
        schema["pattern"] = _LOOKS_AHEAD.sub("", schema["pattern"])
    if "discriminator" in schema and "anyOf" in schema:
        schema["oneOf"] = schema.pop("anyOf")


def _say_default(schema: Schema, *, is_parameter: bool) -> None:
    """Move the default of a member into its description.

    Generators take a member with a default for one that is always there.
    """
    if is_parameter and schema.get("default") is not None:
        return
    default = schema.pop("default", None)
    if default is not None and "$ref" not in schema:
        text = f"Default: `{msgspec.json.encode(default).decode()}`."
        schema["description"] = " ".join(filter(None, (schema.get("description"), text)))
