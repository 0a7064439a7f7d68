"""Numbers for the journal of a database of version 1, once: they come from its audit log.

An interrupted upgrade begins again; it writes the same rows a second time.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any
from uuid import uuid4

from bson.int64 import Int64
from msgspec import Struct
from pymongo import ASCENDING, ReplaceOne
from pymongo.database import Database

from accounts_bank.errors import SettingsError
from accounts_bank.ledger.sealing import JournalHead, Unsealed, head_after, seal
from accounts_bank.stores.backend import Inherited
from accounts_bank.stores.databases.schema_version import check_inherited
from accounts_bank.stores.mongo.documents import EVENT, NUMBERED, Document, Shape

AT_ONCE = 500
BANK = "bank"
"""The name of the collection, and the id of its one document."""


def make_bank(database: Database[Document]) -> None:
    """Give a new database the id of its bank; of several processes the first one gives it."""
    new = {"bank_id": str(uuid4())} | head_fields(JournalHead())
    database[BANK].update_one({"_id": BANK}, {"$setOnInsert": new}, upsert=True)


def head_fields(head: JournalHead) -> dict[str, Any]:
    """Return a head as the fields of the bank's document."""
    return {
        "number": Int64(head.number),
        "hash": head.hash,
        "inherited": Int64(head.inherited),
    }


def inherit(database: Database[Document], inherited: Inherited) -> None:
    """Give numbers to the entries by the lines of the audit log.

    Without any line all entries are numbered by their times.

    :raises SettingsError: the log and the store disagree.
    """
    head, lines = JournalHead(), iter(inherited)
    while batch := list(islice(lines, AT_ONCE)):
        ids = [row.id for row, *_ in batch]
        entries = database["entries"].find({"_id": {"$in": ids}}, {"digest": 1})
        check_inherited(head, batch, {each["_id"]: each["digest"] for each in entries})
        _replace(database, EVENT, [event for *_, event in batch if event])
        _replace(database, NUMBERED, [row for row, *_ in batch])
        for name in ("entries", "events"):
            database[name].update_many({"_id": {"$in": ids}}, {"$unset": {"place": ""}})
        last = batch[-1][0]
        head = JournalHead(last.number, last.hash, last.number)
    if not head.number:
        head = _number_by_time(database)
    _check_none_left(database)
    database[BANK].update_one({"_id": BANK}, {"$set": head_fields(head)})


def _replace(database: Database[Document], shape: Shape[Any], values: Sequence[Struct]) -> None:
    documents: list[Document] = [shape.document(value) for value in values]
    writes = [ReplaceOne({"_id": each["_id"]}, each, upsert=True) for each in documents]
    if writes:
        database[shape.collection].bulk_write(writes)


def _check_none_left(database: Database[Document]) -> None:
    sealed = database["entries"].find({"place": {"$exists": False}}, {"_id": 1})
    while some := list(islice(sealed, AT_ONCE)):
        ids = {each["_id"] for each in some}
        numbered = database["journal"].find({"id": {"$in": list(ids)}}, {"id": 1})
        unknown = ids - {each["id"] for each in numbered}
        if unknown:
            raise SettingsError(
                f"The audit log and the store disagree: entry {min(unknown)} is not in the log. "
                "Put all rotated parts of the log beside it."
            )


def _number_by_time(database: Database[Document]) -> JournalHead:
    head, items = JournalHead(), _sealed_entries(database)
    while batch := list(islice(items, AT_ONCE)):
        rows = seal(head, batch)
        _replace(database, NUMBERED, rows)
        head = head_after(head, rows)
    return head


def _sealed_entries(database: Database[Document]) -> Iterator[Unsealed]:
    order = {"recorded_at": ASCENDING, "_id": ASCENDING}
    found = database["entries"].find({"place": {"$exists": False}}, {"kind": 1, "digest": 1})
    for each in found.sort(order).allow_disk_use(allow_disk_use=True):
        yield Unsealed(each["_id"], each["kind"], each["digest"])
