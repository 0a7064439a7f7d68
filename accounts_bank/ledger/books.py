"""Books: the view of the ledger that a rule reads: exactly the names that the entries asked for.

A name that was asked for and does not exist is absent. A name that was not asked for raises: its
value is unknown, and to take it for absent would lose or invent money.
"""

from collections.abc import Callable
from typing import Literal

from accounts_bank.ledger.entries import Needs, Recorded, Snapshot
from accounts_bank.ledger.values import Account, Customer, Progress

Shelf = Literal["accounts", "customers", "entries", "progress"]
"""A field of `Needs`."""


class NotAskedFor(LookupError):
    """A rule reads or changes a name that its action does not declare in `touches`.

    It is a mistake in the program, so no client and no retry can cure it.
    """


class Books:
    """A snapshot, opened with the names that were asked for.

    :param snapshot: every value that exists of the names that were asked for.
    :param asked: returns the names that were asked for. It is called at the first name that the
        snapshot lacks, so that the usual payment does not pay for it.
    """

    def __init__(self, snapshot: Snapshot, asked: Callable[[], Needs]) -> None:
        self._accounts = dict(snapshot.accounts)
        self._customers = dict(snapshot.customers)
        self._entries = dict(snapshot.entries)
        self._progress = dict(snapshot.progress)
        self._asked = asked
        self._needs: Needs | None = None

    def account(self, name: str) -> Account | None:
        """Return the account with an id or a number; None if there is none.

        :raises NotAskedFor: the action does not declare that it touches the account.
        """
        found = self._accounts.get(name)
        if found is None:
            self._check("accounts", name)
        return found

    def customer(self, customer_id: str) -> Customer:
        """Return a customer; one that the ledger does not know yet has no accounts.

        :raises NotAskedFor: the action does not declare that it touches the customer.
        """
        found = self._customers.get(customer_id)
        if found is None:
            self._check("customers", customer_id)
            return Customer(customer_id)
        return found

    def entry(self, entry_id: str) -> Recorded | None:
        """Return a recorded entry; None if there is none.

        :raises NotAskedFor: the action does not declare that it touches the entry.
        """
        found = self._entries.get(entry_id)
        if found is None:
            self._check("entries", entry_id)
        return found

    def progress(self, entry_id: str) -> Progress | None:
        """Return the progress of an entry; None if no later entry changed it.

        :raises NotAskedFor: the action does not declare that it touches the entry.
        """
        found = self._progress.get(entry_id)
        if found is None:
            self._check("progress", entry_id)
        return found

    def _was_asked(self, shelf: Shelf, name: str) -> bool:
        if self._needs is None:
            self._needs = self._asked()
        return name in getattr(self._needs, shelf)

    def _check(self, shelf: Shelf, name: str) -> None:
        if not self._was_asked(shelf, name):
            raise NotAskedFor(f"The action does not declare that it touches {shelf} {name}.")
