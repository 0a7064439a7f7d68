"""Counters of rate limits in the bank's own database, shared by all processes.

The time is the server's (`$$NOW`): the system's clock of a process may jump.
"""

from time import monotonic
from typing import Any

from limits.storage import MongoDBStorage
from pymongo import MongoClient, ReturnDocument

from accounts_bank.stores.mongo.database import MongoDatabase

_IS_OVER = {"$lte": ["$expireAt", "$$NOW"]}
"""Also where there is no counter yet: a missing field comes before all values."""
_LEFT_MS = {"$subtract": ["$expireAt", "$$NOW"]}


class MongoCounters(MongoDBStorage):
    """Counts in windows; MongoDB itself takes away what is over."""

    def __init__(self, database: MongoDatabase) -> None:
        self._bank = database.itself
        super().__init__(
            "mongodb://",
            database_name=self._bank.name,
            counter_collection_name="counters",
            window_collection_name="counter_windows",
            wrap_exceptions=True,
        )

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        count = {"$cond": [_IS_OVER, amount, {"$add": ["$count", amount]}]}
        ends_at = {"$cond": [_IS_OVER, {"$add": ["$$NOW", expiry * 1000]}, "$expireAt"]}
        found = self.counters.find_one_and_update(
            {"_id": key},
            [{"$set": {"count": count, "expireAt": ends_at}}],
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return int(found["count"]) if found else 0

    def get(self, key: str) -> int:
        return self._read(key)[0]

    def get_expiry(self, key: str) -> float:
        """Return the end of a window, in seconds of `time.monotonic`."""
        return monotonic() + self._read(key)[1] / 1000

    def _read(self, key: str) -> tuple[int, int]:
        """Return the count and the milliseconds that are left of its window."""
        wanted = {"$match": {"_id": key}}
        columns = {"$project": {"count": 1, "left_ms": _LEFT_MS}}
        for found in self.counters.aggregate([wanted, columns]):
            if found["left_ms"] > 0:
                return int(found["count"]), int(found["left_ms"])
        return 0, 0

    def _init_mongo_client(
        self,
        uri: str | None,  # noqa: ARG002 - the library's signature
        **options: float | str,  # noqa: ARG002
    ) -> MongoClient[Any]:
        """Give the bank's own connections."""
        return self._bank.client

    def __del__(self) -> None:
        """Leave the connections open; the bank's `MongoDatabase` closes them."""
