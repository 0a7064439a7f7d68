"""The index of the feed in MongoDB.

The document without an owner marks the last number whose events are listed. Each addition changes
it, so of two processes that add at once the second fails, looks again and finds it done.
"""

from collections.abc import Sequence
from typing import Any

from bson.int64 import Int64
from pymongo import ASCENDING

from accounts_bank.ledger.feed import FeedQuery, FeedRow
from accounts_bank.ledger.sealing import Numbered
from accounts_bank.stores.feed import Feed
from accounts_bank.stores.mongo.database import MongoDatabase, Session
from accounts_bank.stores.mongo.documents import FEED, FEED_OF_ALL, FEED_OF_ONE, NUMBERED

_MARK = {"_id": FEED.document(FeedRow(0, "", "", "", ""))["_id"]}


class MongoFeed(Feed):
    """The index in MongoDB, for several processes."""

    def __init__(self, database: MongoDatabase) -> None:
        self._database = database

    def listed(self) -> int:
        return self._database.read(self._listed)

    def list_events(self, rows: Sequence[FeedRow], since: int, last: Numbered) -> bool:
        def write(session: Session, _unsure: bool) -> bool:  # noqa: FBT001 - as `write` says
            numbers = self._database[NUMBERED.collection]
            kept = numbers.find_one({"_id": Int64(last.number)}, session=session) or {}
            if self._listed(session) != since or kept.get("hash") != last.hash:
                return False
            feed = self._database[FEED.collection]
            mark = {"$set": {"listed": Int64(last.number), "entry_id": last.id}}
            feed.update_one(_MARK, mark, upsert=True, session=session)
            if rows:
                feed.insert_many(map(FEED.document, rows), ordered=False, session=session)
            return True

        return self._database.write(write)

    def find_events(self, query: FeedQuery) -> list[FeedRow]:
        wanted: dict[str, Any] = {"_id.number": {"$gt": Int64(query.after)}}
        wanted["_id.owner_id"] = {"$gt": ""} if query.owner_id is None else query.owner_id
        names = FEED_OF_ALL if query.owner_id is None else FEED_OF_ONE
        if query.account_ids is not None:
            wanted["_id.account_id"] = {"$in": list(query.account_ids)}
        if query.type is not None:
            wanted["_id.type"] = query.type

        def read(session: Session) -> list[FeedRow]:
            found = self._database[FEED.collection].find(wanted, session=session)
            found = found.hint([(name, ASCENDING) for name in names])
            found = found.sort("_id.number", ASCENDING).limit(query.limit)
            return [FEED.value(each) for each in found.batch_size(query.limit)]

        return self._database.read(read)

    def _listed(self, session: Session) -> int:
        mark = self._database[FEED.collection].find_one(_MARK, session=session)
        return int(mark["listed"]) if mark else 0
