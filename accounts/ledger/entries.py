"""Entries: one decision each, what the journal keeps of it, and what a store loads and saves."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from hashlib import sha256

import msgspec
from msgspec import Struct

from accounts.ledger.actions import (
    Action,
    Bulk,
    CancelSchedule,
    Capture,
    CloseAccount,
    Deposit,
    Expire,
    FreezeAccount,
    Hold,
    Leave,
    OpenAccount,
    RenameAccount,
    Reversal,
    Schedule,
    SetCreditLimit,
    SetDailyLimit,
    Transfer,
    UnfreezeAccount,
    Void,
    Withdrawal,
)
from accounts.ledger.numbers import numbers_for
from accounts.ledger.values import Account, Customer, Line, Mention, Progress, Status


class Entry(Struct, frozen=True, gc=False):
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
        return str(self.action.__struct_config__.tag)


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


def digest_of(recorded: Recorded) -> str:
    """SHA-256, as hex, of all that is recorded of an entry but the digest itself."""
    content = recorded.entry, recorded.status, recorded.at, recorded.lines, recorded.details
    return sha256(msgspec.json.encode(content)).hexdigest()


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

    Locking the accounts is enough: whatever changes the progress of an entry names its payer.
    """

    accounts: frozenset[str] = frozenset()
    customers: frozenset[str] = frozenset()
    entries: frozenset[str] = frozenset()
    progress: frozenset[str] = frozenset()


class Snapshot(Struct, frozen=True):
    """What was loaded, by the names that were asked for; what does not exist is not in it."""

    accounts: dict[str, Account] = {}
    customers: dict[str, Customer] = {}
    entries: dict[str, Recorded] = {}
    progress: dict[str, Progress] = {}


class Ledger(Struct, frozen=True):
    """The whole ledger as of one moment, as streams, each to be read once.

    They are in order: accounts and customers by id, `lines` by account and number, `entries` by id,
    `progress` by the entry's id, and so are the ids of those entries that are not in the audit log
    yet.
    """

    accounts: Iterator[Account]
    customers: Iterator[Customer]
    lines: Iterator[Line]
    entries: Iterator[Recorded]
    progress: Iterator[Progress]
    unsealed: Iterator[str]


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
    mentions: list[Mention] = []


def till_id(currency: str, till: int) -> str:
    """Name the bank's cash account for a currency at one till."""
    return f"till-{currency.lower()}-{till}"


def needs(entries: Iterable[Entry]) -> Needs:
    """Say what must be loaded before these entries can be decided."""
    accounts: set[str] = set()
    customers: set[str] = set()
    ids: set[str] = set()
    earlier: set[str] = set()
    for entry in entries:
        ids.add(entry.id)
        accounts.update(_accounts_of(entry))
        if isinstance(entry.action, OpenAccount | CloseAccount | Leave):
            customers.add(entry.action.owner_id)
        else:
            earlier.add(_earlier(entry.action))
    earlier.discard("")
    return Needs(*map(frozenset, (accounts, customers, ids | earlier, earlier)))


def _earlier(action: Action) -> str:
    """Name the earlier entry that an action is about, "" where it is about none."""
    match action:
        case Transfer(schedule_id=entry_id):
            return entry_id or ""
        case Capture(hold_id=entry_id) | Void(hold_id=entry_id) | Expire(hold_id=entry_id):
            return entry_id
        case Reversal(transfer_id=entry_id) | CancelSchedule(schedule_id=entry_id):
            return entry_id
        case _:
            return ""


def _accounts_of(entry: Entry) -> tuple[str, ...]:
    match entry.action:
        case (
            Transfer(from_account=payer, to_account=payee)
            | Reversal(from_account=payer, to_account=payee)
            | Hold(from_account=payer, to_account=payee)
            | Capture(from_account=payer, to_account=payee)
            | Schedule(from_account=payer, to_account=payee)
        ):
            return payer, payee
        case (
            Deposit(account=account, currency=currency)
            | Withdrawal(account=account, currency=currency)
        ):
            return account, till_id(currency, entry.till)
        case (
            Void(from_account=account)
            | Expire(from_account=account)
            | CancelSchedule(from_account=account)
            | RenameAccount(account=account)
            | CloseAccount(account=account)
            | FreezeAccount(account=account)
            | UnfreezeAccount(account=account)
            | SetCreditLimit(account=account)
            | SetDailyLimit(account=account)
        ):
            return (account,)
        case OpenAccount():
            return numbers_for(entry.id)
        case Leave() | Bulk():
            return ()
