"""Entries: one decision each, what the journal keeps of it, and what a store loads and saves."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from operator import attrgetter
from typing import Any, get_args

import msgspec
from msgspec import Struct

from accounts_bank.ledger.actions import Action, Deposit, OpenAccount, Withdrawal
from accounts_bank.ledger.iban import numbers_for
from accounts_bank.ledger.values import Account, Customer, EntryRef, Line, Progress, Status

Fields = tuple[Callable[[Any], Any], ...]
"""Functions that give fields of an action."""


def _named_by(*fields: str) -> dict[type[Any], Fields]:
    return {
        action: tuple(attrgetter(name) for name in action.__struct_fields__ if name in fields)
        for action in get_args(Action)
    }


KINDS: dict[type[Any], str] = {
    action: str(action.__struct_config__.tag) for action in get_args(Action)
}
"""What each action is called, wherever kinds are named."""

_ACCOUNTS = _named_by("account", "from_account", "to_account")
_CUSTOMERS = _named_by("owner_id")
_EARLIER = _named_by("hold_id", "schedule_id", "transfer_id")
"""The fields by which an action names accounts, a customer, and the entry that it is about."""

_NAME_MORE = frozenset({OpenAccount, Deposit, Withdrawal})
"""The actions that need accounts besides those that they name."""


class Entry(Struct, frozen=True, gc=False, array_like=True):
    """One decision asked of the ledger: all of its effects happen, or none.

    Accounts are named by id or number, as they were asked for. `id` comes from the caller and its
    idempotency key where there is one: the same id with the same action is a retry. `till` is the
    cash desk where it is asked, one for each process, so that processes do not queue at one.
    """

    id: str
    caller_id: str
    at: datetime
    action: Action
    till: int = 0

    @property
    def kind(self) -> str:
        """The action's name, as in the journal, the lines and the audit log."""
        return KINDS[type(self.action)]


class Recorded(Struct, frozen=True, gc=False):
    """What the journal keeps: the entry, what was decided, its lines and what explains a refusal.

    `details` holds numbers by name (`shortfall_minor`, `left_minor`). `digest` is
    kept with the rest, so that a later change of any of it shows.
    """

    entry: Entry
    status: Status
    at: datetime
    lines: tuple[Line, ...] = ()
    details: tuple[tuple[str, int], ...] = ()
    digest: str = ""


def recorded_as(
    entry: Entry,
    status: Status,
    at: datetime,
    lines: tuple[Line, ...],
    details: tuple[tuple[str, int], ...],
) -> Recorded:
    """Record what was decided, with its digest."""
    return Recorded(entry, status, at, lines, details, _digest((entry, status, at, lines, details)))


def digest_of(recorded: Recorded) -> str:
    """SHA-256, as hex, of all that is recorded of an entry but the digest itself."""
    return _digest((recorded.entry, recorded.status, recorded.at, recorded.lines, recorded.details))


_encode = msgspec.msgpack.Encoder().encode


def _digest(content: tuple[Any, ...]) -> str:
    return sha256(_encode(content)).hexdigest()


class Outcome(Struct, frozen=True, gc=False):
    """The answer to an entry: what is recorded, and whether it was recorded before."""

    recorded: Recorded
    replayed: bool = False

    @property
    def status(self) -> Status:
        """What became of the entry."""
        return self.recorded.status


class Needs(Struct, frozen=True):
    """What must be loaded to decide: accounts by id or number, the rest by id.

    `captures` are ids of holds: what was captured of them is given among the entries.

    Locking the accounts is enough: whatever changes the progress of an entry names its payer.
    """

    accounts: frozenset[str] = frozenset()
    customers: frozenset[str] = frozenset()
    entries: frozenset[str] = frozenset()
    progress: frozenset[str] = frozenset()
    captures: frozenset[str] = frozenset()


class Snapshot(Struct, frozen=True):
    """What was loaded, by the names that were asked for; what does not exist is not in it."""

    accounts: dict[str, Account] = {}
    customers: dict[str, Customer] = {}
    entries: dict[str, Recorded] = {}
    progress: dict[str, Progress] = {}


class Ledger(Struct, frozen=True):
    """The whole ledger as of one moment, as streams, each to be read once.

    They are in order: accounts and customers by id, `lines` by account and number, `entries` by id,
    `progress` and `mentions` by the entry's id, and so are the ids of those entries that are not in
    the audit log yet. `load` reads what may be newer: it is for what never changes.
    """

    accounts: Iterator[Account]
    customers: Iterator[Customer]
    lines: Iterator[Line]
    entries: Iterator[Recorded]
    progress: Iterator[Progress]
    entry_refs: Iterator[EntryRef]
    unsealed: Iterator[str]
    load: Callable[[Needs], Snapshot]


class Changes(Struct, frozen=True):
    """What to save, in one commit, and the answer to each entry in the order they were asked.

    `accounts`, `customers` and `progress` are as they are now, whether they were there before or
    not; `recorded` and `mentions` are new.
    """

    outcomes: list[Outcome]
    accounts: list[Account]
    customers: list[Customer]
    recorded: list[Recorded]
    progress: list[Progress] = []
    entry_refs: list[EntryRef] = []


def till_id(currency: str, till: int) -> str:
    """Name the bank's cash account for a currency at one till."""
    return f"till-{currency.lower()}-{till}"


def needs(entries: Sequence[Entry]) -> Needs:
    """Say what must be loaded before these entries can be decided."""
    asked: defaultdict[type[Any], list[Action]] = defaultdict(list)
    for entry in entries:
        asked[type(entry.action)].append(entry.action)
    accounts = _given(asked, _ACCOUNTS)
    for entry in entries if not _NAME_MORE.isdisjoint(asked) else ():
        if isinstance(entry.action, OpenAccount):
            accounts.update(numbers_for(entry.id))
        elif isinstance(entry.action, (Deposit, Withdrawal)):
            accounts.add(till_id(entry.action.currency, entry.till))
    about = frozenset(_given(asked, _EARLIER) - {None})
    ids = about.union([entry.id for entry in entries])
    return Needs(frozenset(accounts), frozenset(_given(asked, _CUSTOMERS)), ids, about)


def _given(asked: Mapping[type[Any], list[Action]], fields: Mapping[type[Any], Fields]) -> set[Any]:
    """Collect what actions give in some of their fields."""
    found: set[Any] = set()
    for kind, actions in asked.items():
        for field in fields[kind]:
            found.update(map(field, actions))
    return found
