"""`open_stores`: the stores that a URL names."""

from collections.abc import Iterator
from contextlib import contextmanager

from accounts.config import MEMORY_URL
from accounts.errors import SettingsError
from accounts.ledger.decide import Decide
from accounts.stores.base import AccountStore, UserStore
from accounts.stores.group_commit import GroupCommit
from accounts.stores.memory import InMemoryAccountStore, InMemoryUserStore
from accounts.stores.user_cache import UserCache
from accounts.stores.watched import timed, told
from accounts.watch import Watch


def open_stores(url: str, decide: Decide, watch: Watch) -> tuple[UserStore, AccountStore]:
    """Open `memory://`, `sqlite:///file`, `postgresql://...` or `mongodb://...`.

    They tell the watch of themselves.

    :raises SettingsError: it cannot be reached, or would not keep what it confirms.
    """
    if url == MEMORY_URL:
        return InMemoryUserStore(), told(InMemoryAccountStore(decide), watch)
    open_them = _mongo if url.startswith("mongodb") else _sql
    users, accounts = open_them(url, decide, watch)
    return UserCache(timed(users, watch)), told(GroupCommit(timed(accounts, watch), watch), watch)


def upgrade_stores(url: str) -> None:
    """Bring the schema of the stores that a URL names up to date.

    :raises SettingsError: they cannot be reached, or hold something else.
    """
    if url.startswith("mongodb"):
        with _extra("mongo"):
            from accounts.stores.mongo import upgrade  # noqa: PLC0415
        upgrade(url)
    elif url != MEMORY_URL:
        from accounts.stores import sql  # noqa: PLC0415

        sql.upgrade(url)


# Only who asks for a database pays for loading what it needs.


def _sql(url: str, decide: Decide, watch: Watch) -> tuple[UserStore, AccountStore]:
    from accounts.stores.sql import Database, SqlAccountStore, SqlUserStore  # noqa: PLC0415

    database = Database(url, watch)
    return SqlUserStore(database), SqlAccountStore(database, decide)


def _mongo(url: str, decide: Decide, watch: Watch) -> tuple[UserStore, AccountStore]:
    with _extra("mongo"):
        from accounts.stores import mongo  # noqa: PLC0415
    database = mongo.MongoDatabase(url, watch)
    return mongo.MongoUserStore(database), mongo.MongoAccountStore(database, decide)


@contextmanager
def _extra(name: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        message = f"STORE_URL needs {error.name}: install the extra, `accounts[{name}]`."
        raise SettingsError(message) from error
