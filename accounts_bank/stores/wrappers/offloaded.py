"""Stores whose calls run in another thread, so that the event loop never waits for a database.

A greenlet that answers a payment is suspended for the length of the call. In any other thread, and
without an event loop, the call is made in place.
"""

from collections.abc import Callable

from accounts_bank.concurrency.greenlets import run_in_thread
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


class OffloadedStore(Delegate[Store]):
    """Runs each call in another thread, but for those that no request waits for."""

    def _call(
        self,
        call: Callable[Parameters, Result],
        *arguments: Parameters.args,
        **named: Parameters.kwargs,
    ) -> Result:
        if call.__name__ in BACKGROUND:
            return call(*arguments, **named)
        return run_in_thread(call, *arguments, **named)


class OffloadedAccountStore(OffloadedStore[AccountStore], DelegatingAccountStore):
    """An account store on a database."""


class OffloadedUserStore(OffloadedStore[UserStore], DelegatingUserStore):
    """A user store on a database."""
