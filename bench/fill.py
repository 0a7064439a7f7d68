"""Fill a bank with customers, money and a history of payments, by its own rules.

Customers come in generations, and what an account ever does is within its own. So each generation
lives in memory, is decided there by the bank's own rules, and is then restored into the store as
`accounts copy` would; all of it is in the audit log, and `accounts verify` proves it. The lines of
one account lie scattered among those of thousands of others, as they do after such a life.
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

from accounts_bank.audit.log import AuditLog
from accounts_bank.audit.records import record_of
from accounts_bank.identity import Role, Session, User
from accounts_bank.ledger.actions import Deposit, OpenAccount, Transfer
from accounts_bank.ledger.decide import decide
from accounts_bank.ledger.entries import Changes, Entry, Needs, Recorded, Snapshot
from accounts_bank.ledger.integrity.derived import batches
from accounts_bank.ledger.values import Account, Customer, Status
from accounts_bank.observability.observer import Observer
from accounts_bank.sandbox.simulated_clock import SimulatedClock, SimulatedIds
from accounts_bank.stores.base import AccountStore, UserStore
from accounts_bank.stores.factory import open_stores
from accounts_bank.stores.memory import InMemoryAccountStore
from accounts_bank.stores.migration import changes_of
from accounts_bank.stores.sql import Database
from accounts_bank.stores.sql.tables import METADATA

CALLERS = 250
"""How many customers have signed in; each of the others has two accounts."""
CALLERS_ACCOUNTS_MAX = 10_000
"""How many accounts those have at most, spread among all."""
GENERATION = 10_000
"""In accounts."""
BALANCE_MINOR = 10**9
SESSION_LASTS = timedelta(days=1)

_NEVER = datetime.fromtimestamp(0, UTC)


class Size(NamedTuple):
    """How large a bank is; the first deposit to each account makes two lines."""

    accounts: int
    lines: int

    def __str__(self) -> str:
        return f"{self.accounts:,} accounts, {self.lines:,} lines"

    @property
    def transfers(self) -> int:
        """How many transfers the rest of the lines are of."""
        return (self.lines - 2 * self.accounts) // 2

    @property
    def callers_every(self) -> int:
        """Every how many accounts there is one of a customer who is signed in."""
        return self.accounts // min(CALLERS_ACCOUNTS_MAX, self.accounts // 2)


class People(NamedTuple):
    """Who is in a bank: those who are signed in, and the accounts of all and of each of them."""

    teller: User
    callers: list[User]
    accounts: list[str]
    size: Size

    def owner(self, number: int) -> str:
        """Say whose an account is, by its place."""
        place, rest = divmod(number, self.size.callers_every)
        if rest == 0:
            return self.callers[place % len(self.callers)].id
        return f"customer-{number // 2}"

    def accounts_of(self, caller: int) -> list[str]:
        """Give the accounts of one who is signed in."""
        return self.accounts[:: self.size.callers_every][caller :: len(self.callers)]


class Generation(InMemoryAccountStore):
    """A generation's books, where numbers that earlier ones have are taken."""

    def __init__(self, taken: set[str]) -> None:
        super().__init__(decide)
        self._taken = taken

    def _load(self, needs: Needs) -> Snapshot:
        found = super()._load(needs)
        found.accounts.update(dict.fromkeys(needs.accounts & self._taken, _SOMEBODYS))
        return found


_SOMEBODYS = Account(
    id="", number="", owner_id="", name="", currency="", created_at=_NEVER, moved_at=_NEVER
)


def filled(url: str, audit_log: Path, size: Size) -> People:
    """Fill an empty bank to a size."""
    dice = Random(1)  # noqa: S311 - the same bank each time
    past = SimulatedClock(
        datetime.now(UTC) - timedelta(milliseconds=4 * (size.accounts + size.lines))
    )
    new_id = SimulatedIds(past, dice)
    stores = open_stores(url, Observer())
    people = _signed_in(stores.users, size, past, new_id)
    taken: set[str] = set()
    customers: Counter[str] = Counter()
    with closing(AuditLog(audit_log)) as log:
        for begin in range(0, size.accounts, GENERATION):
            numbers = range(begin, min(begin + GENERATION, size.accounts))
            books = Generation(taken)
            for entries in batches(_entries(people, numbers, past, new_id, dice)):
                log.append(map(record_of, _recorded(books, entries)))
            _restored(books, stores.accounts, taken, customers)
    for some in batches(sorted(customers.items())):
        stores.accounts.restore(Changes([], [], [Customer(*each) for each in some], []))
    return people


def tables_copied(file: Path, url: str) -> None:
    """Give an empty PostgreSQL the tables of a bank in SQLite: each value looks alike in both."""
    Database(url).close()  # makes the tables
    with closing(sqlite3.connect(file)) as source, psycopg.connect(url) as target:
        for table in METADATA.sorted_tables:
            names = ", ".join(f'"{column.name}"' for column in table.columns)
            kept = source.execute(f"SELECT {names} FROM {table.name}")  # noqa: S608
            copy = f"COPY {table.name} ({names}) FROM STDIN"
            with target.cursor() as cursor, cursor.copy(copy) as rows:
                for row in kept:
                    rows.write_row(row)


def _recorded(books: Generation, entries: list[Entry]) -> list[Recorded]:
    recorded = [outcome.recorded for outcome in books.append(entries)]
    assert all(each.status is Status.RECORDED for each in recorded)
    books.mark_sealed(recorded)
    return recorded


def _restored(
    books: Generation, store: AccountStore, taken: set[str], customers: Counter[str]
) -> None:
    """Restore all but the customers: some of those have accounts in other generations too."""
    with books.ledger() as ledger:
        for changes in changes_of(ledger):
            taken.update(account.number for account in changes.accounts)
            customers.update({each.id: each.open_accounts for each in changes.customers})
            if not changes.customers:
                store.restore(changes)


def _signed_in(store: UserStore, size: Size, past: SimulatedClock, new_id: SimulatedIds) -> People:
    """Put those into the store who have signed in already: nobody's password need be hashed."""

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
    """Open the accounts of a generation, pay into each, and let random ones pay each other."""
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
