"""The store in memory: its outbox is bounded, as it has no disk."""

from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest

from accounts_bank.errors import Unavailable
from accounts_bank.identity import Event, User
from accounts_bank.ledger.decide import decide
from accounts_bank.stores.memory import InMemoryAccountStore, InMemoryUserStore
from accounts_bank.stores.memory import journal as memory
from tests.helpers import START
from tests.stores.books import Books
from tests.stores.journals import journal_of
from tests.waiting import within


def test_a_bank_with_a_stuck_audit_log_takes_no_more_entries(monkeypatch):
    books = Books(InMemoryAccountStore(decide))
    books.given(ada=10, bob=0)
    monkeypatch.setattr(memory, "WAITING_MAX", 3)
    with pytest.raises(Unavailable):
        books.send("ada", "bob", 4, entry_id="one")
    assert books.store.entry("one") is None
    journal_of(books.store).seal(100)
    assert books.send("ada", "bob", 4, entry_id="one") == "recorded"


def test_a_bulk_waits_for_the_audit_log_and_a_single_payment_does_not(monkeypatch):
    books = Books(InMemoryAccountStore(decide))
    books.given(ada=10, bob=0)
    monkeypatch.setattr(memory, "MANY_WAITING_MAX", 3)
    books.send("ada", "bob", 1)
    several = [books.entry(books.transfer("ada", "bob", 1)) for _ in range(2)]
    with ThreadPoolExecutor(1) as pool:
        appended = pool.submit(books.store.append, several)
        assert not within(0.1, appended.done)
        assert books.send("ada", "bob", 1) == "recorded"
        journal_of(books.store).seal(2)
        assert [outcome.status for outcome in appended.result(10)] == ["recorded"] * 2
    assert books.balances() == {"ada": 6, "bob": 4}


def test_a_bulk_waits_a_bounded_time_once(monkeypatch):
    books = Books(InMemoryAccountStore(decide))
    books.given(ada=10, bob=0)
    monkeypatch.setattr(memory, "MANY_WAITING_MAX", 2)
    several = [books.entry(books.transfer("ada", "bob", 1)) for _ in range(2)]
    for timeout_s in (0.05, 60):
        monkeypatch.setattr(memory, "ROOM_TIMEOUT_S", timeout_s)
        began_s = monotonic()
        with pytest.raises(Unavailable):
            books.store.append(several)
        assert monotonic() - began_s < 10
    journal_of(books.store).seal(3)
    assert [outcome.status for outcome in books.store.append(several)] == ["recorded"] * 2


def test_a_bank_with_a_stuck_audit_log_takes_no_user(monkeypatch):
    store = InMemoryUserStore()
    monkeypatch.setattr(memory, "WAITING_MAX", 1)
    store.put([], [Event("1", "login", START, None, None)])
    ada = User(id="a", username="ada", full_name=None, password_hash="hash", created_at=START)
    with pytest.raises(Unavailable):
        store.put([ada], [])
    assert store.user_named("ada") is None
