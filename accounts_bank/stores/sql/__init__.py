"""The stores on SQL: SQLite by the standard library, PostgreSQL by psycopg; SQLAlchemy Core."""

from collections.abc import Iterator
from contextlib import contextmanager

from accounts_bank.observability.observer import Observer
from accounts_bank.stores.backend import Stores
from accounts_bank.stores.sql.accounts import SqlAccountStore
from accounts_bank.stores.sql.counters import SqlCounters
from accounts_bank.stores.sql.database import Database, restoring, upgrade
from accounts_bank.stores.sql.journal import SqlJournal
from accounts_bank.stores.sql.presence import holds_bank, is_in_use
from accounts_bank.stores.sql.users import SqlUserStore

__all__ = [
    "Database",
    "SqlAccountStore",
    "SqlCounters",
    "SqlJournal",
    "SqlUserStore",
    "holds_bank",
    "is_in_use",
    "open_stores",
    "restore",
    "upgrade",
]


def open_stores(url: str, observer: Observer) -> Stores:
    """Open the stores at `url`, as `BackendModule` says."""
    return _stores(Database(url, observer))


@contextmanager
def restore(url: str) -> Iterator[Stores]:
    """Open an empty database for a copy, as `BackendModule` says."""
    with restoring(url) as database:
        yield _stores(database)


def _stores(database: Database) -> Stores:
    users, accounts = SqlUserStore(database), SqlAccountStore(database)
    journal = SqlJournal(database, users, accounts)
    stores = Stores(users, accounts, journal, SqlCounters(database), database.close)
    return stores.replacing(
        lambda load: database.replace(lambda: load(stores)), accounts.recent.forget
    )
