"""Reads requests: JSON bodies, queries, times and idempotency keys."""

import json
import re
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar

import msgspec
from flask import request
from msgspec import Struct, UnsetType
from msgspec.structs import fields
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge

from accounts_bank.errors import InvalidRequest, UnsupportedMediaType
from accounts_bank.identity import Device
from accounts_bank.observability.wsgi import Environment

BODY_MAX_BYTES = 1024 * 1024
BULK_BODY_MAX_BYTES = 4 * BODY_MAX_BYTES
FORM_BODY_MAX_BYTES = 64 * 1024
"""A form is short. A form of 1 MiB could have 250,000 fields and take most of a second."""
QUOTES_MAX = 4096
"""More than any body but a bulk needs. A body of many repeated fields would take long to parse and
block every other request of the process."""

BODY = "accounts.body"
"""The key of the JSON body in the WSGI environment, as it arrived."""

AGENT_MAX = 200
"""The characters of a client's `User-Agent` that a session keeps."""

T = TypeVar("T")
W = TypeVar("W", bound=Struct)
Listed = TypeVar("Listed")

_KEY = re.compile(
    r'"([\x20\x21\x23-\x7e]{1,255})"|([\x20\x21\x23-\x2b\x2d-\x7e][\x20-\x2b\x2d-\x7e]{0,254})'
)
"""A bare key has no comma: a server joins two headers of one name by a comma (RFC 9110, 5.3)."""
_PAIR = re.compile(r"(?P<name>[a-z_]+)\[(?P<key>.+)\]", re.DOTALL)
_LEAP_SECOND = re.compile(r"^(.{11}[0-9]{2}:[0-9]{2}):60")
_PATH = re.compile(r"^(?P<message>.*?)(?: - at (?:`key` in )?`(?P<path>\$.*)`)?$", re.DOTALL)
_FIELD = re.compile(r"(?:unknown|required) field `(?P<name>.*)`$", re.DOTALL)


def may_be_empty(kind: type[Struct]) -> bool:
    """Return whether a body may be absent, since each of its fields may."""
    return not (needs_a_field(kind) or any(each.required for each in fields(kind)))


def needs_a_field(kind: type[Struct]) -> bool:
    """Return whether a body must have one of its optional fields."""
    return bool(getattr(kind, "needs_a_field", False))


def parse(
    kind: type[W],
    plain_kind: type[W] | None = None,
    *,
    body_max_bytes: int = BODY_MAX_BYTES,
    quotes_max: int | None = QUOTES_MAX,
) -> W:
    """Read the JSON body strictly.

    `plain_kind` is the same type without text patterns. It reads a body of printable ASCII without
    escapes, in which `TEXT_PATTERN` refuses nothing.

    :raises RequestEntityTooLarge: the body is longer than `body_max_bytes`.
    :raises UnsupportedMediaType: the content type is not JSON in UTF-8, or the body is encoded.
    :raises InvalidRequest: the body does not fit `kind`; the pointer names the place.
    """
    refuse_encoded(request.environ)
    request.max_content_length = body_max_bytes + 1
    body = request.environ[BODY] = request.get_data(cache=False)
    if len(body) > body_max_bytes:
        raise RequestEntityTooLarge
    if not body and may_be_empty(kind):
        return kind()
    if body and not _is_json():
        raise UnsupportedMediaType("Send `Content-Type: application/json`, in UTF-8.")
    if quotes_max is not None and body.count(b'"') > quotes_max:
        raise InvalidRequest("The body has too many fields. Send fewer.")
    if plain_kind and _is_plain(body):
        kind = plain_kind
    try:
        read = msgspec.json.decode(body, type=kind)
        if not _says_all_of(read, body):
            _refuse_twice(json.loads(body, object_pairs_hook=_object))
    except msgspec.ValidationError as error:
        raise _invalid(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidRequest("The body is not JSON.") from None
    if needs_a_field(kind) and read == kind():
        raise InvalidRequest(f"Send one or more of: {', '.join(kind.__struct_fields__)}.")
    return read


def refuse_encoded(environment: Environment) -> None:
    """Refuse a body with a coding, such as gzip (RFC 9110, 15.5.16).

    :raises UnsupportedMediaType: the header Content-Encoding names another coding than identity.
    """
    codings = environment.get("HTTP_CONTENT_ENCODING")
    if codings and {coding.strip() for coding in codings.lower().split(",")} - {"", "identity"}:
        raise UnsupportedMediaType("Send the body without a Content-Encoding.")


def parse_query(kind: type[T]) -> T:
    """Read the query as a struct; refuse an unknown or repeated parameter.

    :raises InvalidRequest: the pointer names the parameter.
    """
    if not request.query_string:
        return kind()
    arguments = request.args
    for name, values in arguments.lists():
        if len(values) > 1:
            raise InvalidRequest("The parameter is given twice.", pointer=f"/{name}")
    try:
        return msgspec.convert(_nested(arguments), kind, strict=False)
    except msgspec.ValidationError as error:
        raise _invalid(error) from None


def _nested(arguments: MultiDict[str, str]) -> dict[str, Any]:
    """Return the parameters by name; `metadata[order]=7` becomes an object of pairs.

    OpenAPI calls this style `deepObject`.
    """
    found: dict[str, Any] = {}
    for name, value in arguments.items():
        pair = _PAIR.fullmatch(name)
        place = found.setdefault(pair["name"], {}) if pair else None
        if pair and isinstance(place, dict):
            place[pair["key"]] = value
        else:
            found[name] = value
    return found


def optional_time(text: str | UnsetType, name: str) -> datetime | None:
    """Read a time or a date as `parse_time` does; None where it is not given.

    :raises InvalidRequest: it is neither.
    """
    return None if isinstance(text, UnsetType) else parse_time(text, name)


def parse_time(text: str, name: str) -> datetime:
    """Read a time or a date (its first moment, in UTC) as RFC 3339 writes them.

    A leap second is the one before it; a zone that leads past the years 1 to 9999 is left out.

    :raises InvalidRequest: it is neither.
    """
    text = f"{text}T00:00:00Z" if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else text
    try:
        time = msgspec.convert(_LEAP_SECOND.sub(r"\1:59", text.replace(" ", "+")), datetime)
    except msgspec.ValidationError:
        return _no_time(name)
    if time.tzinfo is None:
        return _no_time(name)
    try:
        return time.astimezone(UTC)
    except OverflowError:
        return time.replace(tzinfo=UTC)  # the year 1 or 9999: its zone leads out of the calendar


def idempotency_key() -> str | None:
    """Read the Idempotency-Key, quoted or bare.

    :raises InvalidRequest: it is not 1 to 255 printable characters of ASCII, or is sent twice.
    """
    key = request.environ.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return None
    found = _KEY.fullmatch(key)
    if found is None:
        raise InvalidRequest(
            "Send one Idempotency-Key of 1 to 255 printable characters; quote it if it has a comma."
        )
    return found[1] or found[2]


def device(*, is_of_pages: bool = False) -> Device:
    """Read the client of this request: its address, and the visible part of its `User-Agent`."""
    agent = "".join(each for each in request.user_agent.string if each.isprintable())
    return Device(request.remote_addr or "", agent[:AGENT_MAX], is_of_pages)


def _is_json() -> bool:
    if request.content_type == "application/json":
        return True
    charset = request.mimetype_params.get("charset", "utf-8")
    return request.mimetype == "application/json" and charset.lower() in {"utf-8", "utf8"}


def _is_plain(body: bytes) -> bool:
    return body.isascii() and b"\\" not in body and b"\x7f" not in body


def _says_all_of(read: Struct, body: bytes) -> bool:
    """Return whether the parsed fields account for the whole body: then no field is given twice.

    Encoding omits default values. Without escapes the result has as many quotes as the body, or
    fewer. This is a quick test: a body that fails it is parsed once more.
    """
    return b"\\" not in body and body.count(b'"') == msgspec.json.encode(read).count(b'"')


class _Twice(str):
    """Stands for an object that repeats a field, which RFC 8259 leaves open: the field's name."""

    __slots__ = ()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Twice:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    names = [name for name, _ in pairs]
    return _Twice(next(name for name in names if names.count(name) > 1))


def _refuse_twice(value: Any, pointer: str = "") -> None:
    """Refuse an object with a repeated field, at any depth."""
    if isinstance(value, _Twice):
        raise InvalidRequest("The field is given twice.", pointer=f"{pointer}/{_escaped(value)}")
    if isinstance(value, dict | list):
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        for name, each in parts:
            _refuse_twice(each, f"{pointer}/{name}")


def _invalid(error: msgspec.ValidationError) -> InvalidRequest:
    """Turn msgspec's message, with its path as text, into one with a JSON pointer."""
    found = _PATH.match(str(error))
    message, path = (found["message"], found["path"] or "$") if found else (str(error), "$")
    # A path does not name the key of a pair, so the pointer names the object.
    pointer = re.sub(r"\.|\[", "/", path[1:].replace("[...]", "").replace("]", ""))
    field = _FIELD.search(message)
    return InvalidRequest(
        message, pointer=pointer + (f"/{_escaped(field['name'])}" if field else "")
    )


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _no_time(name: str) -> NoReturn:
    raise InvalidRequest("Send a date or a time with its zone, RFC 3339.", pointer=f"/{name}")
