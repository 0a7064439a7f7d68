"""Saves and restores the books and users of a bank, in memory or in a database."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from limits.storage import Storage
from msgspec import Struct

from accounts_bank.collections.permissions import Permission, may
from accounts_bank.concurrency.greenlets import FairLock
from accounts_bank.errors import Unavailable
from accounts_bank.sandbox.digest import all_users
from accounts_bank.stores.backend import Stores
from accounts_bank.stores.base import AccountStore, UserStore
from accounts_bank.stores.memory import (
    InMemoryAccountStore,
    InMemoryCounters,
    InMemoryJournal,
    InMemoryUserStore,
    Sessions,
)
from accounts_bank.stores.memory_image import Image
from accounts_bank.stores.snapshot_file import lines_of, load_lines

SEALED_AT_ONCE = 1_000
TRIES_MAX = 5
CONTROL = Permission.CONTROL_SANDBOX


class Books(Struct, frozen=True):
    """The books, the users and the numbers of the journal of one moment."""

    users: Image
    accounts: Image
    journal: Image


class Vault(Protocol):
    """Saves and restores the books and the users of one bank."""

    @property
    def users(self) -> UserStore:
        """The users."""

    @property
    def accounts(self) -> AccountStore:
        """The books."""

    def save(self) -> Books:
        """Return everything as of one moment."""

    def lines(self, books: Books, parts: Mapping[str, Any]) -> Iterator[bytes]:
        """Yield the lines of a file with saved books; `parts` is the state beside them."""

    def restore(self, books: Books) -> None:
        """Hold what was saved."""


def lines_of_books(
    books: Books, parts: Mapping[str, Any], sessions: Sessions | None = None
) -> Iterator[bytes]:
    """Yield the lines of a file with saved books; `parts` is the state beside them.

    :param sessions: of the users, instead of the saved ones.
    """
    copy = MemoryVault(FairLock(), sessions)
    copy.restore(books)
    while copy.journal.seal(SEALED_AT_ONCE):
        pass
    return lines_of(copy.stores(InMemoryCounters()), parts)


def admins_alone(books: Books) -> Books:
    """Return books without anything but the admins among their users."""
    full, empty = MemoryVault(FairLock()), MemoryVault(FairLock())
    full.restore(books)
    empty.users.restore([each for each in all_users(full.users) if may(each.role, CONTROL)])
    return empty.save()


class StoreVault:
    """Saves and restores the stores of a bank in a database."""

    def __init__(self, stores: Stores, seal: Callable[[], None]) -> None:
        """Take the stores; `seal` gives numbers to all that they saved."""
        self._stores = stores
        self._seal = seal
        self.users, self.accounts = stores.users, stores.accounts
        self._sessions: Sessions = {}

    def save(self) -> Books:
        """Copy everything into memory.

        :raises Unavailable: payments change the books all the time.
        """
        for _ in range(TRIES_MAX):
            self._seal()
            head, copy = self._stores.journal.head(), MemoryVault(FairLock())
            with suppress(LookupError):  # a number of an entry that is newer than the books
                load_lines(lines_of(self._stores, {}), copy.stores(InMemoryCounters()))
                journal = self._stores.journal
                if journal.head() == head and not journal.backlog(1)[0]:
                    return copy.save()
        raise Unavailable("The bank is too busy for a snapshot. Send the request again.")

    def lines(self, books: Books, parts: Mapping[str, Any]) -> Iterator[bytes]:
        return lines_of_books(books, parts)

    def restore(self, books: Books) -> None:
        """Hold what was saved, in one transaction; users keep their sessions.

        :raises Unavailable: the store does not answer.
        """
        assert self._stores.replace is not None  # noqa: S101 - a database has it
        found = all_users(self.users)
        self._sessions |= {(each.id, each.username): each.sessions for each in found}
        lines = list(lines_of_books(books, {}, self._sessions))
        self._stores.replace(partial(load_lines, lines))


class MemoryVault:
    """Takes images of the stores of one bank. The stores share one lock."""

    def __init__(self, lock: FairLock, sessions: Sessions | None = None) -> None:
        """Make empty stores.

        :param sessions: that users get at a restore, by id and username.
        """
        self._lock = lock
        self.journal = InMemoryJournal()
        self.users = InMemoryUserStore(self.journal, lock)
        self.accounts = InMemoryAccountStore(journal=self.journal, lock=lock)
        self._sessions: Sessions = dict(sessions or {})

    def save(self) -> Books:
        """Return everything as of one moment."""
        with self._lock:
            return Books(self.users.image(), self.accounts.image(), self.journal.image())

    def lines(self, books: Books, parts: Mapping[str, Any]) -> Iterator[bytes]:
        return lines_of_books(books, parts)

    def stores(self, counters: Storage) -> Stores:
        """Return the stores; the banks of a process share their counters."""
        return Stores(self.users, self.accounts, self.journal, counters, lambda: None)

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
