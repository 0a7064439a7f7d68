"""The collections with their validators and indexes, and the version of this schema.

Each query of the stores has its index here. The validators are the second guard, after `decide`.
"""

from contextlib import suppress
from typing import Any

from bson.int64 import Int64
from pymongo import ASCENDING, IndexModel
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, OperationFailure

from accounts_bank.errors import SettingsError
from accounts_bank.stores.backend import Inherited
from accounts_bank.stores.databases.schema_version import (
    BEING_COPIED,
    check_empty,
    check_upgradable,
    check_version,
)
from accounts_bank.stores.databases.skeletons import first_of_each
from accounts_bank.stores.mongo.cash_listed import list_cash
from accounts_bank.stores.mongo.documents import (
    ACCOUNT,
    CUSTOMER,
    DECISION,
    ENTRY,
    EVENT,
    FEED,
    FEED_OF_ALL,
    FEED_OF_ONE,
    LINE,
    NUMBERED,
    PROGRESS,
    USER,
    Document,
    closed,
)
from accounts_bank.stores.mongo.inheritance import inherit, make_bank

VERSION = 7
NUMBERED_SINCE = 2
"""The first version in which the journal has numbers."""
SKELETONS_SINCE = 3
"""The first version in which a username has a skeleton."""
KEYS_SINCE = 5
"""The first version in which a user has keys for programs."""
CASH_LISTED_SINCE = 7
"""The first version in which deposits and withdrawals are listed under their customers."""
COLLECTION_EXISTS = 48

_STRING, _LONG = {"bsonType": "string"}, {"bsonType": "long"}
_STRINGS = {"bsonType": "array", "items": _STRING}
_PLACE = {"place": closed({"at": {"bsonType": "timestamp"}, "number": {"bsonType": "long"}})}
_ENTRY = ENTRY.properties() | DECISION.properties() | _PLACE
_ENTRY["lines"] = {"bsonType": "array", "items": LINE.properties()["_id"]}
_ENTRY["mentions"] = _STRINGS
# An account without a floor passes: a missing field compares as less than any number.
_FLOOR = {"$gte": [{"$subtract": ["$balance_minor", "$held_minor"]}, "$floor_minor"]}

SCHEMAS = {
    "accounts": closed(ACCOUNT.properties(held_minor=0, line_count=0), ACCOUNT.optional),
    "customers": closed(CUSTOMER.properties(open_accounts=0)),
    "entries": closed(_ENTRY, ["mentions", "place"]),
    "lines": closed(LINE.properties(number=1), LINE.optional),
    "progress": closed(PROGRESS.properties(done_minor=0, done_count=0), PROGRESS.optional),
    "users": closed(
        USER.properties(version=1) | {"username_key": _STRING, "key_hashes": _STRINGS},
        USER.optional | {"username_key", "key_hashes"},
    ),
    "events": closed(EVENT.properties() | _PLACE, EVENT.optional | {"place"}),
    "journal": closed(NUMBERED.properties()),
    "bank": closed(
        {"_id": _STRING, "bank_id": _STRING, "hash": _STRING, "number": _LONG, "inherited": _LONG}
    ),
    "feed": closed(FEED.properties() | {"listed": _LONG}, ["listed"]),
    "cursors": closed({"_id": _STRING, "number": _LONG}),
    "meta": closed({"_id": _STRING, "version": {"bsonType": "long"}}),
}

_DATA = SCHEMAS.keys() - {"meta", "bank"}


def _index(*names: str, **options: Any) -> IndexModel:
    return IndexModel([(name, ASCENDING) for name in names], name="_".join(names), **options)


def _only_with(name: str) -> dict[str, Any]:
    return {"partialFilterExpression": {name: {"$exists": True}}}


UNSEALED = _index("place", **_only_with("place"))
INDEXES = {
    "accounts": [_index("number", unique=True), _index("owner_id", "_id")],
    "entries": [
        _index("mentions", "kind", "recorded_at", "_id", **_only_with("mentions")),
        UNSEALED,
    ],
    "lines": [_index("_id.account_id", "at", "_id.number", "amount_minor")],
    "progress": [_index("due_at", "_id", **_only_with("due_at"))],
    "users": [
        _index(name, unique=True, sparse=True)
        for name in ("username_key", "skeleton", "key_hashes")
    ],
    "events": [UNSEALED],
    "journal": [_index("id", unique=True)],
    "feed": [_index(*FEED_OF_ONE), _index(*FEED_OF_ALL)],
}


def is_there(database: Database[Document]) -> bool:
    """Return whether a database has a bank's schema of any version."""
    return _version(database) is not None


def prepare(database: Database[Document]) -> None:
    """Make the collections of an empty database; else check the version of the schema.

    :raises SettingsError: the version differs, or the database has other data. The sentence says
        how to go on.
    """
    version = _version(database)
    if version is None and _is_used(database):
        version = _version(database)  # another process may have just made it
        if version is None:
            name = database.name
            raise SettingsError(f"Database {name} holds something else: name an empty one.")
    if version is None:
        upgrade(database)
    else:
        check_version(version, VERSION)


def upgrade(database: Database[Document], inherited: Inherited = ()) -> None:
    """Make or change collections, validators and indexes; write the version last.

    Several processes may do this at once. An interrupted upgrade begins again.

    :param inherited: gives the numbers to a database of version 1.
    :raises SettingsError: it is newer, or only a part of it is there, or it disagrees with
        `inherited`.
    """
    kept = _version(database)
    if kept is not None:
        check_upgradable(kept, VERSION)
    for name, schema in SCHEMAS.items():
        validator = {"$jsonSchema": schema} | ({"$expr": _FLOOR} if name == "accounts" else {})
        _make(database, name, validator)
        if name in INDEXES:
            database[name].create_indexes(INDEXES[name])
    make_bank(database)
    if kept is not None and kept < NUMBERED_SINCE:
        inherit(database, inherited)
    if kept is not None and kept < KEYS_SINCE:
        without_keys = {"api_keys": {"$exists": False}}
        database["users"].update_many(without_keys, {"$set": {"api_keys": "[]"}})
    if kept is not None and kept < SKELETONS_SINCE:
        _add_skeletons(database)
    if kept is not None and kept < CASH_LISTED_SINCE:
        list_cash(database)
    with suppress(DuplicateKeyError):  # another process writes it at this moment
        change = {"$max": {"version": Int64(VERSION)}}
        database["meta"].update_one({"_id": "schema"}, change, upsert=True)


def _add_skeletons(database: Database[Document]) -> None:
    """Give the users their skeletons, and end the sessions, whose tokens open nothing any more."""
    found = database["users"].find({"username_key": {"$exists": True}}, {"username": 1}).sort("_id")
    for user_id, skeleton in first_of_each((each["_id"], each["username"]) for each in found):
        change = {"sessions": "[]"} | ({"skeleton": skeleton} if skeleton else {})
        database["users"].update_one({"_id": user_id}, {"$set": change})


def _make(database: Database[Document], name: str, validator: dict[str, Any]) -> None:
    """Make a collection, or change the validator of an existing one.

    A change needs the role `dbAdmin`, so an equal validator is left alone.
    """
    try:
        database.create_collection(name, check_exists=False, validator=validator)
    except OperationFailure as error:
        if error.code != COLLECTION_EXISTS:
            raise
        if database[name].options().get("validator") != validator:
            database.command("collMod", name, validator=validator)


def empty(database: Database[Document], session: ClientSession | None = None) -> None:
    """Delete all data but the bank itself."""
    for name in _DATA:
        database[name].delete_many({}, session=session)


def begin_copy(database: Database[Document]) -> None:
    """Delete the remains of an interrupted copy, and mark the database as incomplete.

    :raises SettingsError: the database has other data.
    """
    if _version(database) == BEING_COPIED:
        empty(database)
    else:
        prepare(database)
        check_empty(_is_used(database))
        _set_version(database, BEING_COPIED)


def end_copy(database: Database[Document]) -> None:
    """Mark the database as complete."""
    _set_version(database, VERSION)


def _set_version(database: Database[Document], version: int) -> None:
    change = {"$set": {"version": Int64(version)}}
    database["meta"].update_one({"_id": "schema"}, change, upsert=True)


def _version(database: Database[Document]) -> int | None:
    found = database["meta"].find_one({"_id": "schema"})
    return None if found is None else int(found["version"])


def _is_used(database: Database[Document]) -> bool:
    return any(database[name].find_one({}) is not None for name in _DATA)
