"""The journal of a store that a test has made, past all wrappers."""

from typing import Any

from accounts_bank.stores.base import Journal
from accounts_bank.stores.memory import InMemoryAccountStore, InMemoryUserStore
from accounts_bank.stores.mongo import (
    MongoAccountStore,
    MongoDatabase,
    MongoJournal,
    MongoUserStore,
)
from accounts_bank.stores.sql import Database, SqlAccountStore, SqlJournal, SqlUserStore


def journal_of(store: Any) -> Journal:
    """Open the journal of the bank that a store is part of."""
    while hasattr(store, "_store"):
        store = store._store
    if isinstance(store, InMemoryAccountStore | InMemoryUserStore):
        return store.journal
    return opened(store._database, store if hasattr(store, "recent") else None)


def opened(database: Database | MongoDatabase, accounts: Any = None) -> Journal:
    """Open the journal in a database."""
    if isinstance(database, MongoDatabase):
        accounts = accounts or MongoAccountStore(database)
        return MongoJournal(database, MongoUserStore(database), accounts)
    accounts = accounts or SqlAccountStore(database)
    return SqlJournal(database, SqlUserStore(database), accounts)


def sealed(store: Any, after: int = 0) -> list[Any]:
    """Seal what waits, and return the items above a number."""
    journal = journal_of(store)
    while journal.seal(1_000):
        pass
    return [each.item for each in journal.sealed_after(after, 100_000)]
