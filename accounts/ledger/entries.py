"""Entries: the decisions that may be asked of the ledger, and what the journal keeps of them."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from hashlib import sha256

import msgspec
from msgspec import Struct

from accounts.ledger.numbers import numbers_for
from accounts.ledger.values import Account, Customer, Line, Status


class OpenAccount(Struct, frozen=True, gc=False, tag="account_opened"):
    """Open an account for a customer; it gets the entry's id as its own."""

    owner_id: str
    name: str
    currency: str


class RenameAccount(Struct, frozen=True, gc=False, omit_defaults=True, tag="account_renamed"):
    """Give an account another name, where given only while it is still called `expected_name`."""

    account: str
    name: str
    expected_name: str | None = None


class CloseAccount(Struct, frozen=True, gc=False, tag="account_closed"):
    """Close an account with nothing on it and nothing held. To close it again changes nothing."""

    account: str
    owner_id: str


class Leave(Struct, frozen=True, gc=False, tag="customer_left"):
    """End the relation with a customer who has no open account: none can be opened afterwards."""

    owner_id: str


class Deposit(Struct, frozen=True, gc=False, tag="deposit"):
    """Pay cash in: from the bank's till to an account."""

    account: str
    amount_minor: int
    currency: str
    reference: str | None = None


class Withdrawal(Struct, frozen=True, gc=False, tag="withdrawal"):
    """Pay cash out: from an account to the bank's till."""

    account: str
    amount_minor: int
    currency: str
    reference: str | None = None


class Transfer(Struct, frozen=True, gc=False, tag="transfer"):
    """Move money between two customers' accounts."""

    from_account: str
    to_account: str
    amount_minor: int
    currency: str
    reference: str | None = None


Action = OpenAccount | RenameAccount | CloseAccount | Leave | Deposit | Withdrawal | Transfer


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

    `details` holds amounts in minor units, by name (`shortfall_minor`, `limit_minor`). `digest` is
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
    """What must be loaded to decide: accounts by id or number, customers and entries by id."""

    accounts: frozenset[str] = frozenset()
    customers: frozenset[str] = frozenset()
    entries: frozenset[str] = frozenset()


class Snapshot(Struct, frozen=True):
    """What was loaded, by the names that were asked for; what does not exist is not in it."""

    accounts: dict[str, Account]
    customers: dict[str, Customer]
    entries: dict[str, Recorded]


class Ledger(Struct, frozen=True):
    """The whole ledger as of one moment, as streams, each to be read once.

    They are in order: accounts and customers by id, `lines` by account and number, `entries` by id,
    and so are the ids of those entries that are not in the audit log yet.
    """

    accounts: Iterator[Account]
    customers: Iterator[Customer]
    lines: Iterator[Line]
    entries: Iterator[Recorded]
    unsealed: Iterator[str]


class Changes(Struct, frozen=True):
    """What to save, in one commit, and the answer to each entry in the order they were asked."""

    outcomes: list[Outcome]
    accounts: list[Account]
    customers: list[Customer]
    recorded: list[Recorded]


def till_id(currency: str, till: int) -> str:
    """Name the bank's cash account for a currency at one till."""
    return f"till-{currency.lower()}-{till}"


def needs(entries: Iterable[Entry]) -> Needs:
    """Say what must be loaded before these entries can be decided."""
    accounts: set[str] = set()
    customers: set[str] = set()
    ids: set[str] = set()
    for entry in entries:
        ids.add(entry.id)
        accounts.update(_accounts_of(entry))
        if isinstance(entry.action, OpenAccount | CloseAccount | Leave):
            customers.add(entry.action.owner_id)
    return Needs(frozenset(accounts), frozenset(customers), frozenset(ids))


def _accounts_of(entry: Entry) -> tuple[str, ...]:
    match entry.action:
        case Transfer(from_account=payer, to_account=payee):
            return payer, payee
        case (
            Deposit(account=account, currency=currency)
            | Withdrawal(account=account, currency=currency)
        ):
            return account, till_id(currency, entry.till)
        case RenameAccount(account=account) | CloseAccount(account=account):
            return (account,)
        case OpenAccount():
            return numbers_for(entry.id)
        case Leave():
            return ()
