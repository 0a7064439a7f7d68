"""Moving house: all that one bank's stores keep is put into others, as it is, and compared.

The numbers, their head and the id of the bank move too, so the audit log goes on where it was. The
bank is stopped and has sealed everything. Memory does not grow with the number of rows.
"""

from collections.abc import Iterator
from itertools import zip_longest

from msgspec.structs import replace

from accounts_bank.errors import SettingsError
from accounts_bank.identity import Event, User
from accounts_bank.ledger.entries import Changes, Ledger
from accounts_bank.ledger.integrity.derived import EntryRefs, batches
from accounts_bank.ledger.integrity.proof import BooksWrong, prove
from accounts_bank.ledger.sealing import Numbered
from accounts_bank.progress import Passes, Tell, quiet
from accounts_bank.stores.backend import Stores
from accounts_bank.stores.base import Journal, UserStore

AT_ONCE = 1_000
COMPARED = ("accounts", "customers", "entries", "lines", "progress", "entry_refs")
COUNTED = frozenset({"accounts", "customers", "entries"})
PROOF = ("lines", "entries")
"""The passes of a proof over the ledger."""
LINES_EACH = 2
"""The usual number of lines of an entry."""


def copied(source: Stores, target: Stores, proving: Tell = quiet) -> Iterator[tuple[int, int]]:
    """Copy, and say from time to time how much is done, and how much there is to do.

    No other process uses the target.

    :param proving: gets the progress of the proof, which comes first.
    :raises SettingsError: the source is wrong, or changes meanwhile.
    :raises Unavailable: a store cannot be reached.
    """
    total, done = 2 * _size(source, proving), 0
    steps = (
        _copied_users,
        _copied_books,
        _copied_numbers,
        _compared_users,
        _compared_books,
        _compared_numbers,
    )
    for step in steps:
        for count in step(source, target):
            done += count
            yield done, total


def watched(ledger: Ledger, passes: Passes) -> Ledger:
    """Return a ledger that tells how far its proof is, in the passes of `PROOF`."""
    return replace(
        ledger,
        lines=passes.counted("lines", ledger.lines, LINES_EACH),
        entries=passes.counted("entries", ledger.entries),
    )


def _size(source: Stores, proving: Tell) -> int:
    """Prove the source and count its rows."""
    passes = Passes(source.journal.head().number, PROOF, proving)
    with source.accounts.ledger() as ledger:
        if source.journal.backlog(1)[0]:
            raise SettingsError(
                "There is something that is not in the audit log yet: stop the bank and copy again."
            )
        try:
            counts = prove(watched(ledger, passes))
        except BooksWrong as wrong:
            raise SettingsError(f"The books are wrong, and not copied: {wrong}.") from wrong
    counted = counts.accounts + counts.customers + counts.entries + source.journal.head().number
    return counted + sum(map(len, pages(source.users)))


def _copied_users(source: Stores, target: Stores) -> Iterator[int]:
    for users in pages(source.users):
        target.users.restore(users)
        yield len(users)


def _copied_books(source: Stores, target: Stores) -> Iterator[int]:
    with source.accounts.ledger() as ledger:
        for changes in changes_of(ledger):
            target.accounts.restore(changes)
            yield len(changes.accounts) + len(changes.customers) + len(changes.recorded)


def _copied_numbers(source: Stores, target: Stores) -> Iterator[int]:
    for rows in numbers(source.journal):
        items = source.journal.items(rows)
        events = [item for item in items.values() if isinstance(item, Event)]
        target.users.restore([], events)
        target.journal.restore(rows)
        yield len(rows)
    journal = source.journal
    target.journal.restore_head(journal.bank_id, journal.head(), journal.cursors())


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
    for one, other in zip_longest(pages(source.users), pages(target.users)):
        _compare("users", one, other)
        yield len(one)


def _compared_books(source: Stores, target: Stores) -> Iterator[int]:
    with source.accounts.ledger() as one, target.accounts.ledger() as other:
        for name in COMPARED:
            ours, theirs = batches(getattr(one, name)), batches(getattr(other, name))
            for some, others in zip_longest(ours, theirs):
                _compare(name, some, others)
                yield len(some) if name in COUNTED else 0


def _compared_numbers(source: Stores, target: Stores) -> Iterator[int]:
    for one, other in zip_longest(numbers(source.journal), numbers(target.journal)):
        _compare("numbers", one, other)
        _compare("events", source.journal.items(one), target.journal.items(other))
        yield len(one)
    _compare("head", _end(source.journal), _end(target.journal))


def _end(journal: Journal) -> tuple[object, ...]:
    return journal.bank_id, journal.head(), journal.cursors()


def _compare(name: str, one: object, other: object) -> None:
    if one != other:
        raise SettingsError(f"The copy differs in its {name}: stop the bank and copy again.")


def pages(store: UserStore) -> Iterator[list[User]]:
    """Yield all users by id, deleted ones included."""
    last = ""
    while page := store.users_after(last, limit=AT_ONCE):
        yield page
        last = page[-1].id


def numbers(journal: Journal) -> Iterator[list[Numbered]]:
    """Yield all rows of a journal's numbers."""
    first = 1
    while rows := journal.numbered(first, AT_ONCE):
        yield rows
        first = rows[-1].number + 1
