"""`open_stores`: the stores that a URL names."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import NamedTuple

from limits.storage import MemoryStorage, Storage

from accounts_bank.config import MEMORY_URL
from accounts_bank.errors import SettingsError
from accounts_bank.ledger.decide import Decide
from accounts_bank.observability.observer import Observer
from accounts_bank.stores.base import AccountStore, UserStore
from accounts_bank.stores.memory import InMemoryAccountStore, InMemoryUserStore
from accounts_bank.stores.migration import copied
from accounts_bank.stores.wrappers.group_commit import GroupCommit
from accounts_bank.stores.wrappers.instrumented import (
    InstrumentedAccountStore,
    InstrumentedUserStore,
)
from accounts_bank.stores.wrappers.offloaded import OffloadedAccountStore, OffloadedUserStore
from accounts_bank.stores.wrappers.user_cache import UserCache


class Stores(NamedTuple):
    """Where a bank is kept, and where its rate limits are counted."""

    users: UserStore
    accounts: AccountStore
    counters: Storage
    close: Callable[[], None]
    """Close the connections; no other call may follow."""


def open_stores(url: str, decide: Decide, observer: Observer) -> Stores:
    """Open `memory://`, `sqlite:///file`, `postgresql://...` or `mongodb://...`.

    They tell the observer of themselves.

    :raises SettingsError: it cannot be reached, or would not keep what it confirms.
    """
    if url == MEMORY_URL:
        accounts = InstrumentedAccountStore(InMemoryAccountStore(decide), observer)
        return Stores(InMemoryUserStore(), accounts, MemoryStorage(), lambda: None)
    open_them = _mongo if url.startswith("mongodb") else _sql
    kept = open_them(url, decide, observer)
    users = InstrumentedUserStore(OffloadedUserStore(kept.users), observer)
    accounts = InstrumentedAccountStore(OffloadedAccountStore(kept.accounts), observer)
    return Stores(
        UserCache(users),
        GroupCommit(accounts, observer),
        kept.counters,
        kept.close,
    )


def upgrade_stores(url: str) -> None:
    """Bring the schema of the stores that a URL names up to date.

    :raises SettingsError: they cannot be reached, or hold something else.
    """
    if url.startswith("mongodb"):
        with _extra("mongo"):
            from accounts_bank.stores.mongo import upgrade  # noqa: PLC0415
        upgrade(url)
    elif url != MEMORY_URL:
        from accounts_bank.stores import sql  # noqa: PLC0415

        sql.upgrade(url)


def copy_stores(from_url: str, to_url: str, decide: Decide) -> Iterator[tuple[int, int]]:
    """Copy all that one URL names to where another one does, and compare it.

    The bank is stopped meanwhile. Each step says how much is done and how much there is to do.

    :raises SettingsError: the source is wrong or not all in the audit log, or the target not empty.
    """
    if MEMORY_URL in {from_url, to_url}:
        raise SettingsError(f"{MEMORY_URL} is in its own process: nothing is copied from or to it.")
    with _alone(from_url, decide) as source, _alone(to_url, decide, restoring=True) as target:
        yield from copied(source, target)


@contextmanager
def _alone(
    url: str, decide: Decide, *, restoring: bool = False
) -> Iterator[tuple[UserStore, AccountStore]]:
    """Open stores that no bank is served from."""
    if url.startswith("mongodb"):
        with _extra("mongo"):
            from accounts_bank.stores import mongo  # noqa: PLC0415
        opened = mongo.restoring(url) if restoring else closing(mongo.MongoDatabase(url))
        with opened as documents:
            yield mongo.MongoUserStore(documents), mongo.MongoAccountStore(documents, decide)
    else:
        from accounts_bank.stores import sql  # noqa: PLC0415

        with sql.restoring(url) if restoring else closing(sql.Database(url)) as tables:
            yield sql.SqlUserStore(tables), sql.SqlAccountStore(tables, decide)


# Only who asks for a database pays for loading what it needs.


def _sql(url: str, decide: Decide, observer: Observer) -> Stores:
    from accounts_bank.stores import sql  # noqa: PLC0415

    database = sql.Database(url, observer)
    users, accounts = sql.SqlUserStore(database), sql.SqlAccountStore(database, decide)
    return Stores(users, accounts, sql.SqlCounters(database), database.close)


def _mongo(url: str, decide: Decide, observer: Observer) -> Stores:
    with _extra("mongo"):
        from accounts_bank.stores import mongo  # noqa: PLC0415
    database = mongo.MongoDatabase(url, observer)
    users, accounts = mongo.MongoUserStore(database), mongo.MongoAccountStore(database, decide)
    return Stores(users, accounts, mongo.MongoCounters(database), database.close)


@contextmanager
def _extra(name: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        message = f"STORE_URL needs {error.name}: install the extra, `accounts[{name}]`."
        raise SettingsError(message) from error
