"""`open_stores`: the stores that a URL names."""

from accounts.config import MEMORY_URL
from accounts.ledger.decide import Decide
from accounts.stores.base import AccountStore, UserStore
from accounts.stores.group_commit import GroupCommit
from accounts.stores.memory import InMemoryAccountStore, InMemoryUserStore
from accounts.stores.user_cache import UserCache
from accounts.stores.watched import timed, told
from accounts.watch import Watch


def open_stores(url: str, decide: Decide, watch: Watch) -> tuple[UserStore, AccountStore]:
    """Open `memory://`, `sqlite:///file` or `postgresql://...`; they tell the watch of themselves.

    :raises SettingsError: it cannot be reached, or would not keep what it confirms.
    """
    if url == MEMORY_URL:
        return InMemoryUserStore(), told(InMemoryAccountStore(decide), watch)
    # Only who asks for a database pays for loading what it needs.
    from accounts.stores.sql import Database, SqlAccountStore, SqlUserStore  # noqa: PLC0415

    database = Database(url, watch)
    users, accounts = SqlUserStore(database), SqlAccountStore(database, decide)
    return UserCache(timed(users, watch)), told(GroupCommit(timed(accounts, watch), watch), watch)
