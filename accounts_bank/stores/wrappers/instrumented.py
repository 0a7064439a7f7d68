"""Stores that report to an `Observer`: each call with its duration, and each decided entry."""

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import ClassVar

from accounts_bank.ledger.entries import Entry, Outcome
from accounts_bank.observability.observer import Observer
from accounts_bank.stores.base import AccountStore, UserStore
from accounts_bank.stores.wrappers.base import (
    BACKGROUND,
    Delegate,
    DelegatingAccountStore,
    DelegatingUserStore,
    Parameters,
    Result,
    Store,
)


class Reporter(Delegate[Store]):
    """Holds the observer."""

    def __init__(self, store: Store, observer: Observer) -> None:
        """Wrap `store`; report to `observer`."""
        super().__init__(store)
        self._observer = observer


class CountedAccountStore(Reporter[AccountStore], DelegatingAccountStore):
    """Reports the outcome of each entry, and nothing else: enough for a store in memory."""

    def append(self, entries: Sequence[Entry]) -> list[Outcome]:
        outcomes = self._call(self._store.append, entries)
        self._observer.entries_decided(outcomes)
        return outcomes


class InstrumentedStore(Reporter[Store]):
    """Reports each call but the background calls: its duration, and whether it raised an error."""

    _name: ClassVar[str]

    def _call(
        self,
        call: Callable[Parameters, Result],
        *arguments: Parameters.args,
        **named: Parameters.kwargs,
    ) -> Result:
        operation = call.__name__
        if operation in BACKGROUND:
            return call(*arguments, **named)
        began_s, failed = perf_counter(), True
        try:
            result = call(*arguments, **named)
            failed = False
        finally:
            duration_s = perf_counter() - began_s
            self._observer.store_called(self._name, operation, duration_s, failed=failed)
        return result


class InstrumentedAccountStore(InstrumentedStore[AccountStore], CountedAccountStore):
    """An account store; the outcome of each entry is reported too."""

    _name = "accounts"


class InstrumentedUserStore(InstrumentedStore[UserStore], DelegatingUserStore):
    """A user store."""

    _name = "users"
