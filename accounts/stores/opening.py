"""`open_stores`: the stores that a URL names."""

from accounts.config import MEMORY_URL
from accounts.ledger.decide import Decide
from accounts.stores.base import AccountStore, UserStore
from accounts.stores.group_commit import GroupCommit
from accounts.stores.memory import InMemoryAccountStore, InMemoryUserStore
from accounts.stores.user_cache import UserCache


def open_stores(url: str, decide: Decide) -> tuple[UserStore, AccountStore]:
    """Open `memory://`, `sqlite:///file` or `postgresql://...`.

    :raises SettingsError: it cannot be reached, or would not keep what it confirms.
    """
    if url == MEMORY_URL:
        return InMemoryUserStore(), InMemoryAccountStore(decide)
    # Only who asks for a database pays for loading what it needs.
    from accounts.stores.sql import Database, SqlAccountStore, SqlUserStore  # noqa: PLC0415

    database = Database(url)
    return UserCache(SqlUserStore(database)), GroupCommit(SqlAccountStore(database, decide))
