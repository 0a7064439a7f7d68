"""MongoDB: the driver or the server fails; a retry cures it, or the mistake is raised."""

import threading
import time
from contextlib import closing

import pytest
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    DuplicateKeyError,
    InvalidName,
    InvalidOperation,
    NetworkTimeout,
    OperationFailure,
)

from accounts_bank.errors import Unavailable
from accounts_bank.ledger.decide import decide
from accounts_bank.observability.observer import Observer
from accounts_bank.stores.mongo import (
    MongoAccountStore,
    MongoDatabase,
    database,
    faults,
)
from tests.stores.books import Books
from tests.stores.mongo.helpers import NAME, failing, is_sent_once
from tests.waiting import within


@pytest.mark.parametrize("command", ["find", "update", "insert", "commitTransaction"])
def test_a_transaction_that_is_to_begin_anew_does(books, raw, command):
    how = {"errorCode": 251, "errorLabels": ["TransientTransactionError"]}
    with failing(raw, 3, command, **how):
        is_sent_once(books)


@pytest.mark.parametrize("command", ["find", "update", "insert", "commitTransaction"])
def test_a_line_that_breaks_before_the_server_has_read_is_no_fault(books, raw, command):
    with failing(raw, 1, command, closeConnection=True):
        is_sent_once(books)


def test_a_commit_that_a_majority_has_not_heard_of_yet_is_asked_about_again(books, raw):
    with failing(raw, 3, "commitTransaction", writeConcernError={"code": 64, "errmsg": "slow"}):
        is_sent_once(books)


@pytest.mark.parametrize("code", [2, 9, 14])
@pytest.mark.parametrize("command", ["find", "insert"])
def test_a_mistake_of_the_program_is_raised_as_it_is(books, raw, command, code):
    entry = books.entry(books.transfer("ada", "bob", 4), entry_id="one")
    began_s = time.monotonic()
    with failing(raw, 1, command, errorCode=code), pytest.raises(OperationFailure):
        books.store.append([entry])
    assert time.monotonic() - began_s < 2
    is_sent_once(books)


@pytest.mark.parametrize("code", [13, 14031])
def test_an_outage_of_the_server_is_unavailable(books, raw, code):
    with failing(raw, 1, "find", errorCode=code), pytest.raises(Unavailable):
        books.balances()
    with failing(raw, 1, "insert", errorCode=code), pytest.raises(Unavailable):
        books.send("ada", "bob", 4)
    is_sent_once(books)


@pytest.mark.parametrize(
    ("error", "is_mistake"),
    [
        (DuplicateKeyError("", 11000), True),
        (OperationFailure("", 121), True),
        (BulkWriteError({"writeErrors": [{"code": 121}]}), True),
        (InvalidName(), True),
        (OperationFailure("", 10107), False),
        (OperationFailure("without a code"), False),
        (BulkWriteError({"writeErrors": [{"code": 91}]}), False),
        (AutoReconnect(), False),
        (NetworkTimeout(), False),
    ],
)
def test_mistakes_and_outages_are_told_apart(error, is_mistake):
    with pytest.raises(type(error) if is_mistake else Unavailable):
        faults.raise_ours(error)
    with pytest.raises(Unavailable):
        faults.raise_ours(error, is_unsure=True)


def test_a_key_that_collides_for_a_moment_is_no_fault(books, monkeypatch):
    """As it is where another process commits between the snapshot and the insert."""
    save, tries = books.store._save, []

    def collide(session, snapshot, changes):
        tries.append(session)
        if len(tries) < database.DUPLICATES_MAX:
            raise DuplicateKeyError("", 11000)
        save(session, snapshot, changes)

    monkeypatch.setattr(books.store, "_save", collide)
    is_sent_once(books)


def test_a_closed_client_is_a_mistake_of_the_program(mongo):
    opened = MongoDatabase(mongo.emptied(NAME))
    opened.close()
    with pytest.raises(InvalidOperation):
        opened.ping()
    with pytest.raises(InvalidOperation):
        opened.write(lambda session, _unsure: opened["meta"].find_one({}, session=session))


def test_a_moment_that_the_server_has_forgotten_is_told(books, raw):
    with (
        failing(raw, 1, "find", errorCode=239),
        pytest.raises(Unavailable, match="minSnapshotHistoryWindowInSeconds"),
    ):
        books.balances()


class Watching(Observer):
    """Records the calls of the observer."""

    def __init__(self) -> None:
        self.retries = 0

    def transaction_retried(self) -> None:
        self.retries += 1

    def add_gauges(self, read, *, shared=False) -> None:
        self.read = read


def test_gauges_show_connections_in_use_and_retried_transactions(mongo, raw):
    observer = Watching()
    with closing(MongoDatabase(mongo.emptied(NAME), observer)) as opened:
        books = Books(MongoAccountStore(opened, decide))
        books.given(ada=10, bob=0)
        with failing(raw, 1, "find", blockConnection=True, blockTimeMS=1_000):
            asks = threading.Thread(target=books.balances)
            asks.start()
            assert within(30, lambda: observer.read()["store_connections"] == 1)
            asks.join()
        with failing(raw, 1, "update", errorCode=251, errorLabels=["TransientTransactionError"]):
            books.send("ada", "bob", 1)
    assert (observer.read()["store_connections"], observer.retries) == (0, 1)
