"""Moving house: all that one pair of stores keeps is put into another, as it is, and compared.

The audit log is a file and goes on where it was, so nothing may wait for it: the bank is stopped
and has sealed everything. Memory does not grow with what there is.
"""

from collections.abc import Iterable, Iterator
from itertools import islice, zip_longest
from typing import TypeVar

from accounts.errors import SettingsError
from accounts.identity import User
from accounts.ledger.entries import Changes, Ledger
from accounts.ledger.proof import Wrong, prove
from accounts.ledger.values import Mention
from accounts.stores.base import AccountStore, UserStore

Stores = tuple[UserStore, AccountStore]
Item = TypeVar("Item")

AT_ONCE = 1_000
COMPARED = ("accounts", "customers", "entries", "lines", "progress", "mentions")
COUNTED = frozenset({"accounts", "customers", "entries"})


def copied(source: Stores, target: Stores) -> Iterator[tuple[int, int]]:
    """Copy, and say from time to time how much is done, and how much there is to do.

    The target is one that nobody else uses.

    :raises SettingsError: the source is wrong, or changes meanwhile.
    :raises Unavailable: a store cannot be reached.
    """
    total, done = 2 * _size(source), 0
    for step in (_copied_users, _copied_books, _compared_users, _compared_books):
        for count in step(source, target):
            done += count
            yield done, total


def _size(source: Stores) -> int:
    """Prove the source, and count what is in it."""
    users, accounts = source
    with accounts.ledger() as ledger:
        if users.unsealed(1) or next(ledger.unsealed, None) is not None:
            raise SettingsError(
                "There is something that is not in the audit log yet: stop the bank and copy again."
            )
        try:
            counts = prove(ledger)
        except Wrong as wrong:
            raise SettingsError(f"The books are wrong, and not copied: {wrong}.") from wrong
    return counts.accounts + counts.customers + counts.entries + sum(map(len, _pages(users)))


def _copied_users(source: Stores, target: Stores) -> Iterator[int]:
    for users in _pages(source[0]):
        target[0].restore(users)
        yield len(users)


def _copied_books(source: Stores, target: Stores) -> Iterator[int]:
    with source[1].ledger() as ledger:
        for changes in _changes(ledger):
            target[1].restore(changes)
            yield len(changes.accounts) + len(changes.customers) + len(changes.recorded)


def _changes(ledger: Ledger) -> Iterator[Changes]:
    for accounts in _batches(ledger.accounts):
        yield Changes([], accounts, [], [])
    for customers in _batches(ledger.customers):
        yield Changes([], [], customers, [])
    mentions = _Mentions(ledger.mentions)
    for recorded in _batches(ledger.entries):
        found = mentions.up_to(recorded[-1].entry.id)
        yield Changes([], [], [], recorded, mentions=found)
    for progress in _batches(ledger.progress):
        yield Changes([], [], [], [], progress=progress)


def _compared_users(source: Stores, target: Stores) -> Iterator[int]:
    for one, other in zip_longest(_pages(source[0]), _pages(target[0])):
        _compare("users", one, other)
        yield len(one)


def _compared_books(source: Stores, target: Stores) -> Iterator[int]:
    with source[1].ledger() as one, target[1].ledger() as other:
        for name in COMPARED:
            ours, theirs = _batches(getattr(one, name)), _batches(getattr(other, name))
            for some, others in zip_longest(ours, theirs):
                _compare(name, some, others)
                yield len(some) if name in COUNTED else 0


def _compare(name: str, one: object, other: object) -> None:
    if one != other:
        raise SettingsError(f"The copy differs in its {name}: stop the bank and copy again.")


def _pages(store: UserStore) -> Iterator[list[User]]:
    last = ""
    while page := store.users_after(last, limit=AT_ONCE):
        yield page
        last = page[-1].id


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, AT_ONCE)):
        yield batch


class _Mentions:
    """Mentions in the order of their entries' ids, to be taken as far as the entries are."""

    def __init__(self, mentions: Iterator[Mention]) -> None:
        self._mentions = mentions
        self._next = next(mentions, None)

    def up_to(self, entry_id: str) -> list[Mention]:
        found = []
        while self._next is not None and self._next.entry_id <= entry_id:
            found.append(self._next)
            self._next = next(self._mentions, None)
        return found
