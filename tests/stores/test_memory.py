"""What the bank in memory adds: it has no disk where more and more could wait."""

import pytest

from accounts.errors import Unavailable
from accounts.identity import Event, User
from accounts.ledger.decide import decide
from accounts.stores import memory
from accounts.stores.memory import InMemoryAccountStore, InMemoryUserStore
from tests.helpers import START
from tests.stores.books import Books


def test_a_bank_whose_audit_log_is_stuck_takes_nothing_more_on(monkeypatch):
    books = Books(InMemoryAccountStore(decide))
    books.given(ada=10, bob=0)
    monkeypatch.setattr(memory, "WAITING_MAX", 3)
    with pytest.raises(Unavailable):
        books.send("ada", "bob", 4, entry_id="one")
    assert books.store.entry("one") is None
    books.store.mark_sealed(books.store.unsealed(100))
    assert books.send("ada", "bob", 4, entry_id="one") == "recorded"


def test_a_bank_whose_audit_log_is_stuck_takes_no_user(monkeypatch):
    store = InMemoryUserStore()
    monkeypatch.setattr(memory, "WAITING_MAX", 1)
    store.put([], [Event("1", "login", START, None, None)])
    ada = User(id="a", username="ada", full_name=None, password_hash="hash", created_at=START)
    with pytest.raises(Unavailable):
        store.put([ada], [])
    assert store.user_named("ada") is None
