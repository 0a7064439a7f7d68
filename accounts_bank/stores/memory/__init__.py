"""The stores of a bank in memory."""

from accounts_bank.observability.observer import Observer
from accounts_bank.stores.backend import Inherited, Stores
from accounts_bank.stores.memory.counters import InMemoryCounters
from accounts_bank.stores.memory.journal import InMemoryJournal
from accounts_bank.stores.memory.stores import InMemoryAccountStore, InMemoryUserStore, Sessions

__all__ = [
    "InMemoryAccountStore",
    "InMemoryCounters",
    "InMemoryJournal",
    "InMemoryUserStore",
    "Sessions",
    "holds_bank",
    "is_in_use",
    "open_stores",
    "upgrade",
]


def open_stores(url: str, observer: Observer) -> Stores:  # noqa: ARG001 - as BackendModule says
    """Open empty stores in this process."""
    journal = InMemoryJournal()
    users, accounts = InMemoryUserStore(journal), InMemoryAccountStore(journal=journal)
    return Stores(users, accounts, journal, InMemoryCounters(), lambda: None)


def holds_bank(url: str) -> bool:  # noqa: ARG001 - as BackendModule says
    """Return True: the serving process itself is the store."""
    return True


def is_in_use(url: str) -> bool:  # noqa: ARG001 - as BackendModule says
    """Return False: each process has stores of its own."""
    return False


def upgrade(url: str, inherited: Inherited) -> None:
    """Change nothing: each start begins with empty stores of this version."""
