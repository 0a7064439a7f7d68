"""Counters of rate limits in the bank's own database, shared by all processes."""

from typing import Any

from limits.storage import MongoDBStorage
from pymongo import MongoClient

from accounts_bank.stores.mongo.database import MongoDatabase


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

    def _init_mongo_client(
        self,
        uri: str | None,  # noqa: ARG002 - the library's signature
        **options: float | str,  # noqa: ARG002
    ) -> MongoClient[Any]:
        """Give the bank's own connections."""
        return self._bank.client

    def __del__(self) -> None:
        """Leave the connections open; the bank's `MongoDatabase` closes them."""
