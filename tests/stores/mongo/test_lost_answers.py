"""MongoDB: answers that never arrive, and transactions that a killed bank leaves open."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from bson.int64 import Int64
from msgspec.structs import replace
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.errors import (
    OperationFailure,
    PyMongoError,
)

from accounts_bank.errors import Unavailable
from accounts_bank.identity import Event, User
from accounts_bank.ledger.decide import decide
from accounts_bank.stores.mongo import (
    MongoAccountStore,
    MongoDatabase,
    MongoUserStore,
    database,
)
from tests.helpers import START
from tests.proxy import Proxy
from tests.stores.books import Books
from tests.stores.mongo.helpers import NAME, is_sent_once


@pytest.fixture
def line(mongo):
    """Give books at the end of a line that can be cut."""
    mongo.emptied(NAME)
    with (
        closing(Proxy(mongo.nodes[0].host)) as proxy,
        closing(MongoDatabase(f"mongodb://{proxy.host}/{NAME}?directConnection=true")) as opened,
    ):
        made = Books(MongoAccountStore(opened, decide))
        made.given(ada=10, bob=0)
        yield made, proxy


def test_a_lost_answer_of_a_commit_makes_no_second_commit(line):
    books, proxy = line
    proxy.cuts = lambda request: b"commitTransaction" in request and not proxy.lost
    is_sent_once(books)
    assert proxy.lost == 1


def test_a_commit_of_which_nothing_can_be_heard_is_found_in_the_journal(line, monkeypatch):
    books, proxy = line
    monkeypatch.setattr(database, "TRANSACTION_TIMEOUT_S", 1)
    begun: list[int] = []

    def cuts(request: bytes) -> bool:
        """Lose the answers of commits, until another transaction begins."""
        if b"startTransaction" in request:
            begun.append(proxy.lost)
        return b"commitTransaction" in request and len(begun) == 1

    proxy.cuts = cuts
    is_sent_once(books)
    before, lost = begun
    assert before == 0
    assert lost > 0


def test_a_lost_commit_of_a_user_is_found_after_another_change(line, mongo, monkeypatch):
    books, proxy = line
    monkeypatch.setattr(database, "TRANSACTION_TIMEOUT_S", 1)
    users = MongoUserStore(books.store._database)
    first = User(id="u", username="u", full_name=None, password_hash="", created_at=START)
    registered = Event("e1", "user_registered", START, "u", "u")
    kept, is_lost = users._kept, list[bool]()

    def kept_after_a_change(session, given):
        if is_lost:
            proxy.cuts = lambda _: False
            with closing(MongoDatabase(mongo.url(NAME))) as other:
                MongoUserStore(other).put([replace(first, full_name="Eve", version=2)])
        is_lost.append(True)
        return kept(session, given)

    monkeypatch.setattr(users, "_kept", kept_after_a_change)
    proxy.cuts = lambda request: b"commitTransaction" in request
    assert users.put([first], [registered]) == ["saved"]
    assert len(is_lost) > 1
    assert set(users.events(["e1"])) == {"e1"}


def test_an_outcome_that_stays_unknown_is_unavailable_and_a_retry_tells(line, monkeypatch):
    books, proxy = line
    monkeypatch.setattr(database, "TRANSACTION_TIMEOUT_S", 0.5)
    proxy.cuts = lambda request: b"commitTransaction" in request
    with pytest.raises(Unavailable):
        books.send("ada", "bob", 4, entry_id="one")
    proxy.cuts = lambda _: False
    outcome = books.ask(books.transfer("ada", "bob", 4), entry_id="one")
    assert (outcome.status, outcome.replayed) == ("recorded", True)
    assert books.balances() == {"ada": 6, "bob": 4}


def test_a_mistake_after_an_unknown_commit_is_unavailable(line, monkeypatch):
    books, proxy = line
    monkeypatch.setattr(database, "TRANSACTION_TIMEOUT_S", 0.5)
    proxy.cuts = lambda request: b"commitTransaction" in request
    load = books.store._load

    def fail_once_unsure(session, needs):
        if proxy.lost:
            raise OperationFailure("ours", 2)
        return load(session, needs)

    monkeypatch.setattr(books.store, "_load", fail_once_unsure)
    with pytest.raises(Unavailable):
        books.send("ada", "bob", 4, entry_id="one")


@contextmanager
def left_open(mongo, books, appname: str) -> Iterator[ClientSession]:
    """Leave a transaction open that has changed an account, as a process does that is killed."""
    with (
        MongoClient[Any](mongo.url(NAME), appname=appname) as client,
        client.start_session() as session,
    ):
        session.start_transaction()
        change = {"$inc": {"line_count": Int64(1)}}
        accounts = client.get_default_database()["accounts"]
        accounts.update_one({"_id": books.opened["ada"]}, change, session=session)
        yield session


def test_a_killed_bank_does_not_block_other_banks(mongo, books):
    began_s = time.monotonic()
    with left_open(mongo, books, f"accounts {NAME}") as session:
        is_sent_once(books)
        with pytest.raises(PyMongoError) as caught:  # one that was frozen decides anew
            session.commit_transaction()
        assert caught.value.has_error_label("TransientTransactionError")
    assert time.monotonic() - began_s < 20  # the server itself waits for a minute


def test_a_transaction_of_another_application_is_not_ended(mongo, books, monkeypatch):
    monkeypatch.setattr(database, "TRANSACTION_TIMEOUT_S", 3)
    with left_open(mongo, books, "reports"), pytest.raises(Unavailable):
        books.send("ada", "bob", 4)
    is_sent_once(books)
