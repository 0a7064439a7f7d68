"""Entries: the decisions of the ledger, as the journal records them and a store loads them."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from operator import attrgetter
from typing import Any, get_args

import msgspec
from msgspec import Struct

from accounts_bank.ledger.actions import Action
from accounts_bank.ledger.sealing import JournalHead
from accounts_bank.ledger.values import Account, Customer, EntryRef, Line, Progress, Status

Getters = tuple[Callable[[Any], Any], ...]
"""Functions that read fields of an action."""

KINDS: dict[type[Any], str] = {
    action: str(action.__struct_config__.tag) for action in get_args(Action)
}
"""The kind of each action: its name in the journal, in statements and in the audit log."""


def _getters(shelf: str) -> dict[type[Any], Getters]:
    """Return for each action how to read the names that it declares to touch on one shelf."""
    return {action: tuple(map(attrgetter, getattr(action.touches, shelf))) for action in KINDS}


_ACCOUNTS = _getters("accounts")
_CUSTOMERS = _getters("customers")
_EARLIER_ENTRIES = _getters("earlier_entries")
_MORE_ACCOUNTS = {
    action: action.touches.more_accounts for action in KINDS if action.touches.more_accounts
}


class Entry(Struct, frozen=True, gc=False, array_like=True):
    """One decision of the ledger. All effects of an entry happen, or none.

    :param id: a UUID (RFC 9562), or a hash of the caller and the idempotency key: a second entry
        with the same id and the same action is a retry.
    :param caller_id: the id of the user that makes the entry.
    :param at: the time at which it is made, in UTC.
    :param action: names accounts by id or number, as the caller does.
    :param till: the number of the cash desk. Each process has its own, so that processes do not
        wait for each other.
    """

    id: str
    caller_id: str
    at: datetime
    action: Action
    till: int = 0

    @property
    def kind(self) -> str:
        """The kind of the action."""
        return KINDS[type(self.action)]


class Recorded(Struct, frozen=True, gc=False):
    """An entry in the journal, with its outcome.

    :param at: the time of its lines, in UTC; no earlier than the entry's own.
    :param lines: none if the entry is refused or moves no money.
    :param details: numbers that explain a refusal, by name (`shortfall_minor`, `left_minor`).
    :param digest: SHA-256 of all other fields, as hex, so that a later change is noticed.
    """

    entry: Entry
    status: Status
    at: datetime
    lines: tuple[Line, ...] = ()
    details: tuple[tuple[str, int], ...] = ()
    digest: str = ""


def has_random_id(entry_id: str) -> bool:
    """Return whether an id was made without a key: a UUIDv7 (RFC 9562, 5.7)."""
    return len(entry_id) == UUID_LENGTH and entry_id[UUID_VERSION_AT] == "7"


def recorded_as(
    entry: Entry,
    status: Status,
    at: datetime,
    lines: tuple[Line, ...],
    details: tuple[tuple[str, int], ...],
) -> Recorded:
    """Record an outcome, with its digest."""
    return Recorded(entry, status, at, lines, details, _digest((entry, status, at, lines, details)))


def digest_of(recorded: Recorded) -> str:
    """Return the SHA-256, as hex, of all fields of a recorded entry but the digest."""
    return _digest((recorded.entry, recorded.status, recorded.at, recorded.lines, recorded.details))


UUID_LENGTH, UUID_VERSION_AT = 36, 14

_encode = msgspec.msgpack.Encoder().encode


def _digest(content: tuple[Any, ...]) -> str:
    return sha256(_encode(content)).hexdigest()


class Outcome(Struct, frozen=True, gc=False):
    """The answer to an entry. It is replayed if the entry was recorded before."""

    recorded: Recorded
    replayed: bool = False

    @property
    def status(self) -> Status:
        """The status of the entry."""
        return self.recorded.status


class Needs(Struct, frozen=True):
    """The names that a store loads.

    To decide, it is enough to lock the accounts: an action that changes the progress of an entry
    names the payer of that entry too.

    :param accounts: ids or numbers of accounts.
    :param customers: ids of customers.
    :param entries: ids of entries.
    :param progress: ids of entries, to load their progress.
    :param captures: ids of holds; their captures are loaded among the entries.
    """

    accounts: frozenset[str] = frozenset()
    customers: frozenset[str] = frozenset()
    entries: frozenset[str] = frozenset()
    progress: frozenset[str] = frozenset()
    captures: frozenset[str] = frozenset()


class Snapshot(Struct, frozen=True):
    """The values that exist of the names in `Needs`, by name, as of one moment."""

    accounts: dict[str, Account] = {}
    customers: dict[str, Customer] = {}
    entries: dict[str, Recorded] = {}
    progress: dict[str, Progress] = {}


class Ledger(Struct, frozen=True):
    """The whole ledger as of one moment, as streams, each of which is read once.

    :param accounts: by id.
    :param customers: by id.
    :param lines: by account and number.
    :param entries: by id.
    :param progress: by the id of the entry.
    :param entry_refs: by the id of the entry.
    :param unsealed: ids of the entries that have no number yet, in order.
    :param head: the end of the numbers.
    :param load: reads present values, which may be newer; it is for values that never change.
    """

    accounts: Iterator[Account]
    customers: Iterator[Customer]
    lines: Iterator[Line]
    entries: Iterator[Recorded]
    progress: Iterator[Progress]
    entry_refs: Iterator[EntryRef]
    unsealed: Iterator[str]
    head: JournalHead
    load: Callable[[Needs], Snapshot]


class Changes(Struct, frozen=True):
    """The values to save in one commit, and the outcomes of the entries, in their order.

    :param accounts: accounts that are new or differ, as they are now.
    :param customers: customers that are new or differ, as they are now.
    :param recorded: new entries of the journal.
    :param progress: progress that is new or differs, as it is now.
    :param entry_refs: new references.
    """

    outcomes: list[Outcome]
    accounts: list[Account]
    customers: list[Customer]
    recorded: list[Recorded]
    progress: list[Progress] = []
    entry_refs: list[EntryRef] = []


def needs(entries: Sequence[Entry]) -> Needs:
    """Return the names that a store loads and locks before a batch is decided.

    The entries themselves are among them, so that a retry finds its first try.
    """
    actions: defaultdict[type[Any], list[Action]] = defaultdict(list)
    for entry in entries:
        actions[type(entry.action)].append(entry.action)
    accounts = _names(actions, _ACCOUNTS)
    accounts.discard(None)
    if not _MORE_ACCOUNTS.keys().isdisjoint(actions):
        for entry in entries:
            more_accounts = _MORE_ACCOUNTS.get(type(entry.action))
            if more_accounts is not None:
                accounts.update(more_accounts(entry.action, entry))
    earlier = frozenset(_names(actions, _EARLIER_ENTRIES) - {None})
    ids = earlier.union([entry.id for entry in entries])
    return Needs(frozenset(accounts), frozenset(_names(actions, _CUSTOMERS) - {None}), ids, earlier)


def _names(
    actions: Mapping[type[Any], list[Action]], getters: Mapping[type[Any], Getters]
) -> set[Any]:
    """Collect the names in some fields; field by field, which is the fastest for a large bulk."""
    found: set[Any] = set()
    for kind, some in actions.items():
        for getter in getters[kind]:
            found.update(map(getter, some))
    return found
