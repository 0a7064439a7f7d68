"""Stores that are watched: they tell what they decided, and how long each call took."""

from collections.abc import Callable
from functools import wraps
from time import perf_counter
from typing import Any, TypeVar

from accounts_bank.concurrency.greenlets import run_in_thread
from accounts_bank.errors import Unavailable
from accounts_bank.observability.observer import Observer
from accounts_bank.stores.base import AccountStore, UserStore

UNTIMED = frozenset({"ledger", "unsealed", "mark_sealed"})
"""The first takes as long as its reader does; for the others nobody waits."""

Kept = TypeVar("Kept", bound=AccountStore | UserStore)


def told(store: AccountStore, observer: Observer) -> AccountStore:
    """Have a store tell what it decided."""
    append = store.append

    @wraps(append)
    def append_and_tell(*arguments: Any) -> Any:
        outcomes = append(*arguments)
        observer.decided(outcomes)
        return outcomes

    store.append = append_and_tell  # type: ignore[method-assign, assignment]
    return store


def timed(store: Kept, observer: Observer) -> Kept:
    """Have a store tell of each call of its contract, whatever the contract comes to hold.

    Each may wait, and is made in another thread where it can be.
    """
    name, contract = "users", UserStore.__abstractmethods__
    if isinstance(store, AccountStore):
        name, contract = "accounts", AccountStore.__abstractmethods__
    for operation in contract - UNTIMED:
        setattr(store, operation, _timed(getattr(store, operation), name, operation, observer))
    return store


def _timed(
    call: Callable[..., Any], store: str, operation: str, observer: Observer
) -> Callable[..., Any]:
    @wraps(call)
    def timed(*arguments: Any, **named: Any) -> Any:
        began_s, failed = perf_counter(), False
        try:
            return run_in_thread(call, *arguments, **named)
        except Unavailable:
            failed = True
            raise
        finally:
            observer.asked(store, operation, perf_counter() - began_s, failed=failed)

    return timed
