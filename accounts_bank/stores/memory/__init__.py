"""The stores of a bank in memory."""

from limits.storage import MemoryStorage

from accounts_bank.observability.observer import Observer
from accounts_bank.stores.backend import Inherited, Stores
from accounts_bank.stores.memory.journal import InMemoryJournal
from accounts_bank.stores.memory.stores import InMemoryAccountStore, InMemoryUserStore, Sessions

__all__ = [
    "InMemoryAccountStore",
    "InMemoryJournal",
    "InMemoryUserStore",
    "Sessions",
    "open_stores",
    "upgrade",
]


def open_stores(url: str, observer: Observer) -> Stores:  # noqa: ARG001 - as BackendModule says
    """Open empty stores in this process."""
    journal = InMemoryJournal()
    users, accounts = InMemoryUserStore(journal), InMemoryAccountStore(journal=journal)
    return Stores(users, accounts, journal, MemoryStorage(), lambda: None)


def upgrade(url: str, inherited: Inherited) -> None:
    """Change nothing: each start begins with empty stores of this version."""
