"""Group commit: who shares a commit with whom, and who waits for nobody."""

from time import monotonic, sleep

import pytest

from accounts.ledger.actions import OpenAccount
from accounts.ledger.decide import decide
from accounts.stores import group_commit
from accounts.stores.group_commit import GroupCommit
from accounts.stores.memory import InMemoryAccountStore
from tests.stores.books import Books, at_once


class Slow(InMemoryAccountStore):
    """Counts commits, and takes its time for each."""

    def __init__(self) -> None:
        super().__init__(decide)
        self.batches: list[int] = []

    def append(self, entries):
        self.batches.append(len(entries))
        sleep(0.02)
        return super().append(entries)


@pytest.fixture
def store():
    return Slow()


@pytest.fixture
def books(store):
    return Books(GroupCommit(store))


def ask(books: Books) -> None:
    books.ask(OpenAccount("ada", "Main", "EUR"))


def test_those_who_come_back_at_once_share_the_next_commit(books, store, monkeypatch):
    monkeypatch.setattr(group_commit, "GATHER_S", 0.1)
    monkeypatch.setattr(group_commit, "GATHER_MAX_S", 0.4)

    def ask_often(_):
        for _ in range(10):
            ask(books)

    at_once(4, ask_often)
    assert sum(store.batches) == 40
    assert len(store.batches) <= 15


def test_who_is_alone_waits_for_nobody(books, monkeypatch):
    monkeypatch.setattr(group_commit, "GATHER_S", 60)
    monkeypatch.setattr(group_commit, "GATHER_MAX_S", 60)
    began_s = monotonic()
    for _ in range(5):
        ask(books)
    assert monotonic() - began_s < 30


def test_those_who_do_not_come_back_are_not_waited_for_long(books, store):
    at_once(8, lambda _: ask(books))
    began_s = monotonic()
    ask(books)
    assert monotonic() - began_s < 5


def test_who_comes_when_they_were_answered_long_ago_waits_for_nobody(books, monkeypatch):
    monkeypatch.setattr(group_commit, "GATHER_S", 2)
    monkeypatch.setattr(group_commit, "GATHER_MAX_S", 2)
    at_once(8, lambda _: ask(books))
    sleep(2.1)
    began_s = monotonic()
    ask(books)
    assert monotonic() - began_s < 1.5
