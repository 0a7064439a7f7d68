"""The numbers of the journal in MongoDB.

A waiting entry or event has a `place`. Sealing takes the places away and writes the numbers, in one
transaction that changes the head: of two such transactions the second one fails and is tried again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Any

from bson.int64 import Int64
from pymongo import ASCENDING
from pymongo.cursor import Cursor

from accounts_bank.identity import Event
from accounts_bank.ledger.entries import Recorded
from accounts_bank.ledger.sealing import JournalHead, Numbered, Unsealed, head_after, seal
from accounts_bank.stores.base import Journal
from accounts_bank.stores.databases.recent_entries import is_entry, items_of
from accounts_bank.stores.databases.timestamps import moment
from accounts_bank.stores.mongo.accounts import MongoAccountStore
from accounts_bank.stores.mongo.database import MongoDatabase, Session, head_in
from accounts_bank.stores.mongo.documents import EVENT, NUMBERED, Document
from accounts_bank.stores.mongo.feed import MongoFeed
from accounts_bank.stores.mongo.inheritance import BANK, head_fields
from accounts_bank.stores.mongo.users import MongoUserStore

_WAITS = {"place": {"$exists": True}}


class MongoJournal(MongoFeed, Journal):
    """The numbers in MongoDB, for several processes."""

    def __init__(
        self, database: MongoDatabase, users: MongoUserStore, accounts: MongoAccountStore
    ) -> None:
        super().__init__(database)
        self._users, self._accounts = users, accounts

    @property
    def bank_id(self) -> str:
        return str(self._database.read(self._bank)["bank_id"])

    def head(self) -> JournalHead:
        return self._database.read(lambda session: head_in(self._database, session))

    def seal(self, limit: int) -> int:
        def write(session: Session, _unsure: bool) -> int:  # noqa: FBT001 - as `write` says
            head = head_in(self._database, session)
            rows = seal(head, self._unsealed(session, limit))
            if rows:
                self._save(session, head, rows)
            return len(rows)

        waits = self._database.read(lambda session: self._waiting(session, 1))
        return self._database.write(write) if waits else 0

    def backlog(self, limit: int) -> tuple[int, datetime | None]:
        waiting = self._database.read(lambda session: self._waiting(session, limit))
        if not waiting:
            return 0, None
        at = waiting[0].get("recorded_at", waiting[0].get("at"))
        return len(waiting), moment(at)

    def numbered(self, first: int, limit: int) -> list[Numbered]:
        def read(session: Session) -> list[Numbered]:
            rows = self._database[NUMBERED.collection]
            found = rows.find({"_id": {"$gte": Int64(first)}}, session=session)
            return [NUMBERED.value(each) for each in found.sort("_id").limit(limit)]

        return self._database.read(read)

    def items(self, rows: Sequence[Numbered]) -> dict[str, Recorded | Event]:
        return items_of(rows, self._users, self._accounts, self._accounts.recent)

    def cursor(self, reader: str) -> int:
        return self._cursors({"_id": reader}).get(reader, 0)

    def cursors(self) -> dict[str, int]:
        return self._cursors({})

    def _cursors(self, wanted: dict[str, str]) -> dict[str, int]:
        def read(session: Session) -> dict[str, int]:
            found = self._database["cursors"].find(wanted, session=session)
            return {str(each["_id"]): int(each["number"]) for each in found}

        return self._database.read(read)

    def advance(self, reader: str, number: int) -> None:
        with self._database.answering():
            move = {"$max": {"number": Int64(number)}}
            self._database["cursors"].update_one({"_id": reader}, move, upsert=True)

    def restore(self, rows: Sequence[Numbered]) -> None:
        self._database.write(lambda session, _unsure: self._insert(session, rows))

    def restore_head(self, bank_id: str, head: JournalHead, cursors: Mapping[str, int]) -> None:
        def write(session: Session, _unsure: bool) -> None:  # noqa: FBT001 - as `write` says
            change = {"$set": {"bank_id": bank_id} | head_fields(head)}
            self._database[BANK].update_one({"_id": BANK}, change, session=session)
            for reader, number in cursors.items():
                move = {"$max": {"number": Int64(number)}}
                at = {"_id": reader}
                self._database["cursors"].update_one(at, move, upsert=True, session=session)

        self._database.write(write)

    def _bank(self, session: Session) -> Document:
        found = self._database[BANK].find_one({"_id": BANK}, session=session)
        return found or {}

    def _save(self, session: Session, head: JournalHead, rows: Sequence[Numbered]) -> None:
        """Move the head first: a transaction that meets another one then fails at once."""
        new = head_fields(head_after(head, list(rows)))
        expected = {"_id": BANK, "number": Int64(head.number)}
        self._database[BANK].update_one(expected, {"$set": new}, session=session)
        self._insert(session, rows)
        for name, are_entries in (("entries", True), ("events", False)):
            ids = [row.id for row in rows if is_entry(row.kind) is are_entries]
            if ids:
                sealed = {"$unset": {"place": ""}}
                self._database[name].update_many({"_id": {"$in": ids}}, sealed, session=session)

    def _insert(self, session: Session, rows: Sequence[Numbered]) -> None:
        documents = map(NUMBERED.document, rows)
        self._database[NUMBERED.collection].insert_many(documents, ordered=False, session=session)

    def _unsealed(self, session: Session, limit: int) -> list[Unsealed]:
        return [
            Unsealed(
                each["_id"],
                each["kind"],
                each["digest"] if "digest" in each else EVENT.value(each).digest,
            )
            for each in self._waiting(session, limit)
        ]

    def _waiting(self, session: Session, limit: int) -> list[Document]:
        """Return the oldest waiting entries and events, in the order of their places."""
        names = ("kind", "digest", "place", "recorded_at")
        entries = self._find(session, "entries", limit, dict.fromkeys(names, 1))
        events = self._find(session, "events", limit, None)
        return list(islice(merge(entries, events, key=_place), limit))

    def _find(
        self, session: Session, name: str, limit: int, fields: dict[str, Any] | None
    ) -> Cursor[Document]:
        found = self._database[name].find(_WAITS, fields, session=session)
        return found.sort("place", ASCENDING).limit(limit).batch_size(limit)


def _place(document: Document) -> tuple[int, int, int]:
    at = document["place"]["at"]
    return at.time, at.inc, document["place"]["number"]
