"""Fill a bank with customers, money and a history of payments, by the bank's own rules.

The accounts come in generations and pay only within their own. Each generation is decided in memory
and then restored into the store, as `accounts copy` does. The audit log has all entries, so
`accounts verify` proves the bank. The lines of one account lie scattered among the lines of
thousands of others, as in a real bank.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

import psycopg

from accounts_bank.audit.opening import LogSettings, open_log
from accounts_bank.audit.sealer import Sealer
from accounts_bank.identity import Role, Session, User
from accounts_bank.ledger.actions import Deposit, OpenAccount, Transfer
from accounts_bank.ledger.decide import decide
from accounts_bank.ledger.entries import Changes, Entry, Needs, Snapshot
from accounts_bank.ledger.integrity.derived import batches
from accounts_bank.ledger.sealing import JournalHead, Unsealed, head_after, seal
from accounts_bank.ledger.values import Account, Customer, Status
from accounts_bank.observability.observer import Observer
from accounts_bank.sandbox.simulated_clock import SimulatedClock, SimulatedIds
from accounts_bank.stores.base import AccountStore, Journal, UserStore
from accounts_bank.stores.factory import open_stores
from accounts_bank.stores.memory import InMemoryAccountStore
from accounts_bank.stores.migration import changes_of
from accounts_bank.stores.sql import Database
from accounts_bank.stores.sql.tables import METADATA

CALLERS = 250
"""The number of customers with a session; each other customer has two accounts."""
CALLERS_ACCOUNTS_MAX = 10_000
"""The most accounts of customers with a session, spread among all accounts."""
GENERATION = 10_000
"""The number of accounts in a generation."""
BALANCE_MINOR = 10**9
SESSION_LASTS = timedelta(days=1)

_NEVER = datetime.fromtimestamp(0, UTC)


class Size(NamedTuple):
    """The size of a bank. The first deposit to each account makes two lines."""

    accounts: int
    lines: int

    def __str__(self) -> str:
        return f"{self.accounts:,} accounts, {self.lines:,} lines"

    @property
    def transfers(self) -> int:
        """The number of transfers, two lines each, after the first deposits."""
        return (self.lines - 2 * self.accounts) // 2

    @property
    def callers_every(self) -> int:
        """The distance between two accounts of customers with a session."""
        return self.accounts // min(CALLERS_ACCOUNTS_MAX, self.accounts // 2)


class People(NamedTuple):
    """The users with a session, and the ids of all accounts."""

    teller: User
    callers: list[User]
    accounts: list[str]
    size: Size

    def owner(self, number: int) -> str:
        """Return the owner's id of an account, by the position of the account."""
        place, rest = divmod(number, self.size.callers_every)
        if rest == 0:
            return self.callers[place % len(self.callers)].id
        return f"customer-{number // 2}"

    def accounts_of(self, caller: int) -> list[str]:
        """Return the accounts of a customer with a session."""
        return self.accounts[:: self.size.callers_every][caller :: len(self.callers)]


class Generation(InMemoryAccountStore):
    """The books of one generation; account numbers of earlier generations count as taken."""

    def __init__(self, taken: set[str]) -> None:
        super().__init__(decide)
        self._taken = taken

    def _load(self, needs: Needs) -> Snapshot:
        snapshot = super()._load(needs)
        snapshot.accounts.update(dict.fromkeys(needs.accounts & self._taken, _TAKEN_ACCOUNT))
        return snapshot


_TAKEN_ACCOUNT = Account(
    id="", number="", owner_id="", name="", currency="", created_at=_NEVER, moved_at=_NEVER
)


def fill(url: str, audit_log: Path, size: Size) -> People:
    """Fill the empty bank at a store URL; return its users and accounts."""
    dice = Random(1)  # noqa: S311 - the same bank each time
    past = SimulatedClock(
        datetime.now(UTC) - timedelta(milliseconds=4 * (size.accounts + size.lines))
    )
    new_id = SimulatedIds(past, dice)
    stores = open_stores(url, Observer())
    people = _store_users(stores.users, size, past, new_id)
    taken: set[str] = set()
    customers: Counter[str] = Counter()
    head = JournalHead()
    for begin in range(0, size.accounts, GENERATION):
        numbers = range(begin, min(begin + GENERATION, size.accounts))
        books = Generation(taken)
        for entries in batches(_entries(people, numbers, past, new_id, dice)):
            head = _decide(books, entries, stores.journal, head)
        _restore(books, stores.accounts, taken, customers)
    for batch in batches(sorted(customers.items())):
        stores.accounts.restore(Changes([], [], [Customer(*item) for item in batch], []))
    stores.journal.restore_head(stores.journal.bank_id, head, {})
    where = LogSettings(audit_log, None, is_durable=True)
    log = open_log(where, stores.journal, past(), new_id())
    Sealer(stores.journal, log, in_background=lambda: True).close()
    stores.close()
    return people


def copy_tables(file: Path, url: str) -> None:
    """Copy the tables of a bank in SQLite to an empty PostgreSQL; values have the same form."""
    Database(url).close()  # makes the tables
    with closing(sqlite3.connect(file)) as source, psycopg.connect(url) as target:
        for table in METADATA.sorted_tables:
            names = ", ".join(f'"{column.name}"' for column in table.columns)
            source_rows = source.execute(f"SELECT {names} FROM {table.name}")  # noqa: S608
            copy = f"COPY {table.name} ({names}) FROM STDIN"
            target.execute(f"DELETE FROM {table.name}")  # noqa: S608 - the row of the new bank
            with target.cursor() as cursor, cursor.copy(copy) as rows:
                for row in source_rows:
                    rows.write_row(row)


def _decide(
    books: Generation, entries: list[Entry], journal: Journal, head: JournalHead
) -> JournalHead:
    """Decide entries and number them; return the new head."""
    recorded = [outcome.recorded for outcome in books.append(entries)]
    assert all(item.status is Status.RECORDED for item in recorded)
    books.journal.seal(len(recorded))
    rows = seal(head, [Unsealed(each.entry.id, each.entry.kind, each.digest) for each in recorded])
    journal.restore(rows)
    return head_after(head, rows)


def _restore(
    books: Generation, store: AccountStore, taken: set[str], customers: Counter[str]
) -> None:
    """Restore all but the customers; some of them also own accounts of other generations."""
    with books.ledger() as ledger:
        for changes in changes_of(ledger):
            taken.update(account.number for account in changes.accounts)
            customers.update(
                {customer.id: customer.open_accounts for customer in changes.customers}
            )
            if not changes.customers:
                store.restore(changes)


def _store_users(
    store: UserStore, size: Size, past: SimulatedClock, new_id: SimulatedIds
) -> People:
    """Store users that already have a session, so that no password needs hashing."""

    def user(name: str, role: Role = Role.CUSTOMER) -> User:
        session = Session(new_id(), new_id(), datetime.now(UTC) + SESSION_LASTS)
        return User(
            id=new_id(),
            username=name,
            full_name=None,
            password_hash="",
            created_at=past(),
            role=role,
            sessions=(session,),
        )

    callers = [user(f"caller-{number}") for number in range(CALLERS)]
    people = People(user("teller", Role.TELLER), callers, [], size)
    store.restore([people.teller, *callers])
    return people


def _entries(
    people: People, numbers: range, past: SimulatedClock, new_id: SimulatedIds, dice: Random
) -> Iterator[Entry]:
    """Yield openings, a deposit for each account, then transfers between random accounts."""
    size, ids, till = people.size, people.accounts, numbers.start // GENERATION
    for number in numbers:
        ids.append(new_id())
        owner = people.owner(number)
        yield Entry(ids[-1], owner, past(), OpenAccount(owner, "Main", "EUR"))
    for number in numbers:
        cash = Deposit(ids[number], BALANCE_MINOR, "EUR")
        yield Entry(new_id(), people.owner(number), past(), cash, till)
    for turn in range(size.transfers * len(numbers) // size.accounts):
        payer, payee = dice.sample(numbers, 2)
        pay = Transfer(ids[payer], ids[payee], 1 + turn % 1000, "EUR", f"Invoice {turn}")
        yield Entry(new_id(), people.owner(payer), past(), pay)
