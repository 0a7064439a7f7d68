"""The stores on MongoDB, by PyMongo: a replica set, of one node or of several."""

from collections.abc import Iterator
from contextlib import contextmanager

from accounts_bank.observability.observer import Observer
from accounts_bank.stores.backend import Stores
from accounts_bank.stores.mongo.accounts import MongoAccountStore
from accounts_bank.stores.mongo.counters import MongoCounters
from accounts_bank.stores.mongo.database import MongoDatabase, restoring, upgrade
from accounts_bank.stores.mongo.journal import MongoJournal
from accounts_bank.stores.mongo.presence import holds_bank, is_in_use
from accounts_bank.stores.mongo.users import MongoUserStore

__all__ = [
    "MongoAccountStore",
    "MongoCounters",
    "MongoDatabase",
    "MongoJournal",
    "MongoUserStore",
    "holds_bank",
    "is_in_use",
    "open_stores",
    "restore",
    "upgrade",
]


def open_stores(url: str, observer: Observer) -> Stores:
    """Open the stores at `url`, as `BackendModule` says."""
    return _stores(MongoDatabase(url, observer))


@contextmanager
def restore(url: str) -> Iterator[Stores]:
    """Open an empty database for a copy, as `BackendModule` says."""
    with restoring(url) as database:
        yield _stores(database)


def _stores(database: MongoDatabase) -> Stores:
    users, accounts = MongoUserStore(database), MongoAccountStore(database)
    journal = MongoJournal(database, users, accounts)
    stores = Stores(users, accounts, journal, MongoCounters(database), database.close)
    return stores.replacing(
        lambda load: database.replace(lambda: load(stores)), accounts.recent.forget
    )
