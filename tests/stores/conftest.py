"""One suite over every store: the tests know the abstract classes alone, and these fixtures."""

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from accounts_bank.ledger.decide import Decide, decide
from accounts_bank.stores.base import AccountStore, UserStore
from accounts_bank.stores.memory import InMemoryAccountStore, InMemoryUserStore
from accounts_bank.stores.mongo import MongoAccountStore, MongoDatabase, MongoUserStore
from accounts_bank.stores.sql import Database, SqlAccountStore, SqlUserStore
from accounts_bank.stores.wrappers.group_commit import GroupCommit
from accounts_bank.stores.wrappers.user_cache import UserCache

STORES = ["memory", "sqlite", "postgres", "mongo"]
"""Every store there is: one that cannot be started here is a failure."""

OPEN_MAX = 2
"""How many databases of one test are open at once: a failing example is tried hundreds of times."""

NewAccountStore = Callable[[Decide], AccountStore]
NewDatabase = Callable[[str], Database | MongoDatabase]


@pytest.fixture
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewDatabase]:
    """Open empty databases."""
    opened: list[Database | MongoDatabase] = []
    numbers = itertools.count()

    def new_database(kind: str) -> Database | MongoDatabase:
        number = next(numbers)
        if len(opened) == OPEN_MAX:
            opened.pop(0).close()
        if kind == "mongo":  # two at a time, since collections take longer to make than to empty
            url = request.getfixturevalue("mongo").emptied(f"bank_{number % 2}")
            opened.append(MongoDatabase(url))
            return opened[-1]
        name = f"bank_{number}"
        if kind == "postgres":
            migrated = request.getfixturevalue("migrated")
            url = request.getfixturevalue("postgres").database(name, template=migrated)
        else:
            url = f"sqlite:///{tmp_path / name}.db"
        opened.append(Database(url))
        return opened[-1]

    yield new_database
    for database in opened:
        database.close()


@pytest.fixture(params=[*STORES, "sqlite, grouped", "postgres, grouped", "mongo, grouped"])
def new_account_store(request: pytest.FixtureRequest, new_database: NewDatabase) -> NewAccountStore:
    """Make empty account stores."""
    kind, _, grouped = request.param.partition(", ")
    if kind == "memory":
        return InMemoryAccountStore

    def new_store(decide: Decide) -> AccountStore:
        database = new_database(kind)
        if isinstance(database, MongoDatabase):
            store: AccountStore = MongoAccountStore(database, decide)
        else:
            store = SqlAccountStore(database, decide)
        return GroupCommit(store) if grouped else store

    return new_store


@pytest.fixture
def account_store(new_account_store: NewAccountStore) -> AccountStore:
    """Make an empty account store with the rules of the bank."""
    return new_account_store(decide)


@pytest.fixture(params=[*STORES, "sqlite, cached"])
def user_store(request: pytest.FixtureRequest, new_database: NewDatabase) -> UserStore:
    """Make an empty user store."""
    if request.param == "memory":
        return InMemoryUserStore()
    kind, _, cached = request.param.partition(", ")
    database = new_database(kind)
    if isinstance(database, MongoDatabase):
        return MongoUserStore(database)
    store = SqlUserStore(database)
    return UserCache(store) if cached else store


@pytest.fixture
def switching() -> Iterator[None]:
    """Let threads take turns as often as they can, so that races happen."""
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before_s)
