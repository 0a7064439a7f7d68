"""Every query has its index: no page, look-up or audit round reads a table from end to end."""

import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, event

from accounts_bank.identity import Event, User
from accounts_bank.ledger.actions import Deposit, OpenAccount
from accounts_bank.ledger.decide import decide
from accounts_bank.ledger.entries import Changes, Entry, Needs
from accounts_bank.ledger.feed import FeedQuery, FeedRow
from accounts_bank.ledger.sealing import Numbered
from accounts_bank.ledger.values import Period
from accounts_bank.stores.base import AccountStore, Journal, UserStore
from accounts_bank.stores.sql import Database, SqlAccountStore, SqlUserStore
from accounts_bank.stores.sql.driver import Reading, Row
from tests.helpers import START
from tests.stores.books import EVER, Books
from tests.stores.journals import opened

LATER = START + timedelta(days=1)
SOME, OTHER = Period(since=START), Period(since=START, until=LATER)
OUTBOXES = re.compile(
    r"FROM unsealed (ORDER BY unsealed\.place\s+LIMIT|\s*WHERE .* ORDER BY unsealed\.id$)",
    re.DOTALL,
)
"""A page of an outbox starts at its beginning; a proof reads all of an outbox, which is short."""
ASKED = r"\w+ VIRTUAL TABLE|halves"
"""What SQLite scans of what a query itself brings: it grows with what is asked for alone."""


def before_each_statement(database: Database, tell: Callable[[Any, str, Any], None]) -> None:
    """Tell of each statement: the driver's connection, its text, and its first parameters."""

    @event.listens_for(database.engine, "before_cursor_execute")
    def _(_connection, cursor, statement, parameters, _context, is_many) -> None:
        tell(cursor.connection, statement, parameters[0] if is_many else parameters)

    def rows(reading: Reading, connection: Connection, parameters: dict[str, Any]) -> list[Row]:
        driver = connection.connection.driver_connection
        tell(driver, reading.statement, reading.fixed | parameters)
        return reading.rows(connection, parameters)

    made = database.reading
    vars(database)["reading"] = lambda query: SimpleNamespace(rows=partial(rows, made(query)))


class Plans:
    """A database that explains each statement instead of only running it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.is_sqlite = database.dialect.name == "sqlite"
        self.found: dict[str, str] = {}
        before_each_statement(database, self._see)

    def _see(self, driver, statement, parameters) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "WITH", "INSERT")):
            self.found[statement] = "\n".join(self._plan(driver, statement, parameters))

    def _plan(self, driver, statement, parameters) -> list[str]:
        asking = driver.cursor()
        if self.is_sqlite:
            rows = asking.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
            return [row[3] for row in rows]
        asking.execute("SET enable_sort = off")  # what is sorted here has no index in that order
        rows = asking.execute(f"EXPLAIN (COSTS OFF) {statement}", parameters).fetchall()
        return [row[0] for row in rows]

    def without_an_index(self) -> list[str]:
        scan = rf"^SCAN (?!{ASKED})" if self.is_sqlite else r"Seq Scan|Hash Join|Merge Join"
        return [
            f"{statement}\n{plan}"
            for statement, plan in self.found.items()
            if re.search(scan, plan, re.MULTILINE) and not OUTBOXES.search(statement)
        ]

    def sorted_pages(self) -> list[str]:
        """Give the pages that are sorted after they were read: their cost grows with the table."""
        sort = r"USE TEMP B-TREE" if self.is_sqlite else r"^\s*(->)?\s*(Incremental )?Sort"
        return [
            f"{statement}\n{plan}"
            for statement, plan in self.found.items()
            if "LIMIT" in statement and re.search(sort, plan, re.MULTILINE)
        ]


@pytest.fixture(params=["sqlite", "postgres"])
def plans(request, new_database):
    return Plans(new_database(request.param))


def account_queries(store: SqlAccountStore) -> set[str]:
    """Send every query of the contract to a store; return the queries."""
    books = Books(store)
    books.given(ada=100, bob=0)
    books.send("ada", "bob", 1)
    ada, number = books.opened["ada"], store.account(books.opened["ada"]).number
    one = frozenset((ada,))
    for needs in (
        Needs(accounts=frozenset((ada, number))),
        Needs(frozenset((number,)), frozenset(("owner-ada",)), one, one, one),
    ):
        store.load(needs)
    for after in (None, ada):
        store.accounts_of("owner-ada", after=after, limit=2)
    for before in (None, 3):
        for period in (EVER, SOME, Period(until=LATER), OTHER):
            store.lines(ada, before=before, period=period, limit=2)
    store.total_before([ada], [START, LATER])
    for last in (None, (LATER, "z")):
        for since in (None, START):
            store.entries_of("owner-ada", "transfer", before=last, limit=2, since=since)
    store.due(LATER, limit=2)
    with store.ledger() as ledger:
        for stream in (ledger.accounts, ledger.customers, ledger.lines, ledger.entries):
            list(stream)
        list(ledger.progress), list(ledger.unsealed)
    moved = replace(store.account(ada), id="moved", number="moved")
    store.restore(Changes([], [moved], [], []))
    store.present()
    names = {"append", "load", "accounts_of", "lines", "entries_of", "due", "ledger", "restore"}
    return names | {"present"}


def user_queries(store: SqlUserStore) -> set[str]:
    ada = User(id="a", username="ada", full_name=None, password_hash="h", created_at=START)
    store.put([ada], [Event("e", "user_registered", START, "a", None)])
    store.put([User(id="b", username="ADA", full_name=None, password_hash="h", created_at=START)])
    store.users(["a"])
    store.user_named("ada")
    store.users_after("", limit=2)
    store.events(["e"])
    store.restore([replace(ada, id="c", username="cleo", version=3)])
    store.key_owners(["digest"])
    return {"put", "users", "user_named", "users_after", "events", "restore", "key_owners"}


def journal_queries(database: Database) -> frozenset[str]:
    books = Books(SqlAccountStore(database, decide))
    books.given(ada=100, bob=0)
    SqlUserStore(database).put([], [Event("e", "login", START, None, None)])
    journal = opened(database)
    journal.backlog(2)
    journal.seal(9)
    journal.sealed_after(1, 2)
    journal.advance("log", 2)
    journal.cursor("log")
    journal.list_events([FeedRow(1, "o", "a", "t", "e")], 0, journal.numbered(1, 1)[0])
    assert journal.listed() == 1
    for owner, account, kind in product((None, "o"), (None, ("a", "b")), (None, "t")):
        journal.find_events(FeedQuery(0, 2, owner, account, kind))
    journal.restore([Numbered(9, "x", "login", "h")])
    journal.restore_head(journal.bank_id, journal.head(), {"other": 3})
    return Journal.__abstractmethods__


def test_every_query_of_the_books_uses_an_index(plans):
    asked = account_queries(SqlAccountStore(plans.database, decide))
    assert asked == AccountStore.__abstractmethods__
    assert len(plans.found) > 20
    everything = [each for each in plans.without_an_index() if "WHERE" in each]
    assert everything == []
    assert plans.sorted_pages() == []


def test_every_query_of_the_users_uses_an_index(plans):
    assert user_queries(SqlUserStore(plans.database)) == UserStore.__abstractmethods__
    assert plans.without_an_index() == []
    assert plans.sorted_pages() == []


def test_every_query_of_the_journal_uses_an_index(plans):
    assert journal_queries(plans.database) == Journal.__abstractmethods__
    everything = [each for each in plans.without_an_index() if "WHERE" in each]
    assert everything == []
    assert plans.sorted_pages() == []


def test_thousands_are_looked_up_one_by_one_in_tables_of_which_nothing_is_known(new_database):
    """PostgreSQL thinks them tiny for the minute in which they fill, and would filter all rows."""
    database = new_database("postgres")
    books, plans = Books(SqlAccountStore(database, decide)), []

    def explain(driver, statement, parameters) -> None:
        if statement.startswith("SELECT") and "FROM accounts" in statement:
            plans.extend(driver.execute(f"EXPLAIN (ANALYZE) {statement}", parameters).fetchall())

    before_each_statement(database, explain)

    opened: list[Entry] = []
    for _ in range(2):
        opened = [books.entry(OpenAccount("owner", "Main", "EUR")) for _ in range(1_000)]
        books.store.append(opened)
    books.store.load(Needs(accounts=frozenset(each.id for each in opened)))
    assert len(plans) > 10
    assert [plan for (plan,) in plans if "Rows Removed by Filter" in plan] == []


def test_a_balance_is_changed_without_a_word_to_the_indexes(new_database):
    """Each would be a page more for each side of a transfer, somewhere in a large file."""
    database, found = new_database("sqlite"), []
    books = Books(SqlAccountStore(database, decide))
    books.given(ada=100, bob=0)

    def explain(driver, statement, parameters) -> None:
        if statement.startswith("UPDATE accounts"):
            rows = driver.execute(f"EXPLAIN {statement}", parameters).fetchall()
            found.append([operation for _, operation, *_ in rows])

    before_each_statement(database, explain)
    books.send("ada", "bob", 1)
    ((*operations,),) = found
    assert operations.count("IdxInsert") == 1  # the account itself: its table is ordered by the key
    assert "IdxDelete" not in operations


class Steps:
    """Counts what a database does: its own steps on SQLite, rows read in vain on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self.count, self.most = 0, 3_000 if database.dialect.name == "sqlite" else 60
        count = self._in_sqlite if database.dialect.name == "sqlite" else self._in_postgresql
        before_each_statement(database, count)

    def _in_sqlite(self, driver, _statement, _parameters) -> None:
        driver.set_progress_handler(self._step, 1)

    def _step(self) -> None:
        self.count += 1

    def _in_postgresql(self, driver, statement, parameters) -> None:
        for (row,) in driver.execute(f"EXPLAIN (ANALYZE) {statement}", parameters):
            self.count += sum(map(int, re.findall(r"Rows Removed by \D*(\d+)", row)))


@pytest.fixture(params=["sqlite", "postgres"])
def many_lines(request, new_database):
    """An account that got 2,000 deposits, one each second from the hundredth on."""
    database = new_database(request.param)
    books = Books(SqlAccountStore(database, decide))
    books.given(ada=0)
    times = (START + timedelta(seconds=100 + number) for number in range(2_000))
    deposit = Deposit(books.opened["ada"], 1, "EUR")
    books.store.append([books.entry(deposit, at=at) for at in times])
    return books, Steps(database)


@pytest.mark.parametrize("before", [None, 1_990, 250])
@pytest.mark.parametrize(
    ("since", "until", "last"), [(None, 300, 200), (150, 300, 200), (150, None, 2_000)]
)
def test_a_page_of_long_ago_costs_no_more_for_all_that_came_later(
    many_lines, before, since, until, last
):
    books, steps = many_lines
    since, until = (each and START + timedelta(seconds=each) for each in (since, until))
    period = Period(since, until)
    page = books.store.lines(books.opened["ada"], before=before, period=period, limit=10)
    assert [line.number for line in page][:1] == [min(last, (before or 9_999) - 1)]
    assert len(page) == 10
    assert steps.count < steps.most


def test_balances_of_long_ago_cost_no_more_for_all_that_came_later(many_lines):
    books, steps = many_lines
    moments = [START + timedelta(seconds=each) for each in (1, 101, 300, 9_999)]
    assert books.store.total_before([books.opened["ada"]], moments) == [0, 1, 200, 2_000]
    assert steps.count < steps.most
