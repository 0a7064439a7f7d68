"""One kind of database: the functions of its module, which the factory calls by URL scheme."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol, Self

from limits.storage import Storage

from accounts_bank.identity import Event
from accounts_bank.ledger.sealing import Numbered
from accounts_bank.observability.observer import Observer
from accounts_bank.stores.base import AccountStore, Journal, UserStore


class Stores(NamedTuple):
    """The stores of one bank, opened.

    `journal` gives the numbers of what `users` and `accounts` save.
    `counters` counts rate limits; `close` ends the connections. `replace` deletes everything and
    calls a function that restores other data into the stores that it gets, in one transaction.
    """

    users: UserStore
    accounts: AccountStore
    journal: Journal
    counters: Storage
    close: Callable[[], None]
    replace: "Callable[[Load], None] | None" = None

    def replacing(self, replace: "Callable[[Load], None]", forget: Callable[[], None]) -> Self:
        """Return the stores with `replace`; `forget` clears the caches after it."""

        def replaced(load: Load) -> None:
            replace(load)
            forget()

        return self._replace(replace=replaced)


Load = Callable[[Stores], object]
"""Restores data into empty stores."""
Inherited = Iterable[tuple[Numbered, str, Event | None]]
"""The lines of an audit log of version 0.1, in order: the number, the digest, and the event where
the line has no entry."""


class BackendModule(Protocol):
    """The functions that the module of a backend defines."""

    def open_stores(self, url: str, observer: Observer) -> Stores:
        """Open the stores at `url`; an empty database gets its tables.

        :raises SettingsError: the database does not answer, or would lose acknowledged commits.
        """

    def holds_bank(self, url: str) -> bool:
        """Return whether `url` holds a bank; create and change nothing.

        :raises SettingsError: the database does not answer.
        """

    def is_in_use(self, url: str) -> bool:
        """Return whether a process has the bank at `url` open.

        :raises SettingsError: the database does not answer.
        """

    def upgrade(self, url: str, inherited: Inherited) -> None:
        """Bring the schema at `url` up to date.

        :param inherited: gives the numbers to a database of version 1; it is not read otherwise.
        :raises SettingsError: the database does not answer, holds something else, or disagrees
            with `inherited`.
        """

    def restore(self, url: str) -> AbstractContextManager[Stores]:
        """Open an empty database at `url` for a copy, and mark the copy as complete at the end.

        :raises SettingsError: the database does not answer, or is not empty.
        """
