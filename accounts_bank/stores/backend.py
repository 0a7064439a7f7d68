"""One kind of database: the functions of its module, which the factory calls by URL scheme."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from limits.storage import Storage

from accounts_bank.observability.observer import Observer
from accounts_bank.stores.base import AccountStore, UserStore


class Stores(NamedTuple):
    """The stores of one bank, opened.

    `counters` counts rate limits; `close` ends the connections.
    """

    users: UserStore
    accounts: AccountStore
    counters: Storage
    close: Callable[[], None]


class BackendModule(Protocol):
    """The functions that the module of a backend defines."""

    def open_stores(self, url: str, observer: Observer) -> Stores:
        """Open the stores at `url`; an empty database gets its tables.

        :raises SettingsError: the database does not answer, or would lose acknowledged commits.
        """

    def upgrade(self, url: str) -> None:
        """Bring the schema at `url` up to date.

        :raises SettingsError: the database does not answer, or holds something else.
        """

    def restore(self, url: str) -> AbstractContextManager[Stores]:
        """Open an empty database at `url` for a copy, and mark the copy as complete at the end.

        :raises SettingsError: the database does not answer, or is not empty.
        """
