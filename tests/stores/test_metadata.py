"""Metadata in every store: kept in its order, copied as it is, and free where there is none."""

from contextlib import closing

import pytest

from accounts_bank.ledger.actions import (
    ChangeAccount,
    Deposit,
    Every,
    Hold,
    OpenAccount,
    Schedule,
    Transfer,
    Withdrawal,
)
from accounts_bank.ledger.decide import decide
from accounts_bank.ledger.entries import needs
from accounts_bank.ledger.integrity.proof import prove
from accounts_bank.observability.observer import Observer
from accounts_bank.stores import memory
from accounts_bank.stores.migration import changes_of
from accounts_bank.stores.sql.accounts import _writes
from tests.helpers import START
from tests.stores.books import Books

PAIRS = {"order": "7", "b": "", "a": 'q"\\🧀'}


@pytest.fixture
def books(account_store):
    books = Books(account_store)
    books.given(ada=100, bob=0)
    return books


def actions(books) -> list:
    ada, bob = books.opened["ada"], books.opened["bob"]
    return [
        Deposit(ada, 1, "EUR", metadata=PAIRS),
        Withdrawal(ada, 1, "EUR", metadata=PAIRS),
        Transfer(ada, bob, 1, "EUR", metadata=PAIRS),
        Hold(ada, bob, 1, "EUR", 60, metadata=PAIRS),
        Schedule(ada, bob, 1, "EUR", START.replace(year=2030), Every.DAY, metadata=PAIRS),
        OpenAccount("owner-ada", "More", "EUR", PAIRS),
    ]


def test_an_entry_keeps_its_metadata_in_its_order(books):
    for action in actions(books):
        entry_id = books.ask(action).recorded.entry.id
        kept = books.store.entry(entry_id).entry.action
        assert kept == action
        assert list(kept.metadata) == list(PAIRS)
    with books.store.ledger() as ledger:
        prove(ledger)


def test_an_account_keeps_its_metadata(books):
    account_id = books.ask(OpenAccount("owner-ada", "More", "EUR", PAIRS)).recorded.entry.id
    assert books.store.account(account_id).metadata == PAIRS
    books.ask(Deposit(account_id, 5, "EUR"))
    assert books.store.account(account_id).metadata == PAIRS
    for metadata in ({"x": "y"}, {}):
        books.ask(ChangeAccount(account_id, metadata, "Other"))
        found = books.store.account(account_id)
        assert (found.metadata, found.name) == (metadata or None, "Other")
        assert found.balance_minor == 5


def test_a_copy_has_the_metadata(books):
    for action in actions(books):
        books.ask(action)
    ada = books.opened["ada"]
    books.ask(ChangeAccount(ada, PAIRS))
    with closing(memory.open_stores("memory://", Observer())) as stores:
        with books.store.ledger() as ledger:
            for changes in changes_of(ledger):
                stores.accounts.restore(changes)
        assert stores.accounts.account(ada).metadata == PAIRS
        with books.store.ledger() as one, stores.accounts.ledger() as other:
            assert list(one.entries) == list(other.entries)


def test_a_transfer_without_metadata_writes_no_column_of_it():
    books = Books(memory.open_stores("memory://", Observer()).accounts)
    books.given(ada=100, bob=0)
    entry = books.entry(Transfer(books.opened["ada"], books.opened["bob"], 1, "EUR"))
    before = books.store.load(needs([entry]))
    writes = [write for write in _writes(before, decide(before, [entry])) if write.rows]
    assert [write.table.name for write in writes] == [
        *("entries", "accounts", "lines", "mentions", "unsealed")
    ]
    assert not any("metadata" in write.names for write in writes)
    change = books.entry(ChangeAccount(books.opened["ada"], PAIRS))
    writes = [write for write in _writes(before, decide(before, [change])) if write.rows]
    assert [write.names[-1] for write in writes if write.table.name == "accounts"] == ["metadata"]
