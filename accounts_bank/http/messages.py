"""Reading requests and writing answers: JSON bodies, queries, keys and pages."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlencode

import msgspec
from flask import Response, request
from msgspec import Struct
from msgspec.structs import fields
from werkzeug.datastructures import Headers, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge

from accounts_bank.errors import InvalidRequest, UnsupportedMediaType
from accounts_bank.http import cursors
from accounts_bank.http.fields import NewestFirst

BODY_MAX_BYTES = 1024 * 1024
BULK_PATH = "/v1/transfers/bulk"
BULK_BODY_MAX_BYTES = 4 * BODY_MAX_BYTES
FORM_BODY_MAX_BYTES = 64 * 1024
"""A form is short; one of 1 MiB would be a quarter of a million fields, and most of a second."""
QUOTES_MAX = 4096
"""More than any wish has but a bulk: no text has more than 256 characters. A body that says the
same again and again is not read: whoever reads it keeps everybody in this process waiting."""

T = TypeVar("T")
W = TypeVar("W", bound=Struct)
Listed = TypeVar("Listed")

_KEY = re.compile(r'"([\x20\x21\x23-\x7e]{1,255})"|([\x20\x21\x23-\x7e][\x20-\x7e]{0,254})')
_LEAP_SECOND = re.compile(r"^(.{11}[0-9]{2}:[0-9]{2}):60")
_PATH = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>\$.*)`)?$", re.DOTALL)
_FIELD = re.compile(r"(?:unknown|required) field `(?P<name>.*)`$", re.DOTALL)


def body_max_bytes(path: str) -> int:
    """Say how long a body may be. One byte more is read, and the rest is left where it is.

    What is sent elsewhere than to the API is a form.
    """
    if path == BULK_PATH:
        return BULK_BODY_MAX_BYTES
    return BODY_MAX_BYTES if path.startswith("/v1/") else FORM_BODY_MAX_BYTES


def may_be_empty(kind: type[Struct]) -> bool:
    """Tell whether a wish may be left out as a whole, since each part of it may."""
    return not any(each.required for each in fields(kind))


def parse(kind: type[W], of_plain_text: type[W] | None = None) -> W:
    """Read the JSON body as a wish, strictly.

    `of_plain_text` is the same wish for a body of printable ASCII without escapes: whatever such a
    text says, there is nothing in it that `TEXT_PATTERN` refuses.

    :raises RequestEntityTooLarge: it is past 1 MiB, or 4 MiB in a bulk.
    :raises UnsupportedMediaType: it is not said to be JSON in UTF-8.
    :raises InvalidRequest: it is something else; the pointer says where.
    """
    body_max = body_max_bytes(request.path)
    request.max_content_length = body_max + 1
    body = request.get_data(cache=False)
    if len(body) > body_max:
        raise RequestEntityTooLarge
    if not body and may_be_empty(kind):
        return kind()
    if body and not _is_json():
        raise UnsupportedMediaType("Send `Content-Type: application/json`, in UTF-8.")
    if request.path != BULK_PATH and body.count(b'"') > QUOTES_MAX:
        raise InvalidRequest("The body says more than can be asked for.")
    if of_plain_text and _is_plain(body):
        kind = of_plain_text
    try:
        wish = msgspec.json.decode(body, type=kind)
        if not _says_all_of(wish, body):
            _refuse_twice(json.loads(body, object_pairs_hook=_object))
    except msgspec.ValidationError as error:
        raise _invalid(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidRequest("The body is not JSON.") from None
    return wish


def parse_query(kind: type[T]) -> T:
    """Read the query as a struct; a parameter that is unknown or given twice is refused.

    :raises InvalidRequest: the pointer names the parameter.
    """
    if not request.query_string:
        return kind()
    arguments: MultiDict[str, str] = request.args
    for name, values in arguments.lists():
        if len(values) > 1:
            raise InvalidRequest("The parameter is given twice.", pointer=f"/{name}")
    try:
        return msgspec.convert(arguments.to_dict(), kind, strict=False)
    except msgspec.ValidationError as error:
        raise _invalid(error) from None


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

    :raises InvalidRequest: it is not 1 to 255 printable characters of ASCII.
    """
    key = request.environ.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return None
    found = _KEY.fullmatch(key)
    if found is None:
        raise InvalidRequest("Idempotency-Key must be 1 to 255 printable characters.")
    return found[1] or found[2]


class _Answer(Response):
    """An answer whose headers are complete: spares Werkzeug's own corrections of them."""

    def get_wsgi_headers(self, environ: Any) -> Headers:  # noqa: ARG002 - Werkzeug's signature
        return self.headers


def answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Write a value as JSON."""
    body = msgspec.json.encode(value)
    complete = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return _Answer(body, status, Headers(complete + list((headers or {}).items())))


def nothing() -> Response:
    """Answer that it is done, and that there is nothing to say."""
    return Response(status=204)


def page(data: list[Any], next_cursor: str | None) -> Response:
    """Write a page; `next_cursor` is where the next one begins, None on the last."""
    headers = {}
    if next_cursor is not None:
        query = MultiDict(request.args)
        query["cursor"] = next_cursor
        link = f"{request.base_url}?{urlencode(list(query.items(multi=True)))}"
        headers["Link"] = f'<{link}>; rel="next"'
    return answer({"data": data, "next_cursor": next_cursor}, headers=headers)


def done(
    value: Any, status: int = 200, *, at: str = "", replayed: bool = False, dry_run: bool = False
) -> Response:
    """Answer what became of a request that moves money, and where what it made can be read.

    A dry run made nothing, and repeats nothing.
    """
    if dry_run:
        return answer(value, status, {"Dry-Run": "true"})
    headers = {"Location": at} if at else {}
    if replayed:
        headers["Idempotent-Replayed"] = "true"
    return answer(value, status, headers)


def newest_first(
    query: NewestFirst,
    read: Callable[[tuple[datetime, str] | None, int], list[Listed]],
    view: Callable[[Listed], Any],
) -> Response:
    """Write a page of entries; `read` is given where it begins and how many to read at most."""
    before = cursors.time_of(query.cursor) if query.cursor else None
    found = read(before, query.limit + 1)
    shown = found[: query.limit]
    cursor = _place(shown[-1]) if len(found) > query.limit else None
    return page([view(each) for each in shown], cursor)


def _place(item: Any) -> str:
    """Point behind an entry, or what is seen of one."""
    recorded = getattr(item, "recorded", item)
    return cursors.of_time(recorded.at, recorded.entry.id)


def _is_json() -> bool:
    if request.content_type == "application/json":
        return True
    charset = request.mimetype_params.get("charset", "utf-8")
    return request.mimetype == "application/json" and charset.lower() in {"utf-8", "utf8"}


def _is_plain(body: bytes) -> bool:
    return body.isascii() and b"\\" not in body and b"\x7f" not in body


def _says_all_of(wish: Struct, body: bytes) -> bool:
    """Tell whether a wish says all that a body says: then the body says nothing twice.

    A wish leaves out what is as if it were not said, so with no escapes it has as many quotes as
    the body, or fewer. It is only a quick look: whatever fails it is looked at closely.
    """
    return b"\\" not in body and body.count(b'"') == msgspec.json.encode(wish).count(b'"')


class _Twice(str):
    """What stands for an object that says one thing twice, which RFC 8259 leaves open: its name."""

    __slots__ = ()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Twice:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    names = [name for name, _ in pairs]
    return _Twice(next(name for name in names if names.count(name) > 1))


def _refuse_twice(value: Any, pointer: str = "") -> None:
    """Refuse what says one thing twice, wherever in it that is."""
    if isinstance(value, _Twice):
        raise InvalidRequest("The field is given twice.", pointer=f"{pointer}/{_escaped(value)}")
    if isinstance(value, dict | list):
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        for name, each in parts:
            _refuse_twice(each, f"{pointer}/{name}")


def _invalid(error: msgspec.ValidationError) -> InvalidRequest:
    """Turn msgspec's message, with its path as text, into one with a JSON pointer."""
    found = _PATH.match(str(error))
    what, path = (found["what"], found["path"] or "$") if found else (str(error), "$")
    pointer = re.sub(r"\.|\[", "/", path[1:].replace("]", ""))
    field = _FIELD.search(what)
    return InvalidRequest(what, pointer=pointer + (f"/{_escaped(field['name'])}" if field else ""))


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _no_time(name: str) -> NoReturn:
    raise InvalidRequest("Expected a date or a time with its zone, RFC 3339.", pointer=f"/{name}")
