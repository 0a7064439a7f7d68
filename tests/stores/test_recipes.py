"""SQL databases: no loss, no repetition, no wait without an end."""

import random
import signal
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, InternalError, OperationalError

from accounts_bank.errors import Unavailable
from accounts_bank.ledger.decide import decide
from accounts_bank.ledger.entries import Entry
from accounts_bank.stores.sql import Database, SqlAccountStore, database, retry
from accounts_bank.stores.sql.dialects import postgresql, sqlite
from accounts_bank.stores.sql.dialects.watchdog import LOOK_S, Watchdog
from tests.helpers import locked
from tests.postgres import Postgres
from tests.proxy import Proxy
from tests.stores.books import Books, at_once


@pytest.fixture(params=["sqlite", "postgres"])
def opened(request, new_database, monkeypatch):
    """Open a database with short timeouts."""
    monkeypatch.setattr(retry, "DEADLINE_S", 0.5)
    monkeypatch.setattr(sqlite, "WRITER_TIMEOUT_S", 0.5)
    monkeypatch.setattr(database, "LOCK_TIMEOUT_MS", 200)
    return new_database(request.param)


def books_of(opened: Database) -> Books:
    books = Books(SqlAccountStore(opened, decide))
    books.given(ada=1000, bob=1000)
    return books


def test_two_hot_accounts_in_both_directions_never_wait_for_each_other_in_a_circle(new_database):
    opened = new_database("postgres")
    books = books_of(opened)

    def pay(number):
        for turn in range(40):
            payer, payee = ("ada", "bob") if number % 2 else ("bob", "ada")
            assert books.send(payer, payee, 1, entry_id=f"{number}-{turn}") == "recorded"

    at_once(8, pay)
    opened.close()
    time.sleep(1)  # until the server has counted
    with psycopg.connect(str_of(opened)) as connection:
        asked = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        assert connection.execute(asked).fetchone() == (0,)
    assert sum(books.balances().values()) == 2000


class Holder:
    """Another client, which locks rows that the bank wants to change."""

    def __init__(self, opened: Database, account_id: str) -> None:
        self.connection: Any
        if opened.dialect.name == "sqlite":
            self.connection = sqlite3.connect(opened.url.database, isolation_level=None)
            self.connection.execute("BEGIN IMMEDIATE")
        else:
            self.connection = psycopg.connect(str_of(opened))
            lock = "SELECT 1 FROM accounts WHERE id = %s FOR UPDATE"
            self.connection.execute(lock, [account_id])

    def let_go(self) -> None:
        self.connection.rollback()

    def close(self) -> None:
        self.connection.close()


@pytest.fixture
def held(opened):
    """Give books, and a client that holds a row of theirs."""
    books = books_of(opened)
    with closing(Holder(opened, books.opened["ada"])) as holder:
        yield books, holder


def test_a_blocked_caller_gets_an_error_in_bounded_time(held):
    books, holder = held
    began_s = time.monotonic()
    with pytest.raises(Unavailable, match="does not answer"):
        books.send("ada", "bob", 1, entry_id="one")
    assert 0.2 < time.monotonic() - began_s < 5
    assert books.balances() == {"ada": 1000, "bob": 1000}
    holder.let_go()
    assert books.send("ada", "bob", 1, entry_id="one") == "recorded"


def test_a_caller_behind_blocked_callers_gets_an_error_in_bounded_time(held):
    books, holder = held

    def send(number):
        with pytest.raises(Unavailable):
            books.send("ada", "bob", 1, entry_id=f"{number}")

    began_s = time.monotonic()
    at_once(12, send)
    assert time.monotonic() - began_s < 5  # one after the other it would be six
    holder.let_go()
    assert books.balances() == {"ada": 1000, "bob": 1000}


def test_a_transient_failure_is_retried_after_random_pauses(opened, monkeypatch):
    pauses: list[float] = []
    fails = iter([True] * 4 + [False])
    monkeypatch.setattr(retry, "sleep", pauses.append)

    def write(connection, _unsure):
        if next(fails):
            raise OperationalError("", {}, locked())
        return connection.execute(text("SELECT 7")).scalar()

    assert opened.write(write) == 7
    assert len(set(pauses)) == 4
    assert all(0 <= each <= retry.PAUSE_MAX_S for each in pauses)


@pytest.mark.parametrize("error", [OperationalError, InternalError])
def test_a_permanent_failure_is_not_retried(opened, error):
    tries = []

    def write(_connection, _unsure):
        tries.append(1)
        raise error("", {}, sqlite3.OperationalError("database or disk is full"))

    with pytest.raises(Unavailable):
        opened.write(write)
    assert tries == [1]


@pytest.fixture
def proxied(new_database):
    """Open a database over a line that can be cut."""
    url = new_database("postgres").url
    with closing(Proxy(f"127.0.0.1:{url.port}")) as proxy:
        through = url.set(port=int(proxy.host.partition(":")[2])).render_as_string()
        with closing(Database(through)) as opened:
            yield opened, proxy


@pytest.mark.parametrize("lost", [b"COMMIT", b"INSERT"])
def test_an_answer_that_is_lost_is_settled_by_asking_the_journal(proxied, lost):
    opened, proxy = proxied
    books = books_of(opened)
    proxy.cuts = lambda request: lost in request and not proxy.lost
    outcome = books.ask(books.transfer("ada", "bob", 4), entry_id="one")
    assert proxy.lost == 1
    assert (outcome.status, outcome.replayed) == ("recorded", False)
    assert books.balances() == {"ada": 996, "bob": 1004}
    assert books.ask(books.transfer("ada", "bob", 4), entry_id="one").replayed


def test_the_first_copy_in_a_batch_with_a_lost_answer_is_no_replay(proxied):
    opened, proxy = proxied
    books = books_of(opened)
    proxy.cuts = lambda request: b"COMMIT" in request and not proxy.lost
    entry = books.entry(books.transfer("ada", "bob", 4), entry_id="one")
    outcomes = books.store.append([entry, entry, entry])
    assert proxy.lost == 1
    assert [each.replayed for each in outcomes] == [False, True, True]
    assert books.balances() == {"ada": 996, "bob": 1004}


def test_a_connection_that_the_server_ends_is_replaced(new_database):
    opened = new_database("postgres")
    books = books_of(opened)
    with psycopg.connect(str_of(opened), autocommit=True) as connection:
        for _ in range(3):
            others = "pid <> pg_backend_pid() AND datname = current_database()"
            ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
            connection.execute(ended + others)
            assert books.send("ada", "bob", 1) == "recorded"
    assert books.balances() == {"ada": 997, "bob": 1003}


def test_sqlite_confirms_only_writes_that_survive_a_power_cut(new_database):
    opened = new_database("sqlite")
    for pragma, value in (("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)):
        with opened.engine.connect() as connection:
            assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


def test_sqlite_takes_the_lock_before_it_looks(new_database):
    opened = new_database("sqlite")
    said: list[str] = []
    with opened.engine.connect() as connection:  # the one that is used from here on
        connection.connection.driver_connection.set_trace_callback(said.append)
    books_of(opened)
    begun = [n for n, each in enumerate(said) if each.startswith("INSERT")]
    for number in begun:
        before = [each for each in said[:number] if each.startswith("BEGIN")]
        assert before[-1] == "BEGIN IMMEDIATE"
    assert len(begun) > 3


def test_sqlite_looks_again_soon_whether_another_process_still_writes(new_database, monkeypatch):
    books = books_of(opened := new_database("sqlite"))
    slept: list[float] = []
    with closing(Holder(opened, books.opened["ada"])) as holder:

        def sleep(duration_s):
            slept.append(duration_s)
            if len(slept) == 3:
                holder.let_go()

        monkeypatch.setattr(sqlite, "sleep", sleep)
        assert books.send("ada", "bob", 1) == "recorded"
    assert slept == [0.0003] * 3
    with opened.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 5_000


def test_on_sqlite_others_are_waited_for_and_nothing_else():
    def connect():
        return closing(sqlite3.connect("bank.db", timeout=0, isolation_level=None))

    with connect() as one, connect() as other:
        assert not sqlite._is_taken(one)
        assert sqlite._is_taken(other)
        assert not sqlite._is_taken(one)  # it has begun already: that does not pass


@pytest.mark.parametrize("value", ["'text'", "1.5", "9223372036854775808", "NULL"])
def test_sqlite_refuses_a_fraction(new_database, value):
    opened = new_database("sqlite")
    books_of(opened)
    with pytest.raises(DBAPIError), opened.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE accounts SET line_count = {value}")  # noqa: S608


@pytest.mark.parametrize("change", ["balance_minor = -1", "held_minor = -1"])
def test_the_database_is_the_second_guard(opened, change):
    books_of(opened)
    with pytest.raises(DBAPIError), opened.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE accounts SET {change} WHERE id NOT LIKE 'till%%'")  # noqa: S608


def test_a_frozen_server_is_unavailable_and_serves_again_by_itself(monkeypatch):
    monkeypatch.setattr(postgresql, "ANSWER_TIMEOUT_S", 1)
    monkeypatch.setattr(postgresql, "CONNECT_TIMEOUT_S", 2)
    with Postgres() as server, closing(Database(server.url)) as opened:
        books = books_of(opened)
        server.signal(signal.SIGSTOP)
        try:
            for act in (lambda: books.send("ada", "bob", 4, entry_id="one"), books.balances):
                began_s = time.monotonic()
                with pytest.raises(Unavailable, match="does not answer"):
                    act()
                assert time.monotonic() - began_s < 10
        finally:
            server.signal(signal.SIGCONT)
        assert books.send("ada", "bob", 4, entry_id="one") == "recorded"
        assert books.balances() == {"ada": 996, "bob": 1004}


def test_a_bank_that_stands_still_in_a_transaction_does_not_keep_others_out(
    new_database, monkeypatch
):
    monkeypatch.setattr(postgresql, "STANDSTILL_TIMEOUT_MS", 500)
    opened = new_database("postgres")
    books = books_of(opened)
    with opened.engine.connect() as frozen:
        frozen.exec_driver_sql("SELECT * FROM accounts FOR UPDATE")
        assert books.send("ada", "bob", 4) == "recorded"
        with pytest.raises(DBAPIError) as caught:
            frozen.exec_driver_sql("SELECT 1")
        assert caught.value.connection_invalidated
    with opened.streaming() as rows:
        found = rows(text("SELECT id FROM accounts"))
        next(found)
        time.sleep(1)  # whoever reads everything may take his time
        assert len(list(found)) >= 1
    assert books.balances() == {"ada": 996, "bob": 1004}


@pytest.fixture
def watched(postgres):
    """Open a PostgreSQL with very short timeouts."""
    engine = create_engine(postgres.url.replace("postgresql:", "postgresql+psycopg:"))
    with (
        closing(Watchdog(0.1)) as watchdog,
        engine.connect() as connection,
        watchdog.watching(connection),
    ):
        yield connection
    engine.dispose()


def test_a_server_that_does_not_answer_is_broken_off(watched):
    with pytest.raises(OperationalError, match="closed the connection"):
        watched.exec_driver_sql("SELECT pg_sleep(60)")


def test_that_we_are_slow_ourselves_is_not_taken_for_the_servers_silence(watched):
    assert watched.exec_driver_sql("SELECT 1").scalar_one() == 1
    time.sleep(4 * LOOK_S)
    connection = watched.connection.dbapi_connection.pgconn
    connection.send_query(b"SELECT 2")
    time.sleep(4 * LOOK_S)  # the answer is there, and nobody comes for it
    assert connection.get_result().get_value(0, 0) == b"2"
    assert connection.get_result() is None
    assert watched.exec_driver_sql("SELECT 3").scalar_one() == 3


@pytest.fixture(params=["sqlite", "postgres"])
def two_stores(request, new_database):
    """Open one database twice, with the usual timeouts."""
    first = new_database(request.param)
    with closing(Database(str_of(first))) as second:
        yield [SqlAccountStore(first, decide), SqlAccountStore(second, decide)]


def test_batches_of_several_processes_that_share_accounts_all_succeed(two_stores):
    """Two stores on one database: one waits for the locks of the other."""
    stores = two_stores
    books = Books(stores[0])
    books.given(**{f"a{number}": 1000 for number in range(6)})
    ids = list(books.opened.values())

    def pay(number):
        dice = random.Random(number)  # noqa: S311 - the same race each time
        for turn in range(10):
            pairs = [dice.sample(list(books.opened), 2) for _ in range(5)]
            actions = [books.transfer(payer, payee, 1) for payer, payee in pairs]
            entries = [
                Entry(f"{number}-{turn}-{each}", books.caller(action), datetime.now(UTC), action)
                for each, action in enumerate(actions)
            ]
            outcomes = stores[number % 2].append(entries)
            assert {each.status for each in outcomes} == {"recorded"}

    at_once(4, pay)
    assert sum(stores[0].account(each).balance_minor for each in ids) == 6000


def str_of(opened: Database) -> str:
    return opened.url.render_as_string(hide_password=False)
