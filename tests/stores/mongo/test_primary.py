"""MongoDB: only a primary that a majority of the nodes follows answers reads."""

import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from msgspec import Struct
from pymongo.errors import OperationFailure

from accounts_bank.errors import Unavailable
from accounts_bank.identity import User
from accounts_bank.ledger.decide import decide
from accounts_bank.stores.mongo import (
    MongoAccountStore,
    MongoDatabase,
    MongoUserStore,
    database,
    primary,
)
from tests.helpers import START
from tests.mongo import Mongo, Node
from tests.stores.books import EVER, Books
from tests.stores.journals import journal_of
from tests.stores.mongo.helpers import failing
from tests.waiting import within

NAME = "primary"


@pytest.fixture(scope="module")
def trio() -> Iterator[Mongo]:
    """Start three nodes."""
    with Mongo(3) as servers:
        yield servers


@pytest.fixture
def opened(trio):
    """Open the database on the three nodes."""
    with closing(MongoDatabase(trio.emptied(NAME))) as made:
        yield made


def books_in(opened: MongoDatabase) -> Books:
    made = Books(MongoAccountStore(opened, decide))
    made.given(ada=10, bob=0)
    return made


@contextmanager
def frozen(nodes: list[Node]) -> Iterator[None]:
    """Stop nodes for a moment."""
    for node in nodes:
        node.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for node in nodes:
            node.process.send_signal(signal.SIGCONT)


@contextmanager
def copying_nothing(node: Node) -> Iterator[None]:
    """Stop the replication of a node, which still votes."""
    node.ask("configureFailPoint", "stopReplProducer", mode="alwaysOn")
    try:
        yield
    finally:
        node.ask("configureFailPoint", "stopReplProducer", mode="off")


def calls_of(name: str, of: object, monkeypatch) -> list[str]:
    """Record the calls of a method."""
    calls, method = [], getattr(of, name)

    def called(*arguments):
        calls.append(name)
        return method(*arguments)

    monkeypatch.setattr(of, name, called)
    return calls


READS = {
    "load": lambda store, _users: store.account("x"),
    "accounts_of": lambda store, _users: store.accounts_of("x", after=None, limit=1),
    "lines": lambda store, _users: store.lines("x", before=None, period=EVER, limit=1),
    "entries_of": lambda store, _users: store.entries_of("x", "transfer", before=None, limit=1),
    "total_before": lambda store, _users: store.total_before(["x"], [START]),
    "due": lambda store, _users: store.due(START, limit=1),
    "head": lambda store, _users: journal_of(store).head(),
    "seal": lambda store, _users: journal_of(store).seal(1),
    "numbered": lambda store, _users: journal_of(store).numbered(1, 1),
    "ledger": lambda store, _users: store.ledger().__enter__(),
    "users": lambda _store, users: users.users(["x"]),
    "user_named": lambda _store, users: users.user_named("x"),
    "users_after": lambda _store, users: users.users_after("", limit=1),
    "events": lambda _store, users: users.events(["x"]),
    "ready": lambda _store, users: users.users(()),
}


def is_refused(read, books: Books, users: MongoUserStore) -> bool:
    try:
        read(books.store, users)
    except Unavailable:
        return True
    return False


def test_a_primary_without_followers_answers_no_read(trio, opened, monkeypatch):
    """All reads end before the primary notices, which takes it `electionTimeoutMillis`."""
    books = books_in(opened)
    users = MongoUserStore(opened)
    monkeypatch.setattr(database, "DEADLINE_S", 0.05)
    monkeypatch.setattr(primary, "PROOF_LASTS_S", 0)
    leader = trio.primary()
    with frozen([node for node in trio.nodes if node is not leader]):
        assert {name for name, read in READS.items() if is_refused(read, books, users)} == set(
            READS
        )
    monkeypatch.setattr(database, "DEADLINE_S", 10)
    assert books.balances() == {"ada": 10, "bob": 0}


def test_a_refusal_without_a_row_needs_a_majority_too(trio, opened, monkeypatch):
    books = books_in(opened)
    users = MongoUserStore(opened)
    monkeypatch.setattr(database, "DEADLINE_S", 0.3)
    monkeypatch.setattr(database, "TRANSACTION_TIMEOUT_S", 0.3)
    monkeypatch.setattr(primary, "PROOF_LASTS_S", 0)
    leader = trio.primary()
    early = User(id="u", username="u", full_name=None, password_hash="", created_at=START)
    with frozen([node for node in trio.nodes if node is not leader]):
        with pytest.raises(Unavailable):
            books.send("ada", "bob", 11)
        with pytest.raises(Unavailable):
            users.put([early])


def test_a_new_primary_answers_no_read_before_it_confirms_a_write(trio, opened, monkeypatch):
    books = books_in(opened)
    killed = trio.primary()
    heir, other = [node for node in trio.nodes if node is not killed]
    with copying_nothing(other):
        killed.kill()
        assert within(30, lambda: elected(heir))
        with monkeypatch.context() as patch:
            patch.setattr(database, "DEADLINE_S", 1)
            with pytest.raises(Unavailable):
                books.balances()
    assert books.balances() == {"ada": 10, "bob": 0}
    killed.start()
    killed.ask("ping")


def elected(node: Node) -> bool:
    """Have a node stand for election; return whether it is the primary."""
    try:
        node.ask("replSetStepUp")
    except OperationFailure:
        return False
    return bool(node.ask("hello")["isWritablePrimary"])


def test_reads_of_a_moment_share_a_proof(opened, monkeypatch):
    books = books_in(opened)
    monkeypatch.setattr(primary, "PROOF_LASTS_S", 60)
    books.balances()
    proofs = calls_of("_prove", opened._proof, monkeypatch)
    for _ in range(5):
        books.balances()
    assert proofs == []
    monkeypatch.setattr(primary, "PROOF_LASTS_S", 0)
    books.balances()
    books.balances()
    assert proofs == ["_prove", "_prove"]


class Lone(Struct):
    """A set of one node, and the books on it."""

    books: Books
    database: MongoDatabase


@pytest.fixture
def lone(new_database):
    opened = new_database("mongo")
    return Lone(books_in(opened), opened)


def test_a_set_of_one_node_proves_itself_once(lone, monkeypatch):
    monkeypatch.setattr(primary, "PROOF_LASTS_S", 0)
    proofs = calls_of("_prove", lone.database._proof, monkeypatch)
    lone.books.balances()
    assert proofs == []


def test_a_read_during_which_the_primary_changes_is_repeated(lone, monkeypatch):
    answers = iter([False, True])
    monkeypatch.setattr(lone.database._proof, "is_still", lambda _primary: next(answers))
    loads = calls_of("_load", lone.books.store, monkeypatch)
    assert lone.books.store.account("x") is None
    assert loads == ["_load", "_load"]


def test_a_primary_that_changes_all_the_time_is_unavailable(lone, monkeypatch):
    monkeypatch.setattr(lone.database._proof, "is_still", lambda _primary: False)
    with pytest.raises(Unavailable, match="changes its primary"):
        lone.books.balances()
    with pytest.raises(Unavailable, match="changes its primary"), lone.books.store.ledger():
        pass


def test_an_election_under_way_is_waited_for(lone, raw, monkeypatch):
    monkeypatch.setattr(lone.database._proof, "_proof", (None, 0.0))
    with failing(raw, 3, "find", errorCode=11602):
        assert lone.books.balances() == {"ada": 10, "bob": 0}


def test_a_mistake_in_a_proof_is_raised_at_once(lone, raw, monkeypatch):
    monkeypatch.setattr(lone.database._proof, "_proof", (None, 0.0))
    with failing(raw, 1, "find", errorCode=2), pytest.raises(OperationFailure):
        lone.books.balances()
