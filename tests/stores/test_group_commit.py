"""Group commit: which callers share a commit, and which do not wait."""

from time import monotonic

import pytest

from accounts_bank.ledger.actions import OpenAccount
from accounts_bank.ledger.decide import decide
from accounts_bank.stores.memory import InMemoryAccountStore
from accounts_bank.stores.wrappers import group_commit
from accounts_bank.stores.wrappers.group_commit import GroupCommit
from tests.stores.books import Books, at_once
from tests.waiting import within


class Slow(InMemoryAccountStore):
    """Counts commits. Each takes until all the other callers wait for the next one."""

    def __init__(self) -> None:
        super().__init__(decide)
        self.batches: list[int] = []
        self.commit = GroupCommit(self)
        self.books = Books(self.commit)
        self.callers: list[str] = []

    def append(self, entries):
        self.batches.append(len(entries))
        assert within(30, lambda: self.commit._waiting_entries >= len(self.callers) - len(entries))
        return super().append(entries)

    def asks(self, times: int) -> None:
        """Ask so many times, as one of the callers."""
        for _ in range(times):
            self.books.ask(OpenAccount("ada", "Main", "EUR"))
        self.callers.pop()


@pytest.fixture
def store():
    return Slow()


def ask(store: Slow, *, callers: int = 1, times: int = 1) -> None:
    store.callers += ["caller"] * callers
    at_once(callers, lambda _: store.asks(times))


def gather(monkeypatch, for_each_s: float, in_all_s: float) -> None:
    monkeypatch.setattr(group_commit, "GATHER_S", for_each_s)
    monkeypatch.setattr(group_commit, "GATHER_MAX_S", in_all_s)


def test_callers_that_return_at_once_share_the_next_commit(store, monkeypatch):
    gather(monkeypatch, 0.5, 2)
    ask(store, callers=4, times=25)
    assert sum(store.batches) == 100
    assert len(store.batches) <= 37


def test_a_single_caller_does_not_wait(store, monkeypatch):
    gather(monkeypatch, 60, 60)
    began_s = monotonic()
    ask(store, times=5)
    assert monotonic() - began_s < 30


def test_the_wait_for_absent_callers_is_short(store):
    ask(store, callers=8)
    began_s = monotonic()
    ask(store)
    assert monotonic() - began_s < 5


def test_a_caller_long_after_the_last_commit_does_not_wait(store, monkeypatch):
    now_s = 0.0
    monkeypatch.setattr(group_commit, "monotonic", lambda: now_s)
    gather(monkeypatch, 60, 60)
    ask(store, callers=8)
    now_s = 61.0
    began_s = monotonic()
    ask(store)
    assert monotonic() - began_s < 30
