"""Values as documents, and the JSON schema of these documents.

The key of a value is its `_id`. A document has no field for None. Numbers are int64, times are
microseconds since 1970. Sessions, actions and details are JSON text: no query looks inside.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from bson.int64 import Int64
from msgspec import Struct
from pymongo import UpdateOne

from accounts_bank.identity import Event, User
from accounts_bank.ledger.entries import Entry
from accounts_bank.ledger.feed import FeedRow
from accounts_bank.ledger.sealing import Numbered
from accounts_bank.ledger.values import Account, Customer, Line, Progress, Status
from accounts_bank.stores.databases.timestamps import microseconds, moment

Value = TypeVar("Value", bound=Struct)
Document = Mapping[str, Any]
Convert = Callable[[Any], Any]


class _Field(Struct, frozen=True):
    """One field of a value, and its name, type and converters in a document."""

    name: str
    place: str
    bson_type: str
    is_optional: bool
    write: Convert
    read: Convert


class Shape(Generic[Value]):
    """Converts values of one class to documents and back."""

    def __init__(self, kind: type[Value], collection: str, *key: str) -> None:
        """Read the fields of a class.

        :param key: the fields that make the `_id`; several make an `_id` that is an object.
        """
        self.collection = collection
        self._kind = kind
        self._key = key
        hints = get_type_hints(kind)
        self._fields = [self._field(name, hints[name]) for name in kind.__struct_fields__]

    def _field(self, name: str, hint: Any) -> _Field:
        place = "_id" if self._key == (name,) else name
        kinds = [each for each in get_args(hint) if each is not NoneType]
        is_optional = isinstance(hint, UnionType) and NoneType in get_args(hint)
        kind = kinds[0] if is_optional and len(kinds) == 1 else hint
        return _Field(name, place, _bson_type(kind), is_optional, *_converters(kind))

    def document(self, value: Value) -> dict[str, Any]:
        """Convert a value to a document."""
        found = {
            field.place: field.write(given)
            for field in self._fields
            if (given := getattr(value, field.name)) is not None
        }
        if len(self._key) > 1:
            found["_id"] = {name: found.pop(name) for name in self._key}
        return found

    def change(self, before: Value | None, after: Value) -> UpdateOne | None:
        """Return the update from one value to another; None if they are equal.

        :param before: the value in the database; None inserts `after`.
        """
        document = self.document(after)
        key = {"_id": document.pop("_id")}
        if before is None:
            return UpdateOne(key, {"$set": document}, upsert=True)
        differing = [
            field.place
            for field in self._fields
            if getattr(before, field.name) != getattr(after, field.name)
        ]
        change = {
            "$set": {place: document[place] for place in differing if place in document},
            "$unset": dict.fromkeys(set(differing) - document.keys(), ""),
        }
        given = {operator: places for operator, places in change.items() if places}
        return UpdateOne(key, given) if given else None

    def value(self, document: Document) -> Value:
        """Convert a document to a value.

        :raises ValueError: a field is missing or has a wrong type.
        """
        places = {**document, **document["_id"]} if len(self._key) > 1 else document
        found: dict[str, Any] = {}
        for field in self._fields:
            given = places.get(field.place)
            if given is None and not field.is_optional:
                raise ValueError(f"{field.name} is missing in {document['_id']}")
            found[field.name] = None if given is None else field.read(given)
        return self._kind(**found)

    def properties(self, **minima: int) -> dict[str, Any]:
        """Return the `properties` of a `$jsonSchema`; `minima` are the lowest numbers of fields."""
        places: dict[str, Any] = {
            field.place: {"bsonType": field.bson_type}
            | ({"minimum": Int64(minima[field.name])} if field.name in minima else {})
            for field in self._fields
        }
        if len(self._key) > 1:
            places["_id"] = closed({name: places.pop(name) for name in self._key})
        return places

    @property
    def optional(self) -> set[str]:
        """The fields that a document may lack."""
        return {field.place for field in self._fields if field.is_optional}


def closed(properties: Mapping[str, Any], optional: Iterable[str] = ()) -> dict[str, Any]:
    """Return the `$jsonSchema` of an object that has these properties and no others."""
    return {
        "bsonType": "object",
        "properties": dict(properties),
        "required": sorted(properties.keys() - set(optional)),
        "additionalProperties": False,
    }


def _bson_type(kind: Any) -> str:
    return {int: "long", datetime: "long", bool: "bool"}.get(kind, "string")


def _converters(kind: Any) -> tuple[Convert, Convert]:
    if kind is int:
        return Int64, _integer
    if kind is datetime:
        return lambda given: Int64(microseconds(given)), lambda given: moment(_integer(given))
    if kind in {str, bool}:
        return _unchanged, _unchanged
    if get_origin(kind) is None and isinstance(kind, type) and issubclass(kind, StrEnum):
        return str, kind
    return _to_json, lambda given: msgspec.json.decode(given, type=kind)


def _integer(value: Any) -> int:
    if not isinstance(value, int):
        raise ValueError(f"{value!r} is no whole number")  # noqa: TRY004 - bad data, not a bad call
    return int(value)


def _unchanged(value: Any) -> Any:
    return value


def _to_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


class Decision(Struct, frozen=True):
    """The recorded fields of an entry without its lines; queries find it by `kind`."""

    kind: str
    status: Status
    recorded_at: datetime
    details: tuple[tuple[str, int], ...]
    digest: str


ACCOUNT = Shape(Account, "accounts", "id")
CUSTOMER = Shape(Customer, "customers", "id")
ENTRY = Shape(Entry, "entries", "id")
DECISION = Shape(Decision, "entries")
LINE = Shape(Line, "lines", "account_id", "number")
PROGRESS = Shape(Progress, "progress", "entry_id")
USER = Shape(User, "users", "id")
EVENT = Shape(Event, "events", "id")
NUMBERED = Shape(Numbered, "journal", "number")
FEED = Shape(FeedRow, "feed", "owner_id", "number", "account_id", "type")
FEED_OF_ONE = ("_id.owner_id", "_id.number", "_id.account_id", "_id.type")
FEED_OF_ALL = ("_id.number", "_id.type", "_id.owner_id", "_id.account_id")
"""The fields of the indexes of the feed."""
