"""Banks that last: a restart keeps the books, and a bad database stops the start."""

import stat
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from accounts_bank.errors import SettingsError
from accounts_bank.ledger.actions import OpenAccount, Transfer
from accounts_bank.ledger.decide import decide
from accounts_bank.stores.memory import InMemoryAccountStore
from accounts_bank.stores.sql import Database, SqlAccountStore
from accounts_bank.stores.wrappers import group_commit
from accounts_bank.stores.wrappers.group_commit import GroupCommit
from tests.postgres import Postgres
from tests.stores.books import Books, at_once
from tests.system.servers import served
from tests.waiting import within

SQLITE: dict[str, Any] = {"ACCOUNTS_STORE_URL": "sqlite:///bank.db"}


def test_a_bank_is_there_after_a_restart_with_its_sessions():
    with served("--workers", "2", **SQLITE) as server:
        token = server.joined("ada")
        account = server.opened(token, 100)
        assert server.stop() == 0
    assert stat.S_IMODE(Path("config.json").stat().st_mode) == 0o600
    with served("--workers", "2", **SQLITE) as server:
        status, found = server.ask("GET", f"/v1/accounts/{account}", token=token)
    assert (status, found["balance_minor"]) == (200, 100)


def test_a_session_ended_in_one_worker_ends_in_the_other_within_a_second():
    with served("--workers", "2", **SQLITE) as server:
        token = server.joined("ada")
        for _ in range(10):
            assert server.ask("GET", "/v1/users/me", token=token)[0] == 200
        assert server.ask("POST", "/v1/auth/logout", token=token)[0] == 204
        time.sleep(1)
        seen = {server.ask("GET", "/v1/users/me", token=token)[0] for _ in range(20)}
    assert seen == {401}


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("sqlite:////nowhere/at/all/bank.db", "unable to open"),
        ("postgresql://127.0.0.1:1/bank", "refused"),
        ("sqlite:///there.txt", "not a database"),
    ],
)
def test_a_store_that_cannot_be_opened_stops_the_start(url, hint):
    Path("there.txt").write_text("a text of some length\n" * 100)
    with pytest.raises(SettingsError, match=hint):
        Database(url)


def test_a_database_that_loses_confirmed_writes_is_refused(postgres):
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS careless")
        connection.execute("CREATE ROLE careless LOGIN SUPERUSER")
        connection.execute("ALTER ROLE careless SET synchronous_commit = off")
    with pytest.raises(SettingsError, match="synchronous_commit=off"):
        Database(postgres.url.replace("postgres@", "careless@"))


def test_a_database_that_is_stopped_is_unavailable_and_serves_again_by_itself():
    with Postgres() as server, closing(Database(server.url)) as database:
        books = Books(SqlAccountStore(database, decide))
        books.given(ada=10, bob=0)
        server.stop()
        began_s = time.monotonic()
        with pytest.raises(Exception, match="does not answer"):
            books.send("ada", "bob", 4, entry_id="one")
        assert time.monotonic() - began_s < 10
        server.start()
        assert books.send("ada", "bob", 4, entry_id="one") == "recorded"
        assert books.balances() == {"ada": 6, "bob": 4}


class Slow(InMemoryAccountStore):
    """Counts commits. The first takes until ten have asked in all."""

    def __init__(self) -> None:
        super().__init__(decide)
        self.batches: list[int] = []
        self.commit = GroupCommit(self)

    def append(self, entries):
        self.batches.append(len(entries))
        others = 10 - len(entries)
        assert len(self.batches) > 1 or within(30, lambda: self.commit._waiting_entries == others)
        if any(isinstance(e.action, OpenAccount) and e.action.name == "bad" for e in entries):
            raise ValueError("bad")
        return super().append(entries)


def test_callers_that_arrive_during_a_commit_share_the_next_one():
    store = Slow()
    books = Books(store.commit)
    at_once(10, lambda _: books.ask(OpenAccount("ada", "Main", "EUR")))
    assert sum(store.batches) == 10
    assert len(store.batches) == 2


def test_one_bad_entry_fails_alone():
    books = Books(Slow().commit)

    def ask(number):
        try:
            return str(
                books.ask(OpenAccount("ada", "bad" if number == 5 else "Main", "EUR")).status
            )
        except ValueError as error:
            return str(error)

    assert sorted(at_once(10, ask)) == ["bad", *["recorded"] * 9]


def test_entries_beyond_the_queue_are_refused(monkeypatch):
    monkeypatch.setattr(group_commit, "WAITING_MAX", 2)
    books = Books(GroupCommit(InMemoryAccountStore(decide)))
    entries = [books.entry(Transfer("a", "b", 1, "EUR")) for _ in range(3)]
    with pytest.raises(Exception, match="Too many entries"):
        books.store.append(entries)
    assert [each.status for each in books.store.append(entries[:2])] == ["not_found"] * 2


@pytest.fixture
def database(tmp_path):
    with closing(Database(f"sqlite:///{tmp_path / 'bank.db'}")) as opened:
        yield opened


def test_an_entry_that_an_unsure_try_committed_is_no_replay(database):
    store = SqlAccountStore(database, decide)
    books = Books(store)
    books.given(ada=10, bob=0)
    entry = books.entry(books.transfer("ada", "bob", 4))
    (first,) = store.append([entry])

    def unsure(act):
        def act_again(connection, tries):
            tries.is_unsure = True
            return act(connection, tries)

        return Database.write(database, act_again)

    database.write = unsure
    (again,) = store.append([entry])
    assert (again.replayed, again.recorded) == (False, first.recorded)
    (late,) = store.append([books.entry(entry.action, entry_id=entry.id)])
    assert late.replayed


def test_a_stopped_database_is_503_over_http_and_comes_back():
    with Postgres() as postgres, served(ACCOUNTS_STORE_URL=postgres.url) as server:
        token = server.joined("ada")
        payer, payee = server.opened(token, 100), server.opened(token)
        wish = {"from_account": payer, "to_account": payee, "amount_minor": 1}
        wish["currency"] = "EUR"
        key = {"Idempotency-Key": "one"}
        postgres.stop()
        status, answer = server.ask("POST", "/v1/transfers", wish, token, **key)
        assert (status, answer["code"]) == (503, "unavailable")
        assert server.ask("GET", "/health/ready")[0] == 503
        assert server.ask("GET", "/health/live")[0] == 200
        postgres.start()
        assert server.ask("POST", "/v1/transfers", wish, token, **key)[0] == 201
        assert within(30, lambda: server.ask("GET", "/health/ready")[0] == 200)
