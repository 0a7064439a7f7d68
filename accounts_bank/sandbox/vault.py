"""Saves and restores the books and users of a bank in memory."""

from msgspec import Struct

from accounts_bank.collections.permissions import Permission, may
from accounts_bank.concurrency.greenlets import FairLock
from accounts_bank.sandbox.digest import all_users
from accounts_bank.stores.memory import (
    InMemoryAccountStore,
    InMemoryJournal,
    InMemoryUserStore,
    Sessions,
)
from accounts_bank.stores.memory_image import Image

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
