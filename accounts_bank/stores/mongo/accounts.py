"""The books in MongoDB.

An entry is one document, with the ids of its lines and of the accounts, users and entries that list
it. Lines are documents of their own, since statements read them by account. An entry without a
number has a `place` by the cluster's clock. An entry sent after an answer has a later place.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import accumulate, islice, pairwise
from math import gcd
from threading import Lock
from typing import Any, TypeVar

from bson.int64 import Int64
from msgspec import Struct
from pymongo import ASCENDING, DESCENDING
from pymongo.cursor import Cursor

from accounts_bank.ledger.actions import Capture
from accounts_bank.ledger.decide import Decide, decide
from accounts_bank.ledger.entries import (
    KINDS,
    Changes,
    Entry,
    Ledger,
    Needs,
    Outcome,
    Recorded,
    Snapshot,
    needs,
)
from accounts_bank.ledger.values import Account, EntryRef, Line, Period, Progress
from accounts_bank.stores.base import AccountStore, Present
from accounts_bank.stores.databases.bounded import bounded
from accounts_bank.stores.databases.recent_entries import RecentEntries, by_name, own
from accounts_bank.stores.databases.timestamps import microseconds, moment
from accounts_bank.stores.mongo.database import DEADLINE_S, MongoDatabase, Session, head_in
from accounts_bank.stores.mongo.documents import (
    ACCOUNT,
    CUSTOMER,
    DECISION,
    ENTRY,
    LINE,
    PROGRESS,
    Decision,
    Document,
    Shape,
)
from accounts_bank.stores.mongo.schema import UNSEALED

STREAMED_AT_ONCE = 1_000
ANSWER_MAX = 100_000
"""Documents in one answer at most; the server also ends an answer at 16 MiB."""
NUMBER_MAX = 2**63 - 1

Value = TypeVar("Value", bound=Struct)


class MongoAccountStore(AccountStore):
    """The books in MongoDB, for several processes."""

    def __init__(self, database: MongoDatabase, decide: Decide = decide) -> None:
        self._database = database
        self._decide = decide
        self.recent = RecentEntries()
        self._writer = Lock()

    def append(self, entries: Sequence[Entry]) -> list[Outcome]:
        def write(session: Session, unsure: bool) -> list[Outcome]:  # noqa: FBT001
            snapshot = self._load(session, needs(entries))
            changes = self._decide(snapshot, entries)
            if changes.recorded:
                self._save(session, snapshot, changes)
            return own(changes.outcomes, entries) if unsure else changes.outcomes

        with bounded(self._writer, DEADLINE_S, "Too many requests wait for the store."):
            outcomes = self._database.write(write) if entries else []
        self.recent.remember(outcomes)
        return outcomes

    def restore(self, changes: Changes) -> None:
        self._database.write(
            lambda session, _unsure: self._save(session, Snapshot(), changes, are_sealed=True)
        )

    def load(self, needs: Needs) -> Snapshot:
        if needs == Needs():
            self._database.ping()
        return self._database.read(lambda session: self._load(session, needs))

    def accounts_of(self, owner_id: str, *, after: str | None, limit: int) -> list[Account]:
        query: dict[str, Any] = {"owner_id": owner_id}
        if after is not None:
            query["_id"] = {"$gt": after}
        return self._page(ACCOUNT, query, {"_id": ASCENDING}, limit)

    def lines(
        self, account_id: str, *, before: int | None, period: Period, limit: int
    ) -> list[Line]:
        first, last = 1, NUMBER_MAX if before is None else min(before - 1, NUMBER_MAX)
        # Later lines have later times, so a period is a stretch of numbers.
        if period.since is not None:
            since = {"$gte": Int64(microseconds(period.since))}
            first = self._edge(account_id, since, ASCENDING) or NUMBER_MAX
        if period.until is not None:
            until = {"$lt": Int64(microseconds(period.until))}
            last = min(last, self._edge(account_id, until, DESCENDING) or 0)
        if last < first:
            return []
        stretch = {"$gte": _line_id(account_id, first), "$lte": _line_id(account_id, last)}
        return self._page(LINE, {"_id": stretch}, {"_id": DESCENDING}, limit)

    def _edge(self, account_id: str, at: Document, direction: int) -> int | None:
        """Return the number of the first or the last line in a range of times."""
        order = {"at": direction, "_id.number": direction}
        found = self._page(LINE, {"_id.account_id": account_id, "at": at}, order, 1)
        return found[0].number if found else None

    def total_before(self, account_ids: Sequence[str], moments: Sequence[datetime]) -> list[int]:
        """Subtract from the present balances the movements since each moment."""

        def read(session: Session) -> tuple[int, list[Document]]:
            accounts = self._by_id(session, ACCOUNT, account_ids)
            lines = self._database[LINE.collection]
            moved = lines.aggregate(_moved(account_ids, times), session=session)
            return sum(account.balance_minor for account in accounts), list(moved)

        times = [microseconds(each) for each in moments]
        left_minor, moved = self._database.read(read) if account_ids else (0, [])
        by_turn = [0] * len(times)
        for each in moved:
            by_turn[bisect_right(times, each["_id"]) - 1] += int(each["moved_minor"])
        return [left_minor - since for since in accumulate(reversed(by_turn))][::-1]

    def entries_of(
        self,
        of_id: str,
        kind: str,
        *,
        before: tuple[datetime, str] | None,
        limit: int,
        since: datetime | None = None,
    ) -> list[Recorded]:
        query: dict[str, Any] = {"mentions": of_id, "kind": kind, "recorded_at": {}}
        if since is not None:
            query["recorded_at"]["$gte"] = Int64(microseconds(since))
        if before is not None:
            at = Int64(microseconds(before[0]))
            query["recorded_at"]["$lte"] = at
            earlier = {"recorded_at": at, "_id": {"$lt": before[1]}}
            query["$or"] = [{"recorded_at": {"$lt": at}}, earlier]
        if not query["recorded_at"]:
            del query["recorded_at"]
        order = {"recorded_at": DESCENDING, "_id": DESCENDING}

        def read(session: Session) -> list[Recorded]:
            found = self._find(session, ENTRY, query).sort(order).limit(limit)
            return self._recorded(session, list(found))

        return self._database.read(read)

    def due(self, now: datetime, *, limit: int) -> list[Progress]:
        query = {"due_at": {"$lte": Int64(microseconds(now))}}
        return self._page(PROGRESS, query, {"due_at": ASCENDING, "_id": ASCENDING}, limit)

    def present(self) -> Present:
        return Present(self._database.now(), is_exact=True)

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        with self._database.streaming() as session:
            waiting = self._find(session, ENTRY, {"place": {"$exists": True}}, _id=True)
            waiting = waiting.hint(str(UNSEALED.document["name"])).sort("_id")
            yield Ledger(
                accounts=map(ACCOUNT.value, self._all(session, ACCOUNT)),
                customers=map(CUSTOMER.value, self._all(session, CUSTOMER)),
                lines=map(LINE.value, self._all(session, LINE)),
                entries=self._all_entries(session),
                progress=map(PROGRESS.value, self._all(session, PROGRESS)),
                entry_refs=self._all_entry_refs(session),
                unsealed=(str(each["_id"]) for each in waiting),
                head=head_in(self._database, session),
                load=self.load,
            )

    def _all(self, session: Session, shape: Shape[Any]) -> Cursor[Document]:
        return self._find(session, shape, {}).sort("_id").batch_size(STREAMED_AT_ONCE)

    def _all_entries(self, session: Session) -> Iterator[Recorded]:
        documents = self._all(session, ENTRY)
        while some := list(islice(documents, STREAMED_AT_ONCE)):
            yield from self._recorded(session, some)

    def _all_entry_refs(self, session: Session) -> Iterator[EntryRef]:
        for document in self._all(session, ENTRY):
            entry_id, kind = document["_id"], document["kind"]
            for of_id in sorted(document.get("mentions", ())):
                yield EntryRef(of_id, kind, moment(document["recorded_at"]), entry_id)

    def _find(
        self, session: Session, shape: Shape[Any], query: Document, **fields: bool
    ) -> Cursor[Document]:
        return self._database[shape.collection].find(query, fields or None, session=session)

    def _page(
        self, shape: Shape[Value], query: Document, order: Document, limit: int
    ) -> list[Value]:
        return self._database.read(
            lambda session: [
                shape.value(each)
                for each in self._find(session, shape, query).sort(order).limit(limit)
            ]
        )

    def _by_id(self, session: Session, shape: Shape[Value], ids: Iterable[Any]) -> list[Value]:
        wanted = list(ids)
        return self._values(session, shape, {"_id": {"$in": wanted}}) if wanted else []

    def _load(self, session: Session, needs: Needs) -> Snapshot:
        names = list(needs.accounts)
        named = {"$or": [{"_id": {"$in": names}}, {"number": {"$in": names}}]}
        accounts = self._values(session, ACCOUNT, named) if names else []
        customers = self._by_id(session, CUSTOMER, needs.customers)
        progress = self._by_id(session, PROGRESS, needs.progress)
        return Snapshot(
            accounts=by_name(accounts, names),
            customers={each.id: each for each in customers},
            entries=self._entries(session, needs.entries) | self._captures(session, needs.captures),
            progress={each.entry_id: each for each in progress},
        )

    def _values(self, session: Session, shape: Shape[Value], query: Document) -> list[Value]:
        """Read all documents of a query, in one answer if they fit."""
        found = self._find(session, shape, query).batch_size(ANSWER_MAX)
        return [shape.value(each) for each in found]

    def _entries(self, session: Session, ids: Iterable[str]) -> dict[str, Recorded]:
        wanted = list(ids)
        return self._journaled(session, {"_id": {"$in": wanted}}) if wanted else {}

    def _captures(self, session: Session, hold_ids: Iterable[str]) -> dict[str, Recorded]:
        wanted = list(hold_ids)
        of_them = {"mentions": {"$in": wanted}, "kind": KINDS[Capture]}
        return self._journaled(session, of_them) if wanted else {}

    def _journaled(self, session: Session, query: Document) -> dict[str, Recorded]:
        found = self._find(session, ENTRY, query).batch_size(ANSWER_MAX)
        return {each.entry.id: each for each in self._recorded(session, list(found))}

    def _recorded(self, session: Session, documents: Sequence[Document]) -> list[Recorded]:
        """Convert documents to entries with their lines, in order."""
        line_ids = [each for document in documents for each in document["lines"]]
        lines = {
            (line.account_id, line.number): line for line in self._by_id(session, LINE, line_ids)
        }
        return [_recorded(document, lines) for document in documents]

    def _save(
        self,
        session: Session,
        snapshot: Snapshot,
        changes: Changes,
        *,
        are_sealed: bool = False,
    ) -> None:
        """Write changed documents first: a conflict ends the transaction before the inserts."""
        known = {account.id: account for account in snapshot.accounts.values()}
        self._change(session, ACCOUNT, [(known.get(each.id), each) for each in changes.accounts])
        met = snapshot.customers
        self._change(session, CUSTOMER, [(met.get(each.id), each) for each in changes.customers])
        begun = snapshot.progress
        moved_on = [(begun.get(each.entry_id), each) for each in changes.progress]
        self._change(session, PROGRESS, moved_on)
        entry_refs = defaultdict(list)
        for entry_ref in changes.entry_refs:
            entry_refs[entry_ref.entry_id].append(entry_ref.of_id)
        count = len(changes.recorded)
        places = [{}] * count if are_sealed else self._database.places(session, count)
        entries = [
            _document(each, place, entry_refs[each.entry.id])
            for each, place in zip(changes.recorded, places, strict=True)
        ]
        lines = [LINE.document(line) for each in changes.recorded for line in each.lines]
        for shape, documents in ((ENTRY, entries), (LINE, lines)):
            if documents:
                collection = self._database[shape.collection]
                collection.insert_many(documents, ordered=False, session=session)

    def _change(
        self,
        session: Session,
        shape: Shape[Value],
        values: Iterable[tuple[Value | None, Value]],
    ) -> None:
        """Write the new values; each comes with the value in the database."""
        changes = [shape.change(before, after) for before, after in values]
        writes = [change for change in changes if change is not None]
        if writes:
            self._database[shape.collection].bulk_write(writes, ordered=False, session=session)


def _line_id(account_id: str, number: int) -> Document:
    return {"account_id": account_id, "number": Int64(number)}


def _moved(account_ids: Sequence[str], times: Sequence[int]) -> list[Document]:
    """Sum the movements from the first time on, by equal steps; each time begins a step."""
    lines = {"_id.account_id": {"$in": list(account_ids)}, "at": {"$gte": Int64(times[0])}}
    step = gcd(*(later - earlier for earlier, later in pairwise(times))) or 1
    past_step = {"$mod": [{"$subtract": ["$at", Int64(times[0])]}, Int64(step)]}
    begun = {"$subtract": ["$at", past_step]}
    return [
        {"$match": lines},
        {"$group": {"_id": begun, "moved_minor": {"$sum": "$amount_minor"}}},
    ]


def _document(recorded: Recorded, place: dict[str, Any], entry_refs: list[str]) -> Document:
    entry = recorded.entry
    decision = Decision(entry.kind, recorded.status, recorded.at, recorded.details, recorded.digest)
    document = ENTRY.document(entry) | DECISION.document(decision)
    document |= {"lines": [_line_id(line.account_id, line.number) for line in recorded.lines]}
    return document | place | ({"mentions": entry_refs} if entry_refs else {})


def _recorded(document: Document, lines: dict[tuple[str, int], Line]) -> Recorded:
    keys = [(each["account_id"], each["number"]) for each in document["lines"]]
    decision = DECISION.value(document)
    return Recorded(
        ENTRY.value(document),
        decision.status,
        decision.recorded_at,
        tuple(lines[key] for key in keys if key in lines),
        decision.details,
        decision.digest,
    )
