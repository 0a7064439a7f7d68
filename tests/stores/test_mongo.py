"""MongoDB: lost answers, blocking transactions and the use of indexes."""

import itertools
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from bson.int64 import Int64
from msgspec.structs import replace
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    DuplicateKeyError,
    InvalidName,
    InvalidOperation,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
)

from accounts_bank.errors import BulkTooLarge, Unavailable
from accounts_bank.identity import Event, User
from accounts_bank.ledger.actions import Deposit, Hold, Void
from accounts_bank.ledger.decide import decide
from accounts_bank.ledger.entries import Needs
from accounts_bank.ledger.integrity.proof import prove
from accounts_bank.ledger.values import Period
from accounts_bank.observability.observer import Observer
from accounts_bank.stores.mongo import (
    MongoAccountStore,
    MongoDatabase,
    MongoUserStore,
    database,
    faults,
    schema,
)
from tests.helpers import START
from tests.proxy import Proxy
from tests.stores.books import EVER, Books, at_once
from tests.waiting import within

NAME = "bank_0"


@pytest.fixture
def opened(new_database):
    return new_database("mongo")


@pytest.fixture
def books(opened):
    made = Books(MongoAccountStore(opened, decide))
    made.given(ada=10, bob=0)
    return made


@pytest.fixture
def raw(mongo):
    with MongoClient[Any](mongo.url(NAME)) as client:
        yield client


@contextmanager
def failing(raw, times: int, *commands: str, **how: Any) -> Iterator[None]:
    """Have the server fail some commands, so many times."""
    fail = {"configureFailPoint": "failCommand", "data": {"failCommands": commands, **how}}
    raw.admin.command(fail | {"mode": {"times": times}})
    try:
        yield
    finally:
        raw.admin.command(fail | {"mode": "off"})


def is_sent_once(books) -> None:
    """Send money, and see that it is sent once and told as new."""
    outcome = books.ask(books.transfer("ada", "bob", 4), entry_id="one")
    assert (outcome.status, outcome.replayed) == ("recorded", False)
    assert books.balances() == {"ada": 6, "bob": 4}
    assert [line.amount_minor for line in books.lines("bob")] == [4]
    assert books.store.entry("one") == outcome.recorded


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


@pytest.fixture
def line(mongo):
    """Give books at the end of a line that can be cut."""
    proxy = Proxy(mongo.nodes[0].host)
    mongo.emptied(NAME)
    with closing(MongoDatabase(f"mongodb://{proxy.host}/{NAME}?directConnection=true")) as opened:
        made = Books(MongoAccountStore(opened, decide))
        made.given(ada=10, bob=0)
        yield made, proxy
    proxy.close()


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


@pytest.fixture
def others(mongo, books):
    """Give the same books as another process sees them."""
    with closing(MongoDatabase(mongo.url(NAME))) as other:
        made = Books(MongoAccountStore(other, decide))
        made.opened, made.owners = books.opened, books.owners
        yield made


def test_two_processes_at_the_same_accounts_lose_nothing(books, others):
    def send(number):
        who = (books, others)[number % 2]
        return [who.send("ada", "bob", 1, entry_id=f"{number}-{turn}") for turn in range(5)]

    assert at_once(2, send) == [["recorded"] * 5] * 2
    assert books.balances() == {"ada": 0, "bob": 10}
    assert [line.number for line in books.lines("bob")] == list(range(1, 11))


def test_a_decision_after_an_answer_follows_it_in_the_audit_log(books, others, raw):
    ids = [f"sent-{number:02d}" for number in range(20, 0, -1)]
    for number in range(10):
        who = (books, others)[number % 2]
        pair = ids[2 * number : 2 * number + 2]
        asks = [who.entry(who.transfer("ada", "bob", 1), entry_id=each) for each in pair]
        who.store.append(asks)
    kept = raw[NAME]["entries"]
    lying = list(kept.find({}).sort("_id"))  # as on a node that copied them from another one
    kept.delete_many({})
    kept.insert_many(lying)
    assert [recorded.entry.id for recorded in books.store.unsealed(100)[-20:]] == ids


def test_a_server_that_is_frozen_for_a_moment_keeps_us_waiting_and_no_more(mongo, books):
    process = mongo.nodes[0].process
    process.send_signal(signal.SIGSTOP)
    timer = threading.Timer(1.5, process.send_signal, [signal.SIGCONT])
    timer.start()
    is_sent_once(books)
    timer.join()


def test_a_reading_is_of_one_moment(books, others, monkeypatch):
    store, entries = books.store, books.store._entries

    def later(session, ids):
        others.send("ada", "bob", 4, entry_id="one")
        return entries(session, ids)

    monkeypatch.setattr(store, "_entries", later)
    names = frozenset(books.opened.values())
    found = store.load(Needs(accounts=names, entries=frozenset(("one",))))
    assert sorted(account.balance_minor for account in found.accounts.values()) == [0, 10]
    assert found.entries == {}


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


def test_names_are_never_questions(books):
    for name in ('{"$gt": ""}', "$where", "$ne"):
        assert books.store.account(name) is None
        assert books.send("ada", "bob", 1, entry_id=name) == "recorded"
        assert books.store.entry(name).entry.id == name
    assert books.store.accounts_of('{"$gt": ""}', after=None, limit=9) == []


def everything_that_a_route_asks(store: MongoAccountStore, users: MongoUserStore) -> None:
    """Ask each query, in each form that it has, of collections in which it matters."""
    books = Books(store)
    books.given(**{f"user{n}": 50 for n in range(20)})
    names = list(books.opened)
    moment = START + timedelta(seconds=60)
    for payer, payee in itertools.pairwise(names):
        books.send(payer, payee, 1)
        ask = books.transfer(payer, payee, 1)
        books.ask(Hold(ask.from_account, ask.to_account, 1, "EUR", expires_in_s=9))
    held = store.entries_of("owner-user1", "hold", before=None, limit=1)[0].entry.id
    books.ask(Void(held, books.opened["user1"]))
    account = books.opened["user1"]
    both = frozenset((account, store.account(account).number))
    store.load(Needs(both, frozenset(("x",)), captures=frozenset((held,))))
    for after in (None, account):
        store.accounts_of("owner-user1", after=after, limit=2)
    for period in (EVER, Period(since=moment), Period(until=moment), Period(START, moment)):
        for before in (None, 3):
            store.lines(account, before=before, period=period, limit=2)
    store.entries_of("owner-user1", "transfer", before=None, limit=2)
    store.entries_of("owner-user1", "transfer", before=(moment, "x"), limit=2)
    store.due(moment, limit=2)
    store.mark_sealed(store.unsealed(10))
    with store.ledger() as ledger:
        prove(ledger)
    for n in range(20):
        user = User(id=f"{n}", username=f"u{n}", full_name=None, password_hash="", created_at=START)
        users.put([user], [Event(f"{n}", "login", START, None, None)])
    users.users(["1", "2"])
    users.user_named("u7")
    users.users_after("5", limit=2)
    users.mark_sealed(users.unsealed(10))


def test_every_query_of_every_route_goes_by_an_index(opened, raw):
    profile = raw[NAME]["system.profile"]
    raw[NAME].command("profile", 2, filter={"op": {"$in": ["query", "update", "remove"]}})
    try:
        everything_that_a_route_asks(MongoAccountStore(opened, decide), MongoUserStore(opened))
    finally:
        raw[NAME].command("profile", 0)
    asked = list(profile.find({"ns": {"$regex": rf"^{NAME}\.(?!system|meta)"}}))
    profile.drop()
    assert {each["ns"].partition(".")[2] for each in asked} == set(schema.SCHEMAS) - {"meta"}
    for each in asked:
        plan = each.get("planSummary", "IDHACK")
        assert "IXSCAN" in plan or plan in {"IDHACK", "EXPRESS"}, each["command"]
        wants_sort = each.get("hasSortStage") and "place" not in each["command"].get("filter", {})
        assert not wants_sort, each["command"]
        found = each.get("nreturned", 0) + each.get("nModified", 0) + each.get("ndeleted", 0)
        assert each.get("docsExamined", 0) <= found + 1, each["command"]


def test_a_batch_larger_than_the_cache_is_refused_at_once_and_for_good(books, monkeypatch):
    """Half a thousand transfers are as large here as ten thousand are for the least of caches."""
    monkeypatch.setattr(database, "DEADLINE_S", 60)
    monkeypatch.setattr(database, "TRANSACTION_TIMEOUT_S", 60)
    reference = "r" * 150_000
    ask = replace(books.transfer("ada", "bob", 1), reference=reference)
    batch = [books.entry(ask) for _ in range(500)]
    books.ask(Deposit(books.opened["ada"], 1_000, "EUR"))

    def is_too_large():
        try:
            books.store.append(batch)
        except Unavailable:  # a busy machine did not come so far in the time it has
            return False
        except BulkTooLarge as error:
            return "wiredTigerCacheSizeGB" in str(error)

    assert within(60, is_too_large)
    assert books.balances() == {"ada": 1_010, "bob": 0}
    assert {each.status for each in books.store.append(batch[:10])} == {"recorded"}
