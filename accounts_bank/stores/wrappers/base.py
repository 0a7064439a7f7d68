"""The base of every wrapper: it passes each call of the store contract on to another store.

All calls go through one method, `_call`. A wrapper that adds something to every call overrides it;
a wrapper that adds something to one call overrides that call.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Generic, ParamSpec, TypeVar

from accounts_bank.identity import Event, User
from accounts_bank.ledger.entries import Changes, Entry, Ledger, Needs, Outcome, Recorded, Snapshot
from accounts_bank.ledger.values import Account, Line, Period, Progress
from accounts_bank.stores.base import AccountStore, Present, PutStatus, UserStore

Store = TypeVar("Store", bound=AccountStore | UserStore)
Result = TypeVar("Result")
Parameters = ParamSpec("Parameters")

BACKGROUND = frozenset({"ledger", "present", "events"})
"""Calls that no payment waits for: of a reader of the ledger, of the clock and of the sealer."""


class Delegate(Generic[Store]):
    """Holds the wrapped store and makes the calls."""

    def __init__(self, store: Store) -> None:
        """Wrap `store`."""
        self._store = store

    def _call(
        self,
        call: Callable[Parameters, Result],
        *arguments: Parameters.args,
        **named: Parameters.kwargs,
    ) -> Result:
        """Make one call of the wrapped store; `call.__name__` is the operation."""
        return call(*arguments, **named)


class DelegatingAccountStore(Delegate[AccountStore], AccountStore):
    """Passes each call on. `account` and `entry` stay those of the contract: they call `load`."""

    def append(self, entries: Sequence[Entry]) -> list[Outcome]:
        return self._call(self._store.append, entries)

    def restore(self, changes: Changes) -> None:
        self._call(self._store.restore, changes)

    def load(self, needs: Needs) -> Snapshot:
        return self._call(self._store.load, needs)

    def accounts_of(self, owner_id: str, *, after: str | None, limit: int) -> list[Account]:
        return self._call(self._store.accounts_of, owner_id, after=after, limit=limit)

    def lines(
        self, account_id: str, *, before: int | None, period: Period, limit: int
    ) -> list[Line]:
        return self._call(self._store.lines, account_id, before=before, period=period, limit=limit)

    def total_before(self, account_ids: Sequence[str], moments: Sequence[datetime]) -> list[int]:
        return self._call(self._store.total_before, account_ids, moments)

    def entries_of(
        self,
        of_id: str,
        kind: str,
        *,
        before: tuple[datetime, str] | None,
        limit: int,
        since: datetime | None = None,
    ) -> list[Recorded]:
        return self._call(
            self._store.entries_of, of_id, kind, before=before, limit=limit, since=since
        )

    def due(self, now: datetime, *, limit: int) -> list[Progress]:
        return self._call(self._store.due, now, limit=limit)

    def present(self) -> Present:
        return self._call(self._store.present)

    def ledger(self) -> AbstractContextManager[Ledger]:
        return self._call(self._store.ledger)


class DelegatingUserStore(Delegate[UserStore], UserStore):
    """Passes each call on."""

    def put(self, users: Iterable[User], events: Sequence[Event] = ()) -> list[PutStatus]:
        return self._call(self._store.put, users, events)

    def settle(self) -> None:
        self._call(self._store.settle)

    def restore(self, users: Sequence[User], events: Sequence[Event] = ()) -> None:
        self._call(self._store.restore, users, events)

    def users(self, ids: Iterable[str]) -> dict[str, User]:
        return self._call(self._store.users, ids)

    def user_named(self, username_key: str) -> User | None:
        return self._call(self._store.user_named, username_key)

    def key_owners(self, hashes: Iterable[str]) -> dict[str, str]:
        return self._call(self._store.key_owners, hashes)

    def users_after(self, user_id: str, *, limit: int) -> list[User]:
        return self._call(self._store.users_after, user_id, limit=limit)

    def events(self, ids: Iterable[str]) -> dict[str, Event]:
        return self._call(self._store.events, ids)
