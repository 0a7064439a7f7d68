"""Moving house: all that one pair of stores keeps is put into another, as it is, and compared.

The audit log is a file and goes on where it was, so nothing may wait for it: the bank is stopped
and has sealed everything. Memory does not grow with the number of rows.
"""

from collections.abc import Iterator
from itertools import zip_longest

from accounts_bank.errors import SettingsError
from accounts_bank.identity import User
from accounts_bank.ledger.entries import Changes, Ledger
from accounts_bank.ledger.integrity.derived import EntryRefs, batches
from accounts_bank.ledger.integrity.proof import BooksWrong, prove
from accounts_bank.stores.base import AccountStore, UserStore

Stores = tuple[UserStore, AccountStore]

AT_ONCE = 1_000
COMPARED = ("accounts", "customers", "entries", "lines", "progress", "entry_refs")
COUNTED = frozenset({"accounts", "customers", "entries"})


def copied(source: Stores, target: Stores) -> Iterator[tuple[int, int]]:
    """Copy, and say from time to time how much is done, and how much there is to do.

    No other process uses the target.

    :raises SettingsError: the source is wrong, or changes meanwhile.
    :raises Unavailable: a store cannot be reached.
    """
    total, done = 2 * _size(source), 0
    for step in (_copied_users, _copied_books, _compared_users, _compared_books):
        for count in step(source, target):
            done += count
            yield done, total


def _size(source: Stores) -> int:
    """Prove the source and count its rows."""
    users, accounts = source
    with accounts.ledger() as ledger:
        if users.unsealed(1) or next(ledger.unsealed, None) is not None:
            raise SettingsError(
                "There is something that is not in the audit log yet: stop the bank and copy again."
            )
        try:
            counts = prove(ledger)
        except BooksWrong as wrong:
            raise SettingsError(f"The books are wrong, and not copied: {wrong}.") from wrong
    return counts.accounts + counts.customers + counts.entries + sum(map(len, _pages(users)))


def _copied_users(source: Stores, target: Stores) -> Iterator[int]:
    for users in _pages(source[0]):
        target[0].restore(users)
        yield len(users)


def _copied_books(source: Stores, target: Stores) -> Iterator[int]:
    with source[1].ledger() as ledger:
        for changes in changes_of(ledger):
            target[1].restore(changes)
            yield len(changes.accounts) + len(changes.customers) + len(changes.recorded)


def changes_of(ledger: Ledger) -> Iterator[Changes]:
    """Give a ledger as changes to restore, accounts before their lines."""
    for accounts in batches(ledger.accounts):
        yield Changes([], accounts, [], [])
    for customers in batches(ledger.customers):
        yield Changes([], [], customers, [])
    entry_refs = EntryRefs(ledger.entry_refs)
    for recorded in batches(ledger.entries):
        found = entry_refs.up_to(recorded[-1].entry.id)
        yield Changes([], [], [], recorded, entry_refs=found)
    for progress in batches(ledger.progress):
        yield Changes([], [], [], [], progress=progress)


def _compared_users(source: Stores, target: Stores) -> Iterator[int]:
    for one, other in zip_longest(_pages(source[0]), _pages(target[0])):
        _compare("users", one, other)
        yield len(one)


def _compared_books(source: Stores, target: Stores) -> Iterator[int]:
    with source[1].ledger() as one, target[1].ledger() as other:
        for name in COMPARED:
            ours, theirs = batches(getattr(one, name)), batches(getattr(other, name))
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
