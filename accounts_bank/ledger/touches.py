"""Touches: the declaration of an action from which a store knows the names to load and lock."""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct


class Touches(Struct, frozen=True):
    """The fields by which an action names the values that its rule reads.

    `accounts`, `customers` and `earlier_entries` are names of fields and properties. An earlier
    entry is read with its progress; an action on it names the accounts of that entry too, so that a
    store knows what it locks before it reads. One that is None names nothing.

    `more_accounts` takes the action and its entry, and returns the names of accounts that no field
    holds, such as the till's.
    """

    accounts: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()
    earlier_entries: tuple[str, ...] = ()
    more_accounts: Callable[[Any, Any], Iterable[str]] | None = None
