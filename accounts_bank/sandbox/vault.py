"""Saves and restores the books and users of a bank in memory."""

from collections.abc import Iterator, Mapping
from typing import Any

from limits.storage import MemoryStorage
from msgspec import Struct

from accounts_bank.collections.permissions import Permission, may
from accounts_bank.concurrency.greenlets import FairLock
from accounts_bank.sandbox.digest import all_users
from accounts_bank.stores.backend import Stores
from accounts_bank.stores.memory import (
    InMemoryAccountStore,
    InMemoryJournal,
    InMemoryUserStore,
    Sessions,
)
from accounts_bank.stores.memory_image import Image
from accounts_bank.stores.snapshot_file import lines_of

SEALED_AT_ONCE = 1_000
CONTROL = Permission.CONTROL_SANDBOX


class Books(Struct, frozen=True):
    """The books, the users and the numbers of the journal of one moment."""

    users: Image
    accounts: Image
    journal: Image


class MemoryVault:
    """Takes images of the stores of one bank. The stores share one lock."""

    def __init__(self, lock: FairLock) -> None:
        """Make empty stores."""
        self._lock = lock
        self.journal = InMemoryJournal()
        self.users = InMemoryUserStore(self.journal, lock)
        self.accounts = InMemoryAccountStore(journal=self.journal, lock=lock)
        self._sessions: Sessions = {}

    def save(self) -> Books:
        """Return everything as of one moment."""
        with self._lock:
            return Books(self.users.image(), self.accounts.image(), self.journal.image())

    def lines(self, books: Books, parts: Mapping[str, Any]) -> Iterator[bytes]:
        """Yield the lines of a file with saved books; `parts` is the state beside them."""
        copy = MemoryVault(FairLock())
        copy.restore(books)
        while copy.journal.seal(SEALED_AT_ONCE):
            pass
        stores = Stores(copy.users, copy.accounts, copy.journal, MemoryStorage(), lambda: None)
        return lines_of(stores, parts)

    def keep_admins(self) -> None:
        """Forget everything but the admins."""
        admins = [each for each in all_users(self.users) if may(each.role, CONTROL)]
        empty = MemoryVault(self._lock)
        self.restore(empty.save())
        self.users.restore(admins)

    def restore(self, books: Books) -> None:
        """Hold what was saved.

        Users keep the sessions that they have, or had before an earlier restore, so that their
        tokens stay valid.
        """
        with self._lock:
            self._sessions |= self.users.sessions()
            self.users.restore_image(books.users)
            self.accounts.restore_image(books.accounts)
            self.journal.restore_image(books.journal)
            self.users.keep_sessions(self._sessions)
